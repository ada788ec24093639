//! Stateful fakes on loopback, with faults on demand, and helpers for tests. Feature `testing`; outside semver.
//!
//! A fake keeps state as the real system does and reproduces its traps; each says in its documentation which. All of
//! them share one layer of [`Trouble`]: what can go wrong between two machines.

mod github;
mod server;
mod trouble;

pub use github::GitHubFake;
pub use server::Seen;
pub use trouble::Trouble;

use crate::error::Result;
use crate::token::{AdmittedToken, Grant, Reason, RetiredToken, Token};

/// A token as the engine hands it to a consumer, for tests of consumers.
///
/// # Errors
///
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the grant is of another token.
pub fn admitted(token: &Token, grant: Grant) -> Result<AdmittedToken> {
    AdmittedToken::new(token.clone(), grant)
}

/// A token as the engine hands it to a provider to end it, for tests of providers.
#[must_use]
pub fn retired(token: &Token) -> RetiredToken {
    RetiredToken::new(Some(token.clone()), Some(token.fingerprint()), None, None, Reason::Superseded)
}
