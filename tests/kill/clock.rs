//! The machine's clock, moved on by as much as every process of a test is told.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokenturn::{Clock, Timestamp};

/// The machine's clock, so far ahead: a worker that is started again a second later finds that a minute has passed. What
/// it measures is the same in every process, so that leases can be compared.
#[derive(Clone, Debug)]
pub(crate) struct ClockAhead {
    by: Duration,
}

impl ClockAhead {
    pub(crate) fn new(by: Duration) -> Self {
        Self { by }
    }
}

#[async_trait]
impl Clock for ClockAhead {
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now()).plus(self.by)
    }

    fn monotonic(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + self.by
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
