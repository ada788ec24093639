//! One fact as it was written down, and what ties it to the one before.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{CredentialName, RunId};

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
        message(["record", credential.as_str(), &seq, &epoch, self.run.as_str(), &at, &self.fact])
    }
}

/// Texts one after the other, each with its length: two lists never make the same bytes.
pub(super) fn message<'a>(parts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    message
}
