//! What the facts add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{
    Act, Charter, Compromised, Death, Decision, Ending, Fact, Origin, Orphan, Place, Possession, Source, Standing,
    TokenRef, Urgency,
};
use crate::clock::Timestamp;
use crate::consumer::Slot;
use crate::error::{Effect, Error, ErrorKind, Problem, Result};
use crate::guide::Guide;
use crate::name::{ConsumerName, Label, TokenId};
use crate::provider::Fate;
use crate::token::{Fingerprint, Grant, Reason, Refusal};

/// What the facts of a run add up to. It is made from them alone, and two runs with the same facts are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) charter: Arc<Charter>,
    pub(super) ending: Option<Ending>,
    pub(super) old: Old,
    pub(super) issue: Issue,
    pub(super) attempts: u32,
    pub(super) issued: Vec<Issued>,
    /// Attempts whose answer was lost since a person last said to go on.
    pub(super) lost: u32,
    /// Why the last paste was not taken.
    pub(super) last_refusal: Option<Refusal>,
    /// The attempt whose token is being rolled out.
    pub(super) candidate: Option<u32>,
    /// Tokens that lost attempts left behind.
    pub(super) found: BTreeMap<TokenId, Life>,
    /// Lost attempts whose tokens can be neither found nor excluded.
    pub(super) orphans: Vec<Orphan>,
    pub(super) places: Vec<PlaceState>,
    /// Places in the order in which a new token first went there.
    pub(super) touched: Vec<usize>,
    pub(super) cut_over: bool,
    pub(super) drain_until: Option<Timestamp>,
    pub(super) looked_last: bool,
    pub(super) rolling_back: Option<Problem>,
    pub(super) stumbles: BTreeMap<Act, Stumble>,
    pub(super) gave_up: BTreeMap<Act, Problem>,
    pub(super) emergency: Option<(Compromised, Urgency)>,
    pub(super) abandoned: bool,
}

/// Equal hashes mean equal decisions: what the run is about never changes in it, and when and why something is tried
/// again does not change what is done.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.ending, &self.old, &self.issue, self.attempts, self.lost, &self.last_refusal).hash(hasher);
        (&self.issued, self.candidate, &self.found, &self.orphans, &self.places, &self.touched).hash(hasher);
        (self.cut_over, self.drain_until, self.looked_last, self.rolling_back.is_some()).hash(hasher);
        (self.emergency, self.abandoned).hash(hasher);
        self.gave_up.keys().for_each(|act| act.hash(hasher));
    }
}

/// The token before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Old {
    pub(super) standing: Option<Standing>,
    /// Whose it is.
    pub(super) owner: Option<String>,
    /// Whether `standing` was looked up since the last wait.
    pub(super) fresh: bool,
    /// Whether this run saw the provider take it: the control without which a 401 proves nothing.
    pub(super) seen_alive: bool,
    pub(super) life: Life,
    /// A person said that it stays.
    pub(super) kept: bool,
}

/// How the new token comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Issue {
    NotYet,
    /// Asked for; whether anything came of it is unknown until an answer is durable. Asking a person for a paste leaves
    /// nothing behind by itself; a poll whose answer was lost may.
    Issuing {
        attempt: u32,
        label: Label,
        look_after: Timestamp,
        polled: bool,
    },
    Asked {
        attempt: u32,
        guide: Guide,
        refusal: Option<Refusal>,
    },
    /// A person agrees elsewhere. Uncertain once a poll's answer may have been lost.
    Pending {
        attempt: u32,
        label: Label,
        guide: Guide,
        poll_after: Timestamp,
        uncertain: bool,
    },
    Done,
    /// Its value is lost for ever, and nothing can issue another.
    Lost,
}

/// A token that came to us in this run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Issued {
    pub(super) attempt: u32,
    pub(super) origin: Origin,
    pub(super) fingerprint: Fingerprint,
    pub(super) id: Option<TokenId>,
    pub(super) companion: bool,
    pub(super) seen_alive: bool,
    pub(super) life: Life,
    pub(super) admission: Admission,
    /// Why it is no longer wanted.
    pub(super) discarded: Option<Reason>,
}

