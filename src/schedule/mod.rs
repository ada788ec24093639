//! When a token is due: a policy, and a pure function of it.
//!
//! There is no clock here, and nothing is begun: what is due is said, and the caller acts.

mod calendar;
mod due;
mod rule;
mod window;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

pub use due::{Due, Shift, Why};
pub use window::{ChangeWindow, Freeze, Weekday};

/// How old a token without a known end becomes, unless the schedule says otherwise: 90 days.
const USUAL_AGE: Duration = Duration::from_hours(90 * 24);

/// The most that jitter may take of the time until a token is due, in percent.
const MOST_JITTER: u8 = 50;

/// When tokens are replaced: what a caller chooses.
///
/// A token is due when two thirds of its life are over, or a margin before its end, whichever is earlier. Its life goes
/// from its issue to the end that its provider told. Margin and lead together take at most half
/// of it, so that a token that lives for a week is not due from its first day. The default has a margin of a day, a lead
/// of a week for tokens that a person makes, and a tenth of jitter.
///
/// ```
/// use std::time::Duration;
/// use tokenturn::journal::Current;
/// use tokenturn::provider::Issuer;
/// use tokenturn::schedule::{ChangeWindow, Shift, Weekday, Why};
/// use tokenturn::{CredentialName, Expiry, Schedule, Timestamp};
///
/// # fn main() -> tokenturn::Result<()> {
/// let since: Timestamp = "2030-01-01T00:00:00Z".parse()?;
/// let end = since.plus(Duration::from_hours(90 * 24));
/// let in_use = Current::new("ba7816bf8f01cfea".parse()?, "github", since).known_as(None, None, Expiry::At(end));
///
/// let nightly = ChangeWindow::new(Weekday::ALL, 22, 30, Duration::from_hours(4)).utc_offset_minutes(60);
/// let schedule = Schedule::default().jitter_percent(0).window(nightly);
/// let due = schedule.due(&CredentialName::new("deploy-bot")?, &in_use, Issuer::Api, since);
///
/// assert_eq!(due.wanted.to_string(), "2030-03-02T00:00:00Z"); // day 60
/// assert_eq!(due.at, due.wanted); // the window of the evening before is open still
/// assert_eq!((due.why, due.shift, due.overdue), (Why::TwoThirds, Shift::Unmoved, false));
/// assert_eq!(due.latest, end.minus(Duration::from_hours(24)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Schedule {
    /// How long before a token's end its successor must be in place.
    pub margin: Duration,
    /// How old a token may become, whatever its end. `None` means 90 days where the token has no end or its provider does
    /// not say, and no limit where the end is known.
    ///
    /// An end that is not known may still come: choose an age below what your provider gives.
    pub maximum_age: Option<Duration>,
    /// How much earlier a run begins whose token a person makes.
    pub lead: Duration,
    /// Up to how much earlier a token is due than the rule says, in percent of the time until then. How much it is follows
    /// from the credential's name and the token's fingerprint: it is the same after a restart, and others for a fleet.
    pub jitter_percent: u8,
    /// When runs may begin. Empty: at any time.
    pub windows: Vec<ChangeWindow>,
    /// When no run may begin, windows or not.
    pub freezes: Vec<Freeze>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            margin: Duration::from_hours(24),
            maximum_age: None,
            lead: Duration::from_hours(7 * 24),
            jitter_percent: 10,
            windows: Vec::new(),
            freezes: Vec::new(),
        }
    }
}

impl Schedule {
    /// How long before a token's end its successor must be in place.
    #[must_use]
    pub fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// How old a token may become, whatever its end.
    #[must_use]
    pub fn maximum_age(mut self, age: Duration) -> Self {
        self.maximum_age = Some(age);
        self
    }

    /// How much earlier a run begins whose token a person makes.
    #[must_use]
    pub fn lead(mut self, lead: Duration) -> Self {
        self.lead = lead;
        self
    }

    /// Up to how much earlier a token is due, in percent of the time until then.
    #[must_use]
    pub fn jitter_percent(mut self, percent: u8) -> Self {
        self.jitter_percent = percent;
        self
    }

    /// One more window in which runs may begin.
    #[must_use]
    pub fn window(mut self, window: ChangeWindow) -> Self {
        self.windows.push(window);
        self
    }

    /// One more time in which no run may begin.
    #[must_use]
    pub fn freeze(mut self, freeze: Freeze) -> Self {
        self.freezes.push(freeze);
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        if self.maximum_age.is_some_and(|age| age.as_secs() == 0) {
            return wrong("a token would be too old at once: set the schedule's `maximum_age` to a second or more");
        }
        if self.margin >= self.maximum_age.unwrap_or(USUAL_AGE) {
            return wrong(
                "the schedule's margin leaves nothing of a token's greatest age: lower `margin`, or raise `maximum_age` \
                 (90 days where it is not set)",
            );
        }
        if self.jitter_percent > MOST_JITTER {
            return wrong("jitter may take half of a token's time at most: set `jitter_percent` to 50 or less");
        }
        self.windows.iter().try_for_each(ChangeWindow::check)?;
        self.freezes.iter().try_for_each(Freeze::check)
    }
}
