//! What can be chosen about the tokens that users give an app.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::super::Addresses;
use super::super::api::Api;
use super::super::client::Client;
use super::super::ending::{Ending, Exposure};
use super::super::login::{Login, client_secret};
use super::super::look::Looks;
use super::{AppUserTokens, EndedAs, Flow};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;

/// For how long a person is asked, unless set.
const ASKED: Duration = Duration::from_hours(1);

/// Puts [`AppUserTokens`] together.
#[derive(Debug)]
#[must_use]
pub struct AppUserTokensBuilder {
    http: Http,
    flow: Flow,
    client_id: String,
    client_secret: Option<SecretString>,
    server: Option<Url>,
    ending: Option<Ending>,
    together: Option<Duration>,
    account: Option<String>,
    readable: Vec<String>,
    asking_for: Duration,
    clock: Arc<dyn Clock>,
}

impl AppUserTokensBuilder {
    pub(in super::super) fn new(http: &Http, client_id: String, flow: Flow) -> Self {
        Self {
            http: http.clone(),
            flow,
            client_id,
            client_secret: None,
            server: None,
            ending: None,
            together: None,
            account: None,
            readable: Vec::new(),
            asking_for: ASKED,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// A GitHub Enterprise Server in place of github.com, by the address that people open.
    pub fn server(mut self, server: Url) -> Self {
        self.server = Some(server);
        self
    }

    /// The app's client secret. With it the app itself checks tokens, which counts as no login of their owner and tells
    /// their end, and ends them at once (`POST` and `DELETE /applications/{client_id}/token`). Refreshing needs it for
    /// tokens that did not come from the device flow.
    ///
    /// Source: "REST API endpoints for OAuth authorizations" (GitHub documentation).
    pub fn client_secret(mut self, secret: SecretString) -> Self {
        self.client_secret = Some(secret);
        self
    }

    /// Old tokens are ended by `POST /credentials/revoke`, and with each the refresh token that came with it. It needs no
    /// login and no right, only the values; it answers before it is done (202), cannot be undone, and GitHub mails the
    /// owner that the token was exposed. Calls from one address are limited to 60 an hour. It takes these kinds since March
    /// 2026; a server that does not have it leaves it to a person.
    ///
    /// Source: "REST API endpoints for revocation" (GitHub documentation).
    pub fn revoke_by_api(mut self) -> Self {
        self.ending = Some(Ending::Api);
        self.together = None;
        self
    }

    /// As [`revoke_by_api`](Self::revoke_by_api), and what is to be ended within this time goes in one call, up to 1,000 values
    /// together: 60 calls an hour end 60,000 tokens then. Each caller gets what came of its own; a call that GitHub refuses as a
    /// whole is sent again in halves, and a lost answer is unknown for all that were in it. It works among the rotators that
    /// share this provider: an [`Arc`](std::sync::Arc) of a provider is one. A second is a good time; 10 at most.
    ///
    /// Source: "REST API endpoints for revocation" (GitHub documentation).
    pub fn revoke_together(mut self, wait: Duration) -> Self {
        self.ending = Some(Ending::Api);
        self.together = Some(wait);
        self
    }

    /// Old tokens are ended by whoever keeps the app's client secret; the run waits for that, and looks whether it is true.
    /// The settings page of authorised apps cannot end one token of several.
    pub fn revoke_by_person(mut self) -> Self {
        self.ending = Some(Ending::Person);
        self
    }

    /// As whom the person signs in; guides say so. Dead tokens of unknown owner count as this account's. The policy's
    /// `owner` is what refuses the token of another account.
    pub fn account(mut self, login: impl Into<String>) -> Self {
        self.account = Some(login.into());
        self
    }

    /// A private repository, as `owner/name`, that a token must be able to read before it is admitted. One more request,
    /// with the token itself, for every look at it. What a token of a GitHub App may do nobody else tells.
    pub fn must_read(mut self, repository: impl Into<String>) -> Self {
        self.readable.push(repository.into());
        self
    }

    /// For how long a person is asked by the device flow: an hour unless set. A code counts for 15 minutes; when it counts
    /// no more, another is asked for and stands in the guide, until this time is over and the run ends. Each poll is a
    /// record in the journal.
    pub fn asking_for(mut self, time: Duration) -> Self {
        self.asking_for = time;
        self
    }

    /// By which clock ends are counted: the machine's unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when there is neither a client secret nor a word on how old tokens end, for an address
    /// without TLS, for a repository that is not written as `owner/name`, or for revocations that would wait for each other for
    /// too long; [`ErrorKind::InvalidInput`] for a client id or
    /// a client secret that is none.
    pub fn build(self) -> Result<AppUserTokens> {
        if self.client_id.is_empty() || !self.client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            let text = "the client id is empty or no client id: it is on the app's settings page";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if self.asking_for.is_zero() {
            let text = "a person would be asked for no time at all: set `asking_for` above zero";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let addresses = Addresses::of(self.server.as_ref())?;
        let api = Api::new(&self.http, addresses.api.clone())?;
        let client = match &self.client_secret {
            Some(secret) => Some(Client::new(&api, &addresses, &self.client_id, secret)?),
            None => None,
        };
        let ended_as = match (self.ending, client.is_some()) {
            (Some(Ending::Api), _) => EndedAs::Exposed,
            (Some(Ending::Person), _) => EndedAs::ToldToAPerson,
            (None, true) => EndedAs::OfTheApp,
            (None, false) => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    "say how old tokens end: `client_secret(..)` (the app ends them), `revoke_by_api()` (GitHub mails the \
                     owner that the token was exposed) or `revoke_by_person()` (whoever keeps the secret ends them)",
                ));
            }
        };
        Ok(AppUserTokens {
            // The same for both flows: what the one has obtained, the other renews.
            name: format!("user tokens of the app {} of {}", self.client_id, addresses.name()),
            flow: self.flow,
            client_secret: self.client_secret.as_ref().map(client_secret).transpose()?,
            login: Login::new(&self.http, &addresses)?,
            looks: Looks::new(&api, &addresses, self.account.clone(), &self.readable, &[])?,
            client,
            exposure: Exposure::new(&api, self.together)?,
            addresses,
            client_id: self.client_id,
            ended_as,
            account: self.account,
            asking_for: self.asking_for,
            clock: self.clock,
            births: Mutex::new(BTreeMap::new()),
        })
    }
}
