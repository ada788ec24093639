//! An audit in a file of JSON lines.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::Audit;
use super::chain::{Verified, next_line};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::journal::private;
use crate::journal::{InProcess, Sealer, Seq};
use crate::name::CredentialName;

/// How long one waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// An audit in a file of JSON lines, one for each event, each tied to the one before by a hash. Cheap to clone; clones share
/// everything. Many rotators and processes may append to one file: each locks it, and reads what others have added.
///
/// An answer comes after the lines were brought to the disk. The file is made with mode 0600, and refused where it is a
/// symbolic link or others can reach it. To open it verifies it from the beginning; a line without an end, which a crash
/// leaves behind, is cut off, and the engine appends it again. Its methods need a Tokio runtime.
///
/// ```
/// use std::sync::Arc;
/// use tokenturn::audit::{AuditFile, AuditPolicy, verify};
/// use tokenturn::consumer::memory::MemoryConsumer;
/// use tokenturn::journal::InProcess;
/// use tokenturn::provider::memory::MemoryProvider;
/// use tokenturn::{Predecessor, Rotator};
///
/// # let folder = std::env::temp_dir().join(format!("tokenturn-audit-{}", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let audit = AuditFile::open(folder.join("audit.jsonl"))?;
/// let provider = MemoryProvider::new();
/// let bot = Rotator::builder("bot", provider.clone())
///     .consumer(MemoryConsumer::new("ci", &provider)?)
///     .audit(Arc::new(audit.clone()), AuditPolicy::Block)
///     .build()?;
/// bot.rotate(Predecessor::None).await?;
///
/// let verified = verify(std::fs::File::open(audit.path())?, &InProcess::new())?;
/// println!("{} lines, the last {}", verified.lines, verified.last); // keep that elsewhere
/// # assert!(verified.lines > 5);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AuditFile {
    path: Arc<Path>,
    sealer: Arc<dyn Sealer>,
    open: Arc<Mutex<Open>>,
}

/// The file, and what is known of it.
struct Open {
    file: File,
    /// Tells it from another that has taken its name.
    identity: (u64, u64),
    /// How many of its bytes were verified.
    end: u64,
    verified: Verified,
}

impl AuditFile {
    /// The audit in this file, which is made where there is none. Without a key its hashes find accidents and clumsy hands:
    /// see [`tied`](Self::tied).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when others can reach the file or write to its directory, or it is no file;
    /// [`ErrorKind::Audit`] when it is damaged, or cannot be read, made or locked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::tied(path, Arc::new(InProcess::new()))
    }

    /// The same, tied with the sealer's key: whoever can write the file and has no key cannot tie other lines. The sealer of
    /// the journal will do. Lines that were tied with a key that was replaced need that key for as long as the file is used.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn tied(path: impl AsRef<Path>, sealer: Arc<dyn Sealer>) -> Result<Self> {
        Self::begin(path.as_ref(), sealer, &Verified::default())
    }

    /// The audit in a new file, which goes on from one that was moved away: its first line is tied to the last one there, and
    /// nothing is written twice. To change files, end every process that writes, move the file, [`verify`](super::verify) it,
    /// and open the new one with what that says. A file that is there already goes on as it is.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn continuing(path: impl AsRef<Path>, sealer: Arc<dyn Sealer>, before: &Verified) -> Result<Self> {
        Self::begin(path.as_ref(), sealer, before)
    }

    fn begin(path: &Path, sealer: Arc<dyn Sealer>, before: &Verified) -> Result<Self> {
        let path = private::settled(path).map_err(ours)?;
        private::make(&path).map_err(ours)?;
        let unopened = |error| ours(private::failed("cannot be opened", &path, error));
        let file = private::options().open(&path).map_err(unopened)?;
        // Once more, now that it is open: the name may have been given to another file.
        private::check(&path).map_err(ours)?;
        let identity = private::identity(&file.metadata().map_err(unopened)?);
        let mut open = Open { file, identity, end: 0, verified: Verified::default() };
        let held = open.hold(&path)?;
        open.read_on(&path, &*sealer)?;
        if open.verified.lines == 0 {
            let (line, begun) = before.first(&*sealer)?;
            open.write(&path, &line, begun)?;
        }
        drop(held);
        Ok(Self { path: path.into(), sealer, open: Arc::new(Mutex::new(open)) })
    }

    /// Its path, from the root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Audit`] when it was changed, cut back, moved or replaced since it was opened, or cannot be read.
    pub async fn verified(&self) -> Result<Verified> {
        self.with(|open, _, _| Ok(open.verified.clone())).await
    }

    /// Works with the file where that may take its time, while no other process and no other thread does.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Open, &Path, &dyn Sealer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Self { path, sealer, open } = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            let _held = open.hold(&path)?;
            open.read_on(&path, &*sealer)?;
            work(&mut open, &path, &*sealer)
        });
        done.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Audit,
                "the runtime ended before the audit was written: resume the run in another",
            ))
        })
    }
}

