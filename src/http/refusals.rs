//! How many refused logins an account can bear.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// So many refused logins in [`WINDOW`] are safe: GitHub locks an account after "several", even for its live tokens.
const BEARABLE: usize = 3;

/// How long a refused login counts.
const WINDOW: Duration = Duration::from_mins(10);

/// Refused logins at one far side, by account. Whoever presents a token that may be dead asks here first.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    accounts: Mutex<HashMap<String, VecDeque<Instant>>>,
    /// One look at a time, or many at once would all be admitted before the first of them is refused and counted.
    turn: tokio::sync::Mutex<()>,
}

impl Refusals {
    /// Waits until the looks before this one are over, and says whether the account can bear one more. The turn is kept
    /// until the answer was counted.
    pub(crate) async fn admit(&self, account: &str) -> Result<MutexGuard<'_, ()>> {
        let turn = self.turn.lock().await;
        self.bears(account).map(|()| turn)
    }

    fn bears(&self, account: &str) -> Result<()> {
        let now = Instant::now();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, refused| {
            refused.retain(|at| now.saturating_duration_since(*at) < WINDOW);
            !refused.is_empty()
        });
        let Some(refused) = accounts.get(account).filter(|refused| refused.len() >= BEARABLE) else {
            return Ok(());
        };
        let wait = refused.front().map_or(WINDOW, |oldest| (*oldest + WINDOW).saturating_duration_since(now));
        let text = "too many dead tokens or wrong passwords of this account were tried just now, and one more might lock it out: \
                    no request was sent, try again later";
        Err(Error::new(ErrorKind::RateLimited, text).with_retry_after(wait))
    }

    /// A login was refused.
    pub(crate) fn count(&self, account: &str) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(account.to_owned()).or_default().push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_account_is_not_tried_to_death() {
        let refusals = Refusals::default();
        for _ in 0..BEARABLE {
            drop(refusals.admit("bot").await.unwrap());
            refusals.count("bot");
            tokio::time::advance(Duration::from_mins(1)).await;
        }
        let error = refusals.admit("bot").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::RateLimited, Some(WINDOW.checked_sub(Duration::from_mins(3)).unwrap()))
        );
        drop(refusals.admit("another").await.unwrap());
        tokio::time::advance(WINDOW).await;
        drop(refusals.admit("bot").await.unwrap());
    }
}
