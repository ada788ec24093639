//! What a fact means beyond itself.

use std::collections::BTreeSet;

use super::apply::contradiction;
use super::state::{Admission, Issue, Issued, Life, Progress, Restore, State};
use super::{Act, Compromised, Death, Origin, Orphan, Standing, TokenRef, Urgency};
use crate::clock::Timestamp;
use crate::error::{Effect, ErrorKind, Problem, Result};
use crate::name::{ConsumerName, Label, TokenId};
use crate::provider::Fate;
use crate::token::{Answer, Expiry, Fingerprint, Grant, Reason, Refusal};

impl State {
    pub(super) fn resumed(&mut self) {
        self.stale();
        // Once the run goes back, it only goes back: what was looked at since stays seen.
        let forward = self.rolling_back.is_none();
        for place in self.places.iter_mut().filter(|_| forward) {
            place.seen = false;
        }
        self.looked_last = false;
        if let Some(Issued { admission, .. }) = self.candidate_opt()
            && let Admission::Admitted { waived, .. } = admission
        {
            *admission = Admission::Unjudged { waived: *waived };
        }
    }

    /// What was read may have changed.
    pub(super) fn stale(&mut self) {
        self.stale_predecessor();
        for place in &mut self.places {
            place.fresh = false;
            place.shows_old = false;
        }
    }

    /// A place was read without touching it.
    pub(super) fn read(&mut self, consumer: &ConsumerName, shows_old: bool, new: Answer, moved: bool) -> Result<()> {
        let at = self.index(consumer)?;
        let versioned = self.charter.places[at].can.versioned;
        let place = &mut self.places[at];
        // Nobody has written a token there since before there was a new one.
        let still = versioned && place.still;
        place.fresh = true;
        place.shows_old = shows_old;
        if shows_old {
            place.holds.retain(|token| !matches!(token, TokenRef::Found(_)));
        }
        // The journal may be an old copy: a place that this run never touched may hold the new token. On the way back, not to
        // know is not a no.
        let back = self.rolling_back.is_some();
        let may_hold_new = match new {
            Answer::Proven => true,
            Answer::Refuted => false,
            Answer::Unknown => !shows_old && (moved || (back && !still)),
        };
        if let (false, true, Some(attempt)) = (place.seen, may_hold_new, self.candidate) {
            place.holds.insert(TokenRef::New(attempt));
            if !self.touched.contains(&at) {
                self.touched.push(at);
            }
        }
        self.places[at].seen |= shows_old || new == Answer::Refuted || back;
        Ok(())
    }

    /// Tokens of a lost attempt. Nobody here has their values, so no place was given one; but an old copy of a journal does
    /// not know what was lost in it, and what it finds may be in use. They go once every place is seen to hold another.
    pub(super) fn orphans_found(&mut self, ids: &[TokenId]) {
        for id in ids {
            self.found.insert(id.clone(), Life::Alive);
            for place in self.places.iter_mut().filter(|place| !place.shows_old) {
                place.holds.insert(TokenRef::Found(id.clone()));
            }
        }
    }

    /// Until when the token that was asked for should live.
    pub(super) fn asked_expiry(&self) -> Expiry {
        match &self.issue {
            Issue::Issuing { expiry, .. } | Issue::Asked { expiry, .. } | Issue::Pending { expiry, .. } => *expiry,
            Issue::NotYet | Issue::Done | Issue::Lost => Expiry::Unknown,
        }
    }

    pub(super) fn possible_orphan(&mut self, label: &Label) {
        let expiry = self.asked_expiry();
        self.orphans.push(Orphan { label: Some(label.clone()), id: None, expiry });
    }

    /// What came with the newest token may have been presented for the one whose answer was lost, and counts once.
    pub(super) fn answer_lost(&mut self) {
        let renews = self.charter.can.renews;
        if let Some(newest) = self.issued.last_mut().filter(|_| renews) {
            newest.companion = false;
        }
    }

    pub(super) fn stale_predecessor(&mut self) {
        // A token found dead stays dead, and every look at it counts as a failed login.
        self.old.fresh = self.old.standing == Some(Standing::Dead);
    }

