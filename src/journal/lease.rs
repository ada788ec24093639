//! Who may write, and whether what was written survives.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::{CredentialName, Holder};

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
