//! Windows and freezes together: which seconds are open.

use super::window::{ChangeWindow, Freeze};

/// Which seconds are open, counted from 1970.
pub(super) struct Calendar<'a> {
    windows: &'a [ChangeWindow],
    freezes: &'a [Freeze],
}

impl<'a> Calendar<'a> {
    pub(super) fn new(windows: &'a [ChangeWindow], freezes: &'a [Freeze]) -> Self {
        Self { windows, freezes }
    }

    pub(super) fn is_open(&self, at: i64) -> bool {
        let in_window = self.windows.is_empty() || self.windows_at(at).next().is_some();
        in_window && self.freezes_at(at).next().is_none()
    }

    /// The first open second from `from` to `until`, both included.
    pub(super) fn next(&self, from: i64, until: i64) -> Option<i64> {
        let mut at = from;
        // Each round leaves at least one freeze behind for good.
        for _ in 0..=self.freezes.len() {
            at = self.window_from(at).filter(|at| *at <= until)?;
            match self.freezes_at(at).map(|(_, end)| end).max() {
                Some(end) => at = end,
                None => return Some(at),
            }
        }
        None
    }

    /// The last open second from `from` back to `since`, both included.
    pub(super) fn last(&self, from: i64, since: i64) -> Option<i64> {
        let mut at = from;
        for _ in 0..=self.freezes.len() {
            at = self.window_until(at).filter(|at| *at >= since)?;
            match self.freezes_at(at).map(|(begin, _)| begin).min() {
                Some(begin) => at = begin.saturating_sub(1),
                None => return Some(at),
            }
        }
        None
    }

    /// Since when this open second's window is open, or the freeze before it is over.
    pub(super) fn opened(&self, at: i64) -> i64 {
        let window = self.windows_at(at).map(|(open, _)| open).min();
        let thaw = self.freezes.iter().map(|freeze| freeze.span().1).filter(|end| *end <= at).max();
        window.max(thaw).unwrap_or(i64::MIN)
    }

    /// The first second from `from` on that is in a window.
    fn window_from(&self, from: i64) -> Option<i64> {
        if self.windows.is_empty() {
            return Some(from);
        }
        self.spans(from).filter(|(_, close)| *close > from).map(|(open, _)| open.max(from)).min()
    }

    /// The last second up to `until` that is in a window.
    fn window_until(&self, until: i64) -> Option<i64> {
        if self.windows.is_empty() {
            return Some(until);
        }
        self.spans(until).filter(|(open, _)| *open <= until).map(|(_, close)| close.saturating_sub(1).min(until)).max()
    }

    fn windows_at(&self, at: i64) -> impl Iterator<Item = (i64, i64)> {
        self.spans(at).filter(move |(open, close)| *open <= at && at < *close)
    }

    fn freezes_at(&self, at: i64) -> impl Iterator<Item = (i64, i64)> {
        self.freezes.iter().map(Freeze::span).filter(move |(begin, end)| *begin <= at && at < *end)
    }

    fn spans(&self, around: i64) -> impl Iterator<Item = (i64, i64)> {
        self.windows.iter().flat_map(move |window| window.spans(around))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;
    use crate::schedule::Weekday;

    const HOUR: i64 = 3600;

    fn hours(at: i64) -> Timestamp {
        Timestamp::from_unix_seconds(at * HOUR)
    }

    prop_compose! {
        fn windows()(
            all in prop::collection::vec(
                (prop::sample::subsequence(Weekday::ALL.to_vec(), 1..=7), 0..24_u8, 1..=168_u64, -18..=18_i16),
                0..3,
            )
        ) -> Vec<ChangeWindow> {
            let window = |(days, hour, lasts, offset): (Vec<Weekday>, u8, u64, i16)| {
                ChangeWindow::new(days, hour, 0, Duration::from_hours(lasts)).utc_offset_minutes(offset * 60)
            };
            all.into_iter().map(window).collect()
        }
    }

    prop_compose! {
        fn freezes()(all in prop::collection::vec((-500..500_i64, 1..300_i64), 0..4)) -> Vec<Freeze> {
            all.into_iter().map(|(from, lasts)| Freeze::new(hours(from), hours(from + lasts))).collect()
        }
    }

    proptest! {
        /// Everything here begins and ends on the hour, so a walk from hour to hour misses nothing.
        #[test]
        fn what_is_found_is_what_a_walk_from_hour_to_hour_finds(
            windows in windows(), freezes in freezes(), from in -400..400_i64, reach in 0..400_i64,
        ) {
            let calendar = Calendar::new(&windows, &freezes);
            let walked = (from..=from + reach).find(|hour| calendar.is_open(hour * HOUR));
            prop_assert_eq!(calendar.next(from * HOUR, (from + reach) * HOUR), walked.map(|hour| hour * HOUR));

            let walked = (from - reach..from).rev().find(|hour| calendar.is_open(hour * HOUR));
            let found = calendar.last(from * HOUR - 1, (from - reach) * HOUR);
            prop_assert_eq!(found, walked.map(|hour| hour * HOUR + HOUR - 1));

            if let Some(at) = found {
                let opened = calendar.opened(at).max((from - reach - 1_000) * HOUR);
                prop_assert!(opened <= at && calendar.is_open(opened));
                prop_assert!((opened.div_euclid(HOUR)..=at.div_euclid(HOUR)).all(|hour| calendar.is_open(hour * HOUR)));
            }
        }
    }
}
