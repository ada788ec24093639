//! When runs may begin, and when not.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};

pub(super) const DAY: i64 = 24 * 60 * 60;

/// The longest that a window lasts: it opens again after a week.
const WEEK: Duration = Duration::from_hours(7 * 24);

/// As far as clocks on earth are from UTC, and then some.
const FARTHEST_OFFSET: u16 = 18 * 60;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// Every day.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The day so many days after the first of 1970, which was a Thursday.
    pub(super) fn of(day: i64) -> Self {
        let at = usize::try_from(day.saturating_add(3).rem_euclid(7)).unwrap_or_default();
        Self::ALL.get(at).copied().unwrap_or(Self::Monday)
    }
}

/// A time of the week in which runs may begin.
///
/// Its clock has a fixed distance from UTC and no time zone. Zones need a table that ages, and that small containers do
/// not have; and where clocks are put forward or back, a window of a zone would never open, or open twice. Where summer
/// time matters, let a window last an hour longer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeWindow {
    /// The days on which it opens.
    pub days: BTreeSet<Weekday>,
    /// The hour at which it opens, from 0 to 23.
    pub hour: u8,
    /// The minute at which it opens, from 0 to 59.
    pub minute: u8,
    /// How long it stays open, past midnight too; a week at most.
    pub lasts: Duration,
    /// How many minutes its clock is ahead of UTC; negative where it is behind.
    #[serde(default)]
    pub utc_offset_minutes: i16,
}

impl ChangeWindow {
    /// A window that opens on these days at this hour and minute of UTC, for so long.
    pub fn new(days: impl IntoIterator<Item = Weekday>, hour: u8, minute: u8, lasts: Duration) -> Self {
        Self { days: days.into_iter().collect(), hour, minute, lasts, utc_offset_minutes: 0 }
    }

    /// Its clock is so many minutes ahead of UTC, or behind where that is negative.
    #[must_use]
    pub fn utc_offset_minutes(mut self, minutes: i16) -> Self {
        self.utc_offset_minutes = minutes;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        if self.days.is_empty() || self.lasts.as_secs() == 0 {
            return wrong("a change window never opens: give it a day, and let it last a second or more");
        }
        if self.hour > 23 || self.minute > 59 {
            return wrong(
                "a change window opens at no time of the day: use hours from 0 to 23 and minutes from 0 to 59",
            );
        }
        if self.lasts > WEEK {
            return wrong("a change window lasts longer than a week: leave it out, or shorten it");
        }
        if self.utc_offset_minutes.unsigned_abs() > FARTHEST_OFFSET {
            return wrong("no clock is so far from UTC: set a change window's `utc_offset_minutes` within 18 hours");
        }
        Ok(())
    }

    /// From when to when it is open, for each time that it opens in the week before and the week after.
    pub(super) fn spans(&self, around: i64) -> impl Iterator<Item = (i64, i64)> {
        let offset = i64::from(self.utc_offset_minutes) * 60;
        let opens = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 - offset;
        let lasts = i64::try_from(self.lasts.min(WEEK).as_secs()).unwrap_or(7 * DAY);
        let today = around.saturating_add(offset).div_euclid(DAY);
        (-7..=7).map(move |days| today.saturating_add(days)).filter(|day| self.days.contains(&Weekday::of(*day))).map(
            move |day| {
                let open = day.saturating_mul(DAY).saturating_add(opens);
                (open, open.saturating_add(lasts))
            },
        )
    }
}

/// A time in which no run may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Freeze {
    /// From then on.
    pub from: Timestamp,
    /// Until then; at that moment it is over.
    pub until: Timestamp,
}

impl Freeze {
    /// No run may begin from then until then.
    #[must_use]
    pub fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.until <= self.from {
            let text = "a freeze is over before it begins: set `until` after `from`";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        Ok(())
    }

    pub(super) fn span(&self) -> (i64, i64) {
        (self.from.unix_seconds(), self.until.unix_seconds())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_day_has_the_name_that_the_calendar_gives_it(day in -2_900_000_i64..2_900_000) {
            let Ok(at) = jiff::Timestamp::from_second(day * DAY) else { return Ok(()) };
            let theirs = jiff::tz::Offset::UTC.to_datetime(at).weekday();
            prop_assert_eq!(format!("{:?}", Weekday::of(day)), format!("{theirs:?}"));
        }
    }
}
