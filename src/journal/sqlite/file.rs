//! The files of a journal: whose they are, and that nobody else can reach them.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::failure;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::private;

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

/// The path from the root, in a directory that is there and is ours alone: neither a change of the working directory nor
/// a name that SQLite reads as an address leads elsewhere.
fn settled(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| refused(path, "names no file: give the path of one"))?;
    let folder = path.parent().filter(|folder| *folder != OsStr::new("")).unwrap_or(Path::new("."));
    make_folder(folder).map_err(|error| failure::file("could not be made", folder, error))?;
    let folder = folder.canonicalize().map_err(|error| failure::file("could not be found", folder, error))?;
    check_folder(&folder)?;
    Ok(folder.join(name))
}

fn refused(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{} {why}", path.display()))
}

/// Refuses a file that others can reach, or that is none.
fn check(path: &Path) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failure::file("cannot be looked at", path, error)),
    };
    if found.is_symlink() {
        return Err(refused(path, "is a symbolic link, and may lead anywhere: give the path of the file itself"));
    }
    if !found.is_file() {
        return Err(refused(path, "is not a file: give the path of one, or of none"));
    }
    if private::is_reached_by_others(&found) {
        let why = format!("can be reached by other users: run `chmod 600 {}`", path.display());
        return Err(refused(path, &why));
    }
    check_owner(path, &found)
}

#[cfg(unix)]
fn check_owner(path: &Path, found: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt;

    if found.nlink() > 1 {
        return Err(refused(path, "has a second name elsewhere (a hard link): remove that, or copy the file"));
    }
    let owner = path.parent().and_then(|folder| fs::metadata(folder).ok()).map(|folder| folder.uid());
    if owner.is_some_and(|owner| owner != 0 && owner != found.uid()) {
        return Err(refused(path, "lies in a directory of another user, who could replace it: choose one of your own"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_: &Path, _: &Metadata) -> Result<()> {
    Ok(())
}

fn check_folder(folder: &Path) -> Result<()> {
    let found = fs::metadata(folder).map_err(|error| failure::file("cannot be looked at", folder, error))?;
    if private::is_written_by_others(&found) {
        let why = format!(
            "can be written by other users, who could replace the journal: choose another directory, or run `chmod go-w {}`",
            folder.display()
        );
        return Err(refused(folder, &why));
    }
    Ok(())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// How a file of ours is opened, and made.
pub(super) fn options() -> fs::OpenOptions {
    let mut options = private::options();
    options.read(true);
    options
}

/// Makes an empty file where there is none, before SQLite could make one that others may read.
pub(super) fn make(path: &Path) -> Result<()> {
    match options().create_new(true).open(path) {
        Ok(file) => {
            file.sync_all().map_err(|error| failure::file("could not be made", path, error))?;
            sync_folder(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failure::file("could not be made", path, error)),
    }?;
    check(path)
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

/// Makes the name of a new file durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private::sync(folder).map_err(|error| failure::file("could not be made durable", folder, error))
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
