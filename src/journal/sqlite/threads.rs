//! The two threads behind a journal, and the way to them. They need no runtime, and outlive one that is dropped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
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

/// What all handles of a journal share. The last one waits until everything that was accepted is done.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) journal: JournalId,
    pub(super) rescue: Arc<RescueFile>,
    pub(super) counters: Arc<Counters>,
    pub(super) identity: Identity,
    writer: Option<Sender<Message>>,
    reader: Option<Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    pub(super) fn start(path: PathBuf, writer: Writer, reader: Connection) -> Result<Self> {
        let (to_writer, messages) = channel();
        let (to_reader, questions) = channel();
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
        let sent = self.writer.as_ref().and_then(|writer| writer.send(message).ok());
        sent.ok_or_else(|| gone(Effect::None))
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
        let sent = self.reader.as_ref().and_then(|reader| reader.send(question).ok());
        sent.ok_or_else(|| gone(Effect::None))?;
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

fn read(db: &Connection, questions: &Receiver<Question>) {
    while let Ok(question) = questions.recv() {
        question(db);
    }
}

fn gone(effect: Effect) -> Error {
    Error::new(ErrorKind::Journal, "the journal's thread has ended: open the journal again").with_effect(effect)
}
