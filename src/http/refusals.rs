//! How many refused logins an account can bear.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::kept::{Idle, Kept};
use crate::error::{Error, ErrorKind, Result};

/// So many refused logins in [`WINDOW`] are safe: GitHub locks an account after "several", even for its live tokens.
///
/// Source: "Failed login limit", "Authenticating to the REST API" (GitHub documentation).
const BEARABLE: usize = 3;

/// How long a refused login counts.
const WINDOW: Duration = Duration::from_mins(10);

/// Refused logins at one far side, by account. Whoever presents a token that may be dead asks here first.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    accounts: Mutex<Kept<Account>>,
}

#[derive(Debug, Default)]
struct Account {
    /// Whoever is next; those behind it wait in the order in which they came.
    turn: tokio::sync::Mutex<()>,
    /// A look has ended.
    ended: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    refused: VecDeque<Instant>,
    looking: usize,
}

/// A look that may be refused, until its answer was counted.
#[derive(Debug)]
pub(crate) struct Look(Arc<Account>);

impl Refusals {
    /// Waits until the account can bear one more refusal, those looks that are under way counted as if they were refused;
    /// an error where it cannot, whatever becomes of them. The look is kept until its answer was counted.
    pub(crate) async fn admit(&self, account: &str) -> Result<Look> {
        let account = self.account(account);
        let turn = account.turn.lock().await;
        while !account.bears()? {
            account.ended.notified().await;
        }
        drop(turn);
        Ok(Look(account))
    }

    /// A login was refused.
    pub(crate) fn count(&self, account: &str) {
        self.account(account).lock().refused.push_back(Instant::now());
    }

    pub(super) fn is_idle(&self) -> bool {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).is_idle()
    }

    fn account(&self, name: &str) -> Arc<Account> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).of(name, Account::default)
    }
}

impl Account {
    /// Whether one more look may begin, which is counted then; not yet, where it depends on those that are under way.
    fn bears(&self) -> Result<bool> {
        let mut state = self.lock();
        let now = Instant::now();
        state.forget(now);
        if state.refused.len() < BEARABLE {
            let bears = state.refused.len() + state.looking < BEARABLE;
            state.looking += usize::from(bears);
            return Ok(bears);
        }
        let oldest = state.refused.len() - BEARABLE;
        let wait = state.refused.get(oldest).map_or(WINDOW, |at| (*at + WINDOW).saturating_duration_since(now));
        let text = "too many dead tokens or wrong passwords of this account were tried just now, and one more might lock it out: \
                    no request was sent, try again later";
        Err(Error::new(ErrorKind::RateLimited, text).with_retry_after(wait))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        self.refused.retain(|at| now.saturating_duration_since(*at) < WINDOW);
    }
}

impl Idle for Account {
    fn is_idle(&self) -> bool {
        let mut state = self.lock();
        state.forget(Instant::now());
        state.refused.is_empty() && state.looking == 0
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.lock().looking -= 1;
        self.0.ended.notify_one();
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

    #[tokio::test(start_paused = true)]
    async fn as_many_look_at_once_as_the_account_can_bear_were_all_of_them_refused() {
        let refusals = Refusals::default();
        refusals.count("bot");
        let looks = [refusals.admit("bot").await.unwrap(), refusals.admit("bot").await.unwrap()];
        let third = async { tokio::time::timeout(Duration::from_secs(1), refusals.admit("bot")).await };
        assert!(third.await.is_err(), "one more refusal than the account bears could come of it");
        drop(refusals.admit("another").await.unwrap());
        let [taken, refused] = looks;
        drop(taken);
        let third = refusals.admit("bot").await.unwrap();
        refusals.count("bot");
        drop(refused);
        refusals.count("bot");
        drop(third);
        assert_eq!(refusals.admit("bot").await.unwrap_err().kind(), ErrorKind::RateLimited);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_thousand_that_wait_none_is_forgotten_and_no_more_are_refused_than_the_account_bears() {
        let refusals = Arc::new(Refusals::default());
        let most = Arc::new(Mutex::new((0, 0)));
        let looks: Vec<_> = (0..1000)
            .map(|number| {
                let (refusals, most) = (refusals.clone(), most.clone());
                tokio::spawn(async move {
                    let look = refusals.admit("bot").await.ok()?;
                    {
                        let (now, peak) = &mut *most.lock().unwrap();
                        *now += 1;
                        *peak = (*peak).max(*now);
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    // The last few hundred are dead.
                    let dead = number >= 600;
                    if dead {
                        refusals.count("bot");
                    }
                    most.lock().unwrap().0 -= 1;
                    drop(look);
                    Some(dead)
                })
            })
            .collect();
        let (mut taken, mut dead) = (0, 0);
        for look in looks {
            match look.await.unwrap() {
                Some(true) => dead += 1,
                Some(false) => taken += 1,
                None => {}
            }
        }
        assert_eq!((taken, dead, most.lock().unwrap().1), (600, BEARABLE, BEARABLE));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_gives_up_while_it_waits_holds_nobody_up() {
        let refusals = Refusals::default();
        let looks = [(); BEARABLE].map(|()| refusals.admit("bot"));
        let looks = futures_util::future::join_all(looks).await;
        let impatient = tokio::time::timeout(Duration::from_secs(1), refusals.admit("bot")).await;
        assert!(impatient.is_err());
        drop(looks);
        drop(refusals.admit("bot").await.unwrap());
        assert!(refusals.is_idle());
    }
}
