//! The files of a journal: whose they are, and that nobody else can reach them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::failure;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::private::{self, check, options, refused, settled};

pub(super) use crate::journal::private::{make, sync_folder};

/// Where a journal's files lie, each in a directory of ours.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) database: PathBuf,
    pub(super) rescue: PathBuf,
}

impl Files {
    /// Finds or makes the directories, and refuses what others could reach or have put there.
    pub(super) fn at(database: &Path, rescue: Option<&Path>) -> Result<Self> {
        let database = settled(database)?;
        let rescue = match rescue {
            Some(path) => settled(path)?,
            None => beside(&database, ".rescue"),
        };
        if rescue == database {
            return Err(refused(&rescue, "is the journal itself: give its rescue file another path"));
        }
        check(&database)?;
        for suffix in ["-wal", "-shm", "-journal"] {
            check(&beside(&database, suffix))?;
        }
        check(&rescue)?;
        Ok(Self { database, rescue })
    }
}

/// The path of a file that belongs to another one.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes an empty file where there must be none, in a directory of ours. Its path from the root.
pub(super) fn make_new(path: &Path) -> Result<PathBuf> {
    let path = settled(path)?;
    match options().create_new(true).open(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(refused(&path, "is there already, and was left as it is: name a new file"))
        }
        Err(error) => Err(failure::file("could not be made", &path, error)),
    }
}

/// Brings a file and its name to the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    let synced = fs::OpenOptions::new().write(true).open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| failure::file("could not be made durable", path, error))?;
    sync_folder(path)
}

/// Tells files from others that have taken their names.
#[derive(Clone, Debug)]
pub(super) struct Identity(Vec<(PathBuf, Option<(u64, u64)>)>);

impl Identity {
    pub(super) fn of<const N: usize>(paths: [PathBuf; N]) -> Self {
        Self(paths.into_iter().map(|path| (number(&path), path)).map(|(number, path)| (path, number)).collect())
    }

    /// That the files still have their names. What is written into one that was removed or replaced is gone with the
    /// process.
    pub(super) fn check(&self) -> Result<()> {
        let Some((path, _)) = self.0.iter().find(|(path, was)| number(path) != *was) else { return Ok(()) };
        let text = format!(
            "{} was removed or replaced while it was open: stop, put it back if it is still somewhere, and open the journal \
             again",
            path.display()
        );
        Err(Error::new(ErrorKind::Journal, text))
    }
}

fn number(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| private::identity(&found))
}
