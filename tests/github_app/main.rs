//! GitHub Apps and impersonation against a stateful GitHub on loopback.

mod build;
mod impersonation;
mod impersonation_runs;
mod issue;
mod keys;
mod login;
mod look;
mod places;
mod rotations;
mod secrecy;

use std::sync::Arc;
use std::time::Duration;

use tokenturn::provider::{Candidate, Issuance, IssueRequest, Provider};
use tokenturn::testing::{GitHubFake, VirtualClock};
use tokenturn::{
    CredentialName, GitHub, Http, InstallationTokens, InstallationTokensBuilder, Label, Result, ScopeSet, Token,
};

pub(crate) const APP: u64 = 123_456;
pub(crate) const INSTALLATION: u64 = 42;

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap()
}

/// A GitHub on the first of January 2030, with an app that is installed at acme.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) fake: Arc<GitHubFake>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let clock = VirtualClock::new();
        let fake = GitHubFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
        fake.github_app(APP, "deployer", keys::public());
        fake.install_app(APP, INSTALLATION, "acme", &["site", "shop"], &["contents=write", "issues=read"]);
        Self { clock, fake: Arc::new(fake) }
    }

    pub(crate) fn builder(&self) -> InstallationTokensBuilder {
        GitHub::app(&http(), APP, keys::pkcs8()).server(self.fake.base()).clock(Arc::new(self.clock.clone()))
    }

    pub(crate) fn provider(&self) -> InstallationTokens {
        self.builder().organization("acme").build().unwrap()
    }

    /// How many requests began so.
    pub(crate) fn sent(&self, line: &str) -> usize {
        self.fake.seen().iter().filter(|seen| seen.line.starts_with(line)).count()
    }
}

pub(crate) async fn issue(provider: &impl Provider, scopes: &[&'static str]) -> Result<Candidate> {
    issue_for(provider, scopes, None, None).await
}

pub(crate) async fn issue_for(
    provider: &impl Provider,
    scopes: &[&'static str],
    current: Option<&Token>,
    owner: Option<&str>,
) -> Result<Candidate> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let scopes = ScopeSet::of(scopes.iter().copied());
    let request = IssueRequest::new(&name, &label, &scopes).with_owner(owner).with_current(current, None);
    match provider.issue(&request).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        other => panic!("not minted: {other:?}"),
    }
}

/// A token of the app that was made before.
pub(crate) async fn made_before(world: &World) -> Token {
    issue(&world.provider(), &["contents=write"]).await.unwrap().token
}
