//! Tokens of an OAuth app through the proxy.

use tokenturn::provider::{Issuance, IssueRequest, Provider, Revocation};
use tokenturn::testing::{GitHubFake, retired};
use tokenturn::{Access, CredentialName, ErrorKind, GitHub, Label, OAuthAppTokens, ScopeSet, Timestamp, Token};
use url::Url;

use crate::http;

const CLIENT: &str = "Iv1.fake";

pub(crate) fn app(server: &Url, secret: &str) -> OAuthAppTokens {
    GitHub::oauth_app(&http(), CLIENT, secret.to_owned().into()).server(server.clone()).build().unwrap()
}

pub(crate) async fn reset(provider: &OAuthAppTokens, current: &Token) -> tokenturn::Result<Issuance> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    provider.issue(&IssueRequest::new(&name, &label, &ScopeSet::of(["repo"])).with_current(Some(current), None)).await
}

/// A token is looked at, replaced and ended; the one before is dead to all three.
pub(crate) async fn life(fake: &GitHubFake, server: &Url) {
    fake.oauth_app(CLIENT, "app-secret-fake");
    let provider = app(server, "app-secret-fake");
    let old = fake.oauth_token(CLIENT, "octo-bot", &["repo"]);
    fake.expire_at(&old, Timestamp::from_unix_seconds(4_000_000_000));
    let grant = provider.inspect(&old).await.unwrap();
    assert_eq!((grant.owner.as_str(), &grant.access), ("octo-bot", &Access::Scopes(ScopeSet::of(["repo"]))));

    let Issuance::Minted(candidate) = reset(&provider, &old).await.unwrap() else { panic!("not minted") };
    provider.inspect(&candidate.token).await.unwrap();
    assert_eq!(provider.inspect(&old).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(reset(&provider, &old).await.unwrap_err().kind(), ErrorKind::NotFound);

    assert_eq!(provider.revoke(&retired(&candidate.token)).await.unwrap(), Revocation::Done);
    assert_eq!(provider.revoke(&retired(&candidate.token)).await.unwrap(), Revocation::Done, "twice is once");
}

/// The app's own secret is wrong.
pub(crate) async fn refusals(fake: &GitHubFake, server: &Url) {
    let provider = app(server, "wrong-secret");
    let token = fake.oauth_token(CLIENT, "octo-bot", &[]);
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(reset(&provider, &token).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let refused = provider.revoke(&retired(&token)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
}
