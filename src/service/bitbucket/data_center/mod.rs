//! Bitbucket Data Center: HTTP access tokens, made, listed and ended by its interface with a password.

mod api;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod guide;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use self::api::{Api, Listed, Reach};
use super::{Repository, unsupported};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Authorization, Http};
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips,
    Revocation,
};
use crate::service::sparing::Sparing;
use crate::token::{
    Access, Answer, Expiry, Fingerprint, Grant, Probe, RetiredToken, Scope, ScopeModel, ScopeSet, Token,
};

const DAY: u64 = 24 * 60 * 60;

/// Whose tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    User { slug: String },
    Project { key: String },
    Repository(Repository),
}

impl Target {
    fn name(&self) -> String {
        match self {
            Self::User { slug } => format!("user {slug}"),
            Self::Project { key } => format!("project {key}"),
            Self::Repository(repository) => format!("repository {}", repository.path()),
        }
    }
}

/// Puts [`BitbucketDataCenterTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct BitbucketDataCenterBuilder {
    http: Http,
    server: Url,
    login: Option<(String, SecretString)>,
    slug: Option<String>,
    project: Option<String>,
    repository: Option<String>,
    days: u64,
    probes: Vec<(String, bool)>,
    known: BTreeMap<Fingerprint, TokenId>,
    clock: Arc<dyn Clock>,
}

impl BitbucketDataCenterBuilder {
    pub(super) fn new(http: &Http, server: Url) -> Self {
        Self {
            http: http.clone(),
            server,
            login: None,
            slug: None,
            project: None,
            repository: None,
            days: 90,
            probes: Vec::new(),
            known: BTreeMap::new(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The user name and password that make tokens. A token in the place of the password makes none ("You can't use a token
    /// to .. create new tokens", "HTTP access tokens", Bitbucket Data Center documentation), and an administrator makes none
    /// for others. Without more, the tokens are this user's own.
    pub fn login(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.login = Some((user.into(), password));
        self
    }

    /// The user's slug, where it is not the user name in small letters.
    pub fn user_slug(mut self, slug: impl Into<String>) -> Self {
        self.slug = Some(slug.into());
        self
    }

    /// Tokens of the project of this key, and of no user. The login needs project admin.
    pub fn project(mut self, key: impl Into<String>) -> Self {
        self.project = Some(key.into());
        self
    }

    /// Tokens of this repository, as `PROJECT/repository`, and of no user. The login needs repository admin.
    pub fn repository(mut self, repository: impl Into<String>) -> Self {
        self.repository = Some(repository.into());
        self
    }

    /// How many days a token lives where the policy names no lifetime; 90 unless set. It is always said, as the server would
    /// else make tokens without an end. An end cannot be changed later.
    pub fn expiry_days(mut self, days: u64) -> Self {
        self.days = days;
        self
    }

    /// A repository, as `PROJECT/repository`, that a token must be able to read before it is admitted. One more request for
    /// every look at a token.
    pub fn must_read(mut self, repository: impl Into<String>) -> Self {
        self.probes.push((repository.into(), false));
        self
    }

    /// A repository, as `PROJECT/repository`, that a token must be able to administer before it is admitted. One more
    /// request for every look at a token.
    pub fn must_administer(mut self, repository: impl Into<String>) -> Self {
        self.probes.push((repository.into(), true));
        self
    }

    /// The number of a token that was made before, as the list of tokens has it: by it the first old token can be ended and
    /// looked up. Later ones are known by it from their making.
    pub fn known(mut self, token: &Token, id: TokenId) -> Self {
        self.known.insert(token.fingerprint(), id);
        self
    }

    /// Another clock, by which a token in the list has ended; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] without a login, for a project and a repository at once, for a life of zero days, or for
    /// an address without TLS.
    pub fn build(self) -> Result<BitbucketDataCenterTokens> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        let Some((user, password)) = self.login else {
            return wrong("give the user name and password that make tokens with `login`: a token cannot make tokens");
        };
        if self.days == 0 {
            return wrong("a token lives a day at least: raise `expiry_days`");
        }
        let slug = self.slug.unwrap_or_else(|| user.to_lowercase());
        let target = match (self.project, self.repository) {
            (Some(_), Some(_)) => return wrong("tokens are of a project or of a repository: name one of them"),
            (Some(key), None) => Target::Project { key },
            (None, Some(repository)) => Target::Repository(Repository::parse(&repository)?),
            (None, None) => Target::User { slug },
        };
        let probes = self.probes.iter().map(|(name, administer)| Ok((Repository::parse(name)?, *administer)));
        let probes = probes.collect::<Result<_>>()?;
        let key = Authorization::basic(&user, &password)?;
        let api = Api::new(&self.http, self.server, user, key, target.clone())?;
        let base = api.endpoint().base().clone();
        // The journal tells one server's tokens from another's by it.
        let name = format!("HTTP access tokens of {}, {}", target.name(), place(&base));
        let known = self.known.into_iter().map(|(token, id)| (token, Known { id: Some(id), ..Known::default() }));
        Ok(BitbucketDataCenterTokens {
            name,
            api,
            base,
            target,
            days: self.days,
            probes,
            known: Mutex::new(known.collect()),
            clock: self.clock,
            sparing: Sparing::default(),
        })
    }
}

/// Host, port and context path: more than one Bitbucket may be on a host.
fn place(base: &Url) -> String {
    let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", base.host_str().unwrap_or_default(), base.path().trim_end_matches('/'))
}

/// HTTP access tokens of Bitbucket Data Center, as a [`Provider`]. Made by
/// [`Bitbucket::data_center`](super::Bitbucket::data_center).
///
/// Tokens are made and ended with a password; old and new overlap. A lost answer is resolved by the name in the list of
/// tokens. An account holds so many tokens (400 unless its administrator changed that), and a making beyond that is refused
/// without effect.
///
/// A look asks with the token itself who is logged in (`X-AUSERNAME`). No call tells of which number a token is, and none is
/// guessed from its value: what it may do and when it ends is known of tokens that this provider made since the process
/// began, and of those given to [`known`](BitbucketDataCenterBuilder::known). Of others access and end are unknown: then
/// `must_read` and `must_administer` with a policy that accepts what was tried admit them, and the end that was asked for
/// counts. An old token whose number nobody knows is revoked by a person, guided.
///
/// A server says 401 for a missing right as well. Death is concluded only where its error says that the login failed.
#[derive(Debug)]
pub struct BitbucketDataCenterTokens {
    name: String,
    api: Api,
    base: Url,
    target: Target,
    days: u64,
    probes: Vec<(Repository, bool)>,
    known: Mutex<BTreeMap<Fingerprint, Known>>,
    clock: Arc<dyn Clock>,
    sparing: Sparing,
}

/// What is known of a token beside its value.
#[derive(Clone, Debug, Default)]
struct Known {
    id: Option<TokenId>,
    scopes: Option<ScopeSet>,
    expiry: Expiry,
}

impl BitbucketDataCenterTokens {
    fn known(&self, token: &Token) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&token.fingerprint()).cloned()
    }

    fn remember(&self, token: &Token, known: Known) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(token.fingerprint(), known);
    }

