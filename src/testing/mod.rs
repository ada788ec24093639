//! Helpers for the tests of whoever embeds or extends this crate. Nothing here belongs into a running system, and none of
//! it is covered by the promise of compatible versions.

mod clock;
mod seal;

pub use clock::VirtualClock;
pub use seal::TestSealer;

use crate::error::Result;
use crate::token::{AdmittedToken, Grant, Token};

/// Admits a token without any check, so that a test of a consumer can call its `install` and `verify`.
///
/// ```
/// use tokenturn::{Grant, Token, testing};
///
/// # fn main() -> tokenturn::Result<()> {
/// let token = Token::new("ghp_FAKE")?;
/// let admitted = testing::admitted(&token, Grant::of(&token, "deploy-bot"))?;
/// assert_eq!(admitted.fingerprint(), token.fingerprint());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the grant was said of another token.
pub fn admitted(token: &Token, grant: Grant) -> Result<AdmittedToken> {
    AdmittedToken::new(token.clone(), grant)
}