    pub(super) fn predecessor_looked(&mut self, standing: Standing) {
        self.old.standing = Some(standing);
        self.old.fresh = true;
        match standing {
            Standing::Live | Standing::Lacking => {
                self.old.seen_alive = true;
                let can = &self.charter.can;
                let copied = can.fate == Fate::Dies && !can.reissues;
                if copied && matches!(self.issue, Issue::Issuing { .. }) {
                    // The predecessor lives, so the request that would have killed it never took effect. One that needs no
                    // predecessor may have made a token beside it all the same.
                    self.issue = Issue::NotYet;
                }
            }
            Standing::Dead => {
                let asked_for = !matches!(self.old.life, Life::Alive | Life::Dead(_));
                self.old_is_dead(if asked_for { Death::Seen } else { Death::Found });
            }
            Standing::Unknown => {}
        }
    }

    pub(super) fn old_is_dead(&mut self, how: Death) {
        self.old.life = Life::Dead(how);
        self.buried(&TokenRef::Old);
    }

    /// What follows from a token's death.
    pub(super) fn buried(&mut self, token: &TokenRef) {
        if !matches!(self.life(token), Some(Life::Dead(_))) {
            return;
        }
        if *token == TokenRef::Old {
            self.old.standing = Some(Standing::Dead);
            self.old.fresh = true;
            let asked = |candidate: &&mut Issued| matches!(candidate.life, Life::Asked { .. });
            if let (true, Some(candidate)) = (self.rolling_back.is_some(), self.candidate_opt().filter(asked)) {
                // A person was to delete the new token, and it is the only one that is left.
                candidate.life = Life::Alive;
            }
            self.forward_again();
        }
        // A check that passed because the dead one passed it says nothing any more.
        for place in &mut self.places {
            place.unproven = true;
        }
    }

    /// There is no way back any more: forward, with another token where the new one is on its way out already.
    pub(super) fn forward_again(&mut self) {
        if self.rolling_back.take().is_none() {
            return;
        }
        if let Some(candidate) = self.candidate_opt().filter(|candidate| candidate.life != Life::Alive) {
            candidate.discarded = Some(Reason::RolledBack);
            self.replace_candidate();
        }
        for place in self.places.iter_mut().filter(|place| place.restore != Restore::No) {
            place.restore = Restore::No;
            place.progress = Progress::Waiting;
            place.fresh = false;
        }
    }

    pub(super) fn receive(
        &mut self,
        attempt: u32,
        origin: Origin,
        fingerprint: Fingerprint,
        id: Option<TokenId>,
        companion: bool,
    ) {
        self.attempts = self.attempts.max(attempt);
        let expiry = self.asked_expiry();
        self.issue = Issue::Done;
        self.candidate = Some(attempt);
        self.issued.push(Issued {
            attempt,
            origin,
            fingerprint,
            id,
            companion,
            seen_alive: false,
            life: Life::Alive,
            admission: Admission::Unjudged { waived: false },
            expiry,
            vouched: false,
            discarded: None,
        });
    }

    pub(super) fn refused(&mut self, refusal: &Refusal, grant: Option<&Grant>) -> Result<()> {
        let candidate = self.candidate_mut()?;
        let (attempt, origin) = (candidate.attempt, candidate.origin);
        candidate.seen_alive |= grant.is_some();
        candidate.admission = Admission::Refused { refusal: refusal.clone(), grant: grant.cloned() };
        if !self.touched.is_empty() {
            self.gave_up.insert(Act::Admit, Problem::new(ErrorKind::Refused, refusal.to_string()));
        } else if origin == Origin::Pasted && !refusal.is_curable() {
            // Not what was asked for, and not of our making: forget it and ask for another.
            self.issued.retain(|issued| issued.attempt != attempt);
            self.candidate = None;
            self.last_refusal = Some(refusal.clone());
            self.issue = Issue::NotYet;
        }
        Ok(())
    }

