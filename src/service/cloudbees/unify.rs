//! Personal access tokens: a person makes, lists and deletes them; a program sees whether they are taken.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::api::{Api, Look, Seen};
use super::guide::{self, Hints};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips, Revocation,
};
use crate::service::sparing::Sparing;
use crate::token::{Access, Answer, Grant, Probe, RetiredToken, ScopeModel, Token};

/// Whose a token is, for all that `CloudBees` says. No account has this name, so a policy that names owners refuses it.
const NOBODY: &str = "an account that CloudBees does not name";

/// Puts [`UnifyTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct UnifyTokensBuilder {
    http: Http,
    address: Option<Url>,
    look: Option<Look>,
    hints: Hints,
    clock: Arc<dyn Clock>,
}

impl UnifyTokensBuilder {
    pub(super) fn new(http: &Http) -> Self {
        Self {
            http: http.clone(),
            address: None,
            look: None,
            hints: Hints::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// A token is tried by reading the organization of this domain (`GET /v1/organizations/name`): name one that only the
    /// right accounts see. It needs membership, and no more is documented.
    ///
    /// Source: `getOrganizationByName` (`OpenAPI` description at apidocs.cloudbees.io).
    pub fn organization(mut self, domain: impl Into<String>) -> Self {
        self.look = Some(Look::OrganizationByName { domain: domain.into() });
        self
    }

    /// A token is tried by listing organizations of this name for the user of this id (`GET /v1/organizations`). The
    /// documentation wants the user's id there with a personal access token; what is answered for another user's is not
    /// documented, so no owner is concluded from it.
    ///
    /// Source: "Organizations" (`CloudBees` Unify documentation).
    pub fn organizations_of(mut self, name: impl Into<String>, user_id: impl Into<String>) -> Self {
        self.look = Some(Look::Organizations { name: name.into(), user: user_id.into() });
        self
    }

    /// A token is tried by listing one user (`GET /v4/users`). It needs nothing but the token, and is a beta that may
    /// change.
    ///
    /// Source: `listUsers` (`OpenAPI` description at apidocs.cloudbees.io).
    pub fn users(mut self) -> Self {
        self.look = Some(Look::Users);
        self
    }

    /// As whom the person signs in; guides say so. Refused logins count as this account's.
    pub fn account(mut self, login: impl Into<String>) -> Self {
        self.hints.account = Some(login.into());
        self
    }

    /// Where people open Unify; guides link there.
    pub fn page(mut self, page: Url) -> Self {
        self.hints.page = Some(page);
        self
    }

    /// What the person writes into the field "Description".
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.hints.description = Some(text.into());
        self
    }

    /// Another address than `https://api.cloudbees.io/`: a proxy that passes everything on, or a fake.
    pub fn address(mut self, address: Url) -> Self {
        self.address = Some(address);
        self
    }

    /// Another clock, by which guides name dates; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when nothing was said of what a token is tried on, or for an address without TLS.
    pub fn build(self) -> Result<UnifyTokens> {
        let Some(look) = self.look else {
            return Err(Error::new(
                ErrorKind::Configuration,
                "say on what a token is tried, as CloudBees has no call that tells whose it is: `organization(\"acme.com\")`, \
                 `organizations_of(name, user_id)` or `users()`",
            ));
        };
        let unusable = |_| Error::new(ErrorKind::Internal, "the address of CloudBees Unify is none");
        let address = self.address.map_or_else(|| Url::parse("https://api.cloudbees.io/").map_err(unusable), Ok)?;
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        let name = format!("personal access tokens of {}{port}", address.host_str().unwrap_or("CloudBees Unify"));
        let (api, base) = (Api::new(&self.http, address.clone())?, address);
        Ok(UnifyTokens { name, api, base, look, hints: self.hints, clock: self.clock, sparing: Sparing::default() })
    }
}

/// Personal access tokens of `CloudBees` Unify, as a [`Provider`]. Made by [`CloudBees::unify`](super::CloudBees::unify).
///
/// | question | answer |
/// | --- | --- |
/// | what may it do | what its owner may: there are no scopes to choose |
/// | does it live | the answer to one call that changes nothing: 200, or a refusal (403) of Unify's own for a known token, say yes, Unify's own 401 says no, and 404 says nothing. A token that is refused, or sees nothing, is taken for a wrong account's: another is asked for |
/// | whose is it | nobody says. A colleague's token passes where the colleague sees the organization: the guide has the person look at the account name, and a policy that names an owner refuses every token |
/// | when does it end | nobody says. What was asked for (`Policy::lifetime`) counts, and the guide has the person compare it with the list; without a lifetime no token is asked for |
///
/// `CloudBees`' own pages differ on what such a token is for: one set calls it good for remote workflows alone, the other,
/// which looks newer, for its interfaces in general. Nothing is built upon either: what the token is tried on is chosen.
///
/// Deleting is a person's part too, and cannot be undone. It is asked for after the last look at everything, by the name
/// that the token got; then the old token must be refused and the new one taken.
#[derive(Debug)]
pub struct UnifyTokens {
    name: String,
    api: Api,
    base: Url,
    look: Look,
    hints: Hints,
    clock: Arc<dyn Clock>,
    sparing: Sparing,
}

#[async_trait]
impl Provider for UnifyTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Person, Fate::Survives)
            .reissuing()
            .with_caution(
                "CloudBees tells nobody whose a token is: that the right account was signed in is for the person to see",
            )
            .with_caution(
                "CloudBees tells nobody when a token ends: the lifetime of the policy counts, and without one no token is asked \
                 for, so set one",
            )
            .with_caution("a token that a person deletes there is gone at once and for good")
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::NONE
    }

    fn trips(&self) -> ProviderTrips {
        ProviderTrips::new(1, 0, 0)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let account = self.hints.account.as_deref().unwrap_or_default();
        let look = self.api.look(token, &self.look);
        let seen = self.sparing.look(self.api.endpoint(), account, token.fingerprint(), look).await?;
        let answer = if seen == Seen::Allowed { Answer::Proven } else { Answer::Refuted };
        Ok(Grant::of(token, NOBODY)
            .with_access(Access::Owner)
            .with_kind("CloudBees Unify personal access token")
            .with_api(self.base.clone())
            // Whoever may not is the wrong account, and its token serves nobody here.
            .with_probe(Probe::new(self.look.what(), answer).for_good()))
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        guide::issue(&self.hints, request, self.clock.now()).map(Issuance::Guided)
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("a CloudBees Unify token is pasted, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        Ok(Revocation::Guided(guide::delete(&self.hints, token)))
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("CloudBees tells nothing of a token but to itself"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("CloudBees lists tokens to their owner alone, on the user profile"))
    }
}

fn unsupported(text: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}
