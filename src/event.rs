//! What a front end is told, as it happens and afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::journal::Seq;
use crate::name::{CredentialName, RunId};
use crate::rotation::{Death, Ending, Fact, OldEnd, Standing};

/// One thing that has happened, told after it became durable. Every record makes exactly one event, with its number, so
/// that a listener that missed some asks for those after the last one it saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Of which credential.
    pub credential: CredentialName,
    /// In which run.
    pub run: RunId,
    /// Its number in the credential's log.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

impl Event {
    pub(crate) fn new(credential: CredentialName, run: RunId, seq: Seq, at: Timestamp, fact: Fact) -> Self {
        Self { credential, run, seq, at, fact }
    }
}

/// Listens to events. It must not block: hand them on to a channel.
pub trait Observer: Send + Sync + 'static {
    /// Something has happened.
    fn notify(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync + 'static> Observer for F {
    fn notify(&self, event: &Event) {
        self(event);
    }
}

/// One line for a person. `{:#}` leaves out what only machines want.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "{} {} #{}: ", self.at, self.credential, self.seq)?;
        }
        fmt::Display::fmt(&self.fact, f)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun(charter) => {
                write!(f, "the rotation begins, for {} consumers, with {}", charter.places.len(), charter.provider)
            }
            Self::Resumed { .. } => f.write_str("taken up again: whatever was under way is looked at first"),
            Self::PredecessorLooked { standing, .. } => f.write_str(match standing {
                Standing::Live => "the old token is alive",
                Standing::Lacking => "the old token is alive and lacks scopes that the consumers need",
                Standing::Dead => "the old token is dead: there is no way back to it",
                Standing::Unknown => "how the old token stands cannot be found out",
            }),
            Self::Preflighted { consumer, slot, .. } => {
                write!(f, "{consumer}: can be written")?;
                slot.warnings.iter().try_for_each(|warning| write!(f, "; {warning}"))
            }
            Self::Issuing { attempt, label, .. } => write!(f, "asking for a token, {label} (attempt {attempt})"),
            Self::TokenAsked { .. } => f.write_str("waiting for a person to make a token"),
            Self::IssuePending { .. } => f.write_str("waiting for a person to agree"),
            Self::Collecting { .. } => f.write_str("asking whether the person has agreed"),
            Self::Issued { fingerprint, .. } => write!(f, "there is a new token, {fingerprint}"),
            Self::OrphansFound { ids, .. } if ids.is_empty() => f.write_str("the lost attempt left nothing behind"),
            Self::OrphansFound { ids, .. } => {
                let tokens = if ids.len() == 1 { "token" } else { "tokens" };
                write!(f, "the lost attempt left {} {tokens} behind, to be revoked once nobody can hold it", ids.len())
            }
            Self::OrphanPossible { label, .. } => {
                write!(f, "a token {label} may live that nobody knows: delete it at the provider if it is there")
            }
            Self::TokenLost { label, .. } => {
                write!(
                    f,
                    "the answer with the token that was asked for as {label} was lost, and the old one is dead: a person must help"
                )
            }
            Self::Admitted { grant, warnings } => {
                write!(f, "the new token is good: it belongs to {}", grant.owner)?;
                warnings.iter().try_for_each(|warning| write!(f, "; {warning}"))
            }
            Self::Refused { refusal, .. } => write!(f, "the new token was refused: {refusal}"),
            Self::CandidateDied => f.write_str("the new token is dead, and nobody here ended it"),
            Self::Installing { consumer, .. } => write!(f, "{consumer}: installing"),
            Self::InstallationAsked { consumer, .. } => write!(f, "{consumer}: waiting for a person to put it there"),
            Self::Installed { consumer, .. } => write!(f, "{consumer}: installed"),
            Self::Verified { consumer, verification } => {
                write!(f, "{consumer}: verified")?;
                verification.note.iter().try_for_each(|note| write!(f, " ({note})"))
            }
            Self::Relapsed { consumer, .. } => write!(f, "{consumer}: does not hold the new token, installing again"),
            Self::CutOver => f.write_str("every consumer has the new token"),
            Self::Draining { until } => write!(f, "the old token has its time of grace, until {until}"),
            Self::LastLooked => f.write_str("the last look: the new token lives and is in use everywhere"),
            Self::Revoking { token, .. } => write!(f, "revoking {token}"),
            Self::RevocationAnswered { token, .. } => write!(f, "the provider took the revocation of {token}"),
            Self::DeletionAsked { token, .. } => write!(f, "waiting for a person to delete {token}"),
            Self::StillAlive { token } => write!(f, "{token} is still alive"),
            Self::Revoked { token, proof: Death::Answered } => {
                write!(f, "{token} is ended, as the provider says; nobody could look")
            }
            Self::Revoked { token, proof: Death::Word } => {
                write!(f, "{token} is deleted, as a person says; nobody could look")
            }
            Self::Revoked { token, .. } => write!(f, "{token} is dead"),
            Self::VerifiedAfter { consumer, .. } => write!(f, "{consumer}: works with the new token alone"),
            Self::RollingBack { because } => write!(f, "rolling back: {because}"),
            Self::Restoring { consumer, .. } => write!(f, "{consumer}: putting the old token back"),
            Self::RestorationAsked { consumer, .. } => {
                write!(f, "{consumer}: waiting for a person to put the old token back")
            }
            Self::Restored { consumer, .. } => write!(f, "{consumer}: the old token is back"),
            Self::RestoreVerified { consumer, .. } => write!(f, "{consumer}: the old token works there"),
            Self::Stumbled { act, problem, again_at, .. } => write!(f, "{act}: {problem}; trying again at {again_at}"),
            Self::GaveUp { act, problem } => write!(f, "{act}: given up: {problem}"),
            Self::Revealed { consumer } => write!(f, "{consumer}: the token was shown to a person"),
            Self::Decided { decision } => write!(f, "a person decided: {decision}"),
            Self::Overdue { since } => {
                write!(f, "a person was asked to do something until {since}, and it is not done")
            }
            Self::Emergency { .. } => f.write_str("a token leaked: hurrying"),
            Self::Ended { ending } => match ending {
                Ending::Completed { old } => {
                    f.write_str("completed: ")?;
                    f.write_str(match old {
                        OldEnd::Dead(Death::Answered) => {
                            "the provider says that the old token is ended; nobody could look"
                        }
                        OldEnd::Dead(Death::Word) => "a person says that the old token is deleted; nobody could look",
                        OldEnd::Dead(_) => "the old token is dead",
                        OldEnd::Kept => "the old token lives on, as was decided",
                        OldEnd::KeptForForgotten => "the old token lives on, as a forgotten consumer may hold it",
                        OldEnd::LeftToExpire => "the old token lives until it expires",
                        OldEnd::None => "there was no old token",
                    })
                }
                Ending::RolledBack { because } => write!(f, "rolled back: {because}"),
                Ending::Stopped { because } => write!(f, "stopped, nothing was changed: {because}"),
                Ending::Abandoned => f.write_str("abandoned as it was"),
            },
        }
    }
}
