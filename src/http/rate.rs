//! What vendors publish of how much they take, and what one asker has had of it.
//!
//! A library for this, `governor`, was weighed: it counts one limit at a time by another clock, and as it lets a whole burst
//! through at once and refills meanwhile, up to twice of what is published would fit into one minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What a request is to those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It is sent by GET.
    Read,
    /// It is sent by any other method, whatever it does.
    Write,
    /// It makes something that was not there before.
    Create,
}

/// What a vendor publishes. A service says at its own limits where they are published.
#[derive(Debug)]
pub(crate) struct Limits {
    /// How many requests the far side takes at a time.
    pub(crate) in_flight: Option<usize>,
    /// How many it takes in a time, of each asker.
    pub(crate) rates: &'static [Rate],
    /// It publishes no rate, and says when it was too fast: whoever is told so goes half as fast from then on.
    pub(crate) throttles: bool,
}

impl Limits {
    /// Nothing is published.
    pub(crate) const NONE: Self = Self { in_flight: None, rates: &[], throttles: false };
}

/// So many points within a time.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) points: u32,
    pub(crate) within: Duration,
    /// How many points a request costs.
    pub(crate) cost: fn(Work) -> u32,
}

/// What an asker has spent of one rate, in slots of a sixtieth of its time, so that it takes little room.
#[derive(Debug, Default)]
pub(super) struct Spent {
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    first: Instant,
    last: Instant,
    points: u32,
}

impl Spent {
    /// How long until so much more fits in.
    pub(super) fn wait(&mut self, rate: &Rate, cost: u32, now: Instant) -> Duration {
        self.forget(rate, now);
        let mut spent: u32 = self.slots.iter().map(|slot| slot.points).sum();
        let mut wait = Duration::ZERO;
        for slot in &self.slots {
            if spent + cost <= rate.points {
                break;
            }
            spent -= slot.points;
            wait = (slot.last + rate.within).saturating_duration_since(now);
        }
        wait
    }

    pub(super) fn take(&mut self, rate: &Rate, cost: u32, now: Instant) {
        if cost == 0 {
            return;
        }
        match self.slots.back_mut() {
            Some(slot) if now.saturating_duration_since(slot.first) < rate.within / 60 => {
                slot.last = now;
                slot.points += cost;
            }
            _ => self.slots.push_back(Slot { first: now, last: now, points: cost }),
        }
    }

    pub(super) fn is_idle(&mut self, rate: &Rate, now: Instant) -> bool {
        self.forget(rate, now);
        self.slots.is_empty()
    }

    fn forget(&mut self, rate: &Rate, now: Instant) {
        while self.slots.front().is_some_and(|slot| now.saturating_duration_since(slot.last) >= rate.within) {
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        points: 10,
        within: Duration::from_mins(1),
        cost: |work| match work {
            Work::Read => 1,
            Work::Write => 5,
            Work::Create => 0,
        },
    };

    /// Spends what it can until this many seconds are over, one each half second, and says when.
    fn spend(spent: &mut Spent, cost: u32, from: Instant, seconds: u64) -> Vec<Instant> {
        let mut taken = Vec::new();
        for half in 0..seconds * 2 {
            let now = from + Duration::from_millis(500) * u32::try_from(half).unwrap();
            if spent.wait(&RATE, cost, now).is_zero() {
                spent.take(&RATE, cost, now);
                taken.push(now);
            }
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_holds_more_than_was_published_wherever_it_begins() {
        let mut spent = Spent::default();
        let taken = spend(&mut spent, 1, Instant::now(), 300);
        assert!(taken.len() >= 45, "{}", taken.len());
        for begin in &taken {
            let within = taken.iter().filter(|at| *at >= begin && **at < *begin + RATE.within).count();
            assert!(within <= 10, "{within}");
        }
        assert!(spent.slots.len() <= 61, "{}", spent.slots.len());
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_how_long_until_there_is_room_and_forgets_what_is_over() {
        let (mut spent, now) = (Spent::default(), Instant::now());
        spent.take(&RATE, 5, now);
        spent.take(&RATE, 5, now + Duration::from_secs(10));
        let later = now + Duration::from_secs(20);
        assert_eq!(spent.wait(&RATE, 0, later), Duration::ZERO);
        assert_eq!(spent.wait(&RATE, 1, later), Duration::from_secs(40));
        assert_eq!(spent.wait(&RATE, 6, later), Duration::from_secs(50));
        assert!(!spent.is_idle(&RATE, later));
        assert!(spent.is_idle(&RATE, now + Duration::from_secs(70)));
    }
}
