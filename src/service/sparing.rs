//! Dead tokens and wrong passwords are presented sparingly: services lock accounts, live tokens included, after several
//! refused logins.

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
    /// Looks with a secret. One that may be refused waits its turn, and is not tried where the account bears no more
    /// refusals.
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
