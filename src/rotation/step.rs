//! What is to be done next.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fact, TokenRef};
use crate::name::ConsumerName;

/// What is to be done next. Steps that are given together may run together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the engine must handle each")]
pub enum Step {
    /// Something with the outside.
    Do(Act),
    /// Nothing to do: write this down.
    Record(Box<Fact>),
    /// A person must do something first.
    Await(Wait),
}

/// Something done with the outside: what can fail, be lost, and be tried again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// Look at the token before.
    LookAtPredecessor,
    /// Read a place, and try its check with the token before.
    Preflight(ConsumerName),
    /// Ask for a token.
    Issue,
    /// Look for tokens of the lost attempt.
    FindOrphans,
    /// Ask whether a person has agreed.
    Collect,
    /// Ask what the new token is and judge it.
    Admit,
    /// Put the new token in place.
    Install(ConsumerName),
    /// Verify it there.
    Verify(ConsumerName),
    /// Look at everything once more before the old token goes.
    LastLook,
    /// End a token.
    Revoke(TokenRef),
    /// Look whether a token is dead.
    Prove(TokenRef),
    /// Verify a place now that only the new token can pass.
    VerifyAfter(ConsumerName),
    /// Put the old token back.
    Restore(ConsumerName),
    /// Verify it there.
    VerifyRestored(ConsumerName),
}

impl Act {
    /// Whether it changes something outside: that it is begun is written down first.
    pub(crate) fn changes_something(&self) -> bool {
        matches!(self, Self::Install(_) | Self::Restore(_) | Self::Revoke(_) | Self::Issue | Self::Collect)
    }
}

/// What a person must do first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wait {
    /// Make a token and paste it, or agree elsewhere.
    Token,
    /// Put right what the new token lacks.
    Cure,
    /// Put a token in place by hand.
    Installation(ConsumerName),
    /// Do and confirm what a place needs before the old token goes.
    Confirmation(ConsumerName),
    /// Delete a token.
    Deletion(TokenRef),
    /// Decide.
    Decision,
}

impl fmt::Display for TokenRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old => f.write_str("the old token"),
            Self::New(_) => f.write_str("the new token"),
            Self::Found(id) => write!(f, "the orphan {id}"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LookAtPredecessor => f.write_str("look at the old token"),
            Self::Preflight(consumer) => write!(f, "read {consumer}"),
            Self::Issue => f.write_str("issue a token"),
            Self::FindOrphans => f.write_str("look for orphans of the lost attempt"),
            Self::Collect => f.write_str("ask whether the token is there"),
            Self::Admit => f.write_str("check the new token"),
            Self::Install(consumer) => write!(f, "install in {consumer}"),
            Self::Verify(consumer) => write!(f, "verify in {consumer}"),
            Self::LastLook => f.write_str("look at everything once more"),
            Self::Revoke(token) => write!(f, "revoke {token}"),
            Self::Prove(token) => write!(f, "see that {token} is dead"),
            Self::VerifyAfter(consumer) => write!(f, "verify in {consumer} with the new token alone"),
            Self::Restore(consumer) => write!(f, "put the old token back in {consumer}"),
            Self::VerifyRestored(consumer) => write!(f, "verify the old token in {consumer}"),
        }
    }
}
