//! Keys in a file that its owner alone can read.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key::Key;
use super::ring::{KeyRing, KeySource};
use super::written;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::private;

/// More than any number of keys that makes sense needs.
const LARGEST: u64 = 64 * 1024;

/// Keys in a file. It is made with a random key where there is none, and read by its owner alone.
///
/// Whoever has this file and the journal has the tokens; who loses it has lost them. So keep a copy of it, and not beside
/// those of the journal. A secret that is mounted as a symbolic link, as Kubernetes does it, is read by the caller and handed
/// in with [`Key::from_text`].
///
/// ```
/// use tokenturn::journal::{KeyFile, KeySealer};
///
/// # let folder = std::env::temp_dir().join(format!("tokenturn-key-file-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # #[cfg(unix)]
/// # std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
/// let file = KeyFile::at(folder.join("tokenturn.key"));
/// let sealer = KeySealer::new(&file)?; // made now
/// let ring = file.rotate()?; // a sealer that is made from now on seals with a new key, and opens with both
/// assert_eq!(ring.replaced()[0].id(), sealer.current());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
    makes: bool,
}

impl KeyFile {
    /// The key file at this path, made with a new key where there is none, which is logged as a warning. It is looked at when
    /// its keys are asked for.
    ///
    /// A new key opens nothing that is there: with a wrong path, or on a disk that is not mounted, it looks as if the values
    /// had been damaged. Once a journal is in use, name its key file by [`existing`](Self::existing).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), makes: true }
    }

    /// The key file at this path, which is there and is never made.
    pub fn existing(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), makes: false }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a new random key in use, and keeps the others behind it.
    ///
    /// Sealers that are there go on with the keys that they have: make new ones, then have every
    /// [`Rotator`](crate::Rotator) seal anew by [`reseal`](crate::Rotator::reseal), then
    /// [`forget_replaced`](Self::forget_replaced). A process that still has the old ring opens nothing that is sealed with
    /// the new key: where several share a journal, restart all of them before the first seals.
    ///
    /// # Errors
    ///
    /// As [`keys`](KeySource::keys), and when the file cannot be written. No key is lost then.
    pub fn rotate(&self) -> Result<KeyRing> {
        self.change(|ring| Ok(ring.replaced_by(Key::generate()?)))
    }

    /// Drops the keys that were replaced. What was sealed with them and not anew opens no more, here and in backups.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub fn forget_replaced(&self) -> Result<KeyRing> {
        self.change(|ring| Ok(KeyRing::new(ring.current().clone())))
    }

    fn change(&self, change: impl FnOnce(KeyRing) -> Result<KeyRing>) -> Result<KeyRing> {
        // Made if there is none, so that there is something to change.
        self.keys()?;
        let _held = self.hold()?;
        let ring = change(self.read()?.ok_or_else(|| self.failed("it vanished while it was changed", None))?)?;
        self.store(&ring)?;
        Ok(ring)
    }

    fn make(&self) -> Result<KeyRing> {
        let _held = self.hold()?;
        // Another process may have been first; its key is as good.
        if let Some(ring) = self.read()? {
            return Ok(ring);
        }
        let ring = KeyRing::new(Key::generate()?);
        self.store(&ring)?;
        tracing::warn!(path = %self.path.display(), "a new key was made: what was sealed with another does not open with it");
        Ok(ring)
    }

    /// What stands in the file, if there is one.
    fn read(&self) -> Result<Option<KeyRing>> {
        let there = match fs::symlink_metadata(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("it cannot be looked at", Some(error))),
        };
        if !there.is_file() {
            return Err(self.failed("it is a symbolic link or no file: name the file itself", None));
        }
        let unreadable = |error| self.failed("it cannot be read", Some(error));
        let file = File::open(&self.path).map_err(unreadable)?;
        let opened = file.metadata().map_err(unreadable)?;
        if private::identity(&there) != private::identity(&opened) {
            return Err(self.failed("it was exchanged while it was opened: see who does that, and try again", None));
        }
        if private::is_reached_by_others(&opened) {
            let text = "others can read or write it: run `chmod 600` on it, and take its keys for known if they could";
            return Err(self.failed(text, None));
        }
        // Made large enough at once: a buffer that grows leaves a copy behind.
        let mut bytes = Zeroizing::new(vec![0; usize::try_from(opened.len().min(LARGEST)).unwrap_or_default()]);
        (&file).read_exact(&mut bytes).map_err(unreadable)?;
        let ring = std::str::from_utf8(&bytes)
            .map_err(|_| self.failed("it holds no keys of tokenturn: name another, or move it out of the way", None))
            .and_then(|text| written::read(text).map_err(|error| error.with_subject(self.subject())))?;
        Ok(Some(ring))
    }

    /// Writes the whole file beside it and puts that in its place, so that there is never half a file.
    fn store(&self, ring: &KeyRing) -> Result<()> {
        let unwritable = |error| self.failed("it cannot be written", Some(error));
        let beside = self.beside()?;
        if cfg!(unix) {
            // Whoever died here held the lock, which is ours now.
            match fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
                _ => {}
            }
        }
        let file = private::written().create_new(true).open(&beside).map_err(unwritable)?;
        let written = self.put(file, &beside, ring);
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.map_err(unwritable)
    }

    fn put(&self, mut file: File, beside: &Path, ring: &KeyRing) -> io::Result<()> {
        file.write_all(written::write(ring).as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(beside, &self.path)?;
        private::sync(self.folder())
    }

    /// Shuts other processes out while the file is made or changed.
    fn hold(&self) -> Result<Option<File>> {
        self.check_folder()?;
        lock(self.folder()).map_err(|error| self.failed("its directory cannot be used", Some(error)))
    }

    fn check_folder(&self) -> Result<()> {
        let there = fs::metadata(self.folder());
        let there = there.map_err(|error| self.failed("its directory cannot be used", Some(error)))?;
        if private::is_written_by_others(&there) {
            let text = "others can write to its directory: run `chmod go-w` on that, or choose one of your own";
            return Err(self.failed(text, None));
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn beside(&self) -> Result<PathBuf> {
        let name = self.path.file_name().ok_or_else(|| self.failed("the path names no file", None))?;
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(".new");
        Ok(self.folder().join(beside))
    }

    fn subject(&self) -> String {
        format!("key file {}", self.path.display())
    }

    fn failed(&self, text: &'static str, source: Option<io::Error>) -> Error {
        let error = match source {
            Some(source) => Error::new(ErrorKind::Configuration, format!("{text}: {source}")).with_source(source),
            None => Error::new(ErrorKind::Configuration, text),
        };
        error.with_subject(self.subject())
    }
}

impl KeySource for KeyFile {
    /// The keys of the file, which is made where there is none unless it was named as [existing](Self::existing).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when it is a symbolic link, can be read or written by others, lies in a directory where
    /// others may write, was changed or cut off, or cannot be read or made.
    fn keys(&self) -> Result<KeyRing> {
        self.check_folder()?;
        match self.read()? {
            Some(ring) => Ok(ring),
            None if self.makes => self.make(),
            None => {
                let text = "there is no such file, and a new key would open nothing that is sealed: look at the path and \
                            whether its disk is mounted, or make one with `KeyFile::at`";
                Err(self.failed(text, None))
            }
        }
    }
}

/// The directory itself is locked: it is there before the file, and stays when the file is replaced.
#[cfg(unix)]
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(Some(folder))
}

/// Elsewhere a directory cannot be locked, and what is being written shuts others out by being there.
#[cfg(not(unix))]
fn lock(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}
