//! How a credential stands, without reading its log.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::batch::SealedValue;
use super::record::{Mac, Seq, message};
use crate::clock::Timestamp;
use crate::name::{CredentialName, Label, RunId, TokenId};
use crate::token::{Expiry, Fingerprint};

/// How a credential stands, without reading its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head {
    /// Which credential.
    pub credential: CredentialName,
    /// Its newest run.
    pub run: Option<RunId>,
    /// Where that run begins in the log.
    pub since: Seq,
    /// The last record.
    pub last: Seq,
    /// How the run stands.
    pub status: Status,
    /// When it can go on without a person.
    pub wake_at: Option<Timestamp>,
    /// The token that is in use.
    pub current: Option<Current>,
    /// Ties it to the last record: a head that was changed, or that belongs to another record, does not fit.
    pub tie: Mac,
}

/// The token that is in use, as far as it may be shown: what the next run must know of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Current {
    /// What may be shown of its value.
    pub fingerprint: Fingerprint,
    /// The provider that it is of. No other is shown it.
    pub provider: String,
    /// Its id there, where known.
    pub id: Option<TokenId>,
    /// The name that it carries there, where a run gave it one.
    pub label: Option<Label>,
    /// Until when it lives, as its provider said; where that says nothing, as it was asked for.
    pub expiry: Expiry,
    /// Since when there is it: when it was issued, pasted or handed in.
    pub since: Timestamp,
}

impl Current {
    /// The token of this fingerprint, which there is since then.
    pub fn new(fingerprint: Fingerprint, provider: impl Into<String>, since: Timestamp) -> Self {
        Self { fingerprint, provider: provider.into(), id: None, label: None, expiry: Expiry::Unknown, since }
    }

    fn parts(&self) -> Vec<String> {
        let expiry = match self.expiry {
            Expiry::At(end) => end.to_string(),
            Expiry::Never => "never".into(),
            Expiry::Unknown => String::new(),
        };
        let (id, label) = (self.id.as_ref().map(TokenId::to_string), self.label.as_ref().map(Label::to_string));
        let (fingerprint, since) = (self.fingerprint.to_string(), self.since.to_string());
        vec![fingerprint, self.provider.clone(), id.unwrap_or_default(), label.unwrap_or_default(), expiry, since]
    }

    /// Its id and name at its provider, and its end.
    #[must_use]
    pub fn known_as(mut self, id: Option<TokenId>, label: Option<Label>, expiry: Expiry) -> Self {
        (self.id, self.label, self.expiry) = (id, label, expiry);
        self
    }
}

impl Head {
    /// A credential without a log.
    #[must_use]
    pub fn new(credential: CredentialName) -> Self {
        Self {
            credential,
            run: None,
            since: Seq::ZERO,
            last: Seq::ZERO,
            status: Status::Idle,
            wake_at: None,
            current: None,
            tie: Mac::GENESIS,
        }
    }

    /// Whether its run can go on without a person by then. One that an engine was at can, whatever the clock said.
    #[must_use]
    pub fn is_due(&self, by: Timestamp) -> bool {
        self.status == Status::Running || (self.status.is_open() && self.wake_at.is_some_and(|at| at <= by))
    }

    /// Whether nothing was ever written for it.
    pub(crate) fn is_blank(&self) -> bool {
        *self == Self::new(self.credential.clone())
    }

    /// The bytes that the tie covers: all that it says, and the values that are kept beside it.
    pub(crate) fn message<'a>(&self, values: impl IntoIterator<Item = &'a SealedValue>) -> Vec<u8> {
        let (since, last) = (self.since.to_string(), self.last.to_string());
        let wake_at = self.wake_at.map_or_else(String::new, |at| at.to_string());
        let mut parts = vec!["head", self.credential.as_str(), self.run.as_ref().map_or("", RunId::as_str)];
        parts.extend([since.as_str(), &last, self.status.as_str(), &wake_at]);
        let current = self.current.as_ref().map(Current::parts).unwrap_or_default();
        parts.extend(current.iter().map(String::as_str));
        let kept: BTreeMap<&str, String> =
            values.into_iter().map(|kept| (kept.id.as_str(), kept.sealed.digest())).collect();
        for (id, digest) in &kept {
            parts.extend(["value", id, digest]);
        }
        message(parts)
    }
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// There is none, or it is over.
    Idle,
    /// An engine is at it, or was when it stopped.
    Running,
    /// A person must do something.
    AwaitingPerson,
    /// It tries again later.
    BackingOff,
    /// The old token has its time of grace.
    Draining,
    /// It cannot go on without a decision.
    NeedsPerson,
}

impl Status {
    /// Its name, as it is tied and stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::AwaitingPerson => "awaiting_person",
            Self::BackingOff => "backing_off",
            Self::Draining => "draining",
            Self::NeedsPerson => "needs_person",
        }
    }

    /// Whether there is an open run.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != Self::Idle
    }
}

/// Which heads to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadFilter {
    /// These.
    pub among: Option<BTreeSet<CredentialName>>,
    /// Those whose token in use is this one.
    pub current: Option<Fingerprint>,
    /// Those with an open run.
    pub open: bool,
    /// Those that can go on without a person by then.
    pub due: Option<Timestamp>,
}

impl HeadFilter {
    /// All.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// This credential's.
    #[must_use]
    pub fn of(credential: &CredentialName) -> Self {
        Self::among([credential.clone()])
    }

    /// Those of these names.
    #[must_use]
    pub fn among(credentials: impl IntoIterator<Item = CredentialName>) -> Self {
        Self { among: Some(credentials.into_iter().collect()), ..Self::default() }
    }

    /// Those whose token in use is this one.
    #[must_use]
    pub fn holding(fingerprint: Fingerprint) -> Self {
        Self { current: Some(fingerprint), ..Self::default() }
    }

    /// Those with an open run.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Those that can go on without a person by then.
    #[must_use]
    pub fn due(mut self, by: Timestamp) -> Self {
        self.due = Some(by);
        self
    }

    /// Whether a head passes.
    #[must_use]
    pub fn admits(&self, head: &Head) -> bool {
        self.among.as_ref().is_none_or(|names| names.contains(&head.credential))
            && self
                .current
                .is_none_or(|current| head.current.as_ref().is_some_and(|in_use| in_use.fingerprint == current))
            && (!self.open || head.status.is_open())
            && self.due.is_none_or(|by| head.is_due(by))
    }
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// What comes after this one, in order of names.
    pub after: Option<CredentialName>,
    /// At most so many.
    pub limit: usize,
}

impl Page {
    /// The first so many.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// So many after this one.
    #[must_use]
    pub fn after(name: CredentialName, limit: usize) -> Self {
        Self { after: Some(name), limit }
    }
}
