//! The thread that writes: what queues up during one trip to the disk makes the next trip together.

use std::collections::BTreeSet;
use std::path::PathBuf;
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
use super::schema::{self, JournalId};
use super::statement;
use super::stats::Counters;
use crate::clock::Clock;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::name::Holder;

/// How many operations go to the disk together at most.
const GROUP: usize = 128;
/// How long a group waits at most for as many as lately went together: a trip to the disk takes them all.
const LINGER: Duration = Duration::from_millis(8);
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
    pub(super) path: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) journal: JournalId,
    pub(super) identity: Identity,
    pub(super) rescue: Arc<RescueFile>,
    pub(super) counters: Arc<Counters>,
    pub(super) traces: Traces,
    pub(super) unsettled: Unsettled,
    /// How many operations went to the disk together lately: at once when there are more, and an eighth less each time there
    /// are fewer.
    pub(super) company: usize,
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
            if self.rescue.is_used() {
                self.traces.rescued.set(true);
            }
            if !self.traces.any() {
                untidy_since = None;
            } else if untidy_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                untidy_since = None;
                self.tidy_or_warn();
            }
        }
        if self.rescue.is_used() {
            self.traces.rescued.set(true);
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
                let (group, other) = self.gather(first, queue);
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

    /// What goes to the disk with the first, and what came behind it. Who comes one at a time soon waits for nobody.
    fn gather(
        &mut self,
        first: Box<dyn Operation>,
        queue: &Receiver<Message>,
    ) -> (Vec<Box<dyn Operation>>, Option<Message>) {
        let until = Instant::now() + LINGER;
        let (mut group, mut other) = (vec![first], None);
        while group.len() < GROUP && other.is_none() {
            let full = group.len() >= self.company;
            let linger = if full { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            match queue.recv_timeout(linger) {
                Ok(Message::Operation(operation)) => group.push(operation),
                Ok(message) => other = Some(message),
                Err(_) => break,
            }
        }
        self.company = group.len().max(self.company - self.company.div_ceil(8));
        (group, other)
    }

    // -- groups -------------------------------------------------------------------------------------------------------

    /// Makes a group durable and answers it. Where it cannot be as a whole, each operation gets a chance of its own.
    fn commit(&mut self, mut group: Vec<Box<dyn Operation>>) {
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

    fn attempt(&mut self, group: &mut [Box<dyn Operation>]) -> Result<(), Failure> {
        self.mend().map_err(Failure::Final)?;
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
        schema::begin(&self.db).map_err(Failure::Final)?;
        if rehearsed {
            statement::execute(&self.db, "DELETE FROM rehearsal", []).map_err(Failure::RolledBack)?;
        }
        let alone = group.len() == 1;
        for operation in group {
            statement::execute(&self.db, "SAVEPOINT operation", []).map_err(Failure::RolledBack)?;
            let succeeded = operation.run(&self.desk());
            if self.db.is_autocommit() {
                // A full disk has rolled back the whole transaction. The operation's own error says so.
                if alone && !succeeded {
                    return Ok(());
                }
                let text = "the group of this operation was rolled back: try again";
                return Err(Failure::RolledBack(Error::new(ErrorKind::Journal, text)));
            }
            if !succeeded {
                statement::execute(&self.db, "ROLLBACK TO operation", []).map_err(Failure::RolledBack)?;
            }
            statement::execute(&self.db, "RELEASE operation", []).map_err(Failure::RolledBack)?;
        }
        self.db.execute_batch("COMMIT").map_err(|error| {
            let certain = failure::left_nothing(&error);
            let error = failure::commit(error);
            if certain { Failure::RolledBack(error) } else { Failure::Final(error) }
        })?;
        // What went into a log that has lost its name is gone when the last process closes it, or when this one dies.
        self.identity.check().map_err(|error| Failure::Final(error.with_effect(Effect::Unknown)))
    }

    /// Opens the database anew where a transaction could not be rolled back: nothing may be written within that one.
    fn mend(&mut self) -> Result<()> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        // It has read before the old one is closed, so that the log keeps its name.
        let fresh = schema::connect(&self.path)?;
        schema::id(&fresh)?;
        self.db = fresh;
        Ok(())
    }

    fn roll_back(&self) {
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "the journal could not roll back, and is opened anew before anything is written");
        }
    }

    fn desk(&self) -> Desk<'_> {
        let Self { db, clock, unsettled, traces, rescue, .. } = self;
        Desk { db, clock: &**clock, unsettled, traces, rescue }
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

    fn bring_back(&mut self, at: usize, rescued: &Rescued, claimants: Option<&[Holder]>) -> Result<()> {
        self.mend()?;
        self.identity.check()?;
        let done = schema::begin(&self.db)
            .and_then(|()| recover::bring_back(&self.desk(), rescued, claimants))
            .and_then(|()| self.db.execute_batch("COMMIT").map_err(failure::commit))
            .and_then(|()| self.identity.check());
        if done.is_err() {
            self.roll_back();
        }
        done?;
        tracing::info!(credential = %rescued.credential, "what was rescued is back in the journal");
        // It is known by its first record from now on, wherever it still lies.
        if let Err(error) = self.rescue.erase(at, &rescued.checksum) {
            self.traces.rescued.set(true);
            tracing::warn!(credential = %rescued.credential, %error, "it is still in the rescue file, and is erased later");
        }
        Ok(())
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
    /// the credential now may still be trying. It is looked at again whenever something was written.
    fn sweep(&self) -> Result<()> {
        if !self.traces.rescued.get() {
            return Ok(());
        }
        // Said before it is read, so that what is rescued meanwhile is not forgotten.
        self.rescue.set_used(false);
        let swept = self.sweep_all();
        if !matches!(swept, Ok(true)) {
            self.rescue.set_used(true);
        }
        self.traces.rescued.set(swept.is_err());
        swept.map(drop)
    }

    /// Whether nothing is left.
    fn sweep_all(&self) -> Result<bool> {
        let mut clean = true;
        if self.rescue.is_empty()? {
            return Ok(clean);
        }
        for (at, rescued) in self.rescue.read()?.batches {
            if rescued.journal == self.journal {
                if recover::is_stored(&self.db, &rescued)? {
                    self.rescue.erase(at, &rescued.checksum)?;
                } else {
                    clean = false;
                }
            }
        }
        Ok(clean)
    }

    // -- traces -------------------------------------------------------------------------------------------------------

    fn tidy_or_warn(&mut self) {
        match self.tidy_database() {
            Err(error) if error.kind() == ErrorKind::Busy => tracing::debug!(%error, "the log is not empty yet"),
            Err(error) => tracing::warn!(%error, "what was destroyed is still in the journal or its log"),
            Ok(()) => {}
        }
        if let Err(error) = self.sweep() {
            tracing::warn!(%error, "what was rescued and is stored by now is still in the rescue file");
        }
    }

    /// Removes what is gone from where it can still be read: the pages, the log, and the rescue file.
    fn tidy(&mut self) -> Result<()> {
        let tidied = self.tidy_database();
        self.sweep()?;
        tidied
    }

    fn tidy_database(&mut self) -> Result<()> {
        self.mend()?;
        self.identity.check()?;
        self.db.busy_timeout(COURTESY).map_err(failure::database)?;
        let rewritten = self.forget_rehearsal().and_then(|()| self.rewrite_values());
        let emptied = self.empty_log();
        self.db.busy_timeout(schema::PATIENCE).map_err(failure::database)?;
        rewritten.and(emptied)
    }

    fn forget_rehearsal(&self) -> Result<()> {
        if self.traces.rehearsed.get() {
            self.change("DELETE FROM rehearsal")?;
            self.traces.rehearsed.set(false);
        }
        Ok(())
    }

    /// Writes all values to other pages. A page that is freed as a whole is overwritten; one whose cells are moved together
    /// keeps a copy of what they covered, which no later deletion reaches.
    fn rewrite_values(&self) -> Result<()> {
        if !self.traces.destroyed.get() {
            return Ok(());
        }
        self.traces.logged.set(true);
        // While references are checked, rows are deleted one by one, and their pages not freed but moved together.
        self.db.execute_batch("PRAGMA foreign_keys = OFF").map_err(failure::database)?;
        let rewritten = self.change(
            "CREATE TEMP TABLE moved AS SELECT * FROM main.value; DELETE FROM main.value;
             INSERT INTO main.value SELECT * FROM temp.moved ORDER BY credential, id; DROP TABLE temp.moved",
        );
        self.db.execute_batch("PRAGMA foreign_keys = ON").map_err(failure::database)?;
        rewritten?;
        self.traces.destroyed.set(false);
        Ok(())
    }

    fn change(&self, sql: &str) -> Result<()> {
        let done = schema::begin(&self.db)
            .and_then(|()| self.db.execute_batch(sql).map_err(failure::database))
            .and_then(|()| self.db.execute_batch("COMMIT").map_err(failure::commit));
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn empty_log(&self) -> Result<()> {
        let busy = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        if busy.map_err(failure::database)? {
            let text = "somebody reads the journal's file, so its log cannot be emptied: try again when they are done";
            return Err(Error::new(ErrorKind::Busy, text));
        }
        self.traces.logged.set(false);
        self.counters.checkpoint();
        Ok(())
    }
}
