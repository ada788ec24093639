//! Files that their owner alone can reach, and the directories that they lie in. Where rights are not those of Unix, the
//! directory's are the caller's to set.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// How a file is made that its owner alone can reach, whatever the process's mask says.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether others can read or write it.
pub(super) fn is_reached_by_others(found: &Metadata) -> bool {
    mode(found) & 0o077 != 0
}

/// Whether others can add files to this directory. A sticky one is no better: whoever is first there is believed.
pub(super) fn is_written_by_others(folder: &Metadata) -> bool {
    mode(folder) & 0o022 != 0
}

/// Tells a file from another that has taken its name.
#[cfg(unix)]
pub(super) fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;

    (found.dev(), found.ino())
}

#[cfg(not(unix))]
pub(super) fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Makes a new name in the directory survive the loss of power.
#[cfg(unix)]
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync(_: &Path) -> io::Result<()> {
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
