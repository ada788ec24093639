//! One answer for all who ask at the same time: a fleet of credentials needs no listing of its store each.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::{Error, Result};

/// What several may ask at once. Each answer is of a request that was sent after its asker came: who comes while one is under
/// way waits for the next, which all share who have come by then. So none is older than it would be without this.
pub(super) struct Joint<T> {
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// How many have come.
    came: u64,
    /// The last answer, and how many had come when it was asked for.
    heard: Option<(u64, Result<Arc<T>>)>,
}

impl<T> Joint<T> {
    /// Asks, or takes what somebody asked meanwhile. An error is everybody's too: what is down is not asked by each in turn.
    pub(super) async fn ask(&self, ask: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let mine = {
            let mut state = self.lock();
            state.came += 1;
            state.came
        };
        let _turn = self.turn.lock().await;
        let came = {
            let state = self.lock();
            match &state.heard {
                Some((came, heard)) if *came >= mine => return shared(heard),
                _ => state.came,
            }
        };
        let heard = ask.await.map(Arc::new);
        let mut state = self.lock();
        // Nobody else waits for it: it need not be kept.
        state.heard = (came > mine).then(|| (came, shared(&heard)));
        heard
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shared<T>(heard: &Result<Arc<T>>) -> Result<Arc<T>> {
    heard.as_ref().map(Arc::clone).map_err(Error::shared)
}

impl<T> Default for Joint<T> {
    fn default() -> Self {
        Self { turn: tokio::sync::Mutex::default(), state: Mutex::new(State { came: 0, heard: None }) }
    }
}

impl<T> fmt::Debug for Joint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Joint")
    }
}

/// The same by name, as long as somebody asks.
pub(super) struct Joints<T>(Mutex<HashMap<String, Weak<Joint<T>>>>);

impl<T> Joints<T> {
    pub(super) fn of(&self, name: &str) -> Arc<Joint<T>> {
        let mut joints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(joint) = joints.get(name).and_then(Weak::upgrade) {
            return joint;
        }
        joints.retain(|_, joint| joint.strong_count() > 0);
        let joint = Arc::new(Joint::default());
        joints.insert(name.to_owned(), Arc::downgrade(&joint));
        joint
    }
}

impl<T> Default for Joints<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::error::ErrorKind;

    /// Answers with when it was sent, a while later.
    async fn sent(count: &AtomicUsize) -> Result<Instant> {
        count.fetch_add(1, Ordering::SeqCst);
        let sent = Instant::now();
        sleep(Duration::from_millis(50)).await;
        Ok(sent)
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_at_once_share_an_answer_that_is_no_older_than_their_question() {
        let (joint, count) = (Joint::default(), AtomicUsize::new(0));
        let asks = (0..1000).map(|number| {
            let (joint, count) = (&joint, &count);
            async move {
                sleep(Duration::from_millis(number / 10)).await;
                let came = Instant::now();
                assert!(*joint.ask(sent(count)).await.unwrap() >= came);
            }
        });
        futures_util::future::join_all(asks).await;
        // A tenth of a second of questions, an answer each twentieth.
        assert!(count.load(Ordering::SeqCst) <= 4, "{count:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_each_asks_anew() {
        let (joint, count) = (Joint::default(), AtomicUsize::new(0));
        for _ in 0..3 {
            joint.ask(sent(&count)).await.unwrap();
        }
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_for_all_who_waited_and_who_gives_up_holds_nobody_up() {
        let (joint, count) = (Joint::<()>::default(), AtomicUsize::new(0));
        let fails = || async {
            count.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_secs(30)).await;
            Err(Error::new(ErrorKind::Unavailable, "down").with_retry_after(Duration::from_secs(7)))
        };
        let impatient = tokio::time::timeout(Duration::from_secs(1), joint.ask(fails()));
        let (given_up, others) =
            tokio::join!(impatient, futures_util::future::join_all((0..10).map(|_| joint.ask(fails()))));
        assert!(given_up.is_err());
        for error in others.into_iter().map(Result::unwrap_err) {
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(7))));
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}
