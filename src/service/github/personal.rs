//! Personal access tokens: a person makes them, guided; a program says what they are and ends them.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::Addresses;
use super::api::Api;
use super::ending::{self, Ending, Exposure};
use super::guide::{self, Hints};
use super::look::Looks;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips, Revocation,
};
use crate::token::{Grant, RetiredToken, ScopeModel, Token};

/// Which personal access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Classic,
    FineGrained,
}

/// Puts [`PersonalTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct PersonalTokensBuilder {
    http: Http,
    kind: Kind,
    server: Option<Url>,
    ending: Option<Ending>,
    together: Option<Duration>,
    hints: Hints,
    readable: Vec<String>,
    administrable: Vec<String>,
}

impl PersonalTokensBuilder {
    pub(super) fn new(http: &Http, kind: Kind) -> Self {
        Self {
            http: http.clone(),
            kind,
            server: None,
            ending: None,
            together: None,
            hints: Hints::default(),
            readable: Vec::new(),
            administrable: Vec::new(),
        }
    }

    /// A GitHub Enterprise Server in place of github.com, by the address that people open.
    pub fn server(mut self, server: Url) -> Self {
        self.server = Some(server);
        self
    }

    /// Old tokens are ended by `POST /credentials/revoke`. It needs no login and no right, only the value; it answers
    /// before it is done (202), cannot be undone, and GitHub mails the owner that the token was exposed. Calls from one
    /// address are limited to 60 an hour. A server that does not have it leaves it to a person.
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

    /// Old tokens are deleted by a person on the settings page; the run waits for that, and looks whether it is true.
    pub fn revoke_by_person(mut self) -> Self {
        self.ending = Some(Ending::Person);
        self
    }

    /// As whom the person signs in; guides say so. Dead tokens of unknown owner count as this account's: say it where there
    /// are many accounts, or the first looks at their tokens, of which each may be dead, are three at a time for all of them.
    pub fn account(mut self, login: impl Into<String>) -> Self {
        self.hints.account = Some(login.into());
        self
    }

    /// Whose resources a fine-grained token is for: an organisation's.
    pub fn organization(mut self, name: impl Into<String>) -> Self {
        self.hints.organization = Some(name.into());
        self
    }

    /// A private repository, as `owner/name`, that a token must be able to read before it is admitted: scopes are not
    /// rights. One more request for every look at a token.
    pub fn must_read(mut self, repository: impl Into<String>) -> Self {
        self.readable.push(repository.into());
        self
    }

    /// A private repository, as `owner/name`, that a token must be able to read and administer, webhooks included, before
    /// it is admitted. Two more requests for every look at a token.
    pub fn must_administer(mut self, repository: impl Into<String>) -> Self {
        self.administrable.push(repository.into());
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when nothing was said of how old tokens end, for an address without TLS, for a
    /// repository that is not written as `owner/name`, or for revocations that would wait for each other for too long.
    pub fn build(self) -> Result<PersonalTokens> {
        let Some(ending) = self.ending else {
            return Err(Error::new(
                ErrorKind::Configuration,
                "say how old tokens end: `revoke_by_api()` (GitHub mails the owner that the token was exposed) or \
                 `revoke_by_person()` (somebody deletes it on the settings page)",
            ));
        };
        let addresses = Addresses::of(self.server.as_ref())?;
        let mut hints = self.hints;
        hints.repositories = self.readable.iter().chain(&self.administrable).cloned().collect();
        // The journal tells one GitHub's tokens from another's by it.
        let name = match self.kind {
            Kind::Classic => format!("personal access tokens (classic) of {}", addresses.name()),
            Kind::FineGrained => format!("fine-grained personal access tokens of {}", addresses.name()),
        };
        let api = Api::new(&self.http, addresses.api.clone())?;
        let looks = Looks::new(&api, &addresses, hints.account.clone(), &self.readable, &self.administrable)?;
        let exposure = Exposure::new(&api, self.together)?;
        Ok(PersonalTokens { name, exposure, addresses, kind: self.kind, ending, hints, looks })
    }
}

/// GitHub's personal access tokens, as a [`Provider`]. Made by [`GitHub::classic`](super::GitHub::classic) and
/// [`GitHub::fine_grained`](super::GitHub::fine_grained).
///
/// A look at a token is `GET /user`, which needs no scope. Dead tokens are looked at sparingly: GitHub locks an account,
/// its live tokens included, after several refused logins in a short time.
#[derive(Debug)]
pub struct PersonalTokens {
    name: String,
    exposure: Exposure,
    addresses: Addresses,
    kind: Kind,
    ending: Ending,
    hints: Hints,
    looks: Looks,
}

impl PersonalTokens {
    fn by_person(&self, token: &RetiredToken) -> Revocation {
        Revocation::Guided(guide::delete(self.kind, &self.addresses, &self.hints, token))
    }
}

#[async_trait]
impl Provider for PersonalTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        // A person makes another whatever became of the one before.
        let can = ProviderCapabilities::new(Issuer::Person, Fate::Survives).reissuing();
        match self.ending {
            Ending::Person => can,
            Ending::Api => ending::told(can),
        }
    }

    fn scopes(&self) -> ScopeModel {
        match self.kind {
            Kind::Classic => ScopeModel::GITHUB_CLASSIC,
            Kind::FineGrained => ScopeModel::GITHUB_FINE_GRAINED,
        }
    }

    fn trips(&self) -> ProviderTrips {
        // A person makes it, and the last step may be theirs too.
        ProviderTrips::new(self.looks.trips(), 0, u32::from(self.ending == Ending::Api))
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        self.looks.inspect(token).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if !guide::offers(self.kind, request.lifetime) {
            let text = "a fine-grained token lives 366 days at most: ask for a shorter `lifetime`";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Issuance::Guided(guide::issue(self.kind, &self.addresses, &self.hints, request)))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("a personal access token is pasted, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let (Ending::Api, Some(value)) = (self.ending, token.value()) else {
            return Ok(self.by_person(token));
        };
        if !ending::is_taken(value) {
            return Ok(self.by_person(token));
        }
        self.looks.doom(value.fingerprint());
        match self.exposure.report(&[value]).await? {
            Some(accepted) => Ok(accepted),
            None => Ok(self.by_person(token)),
        }
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("GitHub tells nothing of a personal access token by its number"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("GitHub lists no personal access tokens"))
    }
}

pub(super) fn unsupported(text: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}