/// Whether a token may be installed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Admission {
    /// Nobody has looked, or not since the last wait. A person may have overruled the policy before.
    Unjudged {
        waived: bool,
    },
    Admitted {
        grant: Grant,
        waived: bool,
    },
    Refused {
        refusal: Refusal,
        grant: Option<Grant>,
    },
}

/// From alive to proven dead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Alive,
    /// Asked to be ended, now or `before`; whether it happened is unknown.
    Revoking {
        before: bool,
    },
    /// The provider answered yes; to be seen.
    Promised {
        look_after: Timestamp,
    },
    /// A person was asked to delete it.
    Asked {
        guide: Guide,
    },
    /// A person says so; to be seen.
    Claimed {
        guide: Option<Guide>,
    },
    Dead(Death),
}

/// One place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PlaceState {
    /// Every token that it may hold. It never misses the one that it does hold.
    pub(super) holds: BTreeSet<TokenRef>,
    pub(super) progress: Progress,
    pub(super) restore: Restore,
    /// Whether it was read since the last wait.
    pub(super) fresh: bool,
    pub(super) slot: Option<Slot>,
    /// Whether the write under way is the first of its kind here: without effect, it leaves no trace.
    pub(super) first_write: bool,
    pub(super) confirmed: bool,
    pub(super) forgotten: bool,
    /// Whether a token that it may have held has died since it was last verified.
    pub(super) unproven: bool,
}

/// How far the new token has come at a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    Waiting,
    Installing,
    Asked(Guide),
    Installed,
    Settled,
}

/// How far the old token has come back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Restore {
    No,
    Restoring,
    Asked(Guide),
    Restored,
    Done,
}

/// An act that failed and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stumble {
    pub(super) problem: Problem,
    pub(super) since: Timestamp,
    pub(super) again_at: Timestamp,
}

impl State {
    /// A run that has just begun.
    #[must_use]
    pub fn begin(charter: Charter) -> Self {
        let given = match charter.source {
            Source::Issue => None,
            Source::Given(fingerprint) => Some((Origin::Given, fingerprint)),
            Source::Kept(fingerprint) => Some((Origin::Kept, fingerprint)),
        };
        let has_old = charter.predecessor.held != Possession::Absent;
        let place = |_: &Place| PlaceState {
            holds: has_old.then_some(TokenRef::Old).into_iter().collect(),
            progress: Progress::Waiting,
            restore: Restore::No,
            fresh: false,
            slot: None,
            first_write: false,
            confirmed: false,
            forgotten: false,
            unproven: false,
        };
        let mut state = Self {
            places: charter.places.iter().map(place).collect(),
            charter: Arc::new(charter),
            ending: None,
            old: Old { standing: None, owner: None, fresh: false, seen_alive: false, life: Life::Alive, kept: false },
            issue: if given.is_some() { Issue::Done } else { Issue::NotYet },
            attempts: 0,
            lost: 0,
            last_refusal: None,
            issued: Vec::new(),
            candidate: None,
            found: BTreeMap::new(),
            orphans: Vec::new(),
            touched: Vec::new(),
            cut_over: false,
            drain_until: None,
            looked_last: false,
            rolling_back: None,
            stumbles: BTreeMap::new(),
            gave_up: BTreeMap::new(),
            emergency: None,
            abandoned: false,
        };
        if let Some((origin, fingerprint)) = given {
            state.receive(0, origin, fingerprint, None, false);
        }
        state
    }

    /// The state that a whole run's facts add up to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when they do not begin with [`Fact::Begun`], or one contradicts those before it.
    pub fn replay<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Result<Self> {
        let mut facts = facts.into_iter();
        let Some(Fact::Begun(charter)) = facts.next() else {
            return Err(contradiction("a run's first record does not say what the run is about"));
        };
        let mut state = Self::begin((**charter).clone());
        facts.try_for_each(|fact| state.apply(fact))?;
        Ok(state)
    }

