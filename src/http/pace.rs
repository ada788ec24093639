//! How fast an asker goes at a far side that throttles.

use std::time::Duration;

use tokio::time::Instant;

/// Rates are counted in thousandths of a request a second.
const ONE: u32 = 1000;

/// From here on it goes as fast as it likes.
const FREE: u32 = 32 * ONE;

/// Never slower: one request in two seconds.
const SLOWEST: u32 = ONE / 2;

/// A rate that is halved by each answer that says "too fast", and grows by one request a second with each second of answers
/// that do not: what several of them share in that way comes to equal parts.
///
/// Source: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance" (1989); that clients
/// should slow down so, "Retry behavior", adaptive mode (AWS SDKs and Tools Reference Guide).
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// None while nothing was throttled.
    rate: Option<u32>,
    next: Option<Instant>,
    slowed: Option<Instant>,
}

impl Pace {
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    pub(super) fn take(&mut self, now: Instant) {
        self.next = self.rate.map(|rate| now + Duration::from_secs(1) * ONE / rate);
    }

    /// A request that was sent then was throttled. Of many that were under way together one counts.
    pub(super) fn throttled(&mut self, sent: Instant, now: Instant) {
        if self.slowed.is_some_and(|slowed| sent <= slowed) {
            return;
        }
        let rate = (self.rate.unwrap_or(FREE) / 2).max(SLOWEST);
        *self = Self { rate: Some(rate), next: Some(now + Duration::from_secs(1) * ONE / rate), slowed: Some(now) };
    }

    /// A request was answered.
    pub(super) fn answered(&mut self) {
        if let Some(rate) = self.rate {
            // At this rate so many answers make a second.
            let faster = rate + ONE * ONE / rate;
            self.rate = (faster < FREE).then_some(faster);
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.rate.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests fit into a second.
    fn in_a_second(pace: &mut Pace, from: Instant) -> u32 {
        let (mut sent, mut now) = (0, from + pace.wait(from));
        while now < from + Duration::from_secs(1) {
            pace.take(now);
            sent += 1;
            now += pace.wait(now).max(Duration::from_millis(1));
        }
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_halved_once_for_all_that_were_under_way_and_grows_back() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(in_a_second(&mut pace, now), 1000);
        for _ in 0..10 {
            pace.throttled(now, now);
        }
        assert_eq!(in_a_second(&mut pace, now + Duration::from_secs(1)), 16);
        let later = now + Duration::from_secs(2);
        pace.throttled(later, later);
        assert_eq!(in_a_second(&mut pace, later + Duration::from_secs(1)), 8);
        for _ in 0..8 {
            pace.answered();
        }
        assert_eq!(in_a_second(&mut pace, later + Duration::from_secs(2)), 9);
        for _ in 0..1000 {
            pace.answered();
        }
        assert!(pace.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn it_never_stands_still() {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        for _ in 0..50 {
            pace.throttled(now, now);
            now += Duration::from_secs(1);
        }
        assert!(pace.wait(now) <= Duration::from_secs(2));
    }
}
