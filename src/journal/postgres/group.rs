//! Appends that come together go together: one statement, one trip, one wait for the disk.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::append::{Entry, write};
use super::failure::{self, fenced};
use super::line::Line;
use crate::error::{Effect, Result};

/// How many appends go together at most.
const TOGETHER: usize = 64;

/// How many groups are on their way at once: while one waits for the disk, the next is taken in.
const WRITERS: usize = 2;

/// What waits to be appended by this process.
pub(super) struct Queue {
    line: Arc<Line>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    writers: usize,
}

struct Job {
    entry: Entry,
    reply: oneshot::Sender<Result<()>>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}

impl Queue {
    pub(super) fn new(line: Arc<Line>) -> Arc<Self> {
        Arc::new(Self { line, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change below leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends with the next group. It is written even if the caller goes away meanwhile.
    pub(super) async fn append(self: &Arc<Self>, entry: Entry) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        if let Some(writer) = self.add(Job { entry, reply }) {
            tokio::spawn(writer.work());
        }
        answer.await.unwrap_or_else(|_| Err(failure::no_answer(Effect::Unknown)))
    }

    /// Puts it last, and calls one more writer where they are not all at work.
    fn add(self: &Arc<Self>, job: Job) -> Option<Writer> {
        let mut state = self.lock();
        state.waiting.push_back(job);
        let more = state.writers < WRITERS;
        state.writers += usize::from(more);
        more.then(|| Writer { queue: self.clone(), at_work: true })
    }
}

/// One that takes group after group, until nothing waits.
struct Writer {
    queue: Arc<Queue>,
    at_work: bool,
}

impl Writer {
    async fn work(mut self) {
        while let Some(group) = self.next() {
            let (entries, replies): (Vec<Entry>, Vec<_>) = group.into_iter().map(|job| (job.entry, job.reply)).unzip();
            let answers = together(&self.queue.line, &entries).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                // A caller that has gone away needs no answer.
                let _ = reply.send(answer);
            }
        }
    }

    /// The next group: of each credential one, as what follows that must see it.
    fn next(&mut self) -> Option<Vec<Job>> {
        let mut state = self.queue.lock();
        let (mut group, mut names, mut later) = (Vec::new(), BTreeSet::new(), VecDeque::new());
        while group.len() < TOGETHER
            && let Some(job) = state.waiting.pop_front()
        {
            if names.insert(job.entry.credential().to_owned()) {
                group.push(job);
            } else {
                later.push_back(job);
            }
        }
        later.append(&mut state.waiting);
        state.waiting = later;
        if group.is_empty() {
            state.writers -= 1;
            self.at_work = false;
            return None;
        }
        Some(group)
    }
}

impl Drop for Writer {
    /// Where it is cut off, with the runtime that it was at, nobody waits for the last of them in vain.
    fn drop(&mut self) {
        if self.at_work {
            let mut state = self.queue.lock();
            state.writers -= 1;
            if state.writers == 0 {
                state.waiting.clear();
            }
        }
    }
}

/// Writes a group. Where the database refuses it, one of them may be why: each gets its own answer then.
async fn together(line: &Line, group: &[Entry]) -> Vec<Result<()>> {
    let answers = |stored: &BTreeSet<String>| {
        let one = |entry: &Entry| if stored.contains(entry.credential()) { Ok(()) } else { Err(fenced()) };
        group.iter().map(one).collect()
    };
    match write(line, group).await {
        Ok(stored) => answers(&stored),
        Err(failure) if failure.refused && group.len() > 1 => {
            let alone = |entry| async move {
                let stored = write(line, std::slice::from_ref(entry)).await?;
                if stored.is_empty() { Err(fenced()) } else { Ok(()) }
            };
            join_all(group.iter().map(alone)).await
        }
        Err(failure) => {
            let problem = failure.error.problem();
            group.iter().map(|_| Err(problem.clone().into())).collect()
        }
    }
}
