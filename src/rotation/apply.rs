//! Adds facts up.

use super::state::{Admission, Issue, Issued, Life, PlaceState, Progress, Restore, State, Stumble};
use super::{Act, Death, Fact, Origin, TokenRef};
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::name::ConsumerName;
use crate::provider::Fate;
use crate::token::{Answer, Expiry};

impl State {
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
            Fact::Preflighted { consumer, slot, baseline, new } => {
                self.succeeded(&Act::Preflight(consumer.clone()));
                let place = self.place_mut(consumer)?;
                let before = place.slot.replace(slot.clone());
                let moved = before.as_ref().and_then(|before| before.moved_to(slot));
                place.still &= if before.is_some() { moved == Some(false) } else { slot.version.is_some() };
                let shows_old = baseline.as_ref().is_some_and(|check| check.new == Answer::Proven);
                self.read(consumer, shows_old, *new, moved == Some(true))?;
            }
            Fact::Issuing { attempt, label, look_after, expiry } => {
                self.attempts = *attempt;
                self.refused = false;
                let (attempt, label, expiry, look_after) = (*attempt, label.clone(), *expiry, *look_after);
                self.issue = Issue::Issuing { attempt, label, expiry, look_after, polled: false };
                if self.charter.can.fate == Fate::Dies {
                    self.stale_predecessor();
                }
            }
            Fact::TokenAsked { attempt, guide } => {
                self.succeeded(&Act::Issue);
                let refusal = self.last_refusal.take();
                let expiry = self.asked_expiry();
                self.issue = Issue::Asked { attempt: *attempt, expiry, guide: guide.clone(), refusal };
            }
            Fact::IssuePending { attempt, guide, poll_after, until, open } => {
                let (label, expiry, until, unanswered) = match &self.issue {
                    Issue::Issuing { label, expiry, .. } => (label.clone(), *expiry, *until, None),
                    Issue::Pending { label, expiry, until: first, unanswered, .. } => {
                        (label.clone(), *expiry, *until.min(first), unanswered.filter(|_| !open))
                    }
                    _ => return Err(contradiction("a person agrees to something that was not asked for")),
                };
                self.succeeded(&Act::Issue);
                self.succeeded(&Act::Collect);
                self.issue = Issue::Pending {
                    attempt: *attempt,
                    label,
                    expiry,
                    guide: guide.clone(),
                    poll_after: *poll_after,
                    until,
                    polled: None,
                    unanswered,
                };
            }
            Fact::Collecting { look_after, .. } => self.collecting(*look_after),
            Fact::Issued { attempt, origin, fingerprint, id, companion } => {
                self.succeeded(&Act::Issue);
                self.succeeded(&Act::Collect);
                // What counted as lost was late.
                let label = self.charter.run.label(*attempt);
                self.orphans.retain(|orphan| orphan.label.as_ref() != Some(&label));
                self.receive(*attempt, *origin, *fingerprint, id.clone(), *companion);
                self.answer_lost = false;
                if *origin == Origin::Minted && self.charter.can.fate == Fate::Dies {
                    if self.charter.can.reissues && self.charter.can.keeps_names {
                        // There is one place for them all: what a lost attempt made there is this one, or was replaced by it.
                        self.orphans.clear();
                    }
                    self.old_is_dead(Death::Replaced);
                } else if *origin == Origin::Pasted {
                    // A person was at the provider and time has passed: look at everything again.
                    self.stale();
                }
            }
            Fact::OrphansFound { ids, .. } => {
                self.succeeded(&Act::FindOrphans);
                self.orphans_found(ids);
                self.answer_lost();
                self.lost += 1;
                self.answer_lost = !self.refused;
                self.issue = Issue::NotYet;
            }
            Fact::OrphanPossible { label, .. } => {
                self.possible_orphan(label);
                self.answer_lost();
                self.lost += 1;
                self.answer_lost = !self.refused;
                self.issue = Issue::NotYet;
            }
            Fact::TokenLost { label, .. } => {
                self.possible_orphan(label);
                self.answer_lost();
                self.issue = Issue::Lost;
            }
            Fact::Admitted { grant, .. } => {
                self.succeeded(&Act::Admit);
                let candidate = self.candidate_mut()?;
                candidate.seen_alive = true;
                candidate.vouched = true;
                if grant.expiry != Expiry::Unknown {
                    // Where the provider tells no end, the one that was asked for stands.
                    candidate.expiry = grant.expiry;
                }
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
            Fact::Installing { consumer, settled } => self.installing(consumer, *settled)?,
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
                place.in_flight = None;
                place.seen = true;
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
                self.relapses.entry(consumer.clone()).or_insert(*since);
                self.relapsed(consumer)?;
            }
            Fact::CutOver => {
                self.cut_over = true;
                self.held_by_nobody();
            }
            Fact::Draining { until } => self.drain_until = Some(*until),
            Fact::LastLooked => {
                self.succeeded(&Act::LastLook);
                self.relapses.clear();
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
            Fact::Restoring { consumer, settled } => {
                let place = self.place_mut(consumer)?;
                place.send(TokenRef::Old, *settled);
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
                place.in_flight = None;
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
            Fact::Overdue { since } => self.overdue = Some(*since),
            Fact::Emergency { compromised, mode } => self.alarmed(*compromised, *mode),
            Fact::Ended { ending } => self.ending = Some(ending.clone()),
        }
        Ok(())
    }

    pub(super) fn succeeded(&mut self, act: &Act) {
        self.stumbles.remove(act);
        self.gave_up.remove(act);
    }

    pub(super) fn index(&self, consumer: &ConsumerName) -> Result<usize> {
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

    pub(super) fn candidate_opt(&mut self) -> Option<&mut Issued> {
        let attempt = self.candidate?;
        self.issued.iter_mut().find(|issued| issued.attempt == attempt)
    }

    pub(super) fn candidate_mut(&mut self) -> Result<&mut Issued> {
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

pub(super) fn contradiction(what: &'static str) -> Error {
    Error::new(ErrorKind::Journal, what).with_source(
        "the journal is damaged or was written by another version: do not act on it, restore or inspect it",
    )
}
