//! Whether a far side answers at all: one that is dead is found out once, and not by everybody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// So many requests in a row that got no answer at all make a far side count as dead. A read is sent three times by itself.
const FEW: u32 = 5;

/// For how long it is left alone at first; each probe that fails doubles that.
const FIRST: Duration = Duration::from_secs(1);

/// It is probed again after this at the latest.
const LONGEST: Duration = Duration::from_mins(1);

/// What is known of a far side's life.
#[derive(Debug, Default)]
pub(super) struct Reach(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests without an answer since the last one.
    failed: u32,
    /// Where it counts as dead: how long it is left alone, and until when.
    dead: Option<(Duration, Instant)>,
    /// Somebody tries whether it lives again.
    probed: bool,
}

/// One request's leave. What came of it is said by [`answered`](Self::answered) or [`failed`](Self::failed), or it never went.
#[derive(Debug)]
pub(super) struct Leave {
    reach: Arc<Reach>,
    probe: bool,
}

impl Reach {
    /// Lets a request through, unless the far side is dead; then one alone, when its pause is over.
    pub(super) fn leave(self: &Arc<Self>, origin: &str) -> Result<Leave> {
        let mut state = self.lock();
        let probe = match state.dead {
            None => false,
            Some((pause, until)) => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() || state.probed {
                    let wait = left.max(FIRST.min(pause));
                    let text = format!(
                        "{origin} could not be reached several times in a row: no request was sent, try again later"
                    );
                    return Err(Error::new(ErrorKind::Unavailable, text).with_retry_after(wait));
                }
                state.probed = true;
                true
            }
        };
        drop(state);
        Ok(Leave { reach: self.clone(), probe })
    }

    /// Whether nothing speaks against its life.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.failed == 0 && state.dead.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// It got an answer, whatever that was: the far side lives.
    pub(super) fn answered(&self) {
        *self.reach.lock() = State::default();
    }

    /// It got no answer. What was under way when the far side was found to be dead says nothing new.
    pub(super) fn failed(&self) {
        let mut state = self.reach.lock();
        let pause = match state.dead {
            Some((pause, _)) if self.probe => (pause * 2).min(LONGEST),
            Some(_) => return,
            None => {
                state.failed += 1;
                if state.failed < FEW {
                    return;
                }
                FIRST
            }
        };
        state.dead = Some((pause, Instant::now() + pause));
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.probe {
            // Of a probe that was given up the next one takes the place.
            self.reach.lock().probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::error::Effect;

    fn dead() -> Arc<Reach> {
        let reach = Arc::new(Reach::default());
        for _ in 0..FEW {
            reach.leave("https://a.example").unwrap().failed();
        }
        reach
    }

    fn refused(reach: &Arc<Reach>) -> Duration {
        let error = reach.leave("https://a.example").unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::None));
        assert!(error.to_string().contains("https://a.example") && error.to_string().contains("no request was sent"));
        error.retry_after().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_far_side_is_left_alone_and_probed_by_one() {
        let reach = dead();
        assert_eq!(refused(&reach), FIRST);
        advance(FIRST).await;
        let probe = reach.leave("https://a.example").unwrap();
        assert_eq!(refused(&reach), FIRST);
        probe.failed();
        drop(probe);
        assert_eq!(refused(&reach), FIRST * 2);
        advance(FIRST * 2).await;
        let probe = reach.leave("https://a.example").unwrap();
        probe.answered();
        drop(probe);
        reach.leave("https://a.example").unwrap();
        assert!(reach.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn its_pause_grows_to_a_minute_and_no_further() {
        let reach = dead();
        for _ in 0..20 {
            advance(refused(&reach)).await;
            reach.leave("https://a.example").unwrap().failed();
        }
        assert_eq!(refused(&reach), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_makes_up_for_all_failures_before_it() {
        let reach = Arc::new(Reach::default());
        for _ in 0..10 {
            for _ in 1..FEW {
                reach.leave("https://a.example").unwrap().failed();
            }
            reach.leave("https://a.example").unwrap().answered();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_under_way_together_fails_once_and_a_late_answer_of_it_counts() {
        let reach = Arc::new(Reach::default());
        let under_way: Vec<Leave> = (0..100).map(|_| reach.leave("https://a.example").unwrap()).collect();
        under_way[1..].iter().for_each(Leave::failed);
        assert_eq!(refused(&reach), FIRST);
        under_way[0].answered();
        reach.leave("https://a.example").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_leaves_its_place_to_the_next() {
        let reach = dead();
        advance(FIRST).await;
        drop(reach.leave("https://a.example").unwrap());
        reach.leave("https://a.example").unwrap();
    }
}