impl fmt::Debug for AuditFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditFile({}, {:?})", self.path.display(), self.sealer)
    }
}

#[async_trait]
impl Audit for AuditFile {
    async fn last(&self, credential: &CredentialName) -> Result<Option<Seq>> {
        let credential = credential.clone();
        self.with(move |open, _, _| Ok(open.verified.known.get(&credential).copied())).await
    }

    async fn append(&self, event: &Event) -> Result<()> {
        self.append_all(std::slice::from_ref(event)).await
    }

    /// All of them are written and brought to the disk at once.
    async fn append_all(&self, events: &[Event]) -> Result<()> {
        let events = events.to_vec();
        self.with(move |open, path, sealer| {
            let mut verified = open.verified.clone();
            let mut lines = String::new();
            for event in &events {
                lines.extend(verified.line(event, sealer)?);
            }
            if lines.is_empty() { Ok(()) } else { open.write(path, &lines, verified) }
        })
        .await
    }
}

/// The lock, given back when it is dropped.
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file would give it back as well.
        let _ = self.0.unlock();
    }
}

impl Open {
    fn hold(&self, path: &Path) -> Result<Held> {
        private::lock(&self.file, path, PATIENCE).map_err(ours)?;
        let held = self.file.try_clone().map_err(|error| ours(private::failed("cannot be locked", path, error)))?;
        Ok(Held(held))
    }

    /// Verifies what others have added, and cuts off what a crash has left of a line.
    fn read_on(&mut self, path: &Path, sealer: &dyn Sealer) -> Result<()> {
        let there = fs::symlink_metadata(path).ok().map(|found| private::identity(&found));
        if there != Some(self.identity) {
            let text = "was removed or replaced while it was open: put it back, or open its successor by \
                        `AuditFile::continuing`";
            return Err(Error::new(ErrorKind::Audit, format!("{} {text}", path.display())));
        }
        let failed = |error| ours(private::failed("cannot be read", path, error));
        let length = self.file.metadata().map_err(failed)?.len();
        if length < self.end {
            let text = "was cut back while it was open: restore it, or keep it and begin another";
            return Err(Error::new(ErrorKind::Audit, format!("{} {text}", path.display())));
        }
        self.file.seek(SeekFrom::Start(self.end)).map_err(failed)?;
        let mut log = BufReader::new(&self.file);
        while let Some(line) = next_line(&mut log)? {
            let Some(whole) = line.strip_suffix(b"\n") else {
                tracing::warn!(path = %path.display(), bytes = length - self.end, "a crash left half a line, which is cut off");
                self.file.set_len(self.end).and_then(|()| self.file.sync_data()).map_err(failed)?;
                break;
            };
            self.verified.check(whole, sealer).map_err(|error| error.with_subject(path.display().to_string()))?;
            self.end += line.len() as u64;
        }
        Ok(())
    }

    /// Writes lines behind all others, down to the disk.
    fn write(&mut self, path: &Path, lines: &str, then: Verified) -> Result<()> {
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(lines.as_bytes()));
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // What stands there all the same is read before the next line is written.
            let _ = self.file.set_len(self.end);
            return Err(ours(private::failed("could not be written", path, error)));
        }
        self.end += lines.len() as u64;
        self.verified = then;
        Ok(())
    }
}

/// What the file system refused is the audit's failure here.
fn ours(error: Error) -> Error {
    if error.kind() == ErrorKind::Configuration { error } else { error.with_kind(ErrorKind::Audit) }
}
