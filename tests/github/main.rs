//! GitHub's providers against a stateful GitHub on loopback.

mod app_world;
mod device;
mod device_doubts;
mod device_runs;
mod guided;
mod inspect;
mod oauth_app;
mod refresh;
mod refresh_runs;
mod revoke;

use tokenturn::provider::{Issuance, IssueRequest, Provider};
use tokenturn::testing::GitHubFake;
use tokenturn::{CredentialName, GitHub, Http, Label, PersonalTokens, PersonalTokensBuilder, ScopeSet};
use tokenturn::{Guide, Result};

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().build().unwrap()
}

pub(crate) async fn fake() -> GitHubFake {
    GitHubFake::start().await.unwrap()
}

pub(crate) fn classic(fake: &GitHubFake) -> PersonalTokensBuilder {
    GitHub::classic(&http()).server(fake.base())
}

pub(crate) fn provider(fake: &GitHubFake) -> PersonalTokens {
    classic(fake).revoke_by_api().build().unwrap()
}

/// The guide of a provider that is asked for these scopes.
pub(crate) async fn guide(provider: &impl Provider, scopes: &[&'static str], days: Option<u64>) -> Result<Guide> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let scopes = ScopeSet::of(scopes.iter().copied());
    let life = days.map(|days| std::time::Duration::from_secs(days * 24 * 60 * 60));
    match provider.issue(&IssueRequest::new(&name, &label, &scopes).with_lifetime(life)).await? {
        Issuance::Guided(guide) => Ok(guide),
        other => panic!("not guided: {other:?}"),
    }
}
