//! What a person may decide, and when that would break a promise.

use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::state::{Admission, Issue, Life, Progress, Restore, State};
use super::{Act, Compromised, Death, Origin, Standing, TokenRef};
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::name::ConsumerName;
use crate::token::{Lack, Reason, Refusal};

/// What a person decides about an open run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "decision", content = "of", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// What failed, or was lacking, was put right: try again.
    Retry,
    /// Put the old token back everywhere and revoke the new one.
    RollBack,
    /// The token was put there by hand, or what the place needs was done.
    Confirm(ConsumerName),
    /// Go on without this place. What it may hold stays alive.
    Forget(ConsumerName),
    /// Install the token although the policy refused it.
    InstallAnyway,
    /// The old token stays.
    KeepOld,
    /// A token that was to be deleted was deleted.
    RevokedByHand(TokenRef),
    /// End the run as it is. Every token stays alive.
    Abandon,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry => f.write_str("retry"),
            Self::RollBack => f.write_str("roll back"),
            Self::Confirm(consumer) => write!(f, "confirm {consumer}"),
            Self::Forget(consumer) => write!(f, "forget {consumer}"),
            Self::InstallAnyway => f.write_str("install anyway"),
            Self::KeepOld => f.write_str("keep the old token"),
            Self::RevokedByHand(token) => write!(f, "{token} was revoked by hand"),
            Self::Abandon => f.write_str("abandon"),
        }
    }
}

impl State {
    /// Whether a decision may be taken now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] with the reason, where it would break a promise or there is nothing it could mean.
    pub fn permits(&self, decision: &Decision) -> Result<()> {
        if self.ending.is_some() {
            return refuse("the run is over: nothing is left to decide");
        }
        match decision {
            Decision::Retry => self.permits_retry(),
            Decision::RollBack => self.permits_roll_back(),
            Decision::Confirm(consumer) => self.permits_confirm(consumer),
            Decision::Forget(consumer) => self.permits_forget(consumer),
            Decision::InstallAnyway => match self.candidate_ref().map(|candidate| &candidate.admission) {
                Some(Admission::Refused { refusal, .. }) if refusal.is_final() => {
                    refuse("this token would not work anywhere, whatever anybody decides: hand in another")
                }
                Some(Admission::Refused { grant: None, .. }) => {
                    refuse("the provider said nothing of this token, so nothing may be installed: retry")
                }
                Some(Admission::Refused { .. }) => Ok(()),
                _ => refuse("no token was refused"),
            },
            Decision::KeepOld => match self.old.life {
                _ if !self.has_old() => refuse("there is no old token"),
                _ if self.emergency_for(Compromised::Old) => {
                    refuse("the old token leaked and must go: abandon the run if that is wrong")
                }
                Life::Alive | Life::Asked { .. } => Ok(()),
                Life::Dead(_) => refuse("the old token is dead already"),
                Life::Revoking { .. } | Life::Promised { .. } | Life::Claimed { .. } => {
                    refuse("its end has begun and cannot be taken back: wait until it is known what came of it")
                }
            },
            Decision::RevokedByHand(token) if !self.to_delete().contains(token) => refuse(
                "that token is not to be deleted by hand now: wait until the run asks for it, a place may need it",
            ),
            Decision::RevokedByHand(_) | Decision::Abandon => Ok(()),
        }
    }

    fn permits_retry(&self) -> Result<()> {
        if self.issue == Issue::Lost {
            return refuse(
                "the token's value is lost for ever and nothing can issue another: make one by hand, abandon this run \
                 and adopt the new token",
            );
        }
        let lacking = self.candidate_ref().is_some_and(|candidate| {
            matches!(candidate.admission, Admission::Refused { .. }) || matches!(candidate.life, Life::Dead(_))
        });
        let unknown = self.old.standing == Some(Standing::Unknown);
        if self.gave_up.is_empty() && self.stumbles.is_empty() && self.lost == 0 && !lacking && !unknown {
            return refuse("nothing has failed that could be tried again");
        }
        Ok(())
    }

    fn permits_roll_back(&self) -> Result<()> {
        if self.rolling_back.is_some() {
            return refuse("it is being rolled back already: retry if that is stuck");
        }
        if self.cut_over {
            return refuse("every place has the new token: there is no way back but another rotation");
        }
        if self.may_roll_back() {
            return Ok(());
        }
        refuse(
            "there is no way back: the old token is dead, leaked or not at hand, or a place that was changed cannot be \
             restored; go forward, or abandon the run as it is",
        )
    }

