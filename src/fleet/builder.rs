//! Puts a `Fleet` together.

use std::fmt;
use std::sync::Arc;

use super::{Fleet, Report};
use crate::error::{Error, ErrorKind, Result};

/// How many turns a tenant may have handed out whose lane is full.
const PARKED: usize = 64;

/// Puts a [`Fleet`] together.
#[derive(Debug, Default)]
#[must_use]
pub struct FleetBuilder {
    bounds: Bounds,
    per_lane: Option<usize>,
    listeners: Listeners,
}

/// How much may be at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Rotations that are open.
    pub(super) open: usize,
    /// Those of them in one lane.
    pub(super) per_lane: usize,
    /// Guided runs that wait for one person.
    pub(super) per_person: usize,
    /// Turns of a tenant that were pulled and wait for a lane.
    pub(super) parked: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { open: 256, per_lane: 128, per_person: 5, parked: PARKED }
    }
}

/// Those who are told of each report.
#[derive(Clone, Default)]
pub(super) struct Listeners(Vec<Arc<Listener>>);

type Listener = dyn Fn(&Report) + Send + Sync;

impl Listeners {
    pub(super) fn tell(&self, report: &Report) {
        self.0.iter().for_each(|listener| listener(report));
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.0.len())
    }
}

impl FleetBuilder {
    /// At most so many rotations are open at a time: 256 unless set.
    pub fn open(mut self, most: usize) -> Self {
        self.bounds.open = most;
        self
    }

    /// At most so many of them are in one lane: half unless set. A host that hangs holds the turns of its own lane back, and
    /// leaves the other places to the others. A tenant is asked for more while no more than 64 of its turns wait for a lane.
    pub fn per_lane(mut self, most: usize) -> Self {
        self.per_lane = Some(most);
        self
    }

    /// At most so many guided runs wait for one person at a time: 5 unless set. Turns beyond are not begun.
    pub fn per_person(mut self, most: usize) -> Self {
        self.bounds.per_person = most;
        self
    }

    /// Who is told what came of each credential. It must not block: hand the report on to a channel.
    pub fn observe(mut self, listener: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.listeners.0.push(Arc::new(listener));
        self
    }

    /// The `Fleet`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a bound is zero: nothing would ever be begun.
    pub fn build(mut self) -> Result<Fleet> {
        self.bounds.per_lane = self.per_lane.unwrap_or(self.bounds.open.div_ceil(2)).min(self.bounds.open);
        let Bounds { open, per_lane, per_person, .. } = self.bounds;
        if open == 0 || per_lane == 0 || per_person == 0 {
            let text = "a fleet that may open nothing rotates nothing: set each of its bounds to one or more";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        Ok(Fleet::assemble(self.bounds, self.listeners))
    }
}
