//! Power that is counted, cut and held: what a crash is made of.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::Notify;

/// Where the power may fail: at which call, and at which moment of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a place and a moment")]
pub struct Boundary {
    /// The method that is called, such as `install`.
    pub call: &'static str,
    /// How far the call has come.
    pub moment: Moment,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Moment {
    /// It is about to be sent: nothing has happened.
    Before,
    /// Its bytes are written and not synced. Only what is kept on a disk has this moment.
    Written,
    /// It has happened, and its answer has not arrived.
    After,
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.moment {
            Moment::Before => "before",
            Moment::Written => "unsynced",
            Moment::After => "after",
        };
        write!(f, "{moment} {}", self.call)
    }
}

/// The power of one life of a process: every [`Boundary`] that the life crosses is counted, and at a chosen one the power
/// is cut.
///
/// Whoever crosses a boundary after that waits for ever. So nothing of that life acts any more, neither a task that was
/// spawned nor a destructor, and what it had in hand is gone: a crash. The next life begins with a power of its own, over
/// what lasted. What crosses boundaries is wrapped in [`Powered`](super::Powered).
///
/// ```
/// use tokenturn::testing::{Boundary, Moment, Power};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let power = Power::cut_at(2);
/// let life = async {
///     power.cross(Boundary { call: "issue", moment: Moment::Before }).await;
///     power.cross(Boundary { call: "issue", moment: Moment::After }).await;
///     unreachable!("it was cut");
/// };
/// assert!(power.live(life).await.is_none());
/// assert_eq!(power.crossed(), 2);
/// # }
/// ```
#[derive(Clone)]
pub struct Power {
    inner: Arc<Inner>,
}

/// Who looks around at every boundary.
type Watch = Box<dyn Fn(Boundary) + Send + Sync>;

struct Inner {
    cut_at: Option<usize>,
    hold_at: Option<usize>,
    watch: Option<Watch>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    trail: Vec<Boundary>,
    cut: bool,
    held: bool,
}

impl Power {
    /// Power that is not cut.
    #[must_use]
    pub fn steady() -> Self {
        Self::of(None, None, None)
    }

    /// Power that is cut at this boundary, counted from one.
    #[must_use]
    pub fn cut_at(boundary: usize) -> Self {
        Self::of(Some(boundary), None, None)
    }

    /// Power that is not cut, but whoever crosses this boundary, counted from one, is held there until
    /// [`let_go`](Self::let_go): a process that is stopped between its check and its send, and goes on much later.
    #[must_use]
    pub fn hold_at(boundary: usize) -> Self {
        Self::of(None, Some(boundary), None)
    }

    /// The same, and at every boundary this looks around first: whatever must hold at every moment is checked here.
    #[must_use]
    pub fn watched_by(self, watch: impl Fn(Boundary) + Send + Sync + 'static) -> Self {
        Self::of(self.inner.cut_at, self.inner.hold_at, Some(Box::new(watch)))
    }

    fn of(cut_at: Option<usize>, hold_at: Option<usize>, watch: Option<Watch>) -> Self {
        let inner = Inner { cut_at, hold_at, watch, state: Mutex::default(), changed: Notify::new() };
        Self { inner: Arc::new(inner) }
    }

    /// The boundaries that were crossed, in order. The last one is where it was cut, if it was.
    #[must_use]
    pub fn trail(&self) -> Vec<Boundary> {
        self.lock().trail.clone()
    }

    /// How many boundaries were crossed.
    #[must_use]
    pub fn crossed(&self) -> usize {
        self.lock().trail.len()
    }

    /// Whether it was cut.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.lock().cut
    }

    /// Crosses a boundary. After the cut this never returns.
    pub async fn cross(&self, boundary: Boundary) {
        self.flow().await;
        if let Some(watch) = &self.inner.watch {
            watch(boundary);
        }
        let held = {
            let mut state = self.lock();
            state.trail.push(boundary);
            let crossed = Some(state.trail.len());
            state.cut |= crossed == self.inner.cut_at;
            state.held |= crossed == self.inner.hold_at;
            crossed == self.inner.hold_at
        };
        self.inner.changed.notify_waiters();
        if held {
            self.until(|state| !state.held).await;
        }
        self.flow().await;
    }

    /// Goes on at once while there is power, and never after the cut: for what is read, where there is nothing to count.
    pub async fn flow(&self) {
        if self.is_cut() {
            std::future::pending::<()>().await;
        }
    }

    /// Lives until the end, or until the power is cut: then there is nothing to come back with.
    pub async fn live<F: Future>(&self, life: F) -> Option<F::Output> {
        let cut = self.until(|state| state.cut);
        match select(pin!(life), pin!(cut)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    /// Waits until somebody is held.
    pub async fn held(&self) {
        self.until(|state| state.held).await;
    }

    /// Lets go whoever is held.
    pub fn let_go(&self) {
        self.lock().held = false;
        self.inner.changed.notify_waiters();
    }

    async fn until(&self, so: impl Fn(&State) -> bool) {
        loop {
            // Listened to before the look, so that no change is missed in between.
            let mut changed = pin!(self.inner.changed.notified());
            changed.as_mut().enable();
            if so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        write!(f, "Power({} boundaries, {})", state.trail.len(), if state.cut { "cut" } else { "on" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUE: Boundary = Boundary { call: "issue", moment: Moment::Before };

    #[tokio::test]
    async fn after_the_cut_nobody_gets_any_further() {
        let power = Power::cut_at(1);
        let cut = power.live(power.cross(ISSUE)).await;
        assert!(cut.is_none() && power.is_cut());
        let other = tokio::spawn({
            let power = power.clone();
            async move { power.cross(ISSUE).await }
        });
        tokio::task::yield_now().await;
        assert!(!other.is_finished());
        assert_eq!(power.crossed(), 1, "what is dead is not counted");
    }

    #[tokio::test]
    async fn who_is_held_goes_on_when_let_go() {
        let power = Power::hold_at(1);
        let other = tokio::spawn({
            let power = power.clone();
            async move { power.cross(ISSUE).await }
        });
        power.held().await;
        assert!(!other.is_finished());
        power.let_go();
        other.await.unwrap();
    }

    #[tokio::test]
    async fn steady_power_counts_and_shows() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let power = Power::steady().watched_by({
            let seen = seen.clone();
            move |boundary| seen.lock().unwrap().push(boundary)
        });
        assert_eq!(power.live(async { power.cross(ISSUE).await }).await, Some(()));
        assert_eq!(power.trail(), [ISSUE]);
        assert_eq!(*seen.lock().unwrap(), [ISSUE]);
        assert_eq!(ISSUE.to_string(), "before issue");
    }
}
