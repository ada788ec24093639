//! What a journal holds.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seal::{SealContext, Sealed};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{CredentialName, Holder, Label, RunId, TokenId};
use crate::token::{Expiry, Fingerprint};

/// A place in a credential's log, counted from one. Zero stands before the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// Before the first record.
    pub const ZERO: Self = Self(0);

    /// The place with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The place after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The place before it, or zero.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What ties a record to the one before it: a changed, swapped, removed or replayed record does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mac([u8; 32]);

impl Mac {
    /// Before the first record.
    pub const GENESIS: Self = Self([0; 32]);

    /// A tie of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl TryFrom<String> for Mac {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for Mac {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::new(ErrorKind::Journal, "a record's tie to the one before it is not 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// One fact of one run, as it was written down. A journal stores it and never reads the fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// Its place in the credential's log.
    pub seq: Seq,
    /// Which lease wrote it.
    pub epoch: u64,
    /// Of which run.
    pub run: RunId,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// The fact, as JSON.
    pub fact: String,
    /// Ties it to the record before.
    pub mac: Mac,
}

impl Record {
    /// A record.
    #[must_use]
    pub fn new(seq: Seq, epoch: u64, run: RunId, at: Timestamp, fact: String, mac: Mac) -> Self {
        Self { seq, epoch, run, at, fact, mac }
    }

    /// The bytes that the tie covers: whose record it is, where it stands, and all that it says.
    pub(crate) fn message(&self, credential: &CredentialName) -> Vec<u8> {
        let (seq, epoch, at) = (self.seq.to_string(), self.epoch.to_string(), self.at.to_string());
        let parts = [credential.as_str(), &seq, &epoch, self.run.as_str(), &at, &self.fact];
        let mut message = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        message
    }
}

/// Under which name a sealed value is kept: `current` lives with the credential, the others with a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueId(String);

impl ValueId {
    /// The name by its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A sealed value, and what it was sealed to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealedValue {
    /// Under which name it is kept.
    pub id: ValueId,
    /// What it was sealed to: opened with anything else, it does not open.
    pub context: SealContext,
    /// The sealed value.
    pub sealed: Sealed,
}

impl SealedValue {
    /// A sealed value under its name.
    #[must_use]
    pub fn new(id: ValueId, context: SealContext, sealed: Sealed) -> Self {
        Self { id, context, sealed }
    }
}

/// What becomes durable together, or not at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// The records, in order. None at all renews the lease.
    pub records: Vec<Record>,
    /// Values that are kept from now on; one of the same name is overwritten.
    pub keep: Vec<SealedValue>,
    /// Values that must be gone for good afterwards.
    pub destroy: Vec<ValueId>,
    /// How the credential stands then.
    pub head: Head,
}

impl Batch {
    /// A batch that changes nothing but the head.
    #[must_use]
    pub fn new(head: Head) -> Self {
        Self { records: Vec::new(), keep: Vec::new(), destroy: Vec::new(), head }
    }
}

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
    /// Until when it lives, as far as its provider said.
    pub expiry: Expiry,
    /// Since when it is in use everywhere.
    pub since: Timestamp,
}

impl Current {
    /// The token of this fingerprint, in use since then.
    pub fn new(fingerprint: Fingerprint, provider: impl Into<String>, since: Timestamp) -> Self {
        Self { fingerprint, provider: provider.into(), id: None, label: None, expiry: Expiry::Unknown, since }
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
        }
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
    /// Whether there is an open run.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != Self::Idle
    }
}

/// The right to write one credential's log, until it ends or somebody else takes it over.
#[derive(Debug)]
#[non_exhaustive]
pub struct Lease {
    /// Of which credential.
    pub credential: CredentialName,
    /// Who has it.
    pub holder: Holder,
    /// Its number: whoever claims later has a higher one, and only the highest may write.
    pub epoch: u64,
    /// How long it lasts from the moment it was asked for, and from every append.
    pub ttl: Duration,
}

impl Lease {
    /// A lease.
    #[must_use]
    pub fn new(credential: CredentialName, holder: Holder, epoch: u64, ttl: Duration) -> Self {
        Self { credential, holder, epoch, ttl }
    }
}

/// What came of claiming.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Claim {
    /// It is yours.
    Granted(Lease),
    /// Somebody else has it for so long at most.
    HeldFor(Duration),
}

/// Whether what a journal took survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Durability {
    /// It is gone with the process.
    Volatile,
    /// It survives the process and the loss of power.
    Durable,
}

/// A credential's log from some place on, and every value that is kept for it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Log {
    /// The records, in order.
    pub records: Vec<Record>,
    /// The sealed values.
    pub values: Vec<SealedValue>,
}

impl Log {
    /// A log.
    #[must_use]
    pub fn new(records: Vec<Record>, values: Vec<SealedValue>) -> Self {
        Self { records, values }
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
            && self.due.is_none_or(|by| head.status.is_open() && head.wake_at.is_some_and(|at| at <= by))
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
