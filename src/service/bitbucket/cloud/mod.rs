//! Bitbucket Cloud: a person makes and ends tokens; a program sees what they are.

mod api;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod guide;

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use self::api::{Api, Look, Reach};
use super::{Repository, unsupported};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips, Revocation,
};
use crate::service::sparing::Sparing;
use crate::token::{Access, Answer, Grant, Probe, RetiredToken, ScopeModel, ScopeSet, Token};

/// Whose tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Api { email: String },
    Repository { repository: String },
    Project { workspace: String, key: String },
    Workspace { workspace: String },
}

impl Kind {
    fn what(&self) -> &'static str {
        match self {
            Self::Api { .. } => "API token",
            Self::Repository { .. } => "repository access token",
            Self::Project { .. } => "project access token",
            Self::Workspace { .. } => "workspace access token",
        }
    }

    /// Whose a token of this kind is: access tokens belong to no account.
    fn owner(&self) -> String {
        match self {
            Self::Api { email } => email.clone(),
            Self::Repository { repository } => format!("repository {repository}"),
            Self::Project { workspace, key } => format!("project {workspace}/{key}"),
            Self::Workspace { workspace } => format!("workspace {workspace}"),
        }
    }

    /// The scope that reads a repository.
    fn reading(&self) -> &'static str {
        if matches!(self, Self::Api { .. }) { "read:repository:bitbucket" } else { "repository" }
    }

    /// Whether these are scopes of this kind's vocabulary: in which of the two an answer speaks of API tokens is not
    /// documented, and scopes of the other are no answer.
    fn speaks(&self, scopes: &ScopeSet) -> bool {
        let of_api_tokens =
            |name: &str| ["read:", "write:", "admin:", "delete:"].iter().any(|verb| name.starts_with(verb));
        scopes.iter().all(|scope| of_api_tokens(scope.as_str()) == matches!(self, Self::Api { .. }))
    }
}

/// Puts [`BitbucketCloudTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct BitbucketCloudBuilder {
    http: Http,
    kind: Kind,
    address: Option<Url>,
    repositories: Vec<String>,
    clock: Arc<dyn Clock>,
}

impl BitbucketCloudBuilder {
    pub(super) fn new(http: &Http, kind: Kind) -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { http: http.clone(), kind, address: None, repositories: Vec::new(), clock }
    }

    /// A private repository, as `workspace/repository`, that a token must be able to read before it is admitted; it needs
    /// the scope `repository`, or `read:repository:bitbucket`. At least one is needed, for there is no other call that every
    /// token may make; one more request for every look at a token for each.
    pub fn must_read(mut self, repository: impl Into<String>) -> Self {
        self.repositories.push(repository.into());
        self
    }

    /// Another address than `https://api.bitbucket.org/`: a proxy that passes everything on, or a fake.
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
    /// [`ErrorKind::Configuration`] without a repository, for one that is not written as `workspace/repository`, or for an
    /// address without TLS.
    pub fn build(self) -> Result<BitbucketCloudTokens> {
        if self.repositories.is_empty() {
            let text = "name a private repository with `must_read(\"workspace/repository\")`: Bitbucket has no call that tells \
                        of a token itself, so it is tried there";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let repositories = self.repositories.iter().map(|name| Repository::parse(name)).collect::<Result<_>>()?;
        let unusable = |_| Error::new(ErrorKind::Internal, "the address of Bitbucket Cloud is none");
        let base = self.address.map_or_else(|| Url::parse("https://api.bitbucket.org/").map_err(unusable), Ok)?;
        let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = base.host_str().unwrap_or("Bitbucket Cloud");
        // The journal tells one kind's tokens from another's by it: they log in differently.
        let name = format!("{}s of {}, {host}{port}", self.kind.what(), self.kind.owner());
        let api = Api::new(&self.http, base.clone())?;
        let (kind, clock) = (self.kind, self.clock);
        Ok(BitbucketCloudTokens { name, api, base, kind, repositories, clock, sparing: Sparing::default() })
    }
}

