//! Stateful fakes on loopback, with faults on demand, and helpers for tests. Feature `testing`; outside semver.
//!
//! A fake keeps state as the real system does and reproduces its traps; each says in its documentation which. All of
//! them share one layer of [`Trouble`]: what can go wrong between two machines.

#[cfg(feature = "jenkins")]
mod jenkins;
mod server;
mod trouble;

#[cfg(feature = "jenkins")]
pub use jenkins::JenkinsFake;
pub use server::Seen;
pub use trouble::Trouble;

use crate::error::Result;
use crate::token::{AdmittedToken, Grant, Token};

/// A token as the engine hands it to a consumer, without a provider that was asked and a policy that judged.
///
/// # Errors
///
/// As for a grant that was said of another token.
pub fn admitted(token: &Token, grant: Grant) -> Result<AdmittedToken> {
    AdmittedToken::new(token.clone(), grant)
}
