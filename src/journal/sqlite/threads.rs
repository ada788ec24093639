//! The two threads behind a journal, and the way to them. They need no runtime, and outlive one that is dropped.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::file::Identity;
use super::operation::{Desk, Job};
use super::rescue::RescueFile;
use super::schema::JournalId;
use super::stats::Counters;
use super::writer::{Message, Writer};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::name::Holder;

/// A question to the connection that reads.
type Question = Box<dyn FnOnce(&Connection) + Send>;

/// How much may queue up for a thread before nothing more is taken.
const QUEUE: usize = 4096;

/// What all handles of a journal share. The last one waits until everything that was accepted is done.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) journal: JournalId,
    pub(super) rescue: Arc<RescueFile>,
    pub(super) counters: Arc<Counters>,
    pub(super) identity: Identity,
    writer: Option<SyncSender<Message>>,
    reader: Option<SyncSender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    pub(super) fn start(path: PathBuf, writer: Writer, reader: Connection) -> Result<Self> {
        let (to_writer, messages) = sync_channel(QUEUE);
        let (to_reader, questions) = sync_channel(QUEUE);
        let (journal, identity) = (writer.journal, writer.identity.clone());
        let (rescue, counters) = (writer.rescue.clone(), writer.counters.clone());
        let threads = vec![
            spawn("tokenturn-write", move || writer.run(&messages))?,
            spawn("tokenturn-read", move || read(&reader, &questions))?,
        ];
        let (writer, reader) = (Some(to_writer), Some(to_reader));
        Ok(Self { path, journal, rescue, counters, identity, writer, reader, threads })
    }

    /// Runs an operation in the next group, and answers when it is on disk. It is run as a whole even if the caller goes
    /// away meanwhile.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        claims_for: Option<Holder>,
        act: impl FnMut(&Desk<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = Job::new(claims_for, act);
        self.send(Message::Operation(Box::new(job)))?;
        answer.await.unwrap_or_else(|_| Err(gone(Effect::Unknown)))
    }

    /// Asks the thread that writes for something that is no operation.
    pub(super) async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<Result<T>>) -> Message) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.send(message(reply))?;
        answer.await.unwrap_or_else(|_| Err(gone(Effect::Unknown)))
    }

    fn send(&self, message: Message) -> Result<()> {
        queue(self.writer.as_ref(), message)
    }

    /// Reads what is committed.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let identity = self.identity.clone();
        let question: Question = Box::new(move |db| {
            let _ = reply.send(identity.check().and_then(|()| ask(db)));
        });
        queue(self.reader.as_ref(), question)?;
        answer.await.unwrap_or_else(|_| Err(gone(Effect::None)))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Without senders the threads finish what they were given, and end.
        (self.writer, self.reader) = (None, None);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(path = %self.path.display(), "a thread of the journal panicked");
            }
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(work).map_err(|error| {
        Error::new(
            ErrorKind::Journal,
            "the journal got no thread from the operating system: free some, then open it again",
        )
        .with_source(error)
    })
}

/// Does something on a thread of its own: the others may be stuck in what made it necessary. Where there is no thread to be
/// had, it is done here.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (reply, answer) = oneshot::channel();
    let work = Arc::new(Mutex::new(Some(work)));
    let theirs = work.clone();
    let spawned = thread::Builder::new().name("tokenturn-aside".into()).spawn(move || {
        if let Some(work) = take(&theirs) {
            let _ = reply.send(work());
        }
    });
    if spawned.is_err()
        && let Some(work) = take(&work)
    {
        return work();
    }
    answer.await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Internal, "a thread of the journal ended without an answer: open the journal again"))
    })
}

fn take<W>(work: &Mutex<Option<W>>) -> Option<W> {
    work.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn queue<M>(to: Option<&SyncSender<M>>, message: M) -> Result<()> {
    match to.map(|to| to.try_send(message)) {
        Some(Ok(())) => Ok(()),
        Some(Err(TrySendError::Full(_))) => {
            Err(Error::new(ErrorKind::Busy, "thousands wait for the journal's disk already: try again later"))
        }
        Some(Err(TrySendError::Disconnected(_))) | None => Err(gone(Effect::None)),
    }
}

fn read(db: &Connection, questions: &Receiver<Question>) {
    while let Ok(question) = questions.recv() {
        question(db);
    }
}

fn gone(effect: Effect) -> Error {
    Error::new(ErrorKind::Journal, "the journal's thread has ended: open the journal again").with_effect(effect)
}
