//! How a run ends, and what it waits for until then.

use serde::{Deserialize, Serialize};

use super::{Death, TokenRef};
use crate::clock::Timestamp;
use crate::error::Problem;
use crate::guide::Guide;
use crate::name::{ConsumerName, Label, TokenId};
use crate::token::{Expiry, Fingerprint, Refusal};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// Every place has the new token.
    Completed {
        /// What became of the old one.
        old: OldEnd,
    },
    /// Nothing was left changed: every place has the old token, and a new one that we caused is revoked.
    RolledBack {
        /// Why.
        because: Problem,
    },
    /// Nothing was changed, and nothing was issued.
    Stopped {
        /// Why.
        because: Problem,
    },
    /// A person ended it as it was.
    Abandoned,
}

/// What became of the old token in a completed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OldEnd {
    /// It is dead.
    Dead(Death),
    /// It lives on, as the policy or a person decided.
    Kept,
    /// It lives on, because a forgotten place may still hold it.
    KeptForForgotten,
    /// It lives until it expires.
    LeftToExpire,
    /// There was none.
    None,
}

/// How a run stands when a call returns. Everything here is durable already.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Over: every place has the new token.
    Completed(Completion),
    /// Over: nothing was left changed.
    #[non_exhaustive]
    RolledBack {
        /// Why.
        because: Problem,
        /// Tokens that may live though nobody knows their value.
        orphans: Vec<Orphan>,
    },
    /// Over: nothing was changed.
    #[non_exhaustive]
    Stopped {
        /// Why.
        because: Problem,
        /// Tokens that may live though nobody knows their value.
        orphans: Vec<Orphan>,
    },
    /// Over: a person ended it as it was.
    #[non_exhaustive]
    Abandoned {
        /// Who holds what.
        holdings: Vec<Holding>,
        /// Tokens that may live though nobody knows their value.
        orphans: Vec<Orphan>,
    },
    /// A person must do something; the run waits, across restarts.
    #[non_exhaustive]
    AwaitingPerson {
        /// What. They may be done in any order.
        asks: Vec<Ask>,
        /// What failed meanwhile: the run waits for the person, and these need one too.
        problems: Vec<Problem>,
    },
    /// Something failed and is tried again. Call `resume_due` then.
    #[non_exhaustive]
    BackingOff {
        /// When.
        until: Timestamp,
        /// What failed.
        problems: Vec<Problem>,
    },
    /// The old token has its time of grace. Call `resume_due` then.
    #[non_exhaustive]
    Draining {
        /// Until when.
        until: Timestamp,
    },
    /// Something is to be done, and no engine that this call knows of is at it: one works on it elsewhere, or died.
    Unfinished,
    /// It cannot go on without a decision. Both tokens stay alive.
    #[non_exhaustive]
    NeedsPerson {
        /// What failed for good.
        problems: Vec<Problem>,
        /// Who holds what.
        holdings: Vec<Holding>,
        /// Tokens that may live though nobody knows their value.
        orphans: Vec<Orphan>,
    },
}

impl Outcome {
    /// Whether the run is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::RolledBack { .. } | Self::Stopped { .. } | Self::Abandoned { .. })
    }
}

/// What a completed run did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Completion {
    /// What may be shown of the new token.
    pub fingerprint: Option<Fingerprint>,
    /// What became of the old one.
    pub old: OldEnd,
    /// Who holds what.
    pub holdings: Vec<Holding>,
    /// Tokens that may live though nobody knows their value.
    pub orphans: Vec<Orphan>,
}

/// What a place may hold, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holding {
    /// Which place.
    pub consumer: ConsumerName,
    /// One token, or each that it may be.
    pub tokens: Vec<TokenRef>,
    /// Whether a person said to leave it out.
    pub forgotten: bool,
}

/// A token that may live though nobody knows its value, though nobody found it to be what was asked for, or though the
/// run that caused it is over. The value of the last kind stays sealed in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Orphan {
    /// The name it carries at the provider. Where there is none, nor an id, it has the name of the token before.
    pub label: Option<Label>,
    /// Its id there, where known.
    pub id: Option<TokenId>,
    /// Until when it may live, as it was asked for or as its provider said.
    #[serde(default)]
    pub expiry: Expiry,
}

/// What a person is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ask {
    /// Make a token and hand it in with `supply`; where `polled` is set, only agree elsewhere.
    #[non_exhaustive]
    Token {
        /// How.
        guide: Guide,
        /// Why the one before was refused, if one was.
        refusal: Option<Refusal>,
        /// When we ask the provider ourselves whether it was done; call `resume_due` then.
        polled: Option<Timestamp>,
    },
    /// Put right what the new token lacks, then `resolve` with `Retry`.
    #[non_exhaustive]
    Cure {
        /// What it lacks.
        refusal: Refusal,
    },
    /// Put the token in place by hand (`reveal` shows it), then `resolve` with `Confirm`.
    #[non_exhaustive]
    Installation {
        /// Where.
        consumer: ConsumerName,
        /// Which token.
        token: TokenRef,
        /// How.
        guide: Guide,
    },
    /// Do what a place needs before the old token goes, then `resolve` with `Confirm`.
    #[non_exhaustive]
    Confirmation {
        /// Where.
        consumer: ConsumerName,
        /// What.
        text: String,
    },
    /// Delete a token, then `resolve` with `RevokedByHand` of it.
    #[non_exhaustive]
    Deletion {
        /// Which.
        token: TokenRef,
        /// How.
        guide: Guide,
    },
}

impl Ask {
    /// How to do it, where there is more to say than one line.
    #[must_use]
    pub fn guide(&self) -> Option<&Guide> {
        match self {
            Self::Token { guide, .. } | Self::Installation { guide, .. } | Self::Deletion { guide, .. } => Some(guide),
            Self::Cure { .. } | Self::Confirmation { .. } => None,
        }
    }
}
