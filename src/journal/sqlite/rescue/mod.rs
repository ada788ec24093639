//! The rescue file: places that were set aside while the disk had room, for what the database does not take.

mod slot;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure;
use super::file::{self, Identity};
use super::schema::JournalId;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Batch, Lease, Seq};

pub(super) use slot::Rescued;

use slot::{Content, HEADER, SLOT};

/// How many batches can be rescued before one is brought back.
const SLOTS: usize = 16;

/// The rescue file of one journal.
#[derive(Debug)]
pub(super) struct RescueFile {
    path: PathBuf,
    identity: Identity,
    file: Mutex<File>,
}

/// What the rescue file holds, by place.
#[derive(Default)]
pub(super) struct Found {
    pub(super) batches: Vec<(usize, Rescued)>,
    pub(super) damaged: Vec<usize>,
}

/// The file while no other process and no other thread works with it.
pub(super) struct Locked<'a> {
    path: &'a Path,
    file: MutexGuard<'a, File>,
}

impl RescueFile {
    /// Opens the file, or makes it with all its places really written.
    pub(super) fn open(path: &Path) -> Result<Self> {
        file::make(path)?;
        let opened = fs::OpenOptions::new().read(true).write(true).open(path);
        let opened = opened.map_err(|error| failure::file("cannot be opened", path, error))?;
        let rescue = Self { path: path.to_owned(), identity: Identity::of(path), file: Mutex::new(opened) };
        rescue.lock()?.fill()?;
        Ok(rescue)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until nobody else works with it.
    pub(super) fn lock(&self) -> Result<Locked<'_>> {
        // Every use seeks first, so what a panicking thread left does no harm.
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.lock().map_err(|error| failure::file("cannot be locked", &self.path, error))?;
        Ok(Locked { path: &self.path, file })
    }

    /// Whether there is nothing in it: asked before every claim, so it is read without the lock.
    pub(super) fn is_empty(&self) -> Result<bool> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut header = [0; HEADER];
        for at in 0..SLOTS {
            let read = file.seek(SeekFrom::Start(place(at))).and_then(|_| file.read_exact(&mut header));
            read.map_err(|error| failure::file("cannot be read", &self.path, error))?;
            if !slot::is_empty(&header) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All that is in it.
    pub(super) fn read(&self) -> Result<Found> {
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

    /// Keeps a batch. One that is there already is not kept twice.
    pub(super) fn keep(&self, journal: JournalId, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        let bytes = slot::encode(journal, lease, after, batch)?;
        let mut locked = self.lock()?;
        let mut free: Option<(usize, bool)> = None;
        for at in 0..SLOTS {
            let there = locked.slot(at)?;
            if there.starts_with(&bytes) {
                return Ok(());
            }
            match slot::decode(&there) {
                Content::Empty if !free.is_some_and(|(_, empty)| empty) => free = Some((at, true)),
                // What was torn helps nobody, but it is the last to go.
                Content::Damaged => free = free.or(Some((at, false))),
                Content::Empty | Content::Batch(_) | Content::Newer => {}
            }
        }
        let Some((at, _)) = free else {
            let text = format!(
                "the rescue file {} is full: bring back what is in it (`recover`), then try again",
                self.path.display()
            );
            return Err(Error::new(ErrorKind::Journal, text));
        };
        locked.write(at, &bytes)?;
        self.identity.check()
    }

    /// Overwrites what was brought back, unless another process has done so and the place holds something else by now.
    pub(super) fn erase(&self, at: usize, rescued: &Rescued) -> Result<()> {
        let mut locked = self.lock()?;
        match slot::decode(&locked.slot(at)?) {
            Content::Batch(there) if there.checksum == rescued.checksum => locked.write(at, &[]),
            _ => Ok(()),
        }
    }
}

impl Locked<'_> {
    /// Writes what is missing, so that no place needs the disk to have room later.
    fn fill(&mut self) -> Result<()> {
        let failed = |error| failure::file("could not be filled", self.path, error);
        let there = self.file.metadata().map_err(failed)?.len();
        let missing = place(SLOTS).saturating_sub(there);
        if missing == 0 {
            return Ok(());
        }
        let zeros = vec![0; usize::try_from(missing).unwrap_or_default()];
        self.file.seek(SeekFrom::Start(there)).map_err(failed)?;
        self.file.write_all(&zeros).and_then(|()| self.file.sync_all()).map_err(failed)?;
        file::sync_folder(self.path)
    }

    fn slot(&mut self, at: usize) -> Result<Vec<u8>> {
        let mut slot = vec![0; SLOT];
        let read = self.file.seek(SeekFrom::Start(place(at))).and_then(|_| self.file.read_exact(&mut slot));
        read.map_err(|error| failure::file("cannot be read", self.path, error))?;
        Ok(slot)
    }

    /// Writes a whole place, zeros behind the bytes, down to the disk.
    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let mut slot = vec![0; SLOT];
        slot[..bytes.len()].copy_from_slice(bytes);
        let written = self.file.seek(SeekFrom::Start(place(at))).and_then(|_| self.file.write_all(&slot));
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|error| failure::file("could not be written", self.path, error))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing the file would give it back as well.
        let _ = self.file.unlock();
    }
}

fn place(at: usize) -> u64 {
    (at * SLOT) as u64
}

fn newer(path: &Path) -> Error {
    let text = format!("{} was written by a newer version of tokenturn: use that version", path.display());
    Error::new(ErrorKind::Configuration, text)
}