    /// What the server says of the number of this token now, or said when it was made.
    async fn details(&self, token: &Token) -> Result<Known> {
        let Some(known) = self.known(token) else {
            return Ok(Known::default());
        };
        let Some(id) = &known.id else {
            return Ok(known);
        };
        match self.api.by_id(id).await? {
            Some(listed) => Ok(of_list(&listed)),
            // The token is taken and the number is not there: they do not belong together.
            None => Ok(Known::default()),
        }
    }

    /// The list keeps tokens that have ended.
    fn lives(&self, listed: &Listed) -> bool {
        !matches!(listed.expiry(), Expiry::At(end) if end <= self.clock.now())
    }

    async fn tried(&self, token: &Token, mut grant: Grant) -> Result<Grant> {
        for (repository, administer) in &self.probes {
            let path = repository.path();
            let what = if *administer { format!("administer {path}") } else { format!("read {path}") };
            grant = grant.with_probe(match self.api.reach(token, repository, *administer).await? {
                Reach::Allowed => Probe::new(what, Answer::Proven),
                Reach::Refused => Probe::new(what, Answer::Refuted),
                Reach::Public => {
                    let text = format!("be tried on {path}, as that is public and shows nothing (name a private one)");
                    Probe::new(text, Answer::Unknown)
                }
            });
        }
        Ok(grant)
    }
}

fn of_list(listed: &Listed) -> Known {
    Known { id: listed.id(), scopes: listed.permissions(), expiry: listed.expiry() }
}

