//! The rescue file: places that were set aside while the disk had room, for what the database does not take.

#[cfg(feature = "testing")]
mod fuzz;
mod lock;
mod slot;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::failure;
use super::file::{self, Identity};
use super::schema::JournalId;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Batch, Lease, Seq};

#[cfg(feature = "testing")]
pub(crate) use fuzz::rescue_slot;
pub(super) use lock::Locked;
pub(super) use slot::Rescued;

use slot::{Content, HEADER};

/// How many batches can be rescued before one is brought back.
const SLOTS: usize = 16;

/// Which file it is, whatever its path: a journal belongs to one.
pub(super) type RescueId = [u8; 16];

/// The rescue file of one journal.
#[derive(Debug)]
pub(super) struct RescueFile {
    path: PathBuf,
    id: RescueId,
    identity: Identity,
    file: Mutex<File>,
    /// Whether something may be in it.
    used: AtomicBool,
}

/// What the rescue file holds, by place.
#[derive(Default)]
pub(super) struct Found {
    pub(super) batches: Vec<(usize, Rescued)>,
    pub(super) damaged: Vec<usize>,
}

impl RescueFile {
    /// Opens the file, or makes it with all its places really written.
    pub(super) fn open(path: &Path) -> Result<Self> {
        file::make(path)?;
        let opened = fs::OpenOptions::new().read(true).write(true).open(path);
        let opened = opened.map_err(|error| failure::file("cannot be opened", path, error))?;
        let (identity, used) = (Identity::of([path.to_owned()]), AtomicBool::new(true));
        let mut rescue = Self { path: path.to_owned(), id: [0; 16], identity, file: Mutex::new(opened), used };
        let id = rescue.lock()?.prepare()?;
        rescue.id = id;
        Ok(rescue)
    }

    /// Whether there is another rescue file with this id, and something of the journal in it.
    pub(super) fn is_needed(path: &Path, id: RescueId, journal: JournalId) -> Result<bool> {
        let opened = match File::open(path) {
            Ok(opened) => Mutex::new(opened),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failure::file("cannot be opened", path, error)),
        };
        let mut locked = Locked::new(path, opened.lock().unwrap_or_else(PoisonError::into_inner))?;
        if locked.id()? != Some(id) {
            return Ok(false);
        }
        for at in 0..SLOTS {
            match slot::decode(&locked.slot(at)?) {
                Content::Batch(rescued) if rescued.journal == journal => return Ok(true),
                Content::Newer => return Ok(true),
                _ => {}
            }
        }
        Ok(false)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn id(&self) -> RescueId {
        self.id
    }

    /// Whether something may be in it.
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }

    /// Says whether something is in it, as far as one look has shown.
    pub(super) fn set_used(&self, used: bool) {
        self.used.store(used, Ordering::Release);
    }

    /// Waits until nobody else works with it.
    pub(super) fn lock(&self) -> Result<Locked<'_>> {
        // Every use seeks first, so what a panicking thread left does no harm.
        Locked::new(&self.path, self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is nothing in it: asked before every claim, so it is read without the lock.
    pub(super) fn is_empty(&self) -> Result<bool> {
        self.identity.check()?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for at in 0..SLOTS {
            let mut header = [0; HEADER];
            lock::read(&mut file, at, &mut header)
                .map_err(|error| failure::file("cannot be read", &self.path, error))?;
            if !slot::is_empty(&header) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All that is in it.
    pub(super) fn read(&self) -> Result<Found> {
        self.identity.check()?;
        let mut locked = self.lock()?;
        let mut found = Found::default();
        for at in 0..SLOTS {
            match slot::decode(&locked.slot(at)?) {
                Content::Empty => {}
                Content::Damaged => found.damaged.push(at),
                Content::Batch(rescued) => found.batches.push((at, *rescued)),
                Content::Newer => return Err(newer(&self.path)),
            }
        }
        Ok(found)
    }

    /// That a batch could be kept: the file is there, can be written, and has a place.
    pub(super) fn rehearse(&self) -> Result<()> {
        self.identity.check()?;
        let opened = fs::OpenOptions::new().write(true).open(&self.path);
        opened.map_err(|error| failure::file("cannot be written", &self.path, error))?;
        let mut locked = self.lock()?;
        for at in 0..SLOTS {
            if matches!(slot::decode(&locked.slot(at)?), Content::Empty | Content::Damaged) {
                return Ok(());
            }
        }
        Err(full(&self.path))
    }

    /// Keeps a batch. An earlier try to keep the same is written over: what was not synced then is now.
    pub(super) fn keep(&self, journal: JournalId, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        let bytes = slot::encode(journal, lease, after, batch)?;
        let mut locked = self.lock()?;
        let (mut same, mut empty, mut damaged) = (None, None, None);
        for at in 0..SLOTS {
            match slot::decode(&locked.slot(at)?) {
                Content::Batch(there) if there.is_same(journal, lease, after, batch) => same = Some(at),
                Content::Empty => empty = empty.or(Some(at)),
                // What was torn helps nobody, but it is the last to go.
                Content::Damaged => damaged = damaged.or(Some(at)),
                Content::Batch(_) | Content::Newer => {}
            }
        }
        let at = same.or(empty).or(damaged).ok_or_else(|| full(&self.path))?;
        self.set_used(true);
        locked.write(at, &bytes)?;
        self.identity.check()
    }

    /// Overwrites what was brought back, unless another process has done so and the place holds something else by now.
    /// Whether it was still there.
    pub(super) fn erase(&self, at: usize, checksum: &[u8; 32]) -> Result<bool> {
        self.identity.check()?;
        let mut locked = self.lock()?;
        match slot::decode(&locked.slot(at)?) {
            Content::Batch(there) if there.checksum == *checksum => locked.erase(at).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Overwrites a batch, wherever it is. Whether it was there.
    pub(super) fn discard(&self, checksum: &[u8; 32]) -> Result<bool> {
        for (at, rescued) in self.read()?.batches {
            if rescued.checksum == *checksum {
                return self.erase(at, checksum);
            }
        }
        Ok(false)
    }
}

fn full(path: &Path) -> Error {
    let text = format!(
        "the rescue file {} is full: bring back what is in it (`recover`), look at what stays (`rescued`), then try again",
        path.display()
    );
    Error::new(ErrorKind::Journal, text)
}

fn newer(path: &Path) -> Error {
    let text = format!("{} was written by a newer version of tokenturn: use that version", path.display());
    Error::new(ErrorKind::Configuration, text)
}