    pub(super) fn installing(&mut self, consumer: &ConsumerName, settled: Option<Timestamp>) -> Result<()> {
        let at = self.index(consumer)?;
        let Some(attempt) = self.candidate else {
            return Err(contradiction("a token is installed before there is one"));
        };
        let place = &mut self.places[at];
        place.send(TokenRef::New(attempt), settled);
        place.shows_old = false;
        place.first_write = place.holds.insert(TokenRef::New(attempt));
        place.progress = Progress::Installing;
        if !self.touched.contains(&at) {
            self.touched.push(at);
        }
        Ok(())
    }

    /// The place holds the new token and nothing else.
    pub(super) fn settle(&mut self, consumer: &ConsumerName) -> Result<()> {
        let Some(attempt) = self.candidate else {
            return Err(contradiction("a token is verified before there is one"));
        };
        self.succeeded(&Act::Install(consumer.clone()));
        self.succeeded(&Act::Verify(consumer.clone()));
        let place = self.place_mut(consumer)?;
        place.holds = BTreeSet::from([TokenRef::New(attempt)]);
        place.progress = Progress::Settled;
        place.fresh = true;
        place.seen = true;
        place.unproven = false;
        self.held_by_nobody();
        Ok(())
    }

    /// What leaked and could not go first, as it may be our own key, is tried again once every place has another.
    pub(super) fn held_by_nobody(&mut self) {
        let held = self.open_places().any(|(_, at)| at.holds.contains(&TokenRef::Old));
        if self.cut_over && !held && self.emergency_for(Compromised::Old) {
            self.gave_up.remove(&Act::Revoke(TokenRef::Old));
        }
    }

    pub(super) fn relapsed(&mut self, consumer: &ConsumerName) -> Result<()> {
        let old = self.has_old().then_some(TokenRef::Old);
        let new = self.candidate.map(TokenRef::New);
        let place = self.place_mut(consumer)?;
        place.holds.extend(old.into_iter().chain(new));
        place.progress = Progress::Waiting;
        place.fresh = false;
        // What was confirmed was confirmed of another state of the place.
        place.confirmed = false;
        self.looked_last = false;
        Ok(())
    }

    pub(super) fn restored(&mut self, consumer: &ConsumerName) -> Result<()> {
        let place = self.place_mut(consumer)?;
        place.holds = BTreeSet::from([TokenRef::Old]);
        place.restore = Restore::Done;
        place.seen = true;
        Ok(())
    }

    pub(super) fn still_alive(&mut self, token: &TokenRef) -> Result<()> {
        let life = self.life_mut(token)?;
        *life = match life.clone() {
            Life::Revoking { .. } | Life::Claimed { guide: None } => Life::Alive,
            Life::Claimed { guide: Some(guide) } => Life::Asked { guide },
            other => other,
        };
        if *token == TokenRef::Old {
            self.looked_last = false;
        }
        Ok(())
    }

    pub(super) fn roll_back(&mut self, because: &Problem) {
        self.rolling_back = Some(because.clone());
        self.stumbles.clear();
        self.gave_up.clear();
        self.stale();
        self.suspect_the_forgotten();
    }

    /// On the way back, a forgotten place that nobody has looked at since an engine took the run up may hold the new token.
    pub(super) fn suspect_the_forgotten(&mut self) {
        let new = self.candidate.filter(|_| self.rolling_back.is_some()).map(TokenRef::New);
        for place in self.places.iter_mut().filter(|place| place.forgotten && !place.seen) {
            place.holds.extend(new.clone());
        }
    }

    pub(super) fn back_before_cut_over(&mut self) {
        self.cut_over = false;
        self.drain_until = None;
        self.looked_last = false;
    }

