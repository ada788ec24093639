//! Codefresh: runtimes and git contexts that reach repositories with a token.

mod api;
mod context;
mod document;
mod failure;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod graphql;
mod host;
mod oauth;
mod proxy;
mod scopes;
mod site;
mod user_token;

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use self::api::Connection;
pub use self::context::CodefreshContext;
use self::host::HostRule;
pub use self::oauth::CodefreshOAuthRuntime;
pub use self::user_token::CodefreshUserToken;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Endpoint, Http};

/// A connection to one Codefresh account as one user, which hands out the places to keep up to date. Cheap to clone.
///
/// The API key is sent as it is to the platform, and to the app-proxies of runtimes that it lists, where their hosts are
/// allowed. Allowed are the platform's own host and, for [`cloud`](Self::cloud) alone, the runtime's own tunnel
/// (`<account id>-<runtime>.tunnels.cf-cd.com`); others are named with [`allow_host`](CodefreshBuilder::allow_host). A
/// runtime on another host is refused before the key goes there.
///
/// Built from what Codefresh publishes: its Go SDK 1.4, its command lines, its documentation. Nothing of it was tried
/// against the service itself; what is not published is said where it matters.
///
/// ```
/// use tokenturn::{Codefresh, Http};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let http = Http::builder().user_agent("acme-rotator/1").build()?;
/// let codefresh = Codefresh::cloud(&http)?
///     .api_key("fake.fakefakefakefakefake".into())
///     .allow_host("runtimes.example.com")
///     .build()?;
/// let one = codefresh.runtime("production");
/// let more = codefresh.runtimes(["staging", "test"]);
/// let classic = codefresh.git_context("github").canary("acme", "site");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Codefresh {
    connection: Arc<Connection>,
}

/// Puts a [`Codefresh`] together.
#[derive(Debug)]
#[must_use]
pub struct CodefreshBuilder {
    http: Http,
    endpoint: Endpoint,
    key: Option<SecretString>,
    hosts: Vec<String>,
    cloud: bool,
}

impl Codefresh {
    /// The Codefresh at this address, on premises. It has no tunnels; the one of everybody is [`cloud`](Self::cloud).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an address that is none, has no TLS, or holds more than host and path.
    pub fn at(http: &Http, address: Url) -> Result<CodefreshBuilder> {
        let endpoint = http.endpoint(address, failure::explain)?;
        Ok(CodefreshBuilder { http: http.clone(), endpoint, key: None, hosts: Vec::new(), cloud: false })
    }

    /// The Codefresh of everybody, at `https://g.codefresh.io`.
    ///
    /// # Errors
    ///
    /// As [`Codefresh::at`], which cannot happen with this address.
    pub fn cloud(http: &Http) -> Result<CodefreshBuilder> {
        let address = Url::parse("https://g.codefresh.io");
        let wrong = |_| Error::new(ErrorKind::Internal, "the address of Codefresh is no address");
        let builder = Self::at(http, address.map_err(wrong)?)?;
        Ok(CodefreshBuilder { cloud: true, ..builder })
    }

    /// The Git user token that the API key's user has in this GitOps runtime, for the integration `default` unless named.
    pub fn runtime(&self, name: impl Into<String>) -> CodefreshUserToken {
        CodefreshUserToken::new(self.connection.clone(), name.into())
    }

    /// The same for several runtimes, each a consumer of its own: one token may serve them all, and each must be given it.
    pub fn runtimes<S: Into<String>>(&self, names: impl IntoIterator<Item = S>) -> Vec<CodefreshUserToken> {
        names.into_iter().map(|name| self.runtime(name)).collect()
    }

    /// The names of all GitOps runtimes of the account, for [`runtimes`](Self::runtimes).
    ///
    /// # Errors
    ///
    /// Those of a read, and [`ErrorKind::Unsupported`] when Codefresh lists only a part of them: how to ask for the rest is
    /// not published, so name them.
    pub async fn list_runtimes(&self) -> Result<Vec<String>> {
        self.connection.list_runtimes().await
    }

    /// A GitOps runtime whose users log in to Git by OAuth2: it takes no token, a person authorises it.
    pub fn oauth_runtime(&self, name: impl Into<String>) -> CodefreshOAuthRuntime {
        CodefreshOAuthRuntime::new(self.connection.clone(), name.into())
    }

    /// The git context ("Git integration") of this name, with which pipelines clone.
    pub fn git_context(&self, name: impl Into<String>) -> CodefreshContext {
        CodefreshContext::new(self.connection.clone(), name.into())
    }
}

impl CodefreshBuilder {
    /// Asks with this API key, of a user or of a service account.
    ///
    /// A Git user token always belongs to the user whose key it is. Whether a service account can have one is not documented.
    /// For git contexts the key must be an account admin's, or have the team rule "Git contexts: Update"; which scope of a
    /// key they need is not documented, while repositories need `repos`. Sources: `models_gen.go` (codefresh-io/go-sdk),
    /// "Access control" (Codefresh documentation), `docs/resources/api_key.md` (codefresh-io/terraform-provider-codefresh).
    pub fn api_key(mut self, key: SecretString) -> Self {
        self.key = Some(key);
        self
    }

    /// Lets the API key go to the app-proxy of a runtime on this host: `proxy.example.com`, with a port that is not 443
    /// `proxy.example.com:8443`, or `*.example.com` for all that are one name below it. The tunnel that
    /// [`cloud`](Codefresh::cloud) has for a runtime needs no allowing; do not allow all of `tunnels.cf-cd.com`, for the
    /// tunnels of other accounts are there too.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// The `Codefresh`. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] without an API key, with an empty one, or with a host that cannot be one;
    /// [`ErrorKind::InvalidInput`] for a key that no header can carry.
    pub fn build(self) -> Result<Codefresh> {
        let Some(key) = &self.key else {
            let text = "who asks Codefresh is not said: call `api_key`";
            return Err(Error::new(ErrorKind::Configuration, text));
        };
        let allowed = self.hosts.iter().map(|host| HostRule::parse(host)).collect::<Result<_>>()?;
        let connection = Connection::new(self.http, self.endpoint, key, allowed, self.cloud)?;
        Ok(Codefresh { connection: Arc::new(connection) })
    }
}
