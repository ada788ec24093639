//! Dead tokens and wrong passwords are presented sparingly: services lock accounts, live tokens included, after several
//! refused logins.
//!
//! Sources: "Failed login limit" (GitHub documentation); "Failed login attempts", CAPTCHA (Bitbucket Data Center
//! documentation); behind Jenkins and Bitbucket Cloud stand directories that lock accounts by rules of their own. `CloudBees`
//! documents neither that it does nor that it does not. GitLab bans addresses, and for logins of Git alone ("Rate limits",
//! failed authentication ban), so nothing is held back there.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use crate::error::{ErrorKind, Result};
use crate::http::Endpoint;
use crate::token::Fingerprint;

/// Which secrets were taken the last time that they were presented: tokens, by what may be shown of them. Where there is
/// one alone, as a password, nothing tells it from others: `Sparing<()>`.
#[derive(Debug)]
pub(super) struct Sparing<K = Fingerprint>(Mutex<BTreeSet<K>>);

impl<K> Default for Sparing<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Copy> Sparing<K> {
    /// Looks with a secret. One that may be refused waits until the account can bear that, and is not tried where it bears no
    /// more refusals.
    pub(super) async fn look<T>(
        &self,
        endpoint: &Endpoint,
        account: &str,
        secret: K,
        look: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let refusals = endpoint.refusals();
        let _turn = if self.is_taken(secret) { None } else { Some(refusals.admit(account).await?) };
        let seen = look.await;
        match &seen {
            Ok(_) => self.note(secret, true),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                refusals.count(account);
                self.note(secret, false);
            }
            Err(_) => {}
        }
        seen
    }

    fn is_taken(&self, secret: K) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&secret)
    }

    fn note(&self, secret: K, lives: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lives {
            known.insert(secret);
        } else {
            known.remove(&secret);
        }
    }
}