    /// What a failed act leaves behind: without effect, nothing; otherwise it counts as under way.
    pub(super) fn failed(&mut self, act: &Act, problem: &Problem) -> Result<()> {
        let harmless = problem.effect == Effect::None;
        if *act == Act::LookAtPredecessor && self.gave_up.remove(act).is_some() {
            // Not to know is an answer, and what is to be done about it depends on where the run is.
            self.predecessor_looked(Standing::Unknown);
        }
        if *act == Act::Issue && problem.kind == ErrorKind::Refused {
            // That was an answer, and what lives there is not ours.
            (self.refused, self.answer_lost) = (true, false);
        }
        match act {
            Act::Issue if harmless => self.issue = Issue::NotYet,
            Act::Collect => self.collect_failed(harmless),
            Act::Install(consumer) => {
                let new = self.candidate.map(TokenRef::New);
                let place = self.place_mut(consumer)?;
                place.fresh = false;
                if harmless {
                    place.in_flight = None;
                }
                if harmless && place.first_write {
                    if let Some(new) = new {
                        place.holds.remove(&new);
                    }
                    place.progress = Progress::Waiting;
                } else {
                    place.progress = Progress::Installing;
                }
                self.forget_untouched();
            }
            Act::Restore(consumer) => {
                let place = self.place_mut(consumer)?;
                place.fresh = false;
                if harmless {
                    place.in_flight = None;
                }
                if harmless && place.first_write {
                    place.holds.remove(&TokenRef::Old);
                }
            }
            Act::VerifyRestored(consumer) if problem.kind == ErrorKind::Unverified => {
                self.place_mut(consumer)?.restore = Restore::Restoring;
            }
            Act::Revoke(token) if harmless => {
                let life = self.life_mut(token)?;
                if *life == (Life::Revoking { before: false }) {
                    *life = Life::Alive;
                }
                self.looked_last = false;
            }
            Act::LastLook | Act::Revoke(_) => self.looked_last = false,
            _ => {}
        }
        Ok(())
    }

    /// The provider is asked whether the person has agreed. Whoever asked before and wrote no answer down had none.
    pub(super) fn collecting(&mut self, look_after: Timestamp) {
        if let Issue::Pending { polled, unanswered, .. } = &mut self.issue {
            *unanswered = (*unanswered).max(polled.replace(look_after));
        }
    }

    pub(super) fn collect_failed(&mut self, harmless: bool) {
        let gave_up = self.gave_up.contains_key(&Act::Collect);
        if let Issue::Pending { attempt, label, expiry, poll_after, polled, unanswered, .. } = &mut self.issue {
            // That this poll made nothing says nothing of those before it: it may never have been sent.
            let sent = polled.take().unwrap_or(*poll_after);
            *unanswered = (*unanswered).max((!harmless).then_some(sent));
            if gave_up {
                self.issue = match *unanswered {
                    Some(look_after) => {
                        let (attempt, label, expiry) = (*attempt, label.clone(), *expiry);
                        Issue::Issuing { attempt, label, expiry, look_after, polled: true }
                    }
                    None => Issue::NotYet,
                };
            }
        }
    }

    /// Places that hold no new token were never touched.
    pub(super) fn forget_untouched(&mut self) {
        let places = &self.places;
        self.touched.retain(|at| places[*at].holds.iter().any(|token| matches!(token, TokenRef::New(_))));
    }

    pub(super) fn alarmed(&mut self, compromised: Compromised, mode: Urgency) {
        // A call may press harder than the one before, and never less.
        self.emergency.entry(compromised).and_modify(|before| *before = (*before).min(mode)).or_insert(mode);
        self.stumbles.clear();
        // What was given up is tried once more, now that haste is needed.
        self.gave_up.retain(|act, _| !matches!(act, Act::Issue | Act::Preflight(_) | Act::Install(_) | Act::Verify(_)));
        match compromised {
            Compromised::Old => {
                self.old.kept = false;
                self.drain_until = None;
                // Going back to a token that leaked would be wrong.
                self.forward_again();
            }
            Compromised::New => {
                let back = self.may_roll_back();
                if let Some(candidate) = self.candidate_opt() {
                    candidate.discarded = Some(Reason::Compromised);
                }
                self.replace_candidate();
                if back {
                    self.roll_back(&Problem::new(ErrorKind::Refused, "the new token leaked"));
                }
            }
        }
    }
}