/// Tokens of Bitbucket Cloud, as a [`Provider`]. Made by [`Bitbucket::api_tokens`](super::Bitbucket::api_tokens),
/// [`repository_tokens`](super::Bitbucket::repository_tokens), [`project_tokens`](super::Bitbucket::project_tokens) and
/// [`workspace_tokens`](super::Bitbucket::workspace_tokens).
///
/// No interface makes, lists or ends them (BCLOUD-23192 is open), so a person does, guided. A look reads the named
/// repositories with the token itself.
///
/// | question | answer |
/// | --- | --- |
/// | what may it do | the scopes in the answer's header `x-oauth-scopes`, or those that a refusal lists as granted. For API tokens no page says that the header is there or in which words: where it is not, or in other words, access is unknown, and the policy decides about what was tried |
/// | whose is it | an API token is the account's whose email address logs in with it; an access token is its repository's, project's or workspace's, which no answer confirms beyond what it can read |
/// | when does it end | nobody says. What was asked for (`Policy::lifetime`) counts, and the guide has the person compare it with the list |
#[derive(Debug)]
pub struct BitbucketCloudTokens {
    name: String,
    api: Api,
    base: Url,
    kind: Kind,
    repositories: Vec<Repository>,
    clock: Arc<dyn Clock>,
    sparing: Sparing,
}

impl BitbucketCloudTokens {
    fn told(&self, grant: Grant, repository: &Repository, look: Look) -> Grant {
        let scopes = look.scopes.filter(|scopes| self.kind.speaks(scopes));
        let read = |answer| Probe::new(format!("read the private repository {}", repository.path()), answer);
        let reading = ScopeSet::of([self.kind.reading()]);
        let unscoped = scopes.as_ref().is_some_and(|scopes| !self.scopes().missing(&reading, scopes).is_empty());
        let probe = match look.access {
            Reach::Private => read(Answer::Proven),
            // Scopes cannot be added to a live token.
            Reach::Refused if unscoped => read(Answer::Refuted).for_good(),
            // An API token's account was told by its login, and can be given access; the others are of what they see.
            Reach::Hidden if !matches!(self.kind, Kind::Api { .. }) => read(Answer::Refuted).for_good(),
            Reach::Refused | Reach::Hidden => read(Answer::Refuted),
            Reach::Public => {
                let text = "as that is public and shows nothing (name a private repository)";
                Probe::new(format!("be tried on {}, {text}", repository.path()), Answer::Unknown)
            }
        };
        let mut grant = grant.with_probe(probe);
        if let Some(scopes) = scopes {
            grant = grant.with_access(Access::Scopes(scopes));
        }
        match look.kind {
            Some(kind) => grant.with_kind(kind),
            None => grant,
        }
    }
}

#[async_trait]
impl Provider for BitbucketCloudTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        let can = ProviderCapabilities::new(Issuer::Person, Fate::Survives).reissuing().with_caution(
            "Bitbucket tells nobody when a token ends: the lifetime of the policy counts, and without one nobody is warned \
             before it ends, so set one",
        );
        match self.kind {
            Kind::Api { .. } => can.with_caution(
                "Bitbucket refuses the live API token of another account as it refuses a dead one: an old token that is not this \
                 account's is taken for dead, so hand in the account's own, or end the other by hand",
            ),
            Kind::Project { .. } | Kind::Workspace { .. } => {
                can.with_caution("access tokens of projects and workspaces are a Premium feature of Bitbucket Cloud")
            }
            Kind::Repository { .. } => can,
        }
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::BITBUCKET_CLOUD
    }

    fn trips(&self) -> ProviderTrips {
        ProviderTrips::new(u32::try_from(self.repositories.len()).unwrap_or(u32::MAX), 0, 0)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let owner = self.kind.owner();
        let mut grant = Grant::of(token, &owner).with_kind(self.kind.what()).with_api(self.base.clone());
        for repository in &self.repositories {
            let look = self.api.repository(&self.kind, token, repository);
            let look = self.sparing.look(self.api.endpoint(), &owner, token.fingerprint(), look).await?;
            grant = self.told(grant, repository, look);
        }
        Ok(grant)
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if !guide::offers(&self.kind, request.lifetime) {
            let text = "an API token lives a year at most: ask for a shorter `lifetime`";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Issuance::Guided(guide::issue(&self.kind, request, self.clock.now())))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("a token of Bitbucket Cloud is pasted, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        Ok(Revocation::Guided(guide::delete(&self.kind, token)))
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("Bitbucket Cloud tells nothing of a token by an id"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("Bitbucket Cloud lists no tokens to programs"))
    }
}
