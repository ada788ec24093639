//! What is written together, and what is read together.

use serde::{Deserialize, Serialize};

use super::head::Head;
use super::record::{Record, Seq};
use super::seal::{SealContext, Sealed};

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

/// How much of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Span {
    /// The last record alone, to which the head is tied.
    Head,
    /// The newest run, and the record before it.
    NewestRun,
    /// From this record on.
    From(Seq),
}

impl Span {
    /// The first record that belongs to it, given the head; zero is the first there is.
    #[must_use]
    pub fn first(self, head: &Head) -> Seq {
        match self {
            Self::Head => head.last,
            Self::NewestRun => head.since.before(),
            Self::From(seq) => seq,
        }
    }
}

/// What is known of a credential at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Log {
    /// How it stands.
    pub head: Head,
    /// The records that were asked for, in order.
    pub records: Vec<Record>,
    /// Every value that is kept for it.
    pub values: Vec<SealedValue>,
}

impl Log {
    /// What is known of a credential.
    #[must_use]
    pub fn new(head: Head, records: Vec<Record>, values: Vec<SealedValue>) -> Self {
        Self { head, records, values }
    }
}
