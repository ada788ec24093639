//! The rescue file while no other process and no other thread works with it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::MutexGuard;

use super::slot::{HEADER, SLOT};
use super::{RescueId, SLOTS};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::private;
use crate::journal::sqlite::failure;
use crate::journal::sqlite::file;
use crate::journal::sqlite::schema::PATIENCE;

/// What stands before the places: mark, version, id, and zeros.
const HEAD: usize = 4096;
const MARK: &[u8; 12] = b"ttrescue\x01\0\0\0";

/// The file while no other process and no other thread works with it.
pub(in crate::journal::sqlite) struct Locked<'a> {
    path: &'a Path,
    file: MutexGuard<'a, File>,
}

impl<'a> Locked<'a> {
    /// Waits until no other process works with it, and no longer than one waits for another elsewhere.
    pub(super) fn new(path: &'a Path, file: MutexGuard<'a, File>) -> Result<Self> {
        private::lock(&file, path, PATIENCE)?;
        Ok(Self { path, file })
    }

    /// Writes what is missing, so that no place needs the disk to have room later. Its id.
    pub(super) fn prepare(&mut self) -> Result<RescueId> {
        if let Some(id) = self.id()? {
            self.fill()?;
            return Ok(id);
        }
        self.fill()?;
        let mut id = RescueId::default();
        getrandom::fill(&mut id).map_err(|error| {
            Error::new(ErrorKind::Internal, "the system gave no random bytes for the rescue file: try again")
                .with_source(io::Error::other(error.to_string()))
        })?;
        self.put(0, &[&MARK[..], &id].concat())?;
        Ok(id)
    }

    /// Its id, once it has one. A file that is something else is refused.
    pub(super) fn id(&mut self) -> Result<Option<RescueId>> {
        let failed = |error| failure::file("cannot be read", self.path, error);
        let mut head = Vec::with_capacity(HEADER);
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        (&*self.file).take(28).read_to_end(&mut head).map_err(failed)?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let id = head.strip_prefix(MARK).and_then(|id| id.try_into().ok());
        id.map(Some).ok_or_else(|| {
            let text = format!(
                "{} is no rescue file of this version, and was left as it is: give the rescue file a path of its own",
                self.path.display()
            );
            Error::new(ErrorKind::Configuration, text)
        })
    }

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

    pub(super) fn slot(&mut self, at: usize) -> Result<Vec<u8>> {
        let mut slot = vec![0; SLOT];
        read(&mut self.file, at, &mut slot).map_err(|error| failure::file("cannot be read", self.path, error))?;
        Ok(slot)
    }

    /// Writes a whole place, zeros behind the bytes, down to the disk.
    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let mut slot = vec![0; SLOT];
        slot[..bytes.len()].copy_from_slice(bytes);
        self.put(place(at), &slot)
    }

    /// Overwrites a place. What says that something is there goes last: cut off in between, it is seen and not forgotten.
    pub(super) fn erase(&mut self, at: usize) -> Result<()> {
        self.put(place(at) + HEADER as u64, &vec![0; SLOT - HEADER])?;
        self.put(place(at), &[0; HEADER])
    }

    fn put(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        let written = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.write_all(bytes));
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

/// Reads what a place begins with.
pub(super) fn read(file: &mut File, at: usize, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(place(at)))?;
    file.read_exact(bytes)
}

fn place(at: usize) -> u64 {
    (HEAD + at * SLOT) as u64
}
