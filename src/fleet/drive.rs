//! The loop: pulls turns while there is room, gives places out, and takes reports in.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use super::Inner;
use super::perform::perform;
use super::report::{Report, Summary, Tally, Turned};
use super::room::Mode;
use super::turn::{Tenant, Turn, Turns};
use crate::error::Result;
use crate::name::CredentialName;

/// One call of [`run`](super::Fleet::run).
pub(super) struct Drive {
    fleet: Arc<Inner>,
    queues: Vec<Queue>,
    /// Who comes first when the next place is given out.
    next: usize,
    /// How many turns have a place.
    under_way: usize,
    events: FuturesUnordered<BoxFuture<'static, Happened>>,
    summary: Summary,
}

/// A tenant's turns.
struct Queue {
    tenant: String,
    /// Where more come from; nothing while they are being asked for, and once there are no more.
    turns: Option<Box<dyn Turns>>,
    pulling: bool,
    /// Those that have been pulled, and have no place yet.
    parked: VecDeque<Turn>,
}

enum Happened {
    Pulled { queue: usize, turns: Box<dyn Turns>, turn: Result<Option<Turn>> },
    Ended { queue: usize, credential: CredentialName, turned: Result<Turned, JoinError> },
    Rung(watch::Receiver<()>),
}

/// A task that does not outlive who waits for it.
struct Task(JoinHandle<Turned>);

impl Future for Task {
    type Output = Result<Turned, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(context)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drive {
    pub(super) fn new(fleet: Arc<Inner>, tenants: impl IntoIterator<Item = Tenant>) -> Self {
        let queue = |Tenant { name, turns }| Queue {
            tenant: name,
            turns: Some(turns),
            pulling: false,
            parked: VecDeque::new(),
        };
        let queues: Vec<_> = tenants.into_iter().map(queue).collect();
        let mut summary = Summary::default();
        for queue in &queues {
            summary.of(&queue.tenant);
        }
        Self { fleet, queues, next: 0, under_way: 0, events: FuturesUnordered::new(), summary }
    }

    pub(super) async fn run(mut self) -> Summary {
        let bell = self.fleet.room.listen();
        self.listen(bell);
        while !self.is_over() {
            self.give_places();
            self.pull();
            let Some(happened) = self.events.next().await else { break };
            self.take(happened);
            // What is there already counts before the next place is given out: nobody gains by being asked first.
            while let Some(Some(happened)) = self.events.next().now_or_never() {
                self.take(happened);
            }
        }
        for at in 0..self.queues.len() {
            while let Some(turn) = self.queues[at].parked.pop_front() {
                let credential = turn.leave().await;
                self.report(at, credential, Turned::Deferred { person: None });
            }
            if let Some(mut turns) = self.queues[at].turns.take() {
                turns.close().await;
            }
        }
        self.summary
    }

    fn is_over(&self) -> bool {
        let waits = |queue: &Queue| queue.turns.is_some() || queue.pulling || !queue.parked.is_empty();
        let more = self.fleet.room.mode() != Mode::Draining && self.queues.iter().any(waits);
        self.under_way == 0 && !more
    }

    fn listen(&self, mut bell: watch::Receiver<()>) {
        self.events.push(Box::pin(async move {
            // The fleet holds the other end.
            let _ = bell.changed().await;
            Happened::Rung(bell)
        }));
    }

    /// Gives places out in turn, for as long as there are any that somebody can take.
    fn give_places(&mut self) {
        let count = self.queues.len();
        while self.fleet.room.has_place() {
            let first = self.next;
            let mut round = (0..count).map(|at| (first + at) % count);
            let Some(at) = round.find(|at| self.begin_one(*at)) else { break };
            self.next = (at + 1) % count;
        }
    }

    /// Begins the first turn of a tenant that may begin now, if there is one.
    fn begin_one(&mut self, at: usize) -> bool {
        let queue = &mut self.queues[at];
        let seated = queue.parked.iter().enumerate().find_map(|(n, turn)| Some((n, self.fleet.room.seat(turn)?)));
        let Some((turn, seat)) = seated.and_then(|(n, seat)| Some((queue.parked.remove(n)?, seat))) else {
            return false;
        };
        self.under_way += 1;
        self.count(at, |tally| tally.begun += 1);
        let credential = turn.credential().clone();
        let task = Task(tokio::spawn(perform(turn, seat)));
        self.events.push(Box::pin(async move { Happened::Ended { queue: at, credential, turned: task.await } }));
        true
    }

    /// Asks for more where a place is free that nothing at hand can take.
    fn pull(&mut self) {
        if !self.fleet.room.has_place() {
            return;
        }
        let count = self.queues.len();
        for at in (0..count).map(|at| (self.next + at) % count) {
            let queue = &mut self.queues[at];
            if queue.parked.len() < self.fleet.bounds.parked
                && let Some(mut turns) = queue.turns.take()
            {
                queue.pulling = true;
                self.events.push(Box::pin(async move {
                    let turn = turns.next().await;
                    Happened::Pulled { queue: at, turns, turn }
                }));
            }
        }
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Rung(bell) => self.listen(bell),
            Happened::Pulled { queue, turns, turn } => {
                self.queues[queue].pulling = false;
                match turn {
                    Ok(Some(turn)) => {
                        self.queues[queue].turns = Some(turns);
                        self.queues[queue].parked.push_back(turn);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let problem = error.problem();
                        self.count(queue, |tally| tally.cut_short = Some(problem.clone()));
                    }
                }
            }
            Happened::Ended { queue, credential, turned } => {
                self.under_way -= 1;
                self.report(queue, credential, turned.unwrap_or(Turned::Panicked));
            }
        }
    }

    fn report(&mut self, queue: usize, credential: CredentialName, turned: Turned) {
        let report = Report::new(&self.queues[queue].tenant, credential, turned);
        self.count(queue, |tally| tally.count(&report.turned));
        self.fleet.listeners.tell(&report);
    }

    fn count(&mut self, queue: usize, note: impl Fn(&mut Tally)) {
        let tenant = &self.queues[queue].tenant;
        note(self.summary.of(tenant));
        self.fleet.room.tally(|so_far| note(so_far.of(tenant)));
    }
}
