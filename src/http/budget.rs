//! What one far side gets from us: so many requests at a time, and none before it wants more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Refusals;
use crate::error::{Error, ErrorKind, Result};

/// A wait up to this long is waited for; a longer one is the caller's to plan.
pub(super) const SHORT: Duration = Duration::from_secs(5);

/// No far side blocks us for longer than this at a time, whatever it says.
pub(super) const LONGEST: Duration = Duration::from_hours(1);

/// The budget of every origin.
pub(super) struct Budgets {
    concurrency: usize,
    origins: Mutex<HashMap<String, Arc<Budget>>>,
}

/// The budget of one origin.
pub(super) struct Budget {
    permits: Arc<Semaphore>,
    /// Until when it does not want to hear from somebody. Limits are counted by who asks, so they are kept so here.
    blocked: Mutex<HashMap<String, Instant>>,
    /// Logins that it refused of late.
    pub(super) refusals: Refusals,
}

impl Budgets {
    pub(super) fn new(concurrency: usize) -> Self {
        Self { concurrency, origins: Mutex::default() }
    }

    /// As many places, and nothing remembered.
    #[cfg(feature = "testing")]
    pub(super) fn anew(&self) -> Self {
        Self::new(self.concurrency)
    }

    pub(super) fn of(&self, origin: &str) -> Arc<Budget> {
        let mut origins = lock(&self.origins);
        let budget = || {
            Arc::new(Budget {
                permits: Arc::new(Semaphore::new(self.concurrency)),
                blocked: Mutex::default(),
                refusals: Refusals::default(),
            })
        };
        origins.entry(origin.to_owned()).or_insert_with(budget).clone()
    }
}

impl Budget {
    /// Waits for a place; not for longer than [`SHORT`] where the far side asked for quiet. Whoever waits for quiet holds no
    /// place meanwhile: others may be welcome.
    pub(super) async fn admit(&self, who: &str) -> Result<OwnedSemaphorePermit> {
        let closed = |_| Error::new(ErrorKind::Internal, "the budget of a far side was closed");
        let mut left = SHORT;
        loop {
            let permit = self.permits.clone().acquire_owned().await.map_err(closed)?;
            let Some(wait) = self.blocked_for(who) else {
                return Ok(permit);
            };
            drop(permit);
            left = left.checked_sub(wait).ok_or_else(|| {
                let text = "it asked for a pause that is not over: no request was sent, try again when it is";
                Error::new(ErrorKind::RateLimited, text).with_retry_after(wait)
            })?;
            tokio::time::sleep(wait).await;
        }
    }

    /// It does not want to hear from `who` for so long.
    pub(super) fn block(&self, who: &str, wait: Duration) {
        let now = Instant::now();
        let until = now + wait.min(LONGEST);
        let mut blocked = lock(&self.blocked);
        blocked.retain(|_, until| *until > now);
        let entry = blocked.entry(who.to_owned()).or_insert(until);
        *entry = until.max(*entry);
    }

    fn blocked_for(&self, who: &str) -> Option<Duration> {
        let left = lock(&self.blocked).get(who)?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_said_a_short_one_is_waited_for_and_both_are_for_one_asker() {
        let budget = Budgets::new(1).of("https://a.example");
        budget.block("bearer", Duration::from_mins(1));
        let error = budget.admit("bearer").await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_mins(1))));
        drop(budget.admit("nobody").await.unwrap());
        budget.block("nobody", Duration::from_secs(3));
        let before = Instant::now();
        drop(budget.admit("nobody").await.unwrap());
        assert_eq!(before.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_quiet_keeps_nobody_else_from_a_place() {
        let budget = Budgets::new(1).of("https://a.example");
        budget.block("slow", Duration::from_secs(4));
        let before = Instant::now();
        let slow = async { drop(budget.admit("slow").await.unwrap()) };
        let other = async {
            drop(budget.admit("other").await.unwrap());
            before.elapsed()
        };
        let ((), waited) = tokio::join!(slow, other);
        assert_eq!((waited.as_secs(), before.elapsed().as_secs()), (0, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn no_far_side_silences_us_for_a_week() {
        let budget = Budgets::new(1).of("https://a.example");
        budget.block("me", Duration::from_hours(168));
        assert_eq!(budget.admit("me").await.unwrap_err().retry_after(), Some(LONGEST));
    }
}
