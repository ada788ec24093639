//! The thread that writes: what queues up during one trip to the disk makes the next trip together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failure;
use super::file::Identity;
use super::operation::{Desk, Operation, Traces, Unsettled};
use super::recover;
use super::rescue::{RescueFile, Rescued};
use super::schema::JournalId;
use super::stats::Counters;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::name::Holder;

/// How many operations go to the disk together at most.
const GROUP: usize = 128;
/// How long the queue is empty before traces are cleared away.
const QUIET: Duration = Duration::from_millis(50);
/// How long they wait at most while the queue is never empty.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long is waited at most until the next try when clearing them away failed.
const PAUSE: Duration = Duration::from_secs(5);
/// How long clearing them away may hold up the queue when another process is in the way.
const COURTESY: Duration = Duration::from_millis(100);

/// What the thread is asked.
pub(super) enum Message {
    /// To run an operation.
    Operation(Box<dyn Operation>),
    /// To clear traces away now.
    Checkpoint(oneshot::Sender<Result<()>>),
    /// To bring back what was rescued.
    Recover(oneshot::Sender<Result<usize>>),
}

/// The one connection that writes.
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) journal: JournalId,
    pub(super) identity: Identity,
    pub(super) rescue: Arc<RescueFile>,
    pub(super) counters: Arc<Counters>,
    pub(super) traces: Traces,
    pub(super) unsettled: Unsettled,
    /// Places in the rescue file of which it was said that they are damaged or another journal's.
    pub(super) told: BTreeSet<usize>,
}

/// Why a group is not on disk.
enum Failure {
    /// It was rolled back, and some of it may fit alone.
    RolledBack(Error),
    /// It was not, or it is not known.
    Final(Error),
}

