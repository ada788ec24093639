//! What can be chosen about the transport, and what cannot.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::budget::{Budgets, InFlight};
use super::{Http, Inner};
use crate::error::{Error, ErrorKind, Result};

/// So many connections to one far side stay open when nothing is under way there: each is a file descriptor that those to
/// another may need.
const IDLE: usize = 16;

/// Puts an [`Http`] together. There is no switch that turns verification off, and none that follows redirects.
#[must_use]
pub struct HttpBuilder {
    user_agent: String,
    roots: Vec<Vec<u8>>,
    identity: Option<SecretString>,
    proxy: Option<(Url, Option<(String, SecretString)>)>,
    connect_timeout: Duration,
    timeout: Duration,
    body_limit: usize,
    concurrency: usize,
    in_total: Option<usize>,
    per_identity: Option<usize>,
    plain_on_loopback: bool,
}

impl HttpBuilder {
    pub(super) fn new() -> Self {
        Self {
            user_agent: concat!("tokenturn/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: Vec::new(),
            identity: None,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            body_limit: 8 * 1024 * 1024,
            concurrency: 16,
            in_total: None,
            per_identity: None,
            plain_on_loopback: false,
        }
    }

    /// What requests say of the program that sends them. GitHub refuses requests that say nothing.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// More certificates to trust beside the platform's, as PEM: those of an internal authority.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// A client certificate with its private key, both as PEM in one text.
    pub fn client_certificate(mut self, pem: SecretString) -> Self {
        self.identity = Some(pem);
        self
    }

    /// The proxy through which every request goes, but for those to this very machine.
    pub fn proxy(mut self, proxy: Url) -> Self {
        self.proxy = Some((proxy, None));
        self
    }

    /// The proxy through which every request goes, but for those to this very machine, and the login there.
    pub fn proxy_with_login(mut self, proxy: Url, user: impl Into<String>, password: SecretString) -> Self {
        self.proxy = Some((proxy, Some((user.into(), password))));
        self
    }

    /// How long connecting may take; 10 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one request may take from the first byte sent to the last received; 30 seconds unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How large an answer may be, in bytes; 8 MiB unless set.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How many requests one far side (scheme, host and port) gets at a time; 16 unless set. Where its vendor publishes that
    /// it takes fewer, it gets fewer.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// How many requests are under way at a time in total, at all far sides: 128 unless set, or twice what
    /// [`concurrency`](Self::concurrency) says where that is more. Each takes a connection, and so a file descriptor, and up
    /// to 16 to each far side stay open for a while. Set it well above what one far side gets, so that a slow one leaves room
    /// for others.
    pub fn concurrency_in_total(mut self, requests: usize) -> Self {
        self.in_total = Some(requests);
        self
    }

    /// How many requests one identity (a token, a user, an app, an account) has under way at a time at one far side: as many
    /// as that gets unless set. Whoever waits for this limit takes no place of other identities.
    pub fn concurrency_per_identity(mut self, requests: usize) -> Self {
        self.per_identity = Some(requests);
        self
    }

    /// Accepts addresses without TLS where they lead to this very machine: tests, and a proxy beside the program.
    pub fn allow_plain_http_on_loopback(mut self) -> Self {
        self.plain_on_loopback = true;
        self
    }

    /// The `Http`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for certificates, keys or a proxy that cannot be read, or a limit of zero.
    pub fn build(self) -> Result<Http> {
        let in_flight = InFlight {
            in_total: self.in_total.unwrap_or(self.concurrency.saturating_mul(2).max(128)),
            per_origin: self.concurrency,
            per_asker: self.per_identity.unwrap_or(self.concurrency),
        };
        let limits = [self.body_limit, in_flight.in_total, in_flight.per_origin, in_flight.per_asker];
        if self.timeout.is_zero() || self.connect_timeout.is_zero() || limits.contains(&0) {
            return Err(wrong("timeouts, body limit and concurrency of the HTTP layer must be above zero"));
        }
        let mut client = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(IDLE)
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout);
        if let Some((url, login)) = &self.proxy {
            let unusable = |_| wrong("the proxy's address cannot be used: write it like http://proxy.example:3128");
            if !url.username().is_empty() || url.password().is_some() {
                return Err(wrong("the proxy's address must not hold a login: give it with `proxy_with_login`"));
            }
            // What goes to loopback may have no TLS, and must not leave this machine by way of a proxy.
            let loopback = reqwest::NoProxy::from_string("localhost,127.0.0.0/8,::1");
            let mut proxy = reqwest::Proxy::all(url.clone()).map_err(unusable)?.no_proxy(loopback);
            if let Some((user, password)) = login {
                proxy = proxy.basic_auth(user, password.expose_secret());
            }
            client = client.proxy(proxy);
        }
        client = self.with_tls(client)?;
        let unusable = |_| wrong("the HTTP layer cannot be set up: check the user agent and the certificates");
        Ok(Http {
            inner: Arc::new(Inner {
                client: client.build().map_err(unusable)?,
                plain_on_loopback: self.plain_on_loopback,
                body_limit: self.body_limit,
                budgets: Budgets::new(in_flight),
                sent: Arc::default(),
            }),
        })
    }

    #[cfg(feature = "rustls")]
    fn with_tls(&self, mut client: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        for pem in &self.roots {
            let unusable = |_| wrong("a root certificate cannot be read: hand it in as PEM");
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?;
            if certificates.is_empty() {
                return Err(wrong(
                    "there is no certificate in a root's PEM: hand in the one that begins with BEGIN CERTIFICATE",
                ));
            }
            client = client.tls_certs_merge(certificates);
        }
        if let Some(pem) = &self.identity {
            let unusable = |_| wrong("the client certificate cannot be read: hand it in as PEM, with its private key");
            let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).map_err(unusable)?;
            client = client.identity(identity);
        }
        Ok(client)
    }

    #[cfg(not(feature = "rustls"))]
    fn with_tls(&self, client: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        if self.roots.is_empty() && self.identity.is_none() {
            return Ok(client);
        }
        Err(wrong("certificates need TLS: switch the feature `rustls` on"))
    }
}

impl fmt::Debug for HttpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the proxy: its address may hold a login until `build` refuses it.
        f.debug_struct("HttpBuilder")
            .field("user_agent", &self.user_agent)
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .field("concurrency_in_total", &self.in_total)
            .field("concurrency_per_identity", &self.per_identity)
            .field("plain_on_loopback", &self.plain_on_loopback)
            .finish_non_exhaustive()
    }
}

fn wrong(text: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, text)
}
