//! Personal access tokens: a person makes them, guided; a program says what they are and ends them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::api::{Api, User};
use super::guide::{self, Hints};
use super::{Addresses, grant};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Revocation,
};
use crate::token::{Fingerprint, Format, Grant, RetiredToken, ScopeModel, Token};

/// The answer to a revocation says that it will happen; a first look pays off no sooner.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// Which personal access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Classic,
    FineGrained,
}

/// How a token that is no longer used is ended. There is no default: both have a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Api,
    Person,
}

/// Puts [`PersonalTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct PersonalTokensBuilder {
    http: Http,
    kind: Kind,
    server: Option<Url>,
    ending: Option<Ending>,
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
        self
    }

    /// Old tokens are deleted by a person on the settings page; the run waits for that, and looks whether it is true.
    pub fn revoke_by_person(mut self) -> Self {
        self.ending = Some(Ending::Person);
        self
    }

    /// As whom the person signs in; guides say so. Dead tokens of unknown owner count as this account's.
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
    /// [`ErrorKind::Configuration`] when nothing was said of how old tokens end, for an address without TLS, or for a
    /// repository that is not written as `owner/name`.
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
        let probes =
            |names: Vec<String>, administer| names.into_iter().map(move |name| Repository::parse(&name, administer));
        let repositories =
            probes(self.administrable, true).chain(probes(self.readable, false)).collect::<Result<_>>()?;
        // The journal tells one GitHub's tokens from another's by it.
        let name = match self.kind {
            Kind::Classic => format!("personal access tokens (classic) of {}", addresses.name()),
            Kind::FineGrained => format!("fine-grained personal access tokens of {}", addresses.name()),
        };
        Ok(PersonalTokens {
            name,
            api: Api::new(&self.http, addresses.api.clone())?,
            addresses,
            kind: self.kind,
            ending,
            hints,
            repositories,
            owners: Mutex::default(),
        })
    }
}

/// A repository on which tokens are tried.
#[derive(Clone, Debug)]
struct Repository {
    owner: String,
    name: String,
    administer: bool,
}

impl Repository {
    fn parse(text: &str, administer: bool) -> Result<Self> {
        match text.split_once('/') {
            Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned(), administer })
            }
            _ => Err(Error::new(ErrorKind::Configuration, "a repository is written as owner/name: correct it")),
        }
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
    api: Api,
    addresses: Addresses,
    kind: Kind,
    ending: Ending,
    hints: Hints,
    repositories: Vec<Repository>,
    /// Whose the tokens are that were seen alive.
    owners: Mutex<BTreeMap<Fingerprint, Owner>>,
}

#[derive(Clone, Debug)]
struct Owner {
    login: String,
    /// It may be dead by now.
    doomed: bool,
}

impl PersonalTokens {
    fn owner(&self, token: Fingerprint) -> Option<Owner> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(&token).cloned()
    }

    fn remember(&self, token: Fingerprint, login: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry(token).or_insert_with(|| Owner { login: login.to_owned(), doomed: false });
    }

    /// From now on it is asked with care.
    fn doom(&self, token: Fingerprint) {
        if let Some(owner) = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&token) {
            owner.doomed = true;
        }
    }

    async fn look(&self, token: &Token) -> Result<Grant> {
        let fingerprint = token.fingerprint();
        let known = self.owner(fingerprint);
        let expected = self.hints.account.as_deref().unwrap_or_default();
        let account = known.as_ref().map_or(expected, |owner| owner.login.as_str());
        let refusals = self.api.endpoint().refusals();
        let _turn =
            if known.as_ref().is_none_or(|owner| owner.doomed) { Some(refusals.admit(account).await?) } else { None };
        let answer = match self.api.user(token).await {
            Ok(answer) => answer,
            Err(error) => {
                if error.kind() == ErrorKind::Unauthenticated {
                    refusals.count(account);
                    self.doom(fingerprint);
                }
                return Err(error);
            }
        };
        let user: User = answer.json()?;
        self.remember(fingerprint, &user.login);
        Ok(grant::of_headers(&answer, token, &user.login, self.addresses.public).with_api(self.addresses.api.clone()))
    }

    async fn tried(&self, token: &Token, mut grant: Grant) -> Result<Grant> {
        for Repository { owner, name, administer } in &self.repositories {
            let path = format!("{owner}/{name}");
            let answer = self.api.repository(token, owner, name).await?;
            let (probe, seen) = grant::readable(&answer, &path)?;
            grant = grant.with_probe(probe);
            if let Some(restriction) = grant::restriction(&answer, token, owner) {
                grant = grant.with_restriction(restriction);
            }
            if *administer {
                let webhooks = match &seen {
                    Some(_) => Some(self.api.webhooks(token, owner, name).await?),
                    None => None,
                };
                grant = grant.with_probe(grant::administrable(&path, seen.as_ref(), webhooks.as_ref()));
            }
        }
        Ok(grant)
    }

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
            Ending::Api => can
                .ended_by(EndedBy::ApiLater)
                .with_caution(
                    "the old token is revoked by GitHub's interface for exposed credentials: it cannot be undone, takes a \
                     while, and GitHub mails the owner that a token was revoked",
                )
                .with_caution("that interface takes 60 calls an hour from one address, without a login"),
        }
    }

    fn scopes(&self) -> ScopeModel {
        match self.kind {
            Kind::Classic => ScopeModel::GITHUB_CLASSIC,
            Kind::FineGrained => ScopeModel::GITHUB_FINE_GRAINED,
        }
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let grant = self.look(token).await?;
        self.tried(token, grant).await
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
        // The interface takes these kinds alone, and answers 202 to anything.
        let accepted = matches!(
            value.format(),
            Some(
                Format::GitHubClassic
                    | Format::GitHubFineGrained
                    | Format::GitHubOAuth
                    | Format::GitHubAppUser
                    | Format::GitHubRefresh
            )
        );
        if !accepted {
            return Ok(self.by_person(token));
        }
        self.doom(value.fingerprint());
        match self.api.revoke(value).await?.status() {
            // A server without it. That github.com could answer for it is out of the question.
            404 | 410 => Ok(self.by_person(token)),
            _ => Ok(Revocation::Accepted { look_after: LOOK_AFTER }),
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
