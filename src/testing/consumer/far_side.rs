//! What the laws want of a place and its surroundings.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::super::Trouble;
use super::super::law::{NotApplicable, Stage};
use crate::consumer::Consumer;
use crate::error::Result;
use crate::token::{AdmittedToken, Fingerprint};

/// One place with its surroundings, as the laws need it: a stateful fake of the far side, and who connects there.
///
/// A law gets one that is new. It holds the old token, and both tokens live until the law kills one. What a far side cannot do,
/// it says with [`NotApplicable`] and a reason; a law that needs it then answers the same, and nothing is passed over in
/// silence. [`MemoryFarSide`](super::MemoryFarSide) is the least that there is.
#[async_trait]
pub trait FarSide: Send + Sync + 'static {
    /// The consumer of this place, over a connection of its own: each call makes another, as a new process would.
    fn consumer(&self) -> Arc<dyn Consumer>;

    /// The token that the place holds at first; [`admitted`](super::super::admitted) makes one.
    fn old_token(&self) -> AdmittedToken;

    /// The token that replaces it.
    fn new_token(&self) -> AdmittedToken;

    /// Which token is stored, looked up past every interface. `None` where there is none, or where the place has several
    /// and they are not the same.
    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable>;

    /// The rest of the document that holds the token, and what lies beside it, as text: everything that must stay as it is,
    /// without secrets that the consumer writes and without what counts writes.
    async fn rest(&self) -> Result<String, NotApplicable>;

    /// Somebody else changes something there and leaves the token as it is: what was read before is out of date.
    async fn change(&self) -> Result<(), NotApplicable>;

    /// What happens to the next request that writes.
    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable>;

    /// What happens to the next request that nothing was planned for, whatever it does.
    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable>;

    /// From now on the login of every consumer that is handed out is refused, as after its key was revoked.
    async fn refuse_login(&self) -> Result<(), NotApplicable>;

    /// The next request that writes, or that comes before it, is answered with "too many requests" and, where such answers
    /// can say it, this wait. Answers how long the consumer must then say to wait at least: this, or nothing where the far
    /// side has no way to say it.
    async fn throttle(&self, wait: Duration) -> Result<Duration, NotApplicable>;

    /// From now on connections are refused.
    async fn unplug(&self) -> Result<(), NotApplicable>;

    /// From now on the provider no longer knows this token; the place keeps it. What shows that only when it happens, such
    /// as a run that logs in, happens once more after it.
    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable>;

    /// How many requests to write have arrived, whatever came of them.
    async fn writes(&self) -> Result<usize, NotApplicable>;

    /// What must not be seen anywhere, beside the two tokens: the keys by which the consumer logs in.
    fn secrets(&self) -> Vec<String>;

    /// How many requests have arrived so far, whatever came of them; `None` where nobody counts. A whole rotation holds the
    /// plan to it.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// Time passes: what takes the far side a while after a write is done then.
    async fn settle(&self) {}
}

impl Stage<dyn FarSide> {
    /// A stage on which this closure raises the far sides.
    pub fn new<F, S>(raise: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<S>> + Send + 'static,
        S: FarSide,
    {
        Self::raising(move || {
            let far = raise();
            async move { Ok(Box::new(far.await?) as Box<dyn FarSide>) }
        })
    }
}