/// The permissions to ask for: one for projects, with the one for repositories that must be as high.
fn permissions(wanted: &ScopeSet) -> Vec<&str> {
    let whole = ScopeModel::BITBUCKET_DATA_CENTER.closure(wanted);
    let highest = |names: [&'static str; 3]| names.into_iter().find(|name| whole.contains(&Scope::from(*name)));
    let project = highest(["PROJECT_ADMIN", "PROJECT_WRITE", "PROJECT_READ"]);
    let repository = highest(["REPO_ADMIN", "REPO_WRITE", "REPO_READ"]);
    let known = |name: &str| name.starts_with("PROJECT_") || name.starts_with("REPO_");
    // What is not in the vocabulary is the server's to refuse.
    let others = wanted.iter().map(Scope::as_str).filter(|name| !known(name));
    project.into_iter().chain(repository).chain(others).collect()
}

#[async_trait]
impl Provider for BitbucketDataCenterTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Survives)
            .reissuing()
            .ended_by(EndedBy::Api)
            .ending_by_id()
            .finding_by_label()
            .with_status_by_id()
            .with_caution("the end of an HTTP access token cannot be changed once it is made")
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::BITBUCKET_DATA_CENTER
    }

    fn trips(&self) -> ProviderTrips {
        // Whose it is, its row, and the list where it is not known by its number.
        let probes = u32::try_from(self.probes.len()).unwrap_or(u32::MAX);
        ProviderTrips::new(probes.saturating_add(3), 1, 1)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let account = self.target.name();
        let who = self.api.who(token);
        let who = self.sparing.look(self.api.endpoint(), &account, token.fingerprint(), who).await?;
        let known = self.details(token).await?;
        // Each token of a project or repository is a user of its own to the server.
        let owner = if matches!(self.target, Target::User { .. }) { who } else { account };
        let kind = if known.expiry == Expiry::Never { "HTTP access token without an end" } else { "HTTP access token" };
        let mut grant = Grant::of(token, owner).with_kind(kind).with_api(self.base.clone());
        if let Some(scopes) = known.scopes {
            grant = grant.with_access(Access::Scopes(scopes));
        }
        grant = grant.with_expiry(known.expiry);
        self.tried(token, grant).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let permissions = permissions(request.scopes);
        if permissions.is_empty() {
            let text = "a token of Bitbucket Data Center has one permission at least: name what the consumers need with `requires`";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let days = request.lifetime.map_or(self.days, |life| life.max(Duration::from_secs(1)).as_secs().div_ceil(DAY));
        let (token, id, listed) = self.api.create(request.label.as_str(), &permissions, days).await?;
        let known = listed.as_ref().map(of_list).unwrap_or_default();
        self.remember(&token, Known { id: id.clone(), ..known });
        Ok(Issuance::Minted(Candidate::new(token).with_id(id)))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("a token of Bitbucket Data Center is there at once, and never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let known = || token.value().and_then(|value| self.known(value)).and_then(|known| known.id);
        let Some(id) = token.id().cloned().or_else(known) else {
            return Ok(Revocation::Guided(guide::delete(&self.target, &self.base, token)));
        };
        self.api.delete(&id).await?;
        Ok(Revocation::Done)
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        let listed = self.api.by_id(id).await?;
        let lives = listed.is_some_and(|listed| self.lives(&listed));
        Ok(if lives { Liveness::Alive } else { Liveness::Dead })
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        let listed = self.api.list().await?;
        let mine = listed.iter().filter(|listed| listed.name == label.as_str() && self.lives(listed));
        let unreadable = || {
            let text = "the list of tokens has a live one of our name whose number cannot be read: see what really answers \
                        there, and revoke it by hand";
            Error::new(ErrorKind::Protocol, text)
        };
        mine.map(|listed| listed.id().ok_or_else(unreadable)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_for_projects_comes_with_one_for_repositories_that_is_as_high() {
        let asked = |names: &[&'static str]| permissions(&ScopeSet::of(names.iter().copied())).join(" ");
        assert_eq!(asked(&["PROJECT_WRITE"]), "PROJECT_WRITE REPO_WRITE");
        assert_eq!(asked(&["PROJECT_READ", "REPO_ADMIN"]), "PROJECT_READ REPO_ADMIN");
        assert_eq!(asked(&["REPO_READ", "REPO_WRITE"]), "REPO_WRITE");
        assert_eq!(asked(&["REPO_READ", "SYS_ADMIN"]), "REPO_READ SYS_ADMIN");
        assert_eq!(asked(&[]), "");
    }
}