impl Writer {
    /// Works until the last handle is gone and everything is done.
    pub(super) fn run(mut self, queue: &Receiver<Message>) {
        let mut untidy_since = None;
        while let Some(message) = self.next(queue) {
            self.serve(message, queue);
            if !self.traces.any() {
                untidy_since = None;
            } else if untidy_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                untidy_since = None;
                self.tidy_or_warn();
            }
        }
        if self.traces.any() {
            self.tidy_or_warn();
        }
    }

    /// Waits for the next message, and clears traces away when there is none for a while.
    fn next(&mut self, queue: &Receiver<Message>) -> Option<Message> {
        let mut quiet = QUIET;
        while self.traces.any() {
            match queue.recv_timeout(quiet) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.tidy_or_warn(),
            }
            quiet = (quiet * 2).min(PAUSE);
        }
        queue.recv().ok()
    }

    fn serve(&mut self, message: Message, queue: &Receiver<Message>) {
        match message {
            Message::Operation(first) => {
                let mut group = vec![first];
                let mut other = None;
                while other.is_none()
                    && group.len() < GROUP
                    && let Ok(message) = queue.try_recv()
                {
                    match message {
                        Message::Operation(operation) => group.push(operation),
                        message => other = Some(message),
                    }
                }
                self.settle_before(&group);
                self.commit(group);
                if let Some(other) = other {
                    self.serve(other, queue);
                }
            }
            Message::Checkpoint(reply) => {
                let _ = reply.send(self.tidy());
            }
            Message::Recover(reply) => {
                let settled = self.settle(None);
                let _ = reply.send(settled.and_then(|count| self.all_settled().map(|()| count)));
            }
        }
    }

    // -- groups -------------------------------------------------------------------------------------------------------

    /// Makes a group durable and answers it. Where it cannot be as a whole, each operation gets a chance of its own.
    fn commit(&self, mut group: Vec<Box<dyn Operation>>) {
        let failure = match self.attempt(&mut group) {
            Ok(()) => None,
            Err(Failure::RolledBack(_)) if group.len() > 1 => {
                for operation in group {
                    self.commit(vec![operation]);
                }
                return;
            }
            Err(Failure::RolledBack(error) | Failure::Final(error)) => Some(error),
        };
        for operation in group {
            let same = |error: &Error| Error::from(error.problem());
            operation.answer(failure.as_ref().map(same));
        }
    }

    fn attempt(&self, group: &mut [Box<dyn Operation>]) -> Result<(), Failure> {
        let before = self.db.total_changes();
        let rehearsed = self.traces.rehearsed.take();
        let done = self.transact(rehearsed, group);
        if done.is_err() {
            self.traces.rehearsed.set(rehearsed || self.traces.rehearsed.get());
            self.roll_back();
        } else {
            self.counters.count(group.len(), self.db.total_changes() > before);
        }
        done
    }

    fn transact(&self, rehearsed: bool, group: &mut [Box<dyn Operation>]) -> Result<(), Failure> {
        self.identity.check().map_err(Failure::Final)?;
        let begun = |error| Failure::Final(failure::database(error));
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(begun)?;
        let broken = |error| Failure::RolledBack(failure::database(error));
        if rehearsed {
            self.db.execute_batch("DELETE FROM rehearsal").map_err(broken)?;
        }
        let alone = group.len() == 1;
        for operation in group {
            self.db.execute_batch("SAVEPOINT operation").map_err(broken)?;
            let succeeded = operation.run(&self.desk());
            if self.db.is_autocommit() {
                // A full disk has rolled back the whole transaction. The operation's own error says so.
                if alone {
                    return Ok(());
                }
                let text = "the group of this operation was rolled back: try again";
                return Err(Failure::RolledBack(Error::new(ErrorKind::Journal, text)));
            }
            let end = if succeeded { "RELEASE operation" } else { "ROLLBACK TO operation; RELEASE operation" };
            self.db.execute_batch(end).map_err(broken)?;
        }
        self.db.execute_batch("COMMIT").map_err(|error| {
            let certain = failure::left_nothing(&error);
            let error = failure::commit(error);
            if certain { Failure::RolledBack(error) } else { Failure::Final(error) }
        })
    }

    fn roll_back(&self) {
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "the journal could not roll back");
        }
    }

    fn desk(&self) -> Desk<'_> {
        Desk { db: &self.db, clock: &*self.clock, unsettled: &self.unsettled, traces: &self.traces }
    }

    // -- what was rescued ---------------------------------------------------------------------------------------------

    fn settle_before(&mut self, group: &[Box<dyn Operation>]) {
        let claimants: Vec<Holder> = group.iter().filter_map(|operation| operation.claims_for().cloned()).collect();
        if !claimants.is_empty()
            && let Err(error) = self.settle(Some(&claimants))
        {
            tracing::warn!(%error, "the rescue file cannot be read, so nothing can be claimed");
        }
    }

    /// Brings back what was rescued, and remembers what could not be. Before claims, what its engine may still be trying to
    /// append is left to it, unless it is that engine that claims.
    pub(super) fn settle(&mut self, claimants: Option<&[Holder]>) -> Result<usize> {
        self.unsettled = Unsettled::default();
        self.settle_all(claimants).inspect_err(|error| self.unsettled.all = Some(error.problem()))
    }

    fn settle_all(&mut self, claimants: Option<&[Holder]>) -> Result<usize> {
        if self.rescue.is_empty()? {
            self.told.clear();
            return Ok(0);
        }
        let found = self.rescue.read()?;
        for at in found.damaged {
            self.tell(at, "a place in the rescue file is damaged, and counts as never written");
        }
        let mut brought = 0;
        for (at, rescued) in found.batches {
            if rescued.journal != self.journal {
                self.tell(at, "the rescue file holds something of another journal, and keeps it");
                continue;
            }
            match self.bring_back(at, &rescued, claimants) {
                Ok(()) => brought += 1,
                Err(error) => {
                    if error.kind() != ErrorKind::Busy {
                        tracing::warn!(credential = %rescued.credential, %error, "what was rescued was not brought back");
                    }
                    let text = format!("{error} (rescue file: {})", self.rescue.path().display());
                    self.unsettled.some.insert(rescued.credential, text);
                }
            }
        }
        Ok(brought)
    }

    fn bring_back(&self, at: usize, rescued: &Rescued, claimants: Option<&[Holder]>) -> Result<()> {
        self.identity.check()?;
        let change = self.db.execute_batch("BEGIN IMMEDIATE").map_err(failure::database);
        let done = change
            .and_then(|()| recover::bring_back(&self.desk(), rescued, claimants))
            .and_then(|()| self.db.execute_batch("COMMIT").map_err(failure::commit));
        if done.is_err() {
            self.roll_back();
        }
        done?;
        tracing::info!(credential = %rescued.credential, "what was rescued is back in the journal");
        self.rescue.erase(at, rescued)
    }

    fn all_settled(&self) -> Result<()> {
        self.unsettled.some.keys().try_for_each(|credential| self.unsettled.check(credential))
    }

    fn tell(&mut self, at: usize, what: &str) {
        if self.told.insert(at) {
            tracing::warn!(place = at, path = %self.rescue.path().display(), "{what}");
        }
    }

    /// Overwrites what was rescued and stored after all. What was not stored is left to the next claim: the engine that has
    /// the credential now may still be trying.
    fn sweep(&self) -> Result<()> {
        if self.rescue.is_empty()? {
            return Ok(());
        }
        for (at, rescued) in self.rescue.read()?.batches {
            if rescued.journal == self.journal && recover::is_stored(&self.db, &rescued)? {
                self.rescue.erase(at, &rescued)?;
            }
        }
        Ok(())
    }

    // -- traces -------------------------------------------------------------------------------------------------------

    fn tidy_or_warn(&mut self) {
        match self.tidy() {
            Err(error) if error.kind() == ErrorKind::Busy => tracing::debug!(%error, "the log is not empty yet"),
            Err(error) => tracing::warn!(%error, "what was destroyed is still in the journal's log"),
            Ok(()) => {}
        }
    }

    /// Removes what was only tried, and empties the log, in which destroyed values can still be read; and the rescue file
    /// of what was stored after all.
    fn tidy(&mut self) -> Result<()> {
        self.identity.check()?;
        if self.traces.rehearsed.get() {
            self.db.execute_batch("DELETE FROM rehearsal").map_err(failure::database)?;
            self.traces.rehearsed.set(false);
        }
        self.db.busy_timeout(COURTESY).map_err(failure::database)?;
        let busy = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        self.db.busy_timeout(super::schema::PATIENCE).map_err(failure::database)?;
        if busy.map_err(failure::database)? {
            let text = "somebody reads the journal's file, so its log cannot be emptied: try again when they are done";
            return Err(Error::new(ErrorKind::Busy, text));
        }
        self.traces.destroyed.set(false);
        self.counters.checkpoint();
        self.sweep()
    }
}
