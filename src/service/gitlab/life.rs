//! Until when a token shall live, in GitLab's days.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::token::Expiry;

const DAY: u64 = 24 * 60 * 60;

/// The longest life that GitLab documents for every offering, in days.
const DOCUMENTED: u16 = 365;

/// The longest that its source knows, in days, behind a switch (`buffered_token_expiration_limit`).
const BUFFERED: u16 = 400;

/// How long tokens may live, and by which clock that is counted.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) longest: u16,
}

impl Default for Life {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::new()), longest: DOCUMENTED }
    }
}

impl Life {
    /// Whether the limit is one that a GitLab can have.
    pub(super) fn check(&self) -> Result<()> {
        if (1..=BUFFERED).contains(&self.longest) {
            return Ok(());
        }
        let text = "no GitLab lets a token live for longer than 400 days, or for less than one: correct `longest_life`";
        Err(Error::new(ErrorKind::Configuration, text))
    }

    /// The date to ask for, `YYYY-MM-DD` in UTC. A token ends when that day begins, so it is the first midnight at which the
    /// whole life is over; at the limit, the last that is allowed.
    ///
    /// It is always sent. Left out, a rotated token would end after a week.
    pub(super) fn ends(&self, lifetime: Option<Duration>) -> Result<String> {
        let refuse = |text: String| Err(Error::new(ErrorKind::InvalidInput, text));
        let Some(lifetime) = lifetime else {
            return refuse("GitLab's tokens need an end: set a `lifetime` in the policy".to_owned());
        };
        if lifetime > Duration::from_secs(DAY) * u32::from(self.longest) {
            return refuse(format!(
                "this GitLab lets a token live for {} days at most: ask for a shorter `lifetime`, or say with `longest_life` \
                 that more is allowed there",
                self.longest
            ));
        }
        let now = self.clock.now();
        let today = now.unix_seconds().div_euclid(DAY.cast_signed());
        let over = now.plus(lifetime).unix_seconds();
        let midnight = over.div_euclid(DAY.cast_signed()) + i64::from(over.rem_euclid(DAY.cast_signed()) > 0);
        let day = midnight.clamp(today + 1, today + i64::from(self.longest));
        let date = Timestamp::from_unix_seconds(day * DAY.cast_signed()).to_string();
        Ok(date.chars().take("2026-01-31".len()).collect())
    }
}

/// When a token ends of which this is said: as its day begins, in UTC.
///
/// Source: "Personal access tokens", access token expiration (GitLab documentation).
pub(super) fn expiry(said: &Value) -> Expiry {
    match said {
        Value::Null => Expiry::Never,
        Value::String(date) => format!("{date}T00:00:00Z").parse().map_or(Expiry::Unknown, Expiry::At),
        _ => Expiry::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct At(&'static str);

    #[async_trait::async_trait]
    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0.parse().unwrap()
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
        async fn sleep(&self, _: Duration) {}
    }

    fn ends(now: &'static str, hours: u64) -> Result<String> {
        Life { clock: Arc::new(At(now)), longest: 365 }.ends(Some(Duration::from_hours(hours)))
    }

    #[test]
    fn a_token_lives_for_as_long_as_was_asked_and_to_the_end_of_that_day() {
        assert_eq!(ends("2026-01-30T14:00:00Z", 24).unwrap(), "2026-02-01");
        assert_eq!(ends("2026-01-30T00:00:00Z", 24).unwrap(), "2026-01-31");
        assert_eq!(ends("2026-01-30T23:59:59Z", 1).unwrap(), "2026-02-01");
        assert_eq!(ends("2028-02-28T12:00:00Z", 1).unwrap(), "2028-02-29");
        assert_eq!(ends("2026-01-30T00:00:00Z", 0).unwrap(), "2026-01-31", "today would be dead at once");
    }

    #[test]
    fn no_life_one_above_the_limit_and_a_limit_that_is_none_are_refused() {
        assert_eq!(ends("2026-01-30T14:00:00Z", 365 * 24).unwrap(), "2027-01-30", "the last day that is allowed");
        let error = ends("2026-01-30T14:00:00Z", 365 * 24 + 1).unwrap_err();
        assert!(error.to_string().contains("365 days at most"), "{error}");
        let error = Life::default().ends(None).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("lifetime"), "{error}");
        for longest in [0, 401] {
            assert!(Life { longest, ..Life::default() }.check().is_err());
        }
    }

    #[test]
    fn a_date_is_the_first_instant_of_its_day_and_null_is_no_end() {
        assert_eq!(expiry(&"2026-01-31".into()), Expiry::At("2026-01-31T00:00:00Z".parse().unwrap()));
        assert_eq!(expiry(&Value::Null), Expiry::Never);
        assert_eq!((expiry(&"soon".into()), expiry(&5.into())), (Expiry::Unknown, Expiry::Unknown));
    }
}
