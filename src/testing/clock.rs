//! A clock that moves only when it is told to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, Timestamp};

/// Where every virtual clock starts: 2030-01-01T00:00:00Z.
const START: i64 = 1_893_456_000;

/// A clock that moves only when somebody waits by it or moves it. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use tokenturn::{Clock, testing::VirtualClock};
///
/// let clock = VirtualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(86_400));
/// assert_eq!(before.until(clock.now()), Duration::from_secs(86_400));
/// ```
#[derive(Clone, Debug, Default)]
pub struct VirtualClock {
    elapsed: Arc<Mutex<Duration>>,
}

impl VirtualClock {
    /// A clock at the first second of 2030, in UTC.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = elapsed.saturating_add(by);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(START).plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at once; the time has passed then.
    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_takes_no_time_and_moves_it_for_every_clone() {
        let clock = VirtualClock::new();
        let other = clock.clone();
        clock.sleep(Duration::from_hours(1)).await;
        assert_eq!(other.monotonic(), Duration::from_hours(1));
        assert_eq!(other.now().to_string(), "2030-01-01T01:00:00Z");
    }
}
