//! What has come of each rotation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokenturn::fleet::{Report, Turned};
use tokenturn::{ErrorKind, Outcome, Problem};
use tokenturn_compare::{Member, Said};

use crate::Desk;

/// What is open, what is to be handed in again, and what is over. It grows with what is open.
#[derive(Clone, Default)]
pub(crate) struct Books {
    open: Arc<Mutex<HashMap<String, Member>>>,
    since: Arc<Mutex<HashMap<String, Instant>>>,
    again: Arc<Mutex<Vec<Member>>>,
    said: Arc<Mutex<Said>>,
}

impl Books {
    /// A rotation gets its place.
    pub(crate) fn begun(&self, member: Member) {
        lock(&self.since).entry(member.name.clone()).or_insert_with(Instant::now);
        lock(&self.open).insert(member.name.clone(), member);
    }

    pub(crate) fn again(&self) -> MutexGuard<'_, Vec<Member>> {
        lock(&self.again)
    }

    pub(crate) fn said(&self) -> MutexGuard<'_, Said> {
        lock(&self.said)
    }

    /// A rotation has given its place up.
    pub(crate) fn hear(&self, report: &Report, desk: &Desk) {
        let Some(member) = lock(&self.open).remove(report.credential.as_str()) else { return };
        let over = match &report.turned {
            Turned::Run(run) => match &run.outcome {
                Outcome::Completed(_) => self.completed(&member, desk),
                Outcome::NeedsPerson { problems, .. } | Outcome::AwaitingPerson { problems, .. } => {
                    self.said().needs_person += 1;
                    self.problem(&words(problems))
                }
                Outcome::Stopped { because, .. } => self.failed(&because.to_string()),
                _ => false,
            },
            Turned::Failed { problem, .. } if problem.kind == ErrorKind::Busy => false,
            Turned::Failed { problem, .. } => self.failed(&problem.to_string()),
            Turned::Deferred { .. } | Turned::NotDue => false,
            _ => self.failed("it panicked"),
        };
        if over {
            lock(&self.since).remove(&member.name);
        } else {
            self.again().push(member);
        }
    }

    fn completed(&self, member: &Member, desk: &Desk) -> bool {
        if !desk.kept.durable && desk.done.write(&member.name).is_err() {
            return self.failed("what was done cannot be written down");
        }
        let took = lock(&self.since).get(&member.name).map(Instant::elapsed).unwrap_or_default();
        let mut said = self.said();
        said.completed += 1;
        said.latencies_us.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        true
    }

    fn failed(&self, why: &str) -> bool {
        self.said().failed += 1;
        self.problem(why)
    }

    fn problem(&self, why: &str) -> bool {
        *self.said().problems.entry(why.to_owned()).or_default() += 1;
        true
    }
}

fn words(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
