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
use std::sync::atomic::{AtomicU64, Ordering};

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
#[cfg(any(feature = "github", feature = "gitlab", feature = "codepipeline"))]
pub(crate) use rate::Limits;
#[cfg(any(feature = "github", feature = "gitlab"))]
pub(crate) use rate::Rate;
#[cfg(feature = "github")]
pub(crate) use rate::Work;
pub(crate) use refusals::Refusals;

/// The connection to the outside that all services of a program share. Cheap to clone; clones share connections and
/// the budgets that each far side gets.
///
/// What is sent is bounded, by what the builder says and what vendors publish:
///
/// | limit | counted | unless set |
/// | --- | --- | --- |
/// | [`concurrency_in_total`](HttpBuilder::concurrency_in_total) | requests under way, everywhere | 128 |
/// | [`concurrency`](HttpBuilder::concurrency) | requests under way, at one far side | 16 |
/// | [`concurrency_per_identity`](HttpBuilder::concurrency_per_identity) | requests under way, of one identity at one far side | as many as that gets |
/// | a vendor's own rates (GitHub, gitlab.com) | requests or points in a minute or an hour, of one identity | as published |
/// | a pause that was asked for (`Retry-After`, a spent limit) | of one identity at one far side | as asked, an hour at most |
/// | throttling (AWS) | half as many requests a second with each such answer, one more with each second without | none |
///
/// A wait of up to 5 seconds is waited for. A longer one is [`RateLimited`](crate::ErrorKind::RateLimited), with the time to
/// wait, and nothing is sent. A far side that gave no answer five times in a row is left alone for a second, then for up to a
/// minute, with one request at a time to see whether it lives: meanwhile everything for it is
/// [`Unavailable`](crate::ErrorKind::Unavailable), nothing is sent, and nobody waits. None of these keeps another far side or
/// another identity from its places.
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
    sent: Arc<AtomicU64>,
}

impl Http {
    /// Begins to put one together.
    pub fn builder() -> HttpBuilder {
        HttpBuilder::new()
    }

    /// How many requests were sent through this and its clones, those that were tried again counted each time.
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// The same transport with nothing remembered of any far side, as another process would have it: pauses that were asked
    /// for and refused logins are this one's alone. Requests are counted together.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn reboot(&self) -> Self {
        let Inner { client, plain_on_loopback, body_limit, budgets, sent } = &*self.inner;
        let (plain_on_loopback, body_limit) = (*plain_on_loopback, *body_limit);
        let (client, budgets, sent) = (client.clone(), budgets.anew(), sent.clone());
        Self { inner: Arc::new(Inner { client, plain_on_loopback, body_limit, budgets, sent }) }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("plain_on_loopback", &self.inner.plain_on_loopback).finish_non_exhaustive()
    }
}
