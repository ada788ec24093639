//! Files that their owner alone can reach, and the directories that they lie in. Where rights are not those of Unix, the
//! directory's are the caller's to set.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// How long one waits before it is tried again whether a file is free.
const PAUSE: Duration = Duration::from_millis(10);

/// How a file is made that its owner alone can reach, whatever the process's mask says.
pub(crate) fn written() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether others can read or write it.
pub(crate) fn is_reached_by_others(found: &Metadata) -> bool {
    mode(found) & 0o077 != 0
}

/// Whether others can add files to this directory. A sticky one is no better: whoever is first there is believed.
pub(crate) fn is_written_by_others(folder: &Metadata) -> bool {
    mode(folder) & 0o022 != 0
}

/// Tells a file from another that has taken its name.
#[cfg(unix)]
pub(crate) fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;

    (found.dev(), found.ino())
}

#[cfg(not(unix))]
pub(crate) fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Makes a new name in the directory survive the loss of power.
#[cfg(unix)]
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn mode(found: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(found)
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

/// The path from the root, in a directory that is there and is ours alone: neither a change of the working directory nor
/// a name that SQLite reads as an address leads elsewhere.
pub(crate) fn settled(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| refused(path, "names no file: give the path of one"))?;
    let folder = path.parent().filter(|folder| *folder != OsStr::new("")).unwrap_or(Path::new("."));
    make_folder(folder).map_err(|error| failed("could not be made", folder, error))?;
    let folder = folder.canonicalize().map_err(|error| failed("could not be found", folder, error))?;
    check_folder(&folder)?;
    Ok(folder.join(name))
}

/// A file that is not taken, and what to do about it.
pub(crate) fn refused(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{} {why}", path.display()))
}

/// Refuses a file that others can reach, or that is none.
pub(crate) fn check(path: &Path) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("cannot be looked at", path, error)),
    };
    if found.is_symlink() {
        return Err(refused(path, "is a symbolic link, and may lead anywhere: give the path of the file itself"));
    }
    if !found.is_file() {
        return Err(refused(path, "is not a file: give the path of one, or of none"));
    }
    if is_reached_by_others(&found) {
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
    let found = fs::metadata(folder).map_err(|error| failed("cannot be looked at", folder, error))?;
    if is_written_by_others(&found) {
        let why = format!(
            "can be written by other users, who could replace what lies there: choose another directory, or run `chmod go-w {}`",
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
pub(crate) fn options() -> OpenOptions {
    let mut options = written();
    options.read(true);
    options
}

/// Makes an empty file where there is none, and shuts others out of it from the beginning.
pub(crate) fn make(path: &Path) -> Result<()> {
    match options().create_new(true).open(path) {
        Ok(file) => {
            file.sync_all().map_err(|error| failed("could not be made", path, error))?;
            sync_folder(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("could not be made", path, error)),
    }?;
    check(path)
}

/// Makes the name of a new file durable.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    sync(folder).map_err(|error| failed("could not be made durable", folder, error))
}

/// A failure of the file system, with the file that it is about.
pub(crate) fn failed(what: impl Display, path: &Path, error: io::Error) -> Error {
    let text = format!("{} {what}: {error}; look at the path, its rights and its disk", path.display());
    Error::new(ErrorKind::Journal, text).with_source(error)
}

/// Shuts out whoever locks the file too. Waits for them so long at most.
pub(crate) fn lock(file: &File, path: &Path, patience: Duration) -> Result<()> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let text =
                    format!("another process holds {} for too long: find out which, then try again", path.display());
                return Err(Error::new(ErrorKind::Busy, text));
            }
            Err(TryLockError::Error(error)) => return Err(failed("cannot be locked", path, error)),
        }
    }
}
