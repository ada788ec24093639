//! What came of it: of one credential, and of all together.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::name::CredentialName;
use crate::rotation::Outcome;
use crate::rotator::Run;

/// What came of one turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Whose it is.
    pub tenant: String,
    /// Of which credential.
    pub credential: CredentialName,
    /// What came of it.
    pub turned: Turned,
}

impl Report {
    pub(super) fn new(tenant: &str, credential: CredentialName, turned: Turned) -> Self {
        Self { tenant: tenant.to_owned(), credential, turned }
    }
}

/// What may come of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turned", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Turned {
    /// A run, over or waiting.
    Run(Run),
    /// Nothing was to be done any more.
    NotDue,
    /// It was not begun, and nothing was changed: hand it in again later.
    #[non_exhaustive]
    Deferred {
        /// Whose guided runs must be done first; nobody's where the fleet was drained.
        person: Option<String>,
    },
    /// It could not be begun, or not be gone on with. What was durable waits in the journal.
    #[non_exhaustive]
    Failed {
        /// Why.
        problem: Problem,
    },
    /// A provider, a consumer or a journal panicked. What was durable waits in the journal, until the lease has run out.
    Panicked,
}

/// How many turns came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tally {
    /// Turns that got a place.
    pub begun: u64,
    /// Every place has the new token, and the run is over.
    pub completed: u64,
    /// Nothing was left changed.
    pub rolled_back: u64,
    /// Nothing was changed.
    pub stopped: u64,
    /// Ended by a person as they were.
    pub abandoned: u64,
    /// Runs that wait for a person.
    pub awaiting_person: u64,
    /// Runs that are tried again later.
    pub backing_off: u64,
    /// Runs whose old token has its time of grace.
    pub draining: u64,
    /// Runs that were left where they stood, because the fleet was drained.
    pub unfinished: u64,
    /// Runs that cannot go on without a decision.
    pub needs_person: u64,
    /// Turns of which nothing was to be done any more.
    pub not_due: u64,
    /// Turns that were not begun, and are to be handed in again.
    pub deferred: u64,
    /// Turns that failed.
    pub failed: u64,
    /// Turns that panicked.
    pub panicked: u64,
    /// Why no more turns could be had, where that was so.
    pub cut_short: Option<Problem>,
}

impl Tally {
    /// One more.
    pub(super) fn count(&mut self, turned: &Turned) {
        let kind = match turned {
            Turned::Run(run) => match &run.outcome {
                Outcome::Completed(_) => &mut self.completed,
                Outcome::RolledBack { .. } => &mut self.rolled_back,
                Outcome::Stopped { .. } => &mut self.stopped,
                Outcome::Abandoned { .. } => &mut self.abandoned,
                Outcome::AwaitingPerson { .. } => &mut self.awaiting_person,
                Outcome::BackingOff { .. } => &mut self.backing_off,
                Outcome::Draining { .. } => &mut self.draining,
                Outcome::Unfinished => &mut self.unfinished,
                Outcome::NeedsPerson { .. } => &mut self.needs_person,
            },
            Turned::NotDue => &mut self.not_due,
            Turned::Deferred { .. } => &mut self.deferred,
            Turned::Failed { .. } => &mut self.failed,
            Turned::Panicked => &mut self.panicked,
        };
        *kind += 1;
    }

    /// How many reports there were.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.kinds().iter().map(|(_, count)| count).sum()
    }

    fn kinds(&self) -> [(&'static str, u64); 13] {
        [
            ("completed", self.completed),
            ("rolled back", self.rolled_back),
            ("stopped", self.stopped),
            ("abandoned", self.abandoned),
            ("waiting for a person", self.awaiting_person),
            ("backing off", self.backing_off),
            ("in their time of grace", self.draining),
            ("unfinished", self.unfinished),
            ("in need of a decision", self.needs_person),
            ("not due", self.not_due),
            ("deferred", self.deferred),
            ("failed", self.failed),
            ("panicked", self.panicked),
        ]
    }

    fn add(&mut self, other: &Self) {
        self.begun += other.begun;
        self.completed += other.completed;
        self.rolled_back += other.rolled_back;
        self.stopped += other.stopped;
        self.abandoned += other.abandoned;
        self.awaiting_person += other.awaiting_person;
        self.backing_off += other.backing_off;
        self.draining += other.draining;
        self.unfinished += other.unfinished;
        self.needs_person += other.needs_person;
        self.not_due += other.not_due;
        self.deferred += other.deferred;
        self.failed += other.failed;
        self.panicked += other.panicked;
        self.cut_short = self.cut_short.take().or_else(|| other.cut_short.clone());
    }
}

/// One line for a person: what there was, and nothing that there was not.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = self.kinds().into_iter().filter(|(_, count)| *count > 0);
        let parts: Vec<_> = there.map(|(kind, count)| format!("{count} {kind}")).collect();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))?;
        self.cut_short.iter().try_for_each(|problem| write!(f, "; cut short: {problem}"))
    }
}

/// What came of all turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// By tenant.
    pub tenants: BTreeMap<String, Tally>,
}

impl Summary {
    /// Of all tenants together.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.tenants.values().fold(Tally::default(), |mut total, tally| {
            total.add(tally);
            total
        })
    }

    pub(super) fn of(&mut self, tenant: &str) -> &mut Tally {
        self.tenants.entry(tenant.to_owned()).or_default()
    }
}

/// How a fleet stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// How many rotations are open now.
    pub in_flight: usize,
    /// What came of the others, since the fleet was built.
    pub so_far: Summary,
}
