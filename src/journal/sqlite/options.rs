//! How a journal is opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SqliteJournal;
use super::file::{self, Files, Identity};
use super::operation::{Traces, Unsettled};
use super::rescue::RescueFile;
use super::schema;
use super::threads::Shared;
use super::writer::Writer;
use crate::clock::{Clock, SystemClock};
use crate::error::Result;

/// How a [`SqliteJournal`] is opened.
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteOptions {
    rescue: Option<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl SqliteOptions {
    pub(super) fn new() -> Self {
        Self { rescue: None, clock: Arc::new(SystemClock::new()) }
    }

    /// Where the rescue file lies, in place of `.rescue` beside the journal. On another disk it also helps when the first
    /// one fails. All processes that share the journal name the same file.
    pub fn rescue_at(mut self, path: impl Into<PathBuf>) -> Self {
        self.rescue = Some(path.into());
        self
    }

    /// Another clock for leases, for tests. Its wall clock is what counts, as several processes share it.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the journal, or makes it; an older one is brought up to date, and what was rescued is brought back. This
    /// reads and writes files: call it when the program starts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when the file is none of ours or of a newer version,
    /// or when others can reach it. [`ErrorKind::Journal`](crate::ErrorKind::Journal) when it cannot be read or written.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteJournal> {
        let Files { database, rescue } = Files::at(path.as_ref(), self.rescue.as_deref())?;
        file::make(&database)?;
        schema::probe(&database)?;
        let rescue = Arc::new(RescueFile::open(&rescue)?);
        let db = {
            let _alone = rescue.lock()?;
            schema::open(&database)?
        };
        let mut writer = Writer {
            journal: schema::id(&db)?,
            db,
            clock: self.clock,
            identity: Identity::of(&database),
            rescue,
            counters: Arc::default(),
            // Whoever worked with it before may have died before it was cleared away.
            traces: Traces::left_behind(),
            unsettled: Unsettled::default(),
            told: BTreeSet::new(),
        };
        writer.settle(None)?;
        let reader = schema::connect(&database)?;
        Ok(SqliteJournal::over(Shared::start(database, writer, reader)?))
    }
}
