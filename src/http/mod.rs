//! The shared HTTP layer: policy, budgets and errors of every request in one place.
//!
//! Nothing outside this folder knows the library that does the transport. What a service sees is an [`Endpoint`], bound
//! to one address, that makes [`Call`]s and gets [`Answer`]s; what an embedder sees is [`Http`].

mod answer;
mod asker;
mod authorization;
mod budget;
mod builder;
mod call;
mod endpoint;
mod excerpt;
mod failure;
#[cfg(feature = "testing")]
mod heard;
mod kept;
mod pace;
mod rate;
mod reach;
mod refusals;
mod send;

use std::fmt;
use std::sync::Arc;

pub(crate) use answer::Answer;
#[cfg_attr(
    not(any(
        feature = "github",
        feature = "gitlab",
        feature = "bitbucket",
        feature = "cloudbees",
        feature = "jenkins",
        feature = "codefresh"
    )),
    expect(unused_imports, reason = "who signs has no such header")
)]
pub(crate) use authorization::Authorization;
pub use builder::HttpBuilder;
pub(crate) use call::{Call, Method};
pub(crate) use endpoint::Endpoint;
pub(crate) use rate::{Limits, Rate, Work};
pub(crate) use refusals::Refusals;

/// The connection to the outside that all services of a program share. Cheap to clone; clones share connections and
/// the budgets that each far side gets.
///
/// TLS is verified, always. Redirects are never followed: a secret goes to the address that was configured and to no
/// other. Proxies named by the environment are not used; name one with [`HttpBuilder::proxy`].
///
/// ```
/// # fn main() -> tokenturn::Result<()> {
/// let http = tokenturn::Http::builder().user_agent("acme-rotator/1").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    client: reqwest::Client,
    plain_on_loopback: bool,
    body_limit: usize,
    budgets: budget::Budgets,
}

impl Http {
    /// Begins to put one together.
    pub fn builder() -> HttpBuilder {
        HttpBuilder::new()
    }

    /// The same transport with nothing remembered of any far side, as another process would have it: pauses that were asked
    /// for and refused logins are this one's alone.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn reboot(&self) -> Self {
        let Inner { client, plain_on_loopback, body_limit, budgets } = &*self.inner;
        let (plain_on_loopback, body_limit) = (*plain_on_loopback, *body_limit);
        Self {
            inner: Arc::new(Inner { client: client.clone(), plain_on_loopback, body_limit, budgets: budgets.anew() }),
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("plain_on_loopback", &self.inner.plain_on_loopback).finish_non_exhaustive()
    }
}
