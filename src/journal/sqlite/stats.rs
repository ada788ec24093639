//! How often a journal went to the disk.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// How often a journal went to the disk since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SqliteStats {
    /// What it was asked to do: claims, appends, rehearsals and releases.
    pub operations: u64,
    /// Commits that wrote something. Each waits once for the disk, whatever number of operations it holds.
    pub commits: u64,
    /// How often the log was emptied into the database, because something had been destroyed or the journal was closed.
    pub checkpoints: u64,
}

/// What the thread counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    operations: AtomicU64,
    commits: AtomicU64,
    checkpoints: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, operations: usize, wrote: bool) {
        self.operations.fetch_add(operations as u64, Ordering::Relaxed);
        self.commits.fetch_add(u64::from(wrote), Ordering::Relaxed);
    }

    pub(super) fn checkpoint(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> SqliteStats {
        SqliteStats {
            operations: self.operations.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            checkpoints: self.checkpoints.load(Ordering::Relaxed),
        }
    }
}
