//! Requests, as planned and as sent.

use super::Ruling;
use super::ruling::demand;
use crate::rotator::Plan;

/// How many requests a run should send to one far side, and how many it sent.
pub(in crate::testing) struct Trips {
    planned: u64,
    before: Option<u64>,
    after: Option<u64>,
}

impl Trips {
    /// What this plan says of one far side, which has had so many requests before the run.
    pub(in crate::testing) fn planned(plan: &Plan, name: &str, before: Option<u64>) -> Self {
        let planned = plan.trips().get(name).copied().unwrap_or_default();
        Self { planned: planned.into(), before, after: None }
    }

    /// The run is over, or about to try something again, and the far side has had so many. What comes later is not counted.
    pub(in crate::testing) fn sent(&mut self, after: Option<u64>) {
        self.after = self.after.or(after);
    }

    /// # Errors
    ///
    /// The plan said something else.
    pub(in crate::testing) fn hold(&self) -> Ruling {
        let Some(sent) = self.before.zip(self.after).map(|(before, after)| after - before) else { return Ok(()) };
        // What is asked until it says yes may say it sooner.
        demand(sent <= self.planned && self.planned <= sent + sent / 2, || {
            format!(
                "a whole rotation sent {sent} requests, and its plan says {}: let `trips` say what each call sends at most, if \
                 all goes well",
                self.planned
            )
        })
    }
}
