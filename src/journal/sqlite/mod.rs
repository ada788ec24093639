//! The durable journal: one SQLite file, for any number of processes of one machine.

mod append;
mod backup;
mod failure;
mod file;
mod lease;
mod operation;
mod options;
mod query;
mod recover;
mod rescue;
mod rescued;
mod schema;
mod statement;
mod stats;
mod threads;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;

use super::{Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, Page, Seq, Span};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{CredentialName, Holder};

pub use options::SqliteOptions;
#[cfg(feature = "testing")]
pub(crate) use rescue::rescue_slot;
pub use rescued::RescuedBatch;
pub use stats::SqliteStats;

use threads::{Shared, aside};
use writer::Message;

/// A journal in one SQLite file. What it took survives the process and the loss of power.
///
/// Any number of processes of one machine can share the file; network disks cannot hold it. One thread writes: what queues
/// up while it waits for the disk goes to the disk together, so that many rotations cost little more than one. Handles are
/// cheap to clone and share the thread; the last one to be dropped waits until everything that was accepted is written.
///
/// The file, what SQLite keeps beside it (`-wal`, `-shm`) and the rescue file are readable by their owner alone, in a
/// directory that nobody else may write. Values arrive sealed. Destroyed ones are gone from the database and the log beside
/// it as soon as the journal is quiet: all others are written anew then, as SQLite's own overwriting leaves parts behind.
/// Copies that were made before keep them.
///
/// ```no_run
/// use std::sync::Arc;
/// use tokenturn::journal::SqliteJournal;
///
/// # fn main() -> tokenturn::Result<()> {
/// let journal = Arc::new(SqliteJournal::open("/var/lib/rotator/journal")?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteJournal {
    shared: Arc<Shared>,
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl SqliteJournal {
    /// Opens the journal in this file, or makes it, with its rescue file beside it.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// How to open it otherwise.
    pub fn options() -> SqliteOptions {
        SqliteOptions::new()
    }

    fn over(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// How often it went to the disk.
    #[must_use]
    pub fn stats(&self) -> SqliteStats {
        self.shared.counters.read()
    }

    /// Brings back what was [rescued](Journal::rescue), and says how many batches. [`open`](Self::open) does it, and every
    /// claim of the credential; call it to see whether anything is left.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when something could not be brought back: it stays in the rescue file, and the credential
    /// cannot be claimed until a person has looked.
    pub async fn recover(&self) -> Result<usize> {
        self.shared.ask(Message::Recover).await
    }

    /// What is in the rescue file and was not brought back, with the reason. For a person: a batch behind which the log went
    /// on holds its credential up until it is [given up](Self::discard).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when the rescue file or the journal cannot be read.
    pub async fn rescued(&self) -> Result<Vec<RescuedBatch>> {
        let (rescue, journal) = (self.shared.rescue.clone(), self.shared.journal);
        let found = aside(move || rescue.read()).await?.batches;
        let ask = move |db: &Connection| {
            let ours = found.iter().filter(|(_, rescued)| rescued.journal == journal);
            ours.map(|(_, rescued)| Ok(RescuedBatch::new(rescued, recover::why(db, rescued)?))).collect()
        };
        self.shared.read(ask).await
    }

    /// Gives up what was rescued, and overwrites it. A token that is in it, and nowhere else, is lost with it: end it at its
    /// provider first, where it stands under the label of the run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when it is not there any more, [`ErrorKind::Journal`] when it could not be overwritten.
    pub async fn discard(&self, batch: &RescuedBatch) -> Result<()> {
        let (rescue, mark) = (self.shared.rescue.clone(), *batch.mark());
        if aside(move || rescue.discard(&mark)).await? {
            tracing::warn!(credential = %batch.credential, "what was rescued was given up");
            return Ok(());
        }
        let text = "this is not in the rescue file any more: ask again what is";
        Err(Error::new(ErrorKind::NotFound, text).with_subject(batch.credential.as_str()))
    }

    /// Writes a copy of one moment into a new file, readable by its owner alone, while the journal is in use. A copy of the
    /// files themselves may be none.
    ///
    /// To restore one, end every process that uses the journal, move the journal's file and its `-wal` and `-shm` away, and
    /// put the copy in its place. The rescue file stays. What happened since is not in the copy: runs that go on from it look
    /// before they act.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when there is such a file already, or others could reach it. [`ErrorKind::Journal`] when
    /// it could not be written; nothing is left of it then.
    pub async fn backup(&self, to: impl Into<PathBuf>) -> Result<()> {
        let to = to.into();
        self.shared.read(move |db| backup::write(db, &to)).await
    }

    /// Brings everything into the database file, and empties the log beside it of what was destroyed. It happens by itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] while another process reads, [`ErrorKind::Journal`] when the disk fails.
    pub async fn checkpoint(&self) -> Result<()> {
        self.shared.ask(Message::Checkpoint).await
    }

    /// Ends this handle, with the log emptied. Dropping the last one does the same, but blocks its thread until what queues up
    /// is on the disk, and tells nobody when it fails.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Self::checkpoint). What was answered is durable all the same.
    pub async fn close(self) -> Result<()> {
        let done = self.checkpoint().await;
        aside(move || {
            drop(self);
            Ok(())
        })
        .await?;
        done
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        let (credential, holder) = (credential.clone(), holder.clone());
        self.shared.write(Some(holder.clone()), move |desk| lease::claim(desk, &credential, &holder, ttl)).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        let (filter, holder) = (filter.clone(), holder.clone());
        self.shared.write(Some(holder.clone()), move |desk| lease::claim_due(desk, &filter, &holder, ttl, limit)).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        let (lease, batch) = (copy(lease), batch.clone());
        self.shared.write(None, move |desk| append::append(desk, &lease, after, &batch)).await
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        let (rescue, lease) = (self.shared.rescue.clone(), copy(lease));
        aside(move || rescue.rehearse()).await?;
        self.shared.write(None, move |desk| append::rehearse(desk, &lease, bytes)).await
    }

    /// Needs no database, and no room on the disk.
    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        let (shared, lease, batch) = (self.shared.clone(), copy(lease), batch.clone());
        aside(move || shared.rescue.keep(shared.journal, &lease, after, &batch)).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.shared.write(None, move |desk| lease::release(desk, &lease)).await
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        let credential = credential.clone();
        self.shared.read(move |db| query::load(db, &credential, span)).await
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        let filter = filter.clone();
        self.shared.read(move |db| query::heads(db, &filter, &page)).await
    }
}

/// A lease is one right and no clone of it; within the journal it is only a number to compare.
fn copy(lease: &Lease) -> Lease {
    Lease::new(lease.credential.clone(), lease.holder.clone(), lease.epoch, lease.ttl)
}
