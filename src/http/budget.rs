//! What one far side gets from us: so many requests at a time, no more than it publishes, none before it wants more, and none
//! while it is dead.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Refusals;
use super::asker::Asker;
use super::kept::{Idle, Kept};
use super::rate::{Limits, Work};
use super::reach::{Leave, Reach};
use crate::error::{Error, ErrorKind, Result};

/// A wait up to this long is waited for; a longer one is the caller's to plan.
pub(super) const SHORT: Duration = Duration::from_secs(5);

/// How many requests may be under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) in_total: usize,
    pub(super) per_origin: usize,
    pub(super) per_asker: usize,
}

/// The budget of every origin.
pub(super) struct Budgets {
    in_flight: InFlight,
    total: Arc<Semaphore>,
    origins: Mutex<Kept<Budget>>,
}

/// The budget of one origin.
pub(super) struct Budget {
    origin: String,
    total: Arc<Semaphore>,
    places: Arc<Semaphore>,
    in_flight: InFlight,
    limits: OnceLock<&'static Limits>,
    askers: Mutex<Kept<Asker>>,
    reach: Arc<Reach>,
    /// Logins that it refused of late.
    pub(super) refusals: Refusals,
}

/// Leave to send one request. Its places are free again when it is gone.
pub(super) struct Admission {
    asker: Arc<Asker>,
    leave: Leave,
    sent: Instant,
    _places: [OwnedSemaphorePermit; 3],
}

impl Budgets {
    pub(super) fn new(in_flight: InFlight) -> Self {
        Self { in_flight, total: semaphore(in_flight.in_total), origins: Mutex::default() }
    }

    /// As many places, and nothing remembered.
    #[cfg(feature = "testing")]
    pub(super) fn anew(&self) -> Self {
        Self::new(self.in_flight)
    }

    pub(super) fn of(&self, origin: &str) -> Arc<Budget> {
        let budget = || Budget {
            origin: origin.to_owned(),
            total: self.total.clone(),
            places: semaphore(self.in_flight.per_origin),
            in_flight: self.in_flight,
            limits: OnceLock::new(),
            askers: Mutex::default(),
            reach: Arc::default(),
            refusals: Refusals::default(),
        };
        lock(&self.origins).of(origin, budget)
    }
}

impl Budget {
    /// From now on no more than this, which its vendor publishes.
    pub(super) fn publish(&self, limits: &'static Limits) {
        if self.limits.set(limits).is_ok()
            && let Some(in_flight) = limits.in_flight
        {
            self.places.forget_permits(self.in_flight.per_origin.saturating_sub(in_flight));
        }
    }

    /// Waits for a place; not for longer than [`SHORT`] where the far side wants or publishes a pause, and not at all where
    /// it is dead. Whoever waits for a pause to end holds no place meanwhile: others may be welcome. Whoever waits for a
    /// place holds none that more askers share, so that neither a slow far side nor a busy asker starves another.
    pub(super) async fn admit(&self, who: &str, work: Work) -> Result<Admission> {
        let asker = self.asker(who);
        let mut left = SHORT;
        loop {
            let wait = match asker.wait(work) {
                Some(wait) => wait,
                None => match self.seated(&asker, work).await? {
                    Ok(admission) => return Ok(admission),
                    Err(wait) => wait,
                },
            };
            left = left.checked_sub(wait).ok_or_else(|| {
                let text = "it wants a pause that is not over, or has had as many requests as it takes in a time: no request \
                            was sent, try again when it is";
                Error::new(ErrorKind::RateLimited, text).with_retry_after(wait)
            })?;
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits for the places that a request needs; how long to wait for a pause that came meanwhile, without them.
    async fn seated(&self, asker: &Arc<Asker>, work: Work) -> Result<Result<Admission, Duration>> {
        // Those who wait for a place at a dead far side learn it as their turn comes, and take nobody's place in the whole.
        drop(self.reach.leave(&self.origin)?);
        let of_asker = place(&asker.places).await?;
        let of_origin = place(&self.places).await?;
        let leave = self.reach.leave(&self.origin)?;
        let in_total = place(&self.total).await?;
        Ok(match asker.take(work) {
            Some(wait) => Err(wait),
            None => Ok(Admission {
                asker: asker.clone(),
                leave,
                sent: Instant::now(),
                _places: [of_asker, of_origin, in_total],
            }),
        })
    }

    fn asker(&self, who: &str) -> Arc<Asker> {
        let limits = self.limits.get().copied().unwrap_or(&Limits::NONE);
        let places = self.in_flight.per_asker.min(Semaphore::MAX_PERMITS);
        lock(&self.askers).of(who, || Asker::new(places, limits))
    }
}

impl Admission {
    /// An answer began: the far side lives.
    pub(super) fn answered(&self) {
        self.leave.answered();
    }

    /// No answer came.
    pub(super) fn failed(&self) {
        self.leave.failed();
    }

    /// What the answer says of our speed.
    pub(super) fn weighed(&self, throttled: bool) {
        self.asker.answered(self.sent, throttled);
    }

    /// The far side does not want to hear from this asker for so long.
    pub(super) fn silence(&self, wait: Duration) {
        self.asker.silence(wait);
    }
}

impl Idle for Budget {
    fn is_idle(&self) -> bool {
        self.reach.is_idle() && self.refusals.is_idle() && lock(&self.askers).is_idle()
    }
}

fn semaphore(places: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)))
}

