//! Stateful fakes on loopback with faults on demand, a clock that tests move, and helpers. Nothing here belongs into a
//! running system, and none of it is covered by the promise of compatible versions.
//!
//! A fake keeps state as the real system does and reproduces its traps; each says in its documentation which. All of
//! them share one layer of [`Trouble`]: what can go wrong between two machines.

#[cfg(feature = "bitbucket")]
mod bitbucket;
mod clock;
#[cfg(feature = "cloudbees")]
mod cloudbees;
#[cfg(feature = "codefresh")]
mod codefresh;
#[cfg(feature = "codepipeline")]
mod codepipeline;
pub mod consumer;
mod elsewhere;
#[cfg(feature = "http")]
mod forge;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "it is whole, whichever services are there to use it"))]
mod forgery;
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "github")]
mod github;
#[cfg(feature = "gitlab")]
mod gitlab;
#[cfg(feature = "jenkins")]
mod jenkins;
pub mod journal;
pub mod law;
pub mod leak;
mod power;
mod powered;
pub mod provider;
mod seal;
#[cfg(feature = "http")]
#[cfg_attr(
    not(all(
        feature = "github",
        feature = "jenkins",
        feature = "codefresh",
        feature = "codepipeline",
        feature = "gitlab",
        feature = "bitbucket"
    )),
    allow(dead_code, reason = "it is whole, whichever services are there to use it")
)]
mod server;
mod trouble;

#[cfg(feature = "bitbucket")]
pub use bitbucket::{BitbucketCloudFake, BitbucketDataCenterFake};
pub use clock::VirtualClock;
#[cfg(feature = "cloudbees")]
pub use cloudbees::{CloudBeesFake, WorkflowRun};
#[cfg(feature = "codefresh")]
pub use codefresh::CodefreshFake;
#[cfg(feature = "codepipeline")]
pub use codepipeline::CodePipelineFake;
pub use elsewhere::Elsewhere;
pub use forgery::{Forgery, Spelling};
#[cfg(feature = "github")]
pub use github::GitHubFake;
#[cfg(feature = "gitlab")]
pub use gitlab::GitLabFake;
#[cfg(feature = "jenkins")]
pub use jenkins::JenkinsFake;
pub use power::{Boundary, Moment, Power};
pub use powered::Powered;
pub use seal::TestSealer;
#[cfg(feature = "http")]
pub use server::Seen;
pub use trouble::Trouble;

use crate::error::Result;
use crate::token::{AdmittedToken, Grant, Reason, RetiredToken, Token};

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

/// A token as the engine hands it to a provider to end it, so that a test of a provider can call its `revoke`.
#[must_use]
pub fn retired(token: &Token) -> RetiredToken {
    RetiredToken::new(Some(token.clone()), Some(token.fingerprint()), None, None, Reason::Superseded)
}

/// A token that is ended, with the secret that came with it.
#[must_use]
pub fn retired_pair(token: &Token, companion: Option<&Token>) -> RetiredToken {
    retired(token).with_companion(companion.cloned())
}