    /// Adds a fact.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when it contradicts those before it.
    #[expect(clippy::too_many_lines, reason = "one arm a fact; splitting them would hide that each is handled")]
    pub fn apply(&mut self, fact: &Fact) -> Result<()> {
        if self.ending.is_some() {
            return Err(contradiction("something is recorded after a run's end"));
        }
        match fact {
            Fact::Begun(_) => return Err(contradiction("a run begins twice")),
            Fact::Resumed { .. } => self.resumed(),
            Fact::PredecessorLooked { standing, owner } => {
                self.succeeded(&Act::LookAtPredecessor);
                self.old.owner = owner.clone().or(self.old.owner.take());
                self.predecessor_looked(*standing);
            }
            Fact::Preflighted { consumer, slot, baseline: _ } => {
                self.succeeded(&Act::Preflight(consumer.clone()));
                let place = self.place_mut(consumer)?;
                place.fresh = true;
                place.slot = Some(slot.clone());
            }
            Fact::Issuing { attempt, label, look_after } => {
                self.attempts = *attempt;
                self.issue =
                    Issue::Issuing { attempt: *attempt, label: label.clone(), look_after: *look_after, polled: false };
                if self.charter.can.fate == Fate::Dies {
                    self.stale_predecessor();
                }
            }
            Fact::TokenAsked { attempt, guide } => {
                self.succeeded(&Act::Issue);
                let refusal = self.last_refusal.take();
                self.issue = Issue::Asked { attempt: *attempt, guide: guide.clone(), refusal };
            }
            Fact::IssuePending { attempt, guide, poll_after, .. } => {
                let (label, uncertain) = match &self.issue {
                    Issue::Issuing { label, .. } => (label.clone(), false),
                    Issue::Pending { label, uncertain, .. } => (label.clone(), *uncertain),
                    _ => return Err(contradiction("a person agrees to something that was not asked for")),
                };
                self.succeeded(&Act::Issue);
                self.succeeded(&Act::Collect);
                self.issue = Issue::Pending {
                    attempt: *attempt,
                    label,
                    guide: guide.clone(),
                    poll_after: *poll_after,
                    uncertain,
                };
            }
            Fact::Issued { attempt, origin, fingerprint, id, companion } => {
                self.succeeded(&Act::Issue);
                self.succeeded(&Act::Collect);
                self.receive(*attempt, *origin, *fingerprint, id.clone(), *companion);
                if *origin == Origin::Minted && self.charter.can.fate == Fate::Dies {
                    self.old_is_dead(Death::Replaced);
                } else if *origin == Origin::Pasted {
                    // A person was at the provider and time has passed: look at everything again.
                    self.stale();
                }
            }
            Fact::OrphansFound { ids, .. } => {
                self.succeeded(&Act::FindOrphans);
                self.found.extend(ids.iter().map(|id| (id.clone(), Life::Alive)));
                self.lost += 1;
                self.issue = Issue::NotYet;
            }
            Fact::OrphanPossible { label, .. } => {
                self.orphans.push(Orphan { label: Some(label.clone()), id: None });
                self.lost += 1;
                self.issue = Issue::NotYet;
            }
            Fact::TokenLost { label, .. } => {
                self.orphans.push(Orphan { label: Some(label.clone()), id: None });
                self.issue = Issue::Lost;
            }
            Fact::Admitted { grant, .. } => {
                self.succeeded(&Act::Admit);
                let candidate = self.candidate_mut()?;
                candidate.seen_alive = true;
                let waived = matches!(candidate.admission, Admission::Unjudged { waived: true });
                candidate.admission = Admission::Admitted { grant: grant.clone(), waived };
            }
            Fact::Refused { refusal, grant } => {
                self.succeeded(&Act::Admit);
                self.refused(refusal, grant.as_ref())?;
            }
            Fact::CandidateDied => {
                self.candidate_mut()?.life = Life::Dead(Death::Found);
                self.back_before_cut_over();
            }
            Fact::Installing { consumer } => self.installing(consumer)?,
            Fact::InstallationAsked { consumer, guide } => {
                self.succeeded(&Act::Install(consumer.clone()));
                self.place_mut(consumer)?.progress = Progress::Asked(guide.clone());
            }
            Fact::Installed { consumer, slot } => {
                // Since when it does not go well there is forgotten only once it is verified.
                self.gave_up.remove(&Act::Install(consumer.clone()));
                let provable = self.proves_something(consumer);
                let place = self.place_mut(consumer)?;
                place.slot = Some(slot.clone());
                place.progress = Progress::Installed;
                if !provable {
                    self.settle(consumer)?;
                }
            }
            Fact::Verified { consumer, .. } => {
                self.settle(consumer)?;
            }
            Fact::Relapsed { consumer, since, again_at, verification } => {
                self.succeeded(&Act::Verify(consumer.clone()));
                let problem = Problem::new(
                    ErrorKind::Unverified,
                    verification.note.clone().unwrap_or_else(|| "it does not hold the new token".into()),
                );
                let stumble = Stumble { problem, since: *since, again_at: *again_at };
                self.stumbles.insert(Act::Install(consumer.clone()), stumble);
                self.relapsed(consumer)?;
            }
            Fact::CutOver => self.cut_over = true,
            Fact::Draining { until } => self.drain_until = Some(*until),
            Fact::LastLooked => {
                self.succeeded(&Act::LastLook);
                self.looked_last = true;
            }
            Fact::Revoking { token, .. } => {
                let life = self.life_mut(token)?;
                *life = Life::Revoking { before: matches!(life, Life::Revoking { .. }) };
            }
            Fact::RevocationAnswered { token, look_after } => {
                self.succeeded(&Act::Revoke(token.clone()));
                let provable = self.is_provable(token);
                *self.life_mut(token)? =
                    if provable { Life::Promised { look_after: *look_after } } else { Life::Dead(Death::Answered) };
                self.buried(token);
            }
            Fact::DeletionAsked { token, guide } => {
                self.succeeded(&Act::Revoke(token.clone()));
                *self.life_mut(token)? = Life::Asked { guide: guide.clone() };
            }
            Fact::StillAlive { token } => self.still_alive(token)?,
            Fact::Revoked { token, proof } => {
                self.succeeded(&Act::Revoke(token.clone()));
                self.succeeded(&Act::Prove(token.clone()));
                *self.life_mut(token)? = Life::Dead(*proof);
                self.buried(token);
            }
            Fact::VerifiedAfter { consumer, .. } => {
                self.succeeded(&Act::VerifyAfter(consumer.clone()));
                self.place_mut(consumer)?.unproven = false;
            }
            Fact::RollingBack { because } => self.roll_back(because),
            Fact::Restoring { consumer } => {
                let place = self.place_mut(consumer)?;
                place.first_write = place.holds.insert(TokenRef::Old);
                place.restore = Restore::Restoring;
            }
            Fact::RestorationAsked { consumer, guide } => {
                self.succeeded(&Act::Restore(consumer.clone()));
                self.place_mut(consumer)?.restore = Restore::Asked(guide.clone());
            }
            Fact::Restored { consumer, slot } => {
                self.succeeded(&Act::Restore(consumer.clone()));
                let provable = self.proves_something(consumer);
                let place = self.place_mut(consumer)?;
                place.slot = Some(slot.clone());
                place.restore = Restore::Restored;
                if !provable {
                    self.restored(consumer)?;
                }
            }
            Fact::RestoreVerified { consumer, .. } => {
                self.succeeded(&Act::VerifyRestored(consumer.clone()));
                self.restored(consumer)?;
            }
            Fact::Stumbled { act, problem, since, again_at } => {
                let stumble = Stumble { problem: problem.clone(), since: *since, again_at: *again_at };
                self.stumbles.insert(act.clone(), stumble);
                self.failed(act, problem)?;
            }
            Fact::GaveUp { act, problem } => {
                self.stumbles.remove(act);
                self.gave_up.insert(act.clone(), problem.clone());
                self.failed(act, problem)?;
            }
            Fact::Revealed { .. } => {}
            Fact::Decided { decision } => self.decided(decision)?,
            Fact::Emergency { compromised, mode } => self.alarmed(*compromised, *mode),
            Fact::Ended { ending } => self.ending = Some(ending.clone()),
        }
        Ok(())
    }

