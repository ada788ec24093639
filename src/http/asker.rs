//! What one asker gets of a far side. Limits are counted by who asks, so they are kept so here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::kept::Idle;
use super::pace::Pace;
use super::rate::{Limits, Spent, Work};

/// No far side silences us for longer than this at a time, whatever it says.
pub(super) const LONGEST: Duration = Duration::from_hours(1);

/// One asker at one far side.
#[derive(Debug)]
pub(super) struct Asker {
    /// As many as it may have under way.
    pub(super) places: Arc<Semaphore>,
    limits: &'static Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Until when the far side does not want to hear from it.
    quiet: Option<Instant>,
    /// What it has had of each rate that is published.
    spent: Vec<Spent>,
    pace: Pace,
}

impl Asker {
    pub(super) fn new(places: usize, limits: &'static Limits) -> Self {
        let spent = limits.rates.iter().map(|_| Spent::default()).collect();
        let state = Mutex::new(State { spent, ..State::default() });
        Self { places: Arc::new(Semaphore::new(places)), limits, state }
    }

    /// How long until it may send this; nothing where it may now.
    pub(super) fn wait(&self, work: Work) -> Option<Duration> {
        self.lock().wait(self.limits, work)
    }

    /// Sends this now, if it may; otherwise how long until then.
    pub(super) fn take(&self, work: Work) -> Option<Duration> {
        let mut state = self.lock();
        let wait = state.wait(self.limits, work);
        if wait.is_none() {
            let now = Instant::now();
            for (spent, rate) in state.spent.iter_mut().zip(self.limits.rates) {
                spent.take(rate, (rate.cost)(work), now);
            }
            state.pace.take(now);
        }
        wait
    }

    /// The far side does not want to hear from it for so long.
    pub(super) fn silence(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST);
        let quiet = &mut self.lock().quiet;
        *quiet = (*quiet).max(Some(until));
    }

    /// What it sent then was answered: too fast, or not.
    pub(super) fn answered(&self, sent: Instant, throttled: bool) {
        if !self.limits.throttles {
            return;
        }
        let pace = &mut self.lock().pace;
        if throttled { pace.throttled(sent, Instant::now()) } else { pace.answered() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, limits: &Limits, work: Work) -> Option<Duration> {
        let now = Instant::now();
        let quiet = self.quiet.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let rates = self.spent.iter_mut().zip(limits.rates);
        let rates = rates.map(|(spent, rate)| spent.wait(rate, (rate.cost)(work), now)).max().unwrap_or_default();
        let wait = quiet.max(rates).max(self.pace.wait(now));
        (!wait.is_zero()).then_some(wait)
    }
}

impl Idle for Asker {
    fn is_idle(&self) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        state.quiet.is_none_or(|until| until <= now)
            && state.pace.is_idle()
            && state.spent.iter_mut().zip(self.limits.rates).all(|(spent, rate)| spent.is_idle(rate, now))
    }
}
