//! What goes wrong on purpose in the reference implementations.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Effect, Error, ErrorKind};

/// What goes wrong with a call to a provider or consumer in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is refused with this kind of error, and nothing happens.
    Refused(ErrorKind),
    /// The request is lost on the way: nothing happens, and the caller cannot know.
    LostBefore,
    /// It is done, and the answer is lost.
    LostAfter,
    /// The answer is yes, and nothing was done.
    Lied,
    /// It is done, and never answered.
    Hangs,
    /// It is done and answered only after this wait, by the machine's clock.
    Late(Duration),
    /// There were too many requests: nothing happens, and this wait is asked for.
    Limited(Duration),
}

/// Faults still to come, by the name of the call.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<BTreeMap<&'static str, VecDeque<Fault>>>);

impl Faults {
    pub(crate) fn plan(&self, call: &'static str, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(call).or_default().push_back(fault);
    }

    fn take(&self, call: &'static str) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(call)?.pop_front()
    }

    /// Does `act`, or what the fault that is next for this call makes of it. `lie` is the answer of one who did nothing.
    pub(crate) async fn around<T>(
        &self,
        call: &'static str,
        subject: &str,
        act: impl FnOnce() -> Result<T, Error> + Send,
        lie: impl FnOnce() -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let lost = || {
            Error::new(ErrorKind::Unavailable, "the answer was lost: look before you try again")
                .with_effect(Effect::Unknown)
                .with_subject(subject.to_owned())
        };
        match self.take(call) {
            None => act(),
            Some(Fault::Refused(kind)) => Err(Error::new(kind, "refused on purpose").with_subject(subject.to_owned())),
            Some(Fault::LostBefore) => Err(lost()),
            Some(Fault::LostAfter) => act().and_then(|_| Err(lost())),
            Some(Fault::Lied) => lie(),
            Some(Fault::Hangs) => {
                let _ = act();
                std::future::pending().await
            }
            Some(Fault::Late(wait)) => {
                tokio::time::sleep(wait).await;
                act()
            }
            Some(Fault::Limited(wait)) => {
                let text = "too many requests: wait, then try again";
                Err(Error::new(ErrorKind::RateLimited, text).with_retry_after(wait).with_subject(subject.to_owned()))
            }
        }
    }
}