    fn resumed(&mut self) {
        self.stale();
        self.looked_last = false;
        if let Issue::Pending { uncertain, .. } = &mut self.issue {
            *uncertain = true;
        }
        if let Some(Issued { admission, .. }) = self.candidate_opt() {
            if let Admission::Admitted { waived, .. } = admission {
                *admission = Admission::Unjudged { waived: *waived };
            }
        }
    }

    /// What was read may have changed.
    fn stale(&mut self) {
        self.stale_predecessor();
        for place in &mut self.places {
            place.fresh = false;
        }
    }

    fn stale_predecessor(&mut self) {
        // A token found dead stays dead, and every look at it counts as a failed login.
        self.old.fresh = self.old.standing == Some(Standing::Dead);
    }

    fn predecessor_looked(&mut self, standing: Standing) {
        self.old.standing = Some(standing);
        self.old.fresh = true;
        match standing {
            Standing::Live | Standing::Lacking => {
                self.old.seen_alive = true;
                let undone = matches!(self.issue, Issue::Issuing { .. }) && self.charter.can.fate == Fate::Dies;
                if undone {
                    // The predecessor lives, so the request that would have killed it never took effect.
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

    fn old_is_dead(&mut self, how: Death) {
        self.old.life = Life::Dead(how);
        self.buried(&TokenRef::Old);
    }

    /// What follows from a token's death.
    fn buried(&mut self, token: &TokenRef) {
        if !matches!(self.life(token), Some(Life::Dead(_))) {
            return;
        }
        if *token == TokenRef::Old {
            self.old.standing = Some(Standing::Dead);
            self.old.fresh = true;
            self.rolling_back = None;
        }
        // A check that passed because the dead one passed it says nothing any more.
        for place in &mut self.places {
            place.unproven = true;
        }
    }

    fn receive(
        &mut self,
        attempt: u32,
        origin: Origin,
        fingerprint: Fingerprint,
        id: Option<TokenId>,
        companion: bool,
    ) {
        self.attempts = self.attempts.max(attempt);
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
            discarded: None,
        });
    }

    fn refused(&mut self, refusal: &Refusal, grant: Option<&Grant>) -> Result<()> {
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

    fn installing(&mut self, consumer: &ConsumerName) -> Result<()> {
        let at = self.index(consumer)?;
        let Some(attempt) = self.candidate else {
            return Err(contradiction("a token is installed before there is one"));
        };
        let place = &mut self.places[at];
        place.first_write = place.holds.insert(TokenRef::New(attempt));
        place.progress = Progress::Installing;
        if !self.touched.contains(&at) {
            self.touched.push(at);
        }
        Ok(())
    }

    /// The place holds the new token and nothing else.
    fn settle(&mut self, consumer: &ConsumerName) -> Result<()> {
        let Some(attempt) = self.candidate else {
            return Err(contradiction("a token is verified before there is one"));
        };
        self.succeeded(&Act::Install(consumer.clone()));
        self.succeeded(&Act::Verify(consumer.clone()));
        let place = self.place_mut(consumer)?;
        place.holds = BTreeSet::from([TokenRef::New(attempt)]);
        place.progress = Progress::Settled;
        place.fresh = true;
        place.unproven = false;
        Ok(())
    }

    fn relapsed(&mut self, consumer: &ConsumerName) -> Result<()> {
        let old = self.has_old().then_some(TokenRef::Old);
        let new = self.candidate.map(TokenRef::New);
        let place = self.place_mut(consumer)?;
        place.holds.extend(old.into_iter().chain(new));
        place.progress = Progress::Installing;
        place.fresh = false;
        self.looked_last = false;
        Ok(())
    }

    fn restored(&mut self, consumer: &ConsumerName) -> Result<()> {
        let place = self.place_mut(consumer)?;
        place.holds = BTreeSet::from([TokenRef::Old]);
        place.restore = Restore::Done;
        Ok(())
    }

    fn still_alive(&mut self, token: &TokenRef) -> Result<()> {
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

    fn roll_back(&mut self, because: &Problem) {
        self.rolling_back = Some(because.clone());
        self.stumbles.clear();
        self.gave_up.clear();
        self.stale();
    }

    fn back_before_cut_over(&mut self) {
        self.cut_over = false;
        self.drain_until = None;
        self.looked_last = false;
    }

    /// What a failed act leaves behind: without effect, nothing; otherwise it counts as under way.
    fn failed(&mut self, act: &Act, problem: &Problem) -> Result<()> {
        let harmless = problem.effect == Effect::None;
        match act {
            Act::LookAtPredecessor => {
                // Not to know is an answer, and what is to be done about it depends on where the run is.
                if self.gave_up.remove(act).is_some() {
                    self.predecessor_looked(Standing::Unknown);
                }
            }
            Act::Issue if harmless => self.issue = Issue::NotYet,
            Act::Collect => self.collect_failed(harmless),
            Act::Install(consumer) => {
                let new = self.candidate.map(TokenRef::New);
                let place = self.place_mut(consumer)?;
                place.fresh = false;
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

    fn collect_failed(&mut self, harmless: bool) {
        let gave_up = self.gave_up.contains_key(&Act::Collect);
        if let Issue::Pending { attempt, label, poll_after, uncertain, .. } = &mut self.issue {
            *uncertain |= !harmless;
            if gave_up {
                self.issue = if *uncertain {
                    Issue::Issuing { attempt: *attempt, label: label.clone(), look_after: *poll_after, polled: true }
                } else {
                    Issue::NotYet
                };
            }
        }
    }

    /// Places that hold no new token were never touched.
    fn forget_untouched(&mut self) {
        let places = &self.places;
        self.touched.retain(|at| places[*at].holds.iter().any(|token| matches!(token, TokenRef::New(_))));
    }

    fn decided(&mut self, decision: &Decision) -> Result<()> {
        match decision {
            Decision::Retry => self.retry(),
            Decision::RollBack => {
                self.roll_back(&Problem::new(ErrorKind::Refused, "a person decided to roll back"));
            }
            Decision::Confirm(consumer) => self.confirm(consumer)?,
            Decision::Forget(consumer) => {
                self.place_mut(consumer)?.forgotten = true;
                for act in [
                    Act::Preflight(consumer.clone()),
                    Act::Install(consumer.clone()),
                    Act::Verify(consumer.clone()),
                    Act::VerifyAfter(consumer.clone()),
                    Act::Restore(consumer.clone()),
                    Act::VerifyRestored(consumer.clone()),
                    Act::LastLook,
                ] {
                    self.succeeded(&act);
                }
            }
            Decision::InstallAnyway => {
                let candidate = self.candidate_mut()?;
                if let Admission::Refused { grant, .. } = &candidate.admission {
                    candidate.admission = match grant.clone() {
                        Some(grant) => Admission::Admitted { grant, waived: true },
                        None => Admission::Unjudged { waived: true },
                    };
                }
                self.gave_up.remove(&Act::Admit);
            }
            Decision::KeepOld => {
                self.old.kept = true;
                if !matches!(self.old.life, Life::Dead(_)) {
                    self.old.life = Life::Alive;
                }
                for act in [Act::LastLook, Act::Revoke(TokenRef::Old), Act::Prove(TokenRef::Old)] {
                    self.succeeded(&act);
                }
            }
            Decision::RevokedByHand(token) => self.claimed(token)?,
            Decision::Abandon => self.abandoned = true,
        }
        Ok(())
    }

    fn retry(&mut self) {
        self.stumbles.clear();
        self.gave_up.clear();
        self.stale_predecessor();
        self.lost = 0;
        let back = self.rolling_back.is_some();
        let Some(candidate) = self.candidate_opt().filter(|_| !back) else {
            return;
        };
        if matches!(candidate.life, Life::Dead(_)) {
            self.replace_candidate();
        } else if matches!(candidate.admission, Admission::Refused { .. }) {
            candidate.admission = Admission::Unjudged { waived: false };
        }
    }

    /// The candidate is of no use any more: issue another, and install that everywhere.
    fn replace_candidate(&mut self) {
        self.candidate = None;
        self.issue = Issue::NotYet;
        self.back_before_cut_over();
        for place in &mut self.places {
            place.progress = Progress::Waiting;
            place.restore = Restore::No;
            place.fresh = false;
            place.confirmed = false;
        }
    }

    fn confirm(&mut self, consumer: &ConsumerName) -> Result<()> {
        let provable = self.proves_something(consumer);
        let place = self.place_mut(consumer)?;
        if matches!(place.restore, Restore::Asked(_)) {
            place.restore = Restore::Restored;
            return if provable { Ok(()) } else { self.restored(consumer) };
        }
        if matches!(place.progress, Progress::Asked(_)) {
            place.progress = Progress::Installed;
            return if provable { Ok(()) } else { self.settle(consumer) };
        }
        place.confirmed = true;
        Ok(())
    }

    /// A person says that a token is deleted.
    fn claimed(&mut self, token: &TokenRef) -> Result<()> {
        self.succeeded(&Act::Revoke(token.clone()));
        self.succeeded(&Act::Prove(token.clone()));
        let provable = self.is_provable(token);
        let life = self.life_mut(token)?;
        let guide = match life {
            Life::Asked { guide } => Some(guide.clone()),
            _ => None,
        };
        *life = if provable { Life::Claimed { guide } } else { Life::Dead(Death::Word) };
        self.buried(token);
        Ok(())
    }

    fn alarmed(&mut self, compromised: Compromised, mode: Urgency) {
        self.emergency = Some((compromised, mode));
        self.stumbles.clear();
        match compromised {
            Compromised::Old => {
                self.old.kept = false;
                self.drain_until = None;
                if self.rolling_back.take().is_some() {
                    // Going back to a token that leaked would be wrong: forward again, with another one where the new
                    // one is on its way out already.
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

    fn succeeded(&mut self, act: &Act) {
        self.stumbles.remove(act);
        self.gave_up.remove(act);
    }

    fn index(&self, consumer: &ConsumerName) -> Result<usize> {
        self.charter
            .places
            .iter()
            .position(|place| place.name == *consumer)
            .ok_or_else(|| contradiction("a record names a consumer that is not part of its run"))
    }

    pub(super) fn place_mut(&mut self, consumer: &ConsumerName) -> Result<&mut PlaceState> {
        let at = self.index(consumer)?;
        Ok(&mut self.places[at])
    }

    fn candidate_opt(&mut self) -> Option<&mut Issued> {
        let attempt = self.candidate?;
        self.issued.iter_mut().find(|issued| issued.attempt == attempt)
    }

    fn candidate_mut(&mut self) -> Result<&mut Issued> {
        self.candidate_opt().ok_or_else(|| contradiction("something is said of a new token before there is one"))
    }

    pub(super) fn life_mut(&mut self, token: &TokenRef) -> Result<&mut Life> {
        let missing = || contradiction("a record names a token that is not part of its run");
        match token {
            TokenRef::Old => Ok(&mut self.old.life),
            TokenRef::New(attempt) => self
                .issued
                .iter_mut()
                .find(|issued| issued.attempt == *attempt)
                .map(|issued| &mut issued.life)
                .ok_or_else(missing),
            TokenRef::Found(id) => self.found.get_mut(id).ok_or_else(missing),
        }
    }
}

fn contradiction(what: &'static str) -> Error {
    Error::new(ErrorKind::Journal, what).with_source(
        "the journal is damaged or was written by another version: do not act on it, restore or inspect it",
    )
}
