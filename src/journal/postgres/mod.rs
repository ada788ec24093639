//! The durable journal for many machines: one PostgreSQL database.

mod address;
mod append;
mod failure;
mod group;
mod lease;
mod line;
mod options;
mod query;
mod schema;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, Page, Seq, Span};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{CredentialName, Holder};

pub use options::PostgresOptions;

use append::Entry;
use group::Queue;
use line::Line;

/// A journal in a PostgreSQL database (13 or newer), for workers on any number of machines. What it took survives the
/// worker, the database's process and the loss of power.
///
/// Leases run by the database's clock alone, so workers' clocks may differ. An append is one statement, and one trip: it
/// is stored as a whole or not at all, and only when the lease is the newest and the log has not gone on. Those that come
/// together share both, so that many rotations cost little more than one. An append is answered when it is on the database's
/// disk, whatever the server's `synchronous_commit` says; synchronous standbys are waited for. A standby that is promoted
/// without being synchronous is an old copy of the journal (DESIGN.md, "What if the journal is an old copy?").
///
/// Values arrive sealed, and the key never does. Destroyed ones stay in the database's dead rows until it reclaims them, and
/// in its write-ahead log and backups for as long as those are kept.
///
/// There is no place for what cannot be [rescued](Journal::rescue) into: a file of this machine would not be found by the
/// worker on another that goes on.
///
/// TLS is always verified. A pooler between the worker and the database must pool whole sessions, not transactions. A
/// connection lives on the runtime that it was made in.
///
/// ```no_run
/// use std::sync::Arc;
/// use tokenturn::journal::PostgresJournal;
///
/// # async fn example(password: &str) -> tokenturn::Result<()> {
/// let address = format!("postgres://rotator:{password}@db.example.com/rotator").into();
/// let journal = Arc::new(PostgresJournal::open(&address).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresJournal {
    line: Arc<Line>,
    queue: Arc<Queue>,
    schema: Arc<str>,
}

impl fmt::Debug for PostgresJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresJournal").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PostgresJournal {
    /// Opens the journal in the database at this address, or makes it there:
    /// `postgres://user:password@host/database`, or the same as `key=value` words.
    ///
    /// # Errors
    ///
    /// As [`PostgresOptions::open`].
    pub async fn open(address: &SecretString) -> Result<Self> {
        Self::options().open(address).await
    }

    fn over(line: Line, schema: String) -> Self {
        let line = Arc::new(line);
        Self { queue: Queue::new(line.clone()), line, schema: schema.into() }
    }

    /// How to open it otherwise.
    pub fn options() -> PostgresOptions {
        PostgresOptions::new()
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        lease::claim(&self.line, credential, holder, ttl).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        lease::claim_due(&self.line, filter, holder, ttl, limit).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        self.queue.append(Entry::new(lease, after, batch)?).await?;
        Ok(batch.head.last)
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        append::rehearse(&self.line, lease, bytes).await
    }

    /// Always refused: there is no other place than the database.
    async fn rescue(&self, _: &Lease, _: Seq, _: &Batch) -> Result<()> {
        let text = "a journal in a database has no other place that every worker would find: bring the database back";
        Err(Error::new(ErrorKind::Journal, text))
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        lease::release(&self.line, &lease).await
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        query::load(&self.line, credential, span).await
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        query::heads(&self.line, filter, &page).await
    }
}
