//! Tokens of a GitHub App's installations through the proxy: each status that the fake gives, once at least.

use std::sync::Arc;

use secrecy::SecretString;
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Provider, Revocation};
use tokenturn::testing::{GitHubFake, VirtualClock, retired};
use tokenturn::{
    Access, CredentialName, Effect, ErrorKind, GitHub, InstallationTokens, InstallationTokensBuilder, Label, ScopeSet,
    Token,
};
use url::Url;

use crate::recorder::Recorder;
use crate::{http, keys};

const APP: u64 = 123_456;

fn app(server: &Url, id: u64, key: SecretString) -> InstallationTokensBuilder {
    GitHub::app(&http(), id, key).server(server.clone())
}

/// Where an app may be looked up.
const PLACES: [fn(InstallationTokensBuilder) -> InstallationTokensBuilder; 4] = [
    |app| app.organization("acme"),
    |app| app.repository("acme", "site"),
    |app| app.user("octo"),
    |app| app.installation(42),
];

fn acmes(server: &Url) -> InstallationTokens {
    app(server, APP, keys::pkcs1()).organization("acme").build().unwrap()
}

async fn issue(provider: &InstallationTokens, permissions: &[&'static str]) -> tokenturn::Result<Candidate> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let permissions = ScopeSet::of(permissions.iter().copied());
    match provider.issue(&IssueRequest::new(&name, &label, &permissions)).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        other => panic!("not minted: {other:?}"),
    }
}

async fn reads(provider: &InstallationTokens) -> Token {
    issue(provider, &["contents=read"]).await.unwrap().token
}

fn install(fake: &GitHubFake) {
    fake.install_app(APP, 42, "acme", &["site", "shop"], &["contents=write", "issues=read"]);
}

/// The app is looked up in every way; tokens with some permissions, for some repositories and for all, are asked for, looked
/// at, and end themselves.
pub(crate) async fn life(fake: &GitHubFake, server: &Url) {
    fake.github_app(APP, "deployer", keys::public());
    install(fake);
    fake.install_app(APP, 43, "octo", &["dotfiles"], &["contents=read"]);
    for place in PLACES {
        let provider = place(app(server, APP, keys::pkcs1())).build().unwrap();
        let token = reads(&provider).await;
        let grant = provider.inspect(&token).await.unwrap();
        assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["contents=read"])));
        assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    }
    fake.stateless_app_tokens();
    let builder = app(server, APP, keys::pkcs1()).organization("acme").repositories(["site"]);
    let provider = builder.build().unwrap();
    let token = issue(&provider, &["contents=write", "issues=read"]).await.unwrap().token;
    assert_eq!(fake.newest_app_token().unwrap().1, ["site"]);
    let grant = provider.inspect(&token).await.unwrap();
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["contents=write", "issues=read"])));
    assert_eq!(grant.owner, "deployer[bot] of acme");
}

/// Another app's key, a clock that is years ahead, an app that nobody knows, and no installation.
pub(crate) async fn lookups_refused(fake: &GitHubFake, server: &Url) {
    let other = keys::other();
    for place in PLACES {
        let forged = place(app(server, APP, other.clone())).build().unwrap();
        assert_eq!(issue(&forged, &["contents=read"]).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        let ahead = place(app(server, APP, keys::pkcs1())).clock(Arc::new(VirtualClock::new())).build().unwrap();
        let error = issue(&ahead, &["contents=read"]).await.unwrap_err();
        assert!(error.to_string().contains("clock"), "{error}");
        let unknown = place(app(server, 7, keys::pkcs1())).build().unwrap();
        assert_eq!(issue(&unknown, &["contents=read"]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    fake.github_app(8, "stranger", keys::public());
    for place in PLACES {
        let nowhere = place(app(server, 8, keys::pkcs1())).build().unwrap();
        assert_eq!(issue(&nowhere, &["contents=read"]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

/// What the installation does not have; and what somebody changed after it was looked up.
pub(crate) async fn creation_refused(fake: &Arc<GitHubFake>, recorder: &Recorder) {
    let server = recorder.base();
    let error = issue(&acmes(&server), &["issues=write"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("every permission"), "{error}");
    let builder = app(&server, APP, keys::pkcs1()).organization("acme").repositories(["vault"]);
    let error = issue(&builder.build().unwrap(), &["contents=read"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("repository"), "{error}");

    let changes: [(fn(&GitHubFake), _); 3] = [
        (|fake| fake.suspend_app(42, true), ErrorKind::PermissionDenied),
        (|fake| fake.uninstall_app(42), ErrorKind::NotFound),
        // The key that signed was deleted there.
        (|fake| fake.github_app(APP, "deployer", b"another key"), ErrorKind::PermissionDenied),
    ];
    for (change, kind) in changes {
        let shared = fake.clone();
        recorder.after("GET /orgs/acme/installation", move || change(&shared));
        let error = issue(&acmes(&server), &["contents=read"]).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (kind, Effect::None), "{error}");
        fake.github_app(APP, "deployer", keys::public());
        install(fake);
    }
}

/// A suspended installation, a token of another kind, and a dead one.
pub(crate) async fn looks_and_ends_refused(fake: &GitHubFake, server: &Url) {
    let provider = acmes(server);
    let token = reads(&provider).await;
    fake.suspend_app(42, true);
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let error = issue(&provider, &["contents=read"]).await.unwrap_err();
    assert!(error.to_string().contains("suspended"), "{error}");
    fake.suspend_app(42, false);

    let classic = fake.classic("app-bot", "classic", &["repo"]);
    assert_eq!(provider.inspect(&classic).await.unwrap_err().kind(), ErrorKind::PermissionDenied);

    for _ in 0..2 {
        assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done, "twice is once");
    }
    assert!(!fake.is_app_token_alive(&token));
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}
