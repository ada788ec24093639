//! Dead tokens are presented sparingly: services lock accounts, live tokens included, after several refused logins.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use crate::error::{ErrorKind, Result};
use crate::http::Endpoint;
use crate::token::{Fingerprint, Token};

/// Which tokens were taken the last time that they were presented.
#[derive(Debug, Default)]
pub(super) struct Sparing(Mutex<BTreeSet<Fingerprint>>);

impl Sparing {
    /// Looks at a token. One that may be dead waits its turn, and is not tried where the account bears no more refusals.
    pub(super) async fn look<T>(
        &self,
        endpoint: &Endpoint,
        account: &str,
        token: &Token,
        look: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let refusals = endpoint.refusals();
        let _turn = if self.is_taken(token) { None } else { Some(refusals.admit(account).await?) };
        let seen = look.await;
        match &seen {
            Ok(_) => self.note(token, true),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                refusals.count(account);
                self.note(token, false);
            }
            Err(_) => {}
        }
        seen
    }

    fn is_taken(&self, token: &Token) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&token.fingerprint())
    }

    fn note(&self, token: &Token, lives: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lives {
            known.insert(token.fingerprint());
        } else {
            known.remove(&token.fingerprint());
        }
    }
}
