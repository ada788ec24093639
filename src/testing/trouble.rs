//! What goes wrong between two machines.

#[cfg(feature = "http")]
use std::collections::VecDeque;
#[cfg(feature = "http")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::forgery::Forgery;

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// It is refused with this status, and nothing happens.
    Refuse(u16),
    /// It is refused with this status of the 400s or 500s, nothing happens, and the `message` of the answer, which is JSON,
    /// says back the request's `Authorization` and its body: whoever quotes answers as they are says secrets.
    Echo(u16),
    /// It is refused with 429 and a `Retry-After` of so many seconds, and nothing happens.
    Wait(u64),
    /// The connection is dropped before anything happens.
    DropBefore,
    /// It is done, and the connection is dropped before the answer.
    DropAfter,
    /// It is done, and the answer is this status of the 500s.
    FailAfter(u16),
    /// Nothing happens, and no answer ever comes.
    Silence,
    /// It is done, and no answer ever comes.
    SilenceAfter,
    /// It is done, and the answer comes byte by byte, with this pause after each.
    Slow(Duration),
    /// It is pointed elsewhere, and nothing happens.
    Redirect(String),
    /// It is done, and the answer is more than anybody asked for: so many bytes.
    Flood(usize),
    /// It is done, and every member of the answer, an object of JSON, is of another type than it was, but for these. A
    /// member of a member is written as `data.token`.
    Garble(Vec<String>),
    /// Nothing goes wrong with it: what was planned after this meets a later one.
    Pass,
    /// The answer is forged.
    Forged(Forgery),
}

#[cfg(feature = "http")]
impl Trouble {
    /// Whether it meets every request from now on.
    fn lasts(&self) -> bool {
        matches!(self, Self::Forged(forgery) if forgery.lasts)
    }
}

/// Troubles still to come: which requests they meet, and what happens then.
#[cfg(feature = "http")]
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<VecDeque<(String, Trouble)>>);

#[cfg(feature = "http")]
impl Troubles {
    /// The next request whose line (`POST /a/b`) begins with, or whose path contains, `which`.
    pub(super) fn plan(&self, which: &str, trouble: Trouble) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((which.to_owned(), trouble));
    }

    pub(super) fn take(&self, line: &str) -> Option<Trouble> {
        let mut planned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = planned.iter().position(|(which, _)| line.contains(which.as_str()))?;
        if let Some((_, Trouble::Forged(forgery))) = planned.get(at).filter(|(_, trouble)| trouble.lasts()) {
            return Some(Trouble::Forged(forgery.clone()));
        }
        planned.remove(at).map(|(_, trouble)| trouble)
    }
}
