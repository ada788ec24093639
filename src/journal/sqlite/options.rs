//! How a journal is opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::SqliteJournal;
use super::file::{self, Files, Identity};
use super::operation::{Traces, Unsettled};
use super::rescue::RescueFile;
use super::schema;
use super::threads::Shared;
use super::writer::Writer;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};

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
    /// one fails. All processes that share the journal name the same file: opening it with another is refused while that
    /// one holds something.
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
            let db = schema::open(&database)?;
            belong_together(&db, &rescue)?;
            db
        };
        let mut writer = Writer {
            journal: schema::id(&db)?,
            db,
            path: database.clone(),
            clock: self.clock,
            // The log has its name as long as somebody has the database open.
            identity: Identity::of([database.clone(), file::beside(&database, "-wal")]),
            rescue,
            counters: Arc::default(),
            // Whoever worked with it before may have died before it was cleared away.
            traces: Traces::left_behind(),
            unsettled: Unsettled::default(),
            company: 1,
            told: BTreeSet::new(),
        };
        writer.settle(None)?;
        let reader = schema::connect(&database)?;
        Ok(SqliteJournal::over(Shared::start(database, writer, reader)?))
    }
}

/// Refuses a rescue file that is not the journal's own while that one holds something: what was rescued there would be
/// missed. Where it is gone or empty, this one is the journal's from now on.
fn belong_together(db: &Connection, rescue: &RescueFile) -> Result<()> {
    let (ours, path) = (rescue.id(), rescue.path());
    match schema::rescue(db)? {
        Some((id, at)) if id == ours && at == path => return Ok(()),
        Some((id, at)) if id != ours => {
            if at != path && RescueFile::is_needed(&at, id, schema::id(db)?)? {
                let text = format!(
                    "what was rescued lies in {}, and the journal was opened with {}: open it with the first one, as all \
                     processes must that share it",
                    at.display(),
                    path.display()
                );
                return Err(Error::new(ErrorKind::Configuration, text));
            }
            let (before, now) = (at.display(), path.display());
            tracing::warn!(%before, %now, "the journal's rescue file is gone or empty, and another one takes its place");
        }
        _ => {}
    }
    schema::adopt(db, ours, path)
}
