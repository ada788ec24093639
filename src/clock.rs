//! Time: an instant that is the same in every process, and the clock that tells it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// An instant, written as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The instant so many seconds after the start of 1970, clamped to the years that can be written.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let clamped = seconds.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
        Self(jiff::Timestamp::from_second(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Whole seconds since the start of 1970.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// This instant moved on, at most to the last that can be written.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        jiff::SignedDuration::try_from(by)
            .ok()
            .and_then(|by| self.0.checked_add(by).ok())
            .map_or(Self(jiff::Timestamp::MAX), Self)
    }

    /// This instant moved back, at most to the first that can be written.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        jiff::SignedDuration::try_from(by)
            .ok()
            .and_then(|by| self.0.checked_sub(by).ok())
            .map_or(Self(jiff::Timestamp::MIN), Self)
    }

    /// How long until `later`; zero when it has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::try_from(later.0.duration_since(self.0)).unwrap_or(Duration::ZERO)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        jiff::Timestamp::try_from(time).map_or(Self(jiff::Timestamp::MAX), Self)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "not an instant: write it like 2026-01-31T08:00:00Z (RFC 3339)")
        })
    }
}

/// Tells the time and waits. Replace it in tests, so that a day of grace takes no day.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock. It may jump; nothing is ordered by it.
    fn now(&self) -> Timestamp;

    /// Time since some fixed instant, never jumping. Leases are measured by it.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// The machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_text_and_never_overflows() {
        let at = Timestamp::from_unix_seconds(1_800_000_000);
        assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
        assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&at).unwrap()).unwrap(), at);
        assert_eq!(at.plus(Duration::from_mins(1)).unix_seconds(), 1_800_000_060);
        assert!(at.plus(Duration::MAX) > at);
        assert!(Timestamp::from_unix_seconds(i64::MAX) > at);
        assert_eq!(at.plus(Duration::from_mins(1)).until(at), Duration::ZERO);
        assert!("31 January".parse::<Timestamp>().is_err());
    }
}