async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let closed = |_| Error::new(ErrorKind::Internal, "the budget of a far side was closed");
    places.clone().acquire_owned().await.map_err(closed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::rate::Rate;
    use super::*;

    fn budgets(in_total: usize, per_origin: usize, per_asker: usize) -> Budgets {
        Budgets::new(InFlight { in_total, per_origin, per_asker })
    }

    /// One far side that takes one request at a time.
    fn one() -> Arc<Budget> {
        budgets(8, 1, 8).of("https://a.example")
    }

    async fn ask(budget: &Budget, who: &str) -> Result<Admission> {
        budget.admit(who, Work::Read).await
    }

    async fn silence(budget: &Budget, who: &str, wait: Duration) {
        ask(budget, who).await.unwrap().silence(wait);
    }

    /// Whether it is admitted at once.
    async fn is_free(budget: &Budget, who: &str) -> bool {
        let before = Instant::now();
        let admitted = tokio::time::timeout(Duration::from_secs(1), ask(budget, who)).await;
        admitted.is_ok_and(|admitted| admitted.is_ok()) && before.elapsed().is_zero()
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_said_a_short_one_is_waited_for_and_both_are_for_one_asker() {
        let budget = one();
        silence(&budget, "bearer", Duration::from_mins(1)).await;
        let error = ask(&budget, "bearer").await.err().unwrap();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_mins(1))));
        drop(ask(&budget, "nobody").await.unwrap());
        silence(&budget, "nobody", Duration::from_secs(3)).await;
        let before = Instant::now();
        drop(ask(&budget, "nobody").await.unwrap());
        assert_eq!(before.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_for_one_far_side() {
        let budgets = budgets(8, 8, 8);
        let (one, other) = (budgets.of("https://a.example"), budgets.of("https://b.example"));
        silence(&one, "me", Duration::from_mins(1)).await;
        assert!(!is_free(&one, "me").await && is_free(&other, "me").await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_quiet_keeps_nobody_else_from_a_place() {
        let budget = one();
        silence(&budget, "slow", Duration::from_secs(4)).await;
        let before = Instant::now();
        let slow = async { drop(ask(&budget, "slow").await.unwrap()) };
        let other = async {
            drop(ask(&budget, "other").await.unwrap());
            before.elapsed()
        };
        let ((), waited) = tokio::join!(slow, other);
        assert_eq!((waited.as_secs(), before.elapsed().as_secs()), (0, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn no_far_side_silences_us_for_a_week() {
        let budget = one();
        silence(&budget, "me", Duration::from_hours(168)).await;
        let wait = ask(&budget, "me").await.err().unwrap().retry_after();
        assert_eq!(wait, Some(Duration::from_hours(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn each_asker_each_far_side_and_the_whole_have_so_many_places() {
        let budgets = budgets(4, 3, 2);
        let (one, other) = (budgets.of("https://a.example"), budgets.of("https://b.example"));
        let _mine = (ask(&one, "me").await.unwrap(), ask(&one, "me").await.unwrap());
        assert!(!is_free(&one, "me").await && is_free(&other, "me").await);
        let _yours = ask(&one, "you").await.unwrap();
        assert!(!is_free(&one, "you").await && is_free(&other, "you").await);
        let _theirs = ask(&other, "they").await.unwrap();
        assert!(!is_free(&other, "you").await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_slow_far_side_or_a_busy_asker_holds_no_place_of_others() {
        let budgets = budgets(4, 3, 2);
        let (slow, other) = (budgets.of("https://slow.example"), budgets.of("https://b.example"));
        let mine = (ask(&slow, "me").await.unwrap(), ask(&slow, "me").await.unwrap());
        let (slow_too, other_too) = (slow.clone(), other.clone());
        // A hundred more of the same asker, and of others there.
        let waiting: Vec<_> = (0..100)
            .map(|number| {
                let (slow, who) = (slow.clone(), if number % 2 == 0 { "me".to_owned() } else { format!("{number}") });
                tokio::spawn(async move {
                    let _place = ask(&slow, &who).await.unwrap();
                    tokio::time::sleep(Duration::from_mins(1)).await;
                })
            })
            .collect();
        tokio::task::yield_now().await;
        for who in ["me", "1", "stranger"] {
            assert!(is_free(&other_too, who).await, "{who}");
        }
        assert!(!is_free(&slow_too, "stranger").await);
        drop(mine);
        for task in waiting {
            task.await.unwrap();
        }
    }

    static PUBLISHED: Limits = Limits {
        in_flight: Some(2),
        rates: &[Rate {
            points: 10,
            within: Duration::from_mins(1),
            cost: |work| if work == Work::Read { 1 } else { 5 },
        }],
        throttles: true,
    };

    #[tokio::test(start_paused = true)]
    async fn what_a_vendor_publishes_is_kept_for_each_asker_and_said_before_it_is_sent() {
        let budget = budgets(8, 8, 8).of("https://a.example");
        budget.publish(&PUBLISHED);
        budget.publish(&PUBLISHED);
        let places = (ask(&budget, "me").await.unwrap(), ask(&budget, "me").await.unwrap());
        assert!(!is_free(&budget, "me").await);
        drop(places);
        drop(budget.admit("me", Work::Write).await.unwrap());
        let error = budget.admit("me", Work::Write).await.err().unwrap();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(59))));
        assert!(is_free(&budget, "me").await && is_free(&budget, "you").await);
        tokio::time::advance(Duration::from_secs(55)).await;
        let before = Instant::now();
        drop(budget.admit("me", Work::Write).await.unwrap());
        assert_eq!(before.elapsed(), Duration::from_secs(5), "a short wait is waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_throttled_slows_down_and_nobody_else_does() {
        let budget = budgets(8, 8, 8).of("https://a.example");
        budget.publish(&PUBLISHED);
        ask(&budget, "fast").await.unwrap().weighed(true);
        assert!(!is_free(&budget, "fast").await && is_free(&budget, "other").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_far_side_gives_its_places_up_at_once_and_keeps_nobody_from_another() {
        let budgets = budgets(2, 2, 2);
        let (dead, other) = (budgets.of("https://dead.example"), budgets.of("https://b.example"));
        let under_way = [ask(&dead, "me").await.unwrap(), ask(&dead, "me").await.unwrap()];
        let waiting: Vec<_> = (0..100)
            .map(|number| {
                let dead = dead.clone();
                tokio::spawn(async move { ask(&dead, &number.to_string()).await.map(|place| place.failed()) })
            })
            .collect();
        tokio::task::yield_now().await;
        under_way.iter().for_each(Admission::failed);
        drop(under_way);
        let before = Instant::now();
        let mut refused = 0;
        for task in waiting {
            let refusal = task.await.unwrap().err();
            refused += usize::from(refusal.is_some_and(|error| error.kind() == ErrorKind::Unavailable));
        }
        assert!(refused >= 95 && before.elapsed().is_zero(), "{refused}");
        assert!(is_free(&other, "me").await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ten_thousand_askers_leave_behind_is_forgotten() {
        let budgets = budgets(8, 8, 8);
        let budget = budgets.of("https://a.example");
        budget.publish(&PUBLISHED);
        for number in 0..10_000 {
            silence(&budget, &format!("token {number}"), Duration::from_secs(2)).await;
        }
        tokio::time::advance(Duration::from_mins(2)).await;
        assert!(budget.is_idle());
        drop(budget);
        assert!(lock(&budgets.origins).is_idle());
    }
}