    fn permits_confirm(&self, consumer: &ConsumerName) -> Result<()> {
        let Some((place, at)) = self.open_places().find(|(place, _)| place.name == *consumer) else {
            return refuse("no such place takes part in this run");
        };
        let asked = matches!(at.progress, Progress::Asked(_)) || matches!(at.restore, Restore::Asked(_));
        let confirmable = place.can.confirmation.is_some() && !at.confirmed;
        if asked || (confirmable && matches!(at.progress, Progress::Installed | Progress::Settled)) {
            return Ok(());
        }
        refuse("nothing is to be confirmed there now: the new token is not in place yet, or it was confirmed before")
    }

    fn permits_forget(&self, consumer: &ConsumerName) -> Result<()> {
        let mut others = self.open_places().filter(|(place, _)| place.name != *consumer);
        if self.open_places().all(|(place, _)| place.name != *consumer) {
            return refuse("no such place takes part in this run");
        }
        if others.next().is_none() {
            return refuse("it is the last place, and nothing would be left to do: abandon the run, or roll back");
        }
        Ok(())
    }

    pub(super) fn decided(&mut self, decision: &Decision) -> Result<()> {
        match decision {
            Decision::Retry => self.retry(),
            Decision::RollBack => {
                self.roll_back(&Problem::new(ErrorKind::Refused, "a person decided to roll back"));
            }
            Decision::Confirm(consumer) => self.confirm(consumer)?,
            Decision::Forget(consumer) => {
                self.place_mut(consumer)?.forgotten = true;
                self.suspect_the_forgotten();
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
                candidate.vouched = true;
                // It is looked at once more: what the provider said of it is as old as the refusal.
                candidate.admission = Admission::Unjudged { waived: true };
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

    pub(super) fn retry(&mut self) {
        self.stumbles.clear();
        self.gave_up.clear();
        self.relapses.clear();
        self.stale_predecessor();
        self.lost = 0;
        let old_is_dead = self.has_old() && matches!(self.old.life, Life::Dead(_));
        if old_is_dead && self.open_places().any(|(_, at)| at.holds_new()) {
            // A place was found to hold the new token after all, and there is nothing to put back.
            self.forward_again();
        }
        let back = self.rolling_back.is_some();
        let Some(candidate) = self.candidate_opt().filter(|_| !back) else {
            return;
        };
        let unknown = |refusal: &Refusal| refusal.lacks.iter().any(|lack| matches!(lack, Lack::Dead { .. }));
        let gone = matches!(&candidate.admission, Admission::Refused { refusal, .. } if unknown(refusal));
        if matches!(candidate.life, Life::Dead(_)) {
            self.replace_candidate();
        } else if gone && candidate.origin == Origin::Minted {
            // To judge it once more would say the same. It is ended all the same: its provider may know it after all.
            candidate.discarded = Some(Reason::RolledBack);
            self.replace_candidate();
        } else if matches!(candidate.admission, Admission::Refused { .. }) {
            candidate.admission = Admission::Unjudged { waived: false };
        }
    }

    /// The candidate is of no use any more: issue another, and install that everywhere.
    pub(super) fn replace_candidate(&mut self) {
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

    pub(super) fn confirm(&mut self, consumer: &ConsumerName) -> Result<()> {
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
    pub(super) fn claimed(&mut self, token: &TokenRef) -> Result<()> {
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

    /// Tokens that a person was asked to delete, or whose end we gave up on.
    pub(super) fn to_delete(&self) -> Vec<TokenRef> {
        let mut tokens: Vec<TokenRef> = Vec::new();
        for act in self.gave_up.keys() {
            if let Act::Revoke(token) | Act::Prove(token) = act {
                tokens.push(token.clone());
            }
        }
        let asked = |life: &Life| matches!(life, Life::Asked { .. });
        tokens.extend(asked(&self.old.life).then_some(TokenRef::Old));
        tokens.extend(self.issued.iter().filter(|i| asked(&i.life)).map(|issued| TokenRef::New(issued.attempt)));
        tokens.extend(self.found.iter().filter(|(_, life)| asked(life)).map(|(id, _)| TokenRef::Found(id.clone())));
        tokens.sort();
        tokens.dedup();
        tokens
    }
}

fn refuse(why: &'static str) -> Result<()> {
    Err(Error::new(ErrorKind::Refused, why))
}
