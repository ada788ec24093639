//! What is asked of the writer: run in a group, and answered when the group is on disk.

use std::cell::Cell;
use std::collections::BTreeMap;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::rescue::RescueFile;
use super::schema;
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::name::{CredentialName, Holder};

/// What an operation works with.
pub(super) struct Desk<'a> {
    pub(super) db: &'a Connection,
    pub(super) clock: &'a dyn Clock,
    pub(super) unsettled: &'a Unsettled,
    pub(super) traces: &'a Traces,
    pub(super) rescue: &'a RescueFile,
}

/// What was rescued and could not be brought back.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// Why it is not known what there is.
    pub(super) all: Option<Problem>,
    /// Of which credentials there is something, and why it is still there.
    pub(super) some: BTreeMap<CredentialName, String>,
}

impl Unsettled {
    /// That nothing of this credential waits in the rescue file.
    pub(super) fn check(&self, credential: &CredentialName) -> Result<()> {
        if let Some(problem) = &self.all {
            return Err(problem.clone().into());
        }
        match self.some.get(credential) {
            Some(why) => Err(Error::new(ErrorKind::Journal, why.clone()).with_subject(credential.as_str())),
            None => Ok(()),
        }
    }
}

/// What operations leave behind that must be cleared away.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Values that are gone from the table, but perhaps not from its pages.
    pub(super) destroyed: Cell<bool>,
    /// What is gone from the pages, but not from the log beside the database.
    pub(super) logged: Cell<bool>,
    /// What was rescued and may be stored by now.
    pub(super) rescued: Cell<bool>,
    /// Records that were only tried.
    pub(super) rehearsed: Cell<bool>,
}

impl Traces {
    /// As they may be after a crash.
    pub(super) fn left_behind() -> Self {
        let all = || Cell::new(true);
        Self { destroyed: all(), logged: all(), rescued: all(), rehearsed: all() }
    }

    pub(super) fn any(&self) -> bool {
        self.destroyed.get() || self.logged.get() || self.rescued.get() || self.rehearsed.get()
    }
}

impl Desk<'_> {
    pub(super) fn now(&self) -> i64 {
        micros(self.clock.now())
    }

    /// That nobody has opened the journal with another rescue file since: what is rescued here would not be found there.
    pub(super) fn same_rescue(&self) -> Result<()> {
        match schema::rescue(self.db)? {
            Some((id, path)) if id != self.rescue.id() => {
                let text = format!(
                    "the journal was opened with the rescue file {} since, and this process uses {}: restart it with that one",
                    path.display(),
                    self.rescue.path().display()
                );
                Err(Error::new(ErrorKind::Configuration, text))
            }
            _ => Ok(()),
        }
    }
}

/// An instant as the tables order it: microseconds since 1970, by the machine's clock, so that all its processes agree.
pub(super) fn micros(at: Timestamp) -> i64 {
    i64::try_from(Timestamp::from_unix_seconds(0).until(at).as_micros()).unwrap_or(i64::MAX)
}

/// One operation in the queue.
pub(super) trait Operation: Send {
    /// For whom it claims: what was rescued is brought back before.
    fn claims_for(&self) -> Option<&Holder>;

    /// Runs it, and says whether it succeeded. It may run again when its group was rolled back.
    fn run(&mut self, desk: &Desk<'_>) -> bool;

    /// Answers, when it is on disk or has failed.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

/// An operation that answers with a `T`.
pub(super) struct Job<T, F> {
    act: F,
    claims_for: Option<Holder>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F: FnMut(&Desk<'_>) -> Result<T>> Job<T, F> {
    pub(super) fn new(claims_for: Option<Holder>, act: F) -> (Self, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Self { act, claims_for, result: None, reply }, answer)
    }
}

impl<T: Send, F: FnMut(&Desk<'_>) -> Result<T> + Send> Operation for Job<T, F> {
    fn claims_for(&self) -> Option<&Holder> {
        self.claims_for.as_ref()
    }

    fn run(&mut self, desk: &Desk<'_>) -> bool {
        self.result.insert((self.act)(desk)).is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let Self { result, reply, .. } = *self;
        let never = || Err(Error::new(ErrorKind::Internal, "an operation was answered that never ran"));
        // A caller that has gone away needs no answer; what it asked for is whole all the same.
        let _ = reply.send(failure.map_or_else(|| result.unwrap_or_else(never), Err));
    }
}
