//! Where facts become durable.

mod batch;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod head;
mod lease;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
pub(crate) mod private;
mod record;
mod seal;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::name::{CredentialName, Holder};

pub use batch::{Batch, Log, SealedValue, Span, ValueId};
pub use head::{Current, Head, HeadFilter, Page, Status};
pub use lease::{Claim, Durability, Lease};
pub use memory::MemoryJournal;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresJournal, PostgresOptions};
pub use record::{Mac, Record, Seq};
#[cfg(feature = "keyring")]
pub use seal::Keychain;
pub use seal::{InProcess, SealContext, Sealed, Sealer};
#[cfg(feature = "seal")]
pub use seal::{Key, KeyFile, KeyId, KeyRing, KeySealer, KeySource};
#[cfg(feature = "sqlite")]
pub use sqlite::{RescuedBatch, SqliteJournal, SqliteOptions, SqliteStats};

/// Where facts become durable: one log for each credential, of which a rotation is a span.
///
/// A journal sees sealed values only, and never reads a fact. It keeps three promises: what [`append`](Self::append)
/// answered survives as far as [`durability`](Self::durability) says; a batch is there as a whole or not at all; and only
/// the newest lease of a credential writes.
#[async_trait]
pub trait Journal: Debug + Send + Sync + 'static {
    /// Whether what it took survives.
    fn durability(&self) -> Durability;

    /// Claims the right to write a credential's log for `ttl`, by the journal's own clock. It is granted when nobody has
    /// it, when it has run out, or when `holder` has it already; each grant has a higher epoch than all before.
    ///
    /// # Errors
    ///
    /// When the journal cannot be reached.
    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim>;

    /// Claims up to `limit` credentials of those that pass the filter and whose open run can go on without a person by
    /// now, those first that wait longest.
    ///
    /// # Errors
    ///
    /// When the journal cannot be reached.
    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>>;

    /// Makes a batch durable and renews the lease. `after` is the last record that the caller knows of.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fenced`](crate::ErrorKind::Fenced) without effect when somebody else has claimed since, or when the
    /// log went on without the caller. [`Effect::Unknown`](crate::Effect::Unknown) when it may have been stored.
    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq>;

    /// Shows that a record of so many bytes could be stored now: writes one, and removes it. Before a token is issued, so
    /// that a full or read-only disk is found while nothing is at stake.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when it could not.
    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()>;

    /// Keeps a batch that [`append`](Self::append) could not store, in a place that was set aside for it. It is brought
    /// back, as if it had been appended, before the credential is claimed again.
    ///
    /// # Errors
    ///
    /// When there is no such place, it is full, or it cannot be written either.
    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()>;

    /// Gives the right back.
    ///
    /// # Errors
    ///
    /// When the journal cannot be reached; it runs out by itself then.
    async fn release(&self, lease: Lease) -> Result<()>;

    /// A credential's head, those of its records that are asked for, and every value that is kept for it, all of one
    /// moment.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log>;

    /// How credentials stand, in order of their names.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>>;
}
