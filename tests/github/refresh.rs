//! The refresh of tokens that expire, call by call.

use secrecy::SecretString;
use tokenturn::provider::{Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Provider, Revocation};
use tokenturn::testing::{Trouble, retired, retired_pair};
use tokenturn::{AppUserTokens, CredentialName, Effect, ErrorKind, Expiry, GitHub, Label, Result, ScopeSet, Token};

use crate::app_world::{APP, POLL, SECRET, World};
use crate::http;

async fn renew(provider: &AppUserTokens, refresh_token: Option<&Token>) -> Result<Candidate> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let scopes = ScopeSet::new();
    match provider.issue(&IssueRequest::new(&name, &label, &scopes).with_current(None, refresh_token)).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        other => panic!("not minted: {other:?}"),
    }
}

fn with_secret(world: &World, secret: &str) -> AppUserTokens {
    world.refreshed().client_secret(SecretString::from(secret)).build().unwrap()
}

/// A GitHub that answers every refresh so.
async fn answering(body: &str) -> (mockito::ServerGuard, AppUserTokens) {
    let mut server = mockito::Server::new_async().await;
    let mock = server.mock("POST", "/login/oauth/access_token").with_header("content-type", "application/json");
    mock.with_body(body).expect(1).create_async().await;
    let url = server.url().parse().unwrap();
    (server, GitHub::refreshed(&http(), APP).server(url).revoke_by_api().build().unwrap())
}

#[tokio::test]
async fn a_token_is_renewed_once_and_the_pair_before_is_dead_at_once() {
    for as_text in [false, true] {
        let world = World::expiring().await;
        if as_text {
            world.github.numbers_as_text();
        }
        let provider = with_secret(&world, SECRET);
        let can = provider.capabilities();
        assert_eq!((can.issuer, can.fate, can.ending), (Issuer::Api, Fate::Dies, EndedBy::Api));
        assert!(can.renews && !can.reissues);
        let (old, refresh) = world.in_use();
        let candidate = renew(&provider, refresh.as_ref()).await.unwrap();
        assert!(world.github.is_alive(&candidate.token) && !world.github.is_alive(&old));
        assert_eq!(candidate.companion, world.github.refresh_token_of(&candidate.token));
        let grant = provider.inspect(&candidate.token).await.unwrap();
        assert_eq!(grant.expiry, Expiry::At("2030-01-01T08:00:00Z".parse().unwrap()));
        let error = renew(&provider, refresh.as_ref()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unauthenticated, Effect::None));
        assert!(error.to_string().contains("authorise the app again"), "{error}");
        assert!(world.github.is_alive(&candidate.token));
    }
}

#[tokio::test]
async fn only_a_token_of_the_device_flow_is_renewed_without_the_apps_secret() {
    let world = World::expiring().await;
    let without = world.refreshed().revoke_by_api().build().unwrap();
    let (_, by_device) = world.in_use();
    renew(&without, by_device.as_ref()).await.unwrap();
    let (token, by_browser) = world.github.user_token(APP, "build-bot", "repo", false);
    for provider in [without, with_secret(&world, "wrong-secret")] {
        let error = renew(&provider, by_browser.as_ref()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None), "{error}");
        assert!(world.github.is_alive(&token));
    }
    renew(&with_secret(&world, SECRET), by_browser.as_ref()).await.unwrap();
}

#[tokio::test]
async fn without_a_refresh_token_nothing_is_sent() {
    let world = World::expiring().await;
    let error = renew(&with_secret(&world, SECRET), None).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
    assert!(error.to_string().contains("Predecessor::Renewable"), "{error}");
    assert!(world.github.seen().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_refresh_token_is_presented_once() {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502), Trouble::DropBefore, Trouble::Refuse(503)] {
        let world = World::expiring().await;
        let (_, refresh) = world.in_use();
        world.github.trouble(POLL, trouble.clone());
        let error = renew(&with_secret(&world, SECRET), refresh.as_ref()).await.unwrap_err();
        assert_eq!((error.effect(), world.sent(POLL)), (Effect::Unknown, 1), "{trouble:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_counts_however_malformed_the_rest_is_and_what_is_missing_is_told() {
    let bodies = [
        r#"{"access_token": "ghu_FAKEnext", "refresh_token": {}, "expires_in": [1], "scope": 7}"#,
        r#"{"access_token": "ghu_FAKEnext", "refresh_token": "a b", "expires_in": "soon"}"#,
        r#"{"access_token": "ghu_FAKEnext"}"#,
    ];
    for body in bodies {
        let (mut server, provider) = answering(body).await;
        let user = server.mock("GET", "/api/v3/user").with_body(r#"{"login": "build-bot"}"#).create_async().await;
        let candidate = renew(&provider, Some(&Token::new("ghr_FAKEold").unwrap())).await.unwrap();
        assert_eq!((&candidate.token, &candidate.companion), (&Token::new("ghu_FAKEnext").unwrap(), &None));
        let kind = provider.inspect(&candidate.token).await.unwrap().kind.unwrap();
        assert_eq!(kind, "GitHub App user token, which came without a refresh token", "{body}");
        user.assert_async().await;
    }
}

#[tokio::test]
async fn a_refresh_token_counts_though_the_numbers_are_malformed() {
    let (_server, provider) =
        answering(r#"{"access_token": "ghu_FAKEnext", "refresh_token": "ghr_FAKEnext", "expires_in": -1}"#).await;
    let candidate = renew(&provider, Some(&Token::new("ghr_FAKEold").unwrap())).await.unwrap();
    assert_eq!(candidate.companion, Some(Token::new("ghr_FAKEnext").unwrap()));
}

#[tokio::test]
async fn an_answer_without_a_token_may_have_done_its_work() {
    for body in ["{}", "{", r#"{"access_token": 5}"#, "access_token=ghu_FAKEnext&scope="] {
        let (_server, provider) = answering(body).await;
        let error = renew(&provider, Some(&Token::new("ghr_FAKEold").unwrap())).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::Unknown), "{body}");
        assert!(!error.to_string().contains("FAKE") && !format!("{error:?}").contains("FAKE"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_the_request_back_is_not_quoted() {
    let world = World::expiring().await;
    let (_, refresh) = world.in_use();
    for status in [400, 403, 422] {
        world.github.trouble(POLL, Trouble::Echo(status));
        let error = renew(&with_secret(&world, SECRET), refresh.as_ref()).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(SECRET) && !said.contains(refresh.as_ref().unwrap().expose()), "{said}");
        assert_eq!(error.effect(), Effect::None, "{error}");
    }
}

#[tokio::test]
async fn a_renewed_pair_is_ended_as_a_pair_where_it_is_reported_as_exposed() {
    let world = World::expiring().await;
    let (old, refresh) = world.in_use();
    let provider = world.refreshed().revoke_by_api().build().unwrap();
    let candidate = renew(&provider, refresh.as_ref()).await.unwrap();
    let pairs = [(&candidate.token, candidate.companion.as_ref()), (&old, refresh.as_ref())];
    for (token, companion) in pairs {
        let revoked = provider.revoke(&retired_pair(token, companion)).await.unwrap();
        assert!(matches!(revoked, Revocation::Accepted { .. }));
        assert!(!world.github.is_alive(token) && !world.github.renews_with(companion.unwrap()));
        assert_eq!(renew(&provider, companion).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    let provider = with_secret(&world, SECRET);
    assert_eq!(provider.revoke(&retired(&old)).await.unwrap(), Revocation::Done, "what is gone is done");
}

#[tokio::test]
async fn a_token_that_the_app_ends_takes_its_refresh_token_with_it() {
    for as_pair in [false, true] {
        let world = World::expiring().await;
        if as_pair {
            world.github.ends_tokens_as_pairs();
        }
        let (token, refresh) = world.in_use();
        let revoked = with_secret(&world, SECRET).revoke(&retired_pair(&token, refresh.as_ref())).await.unwrap();
        assert_eq!(revoked, Revocation::Done);
        assert_eq!((world.github.is_alive(&token), world.github.renews_with(&refresh.unwrap())), (false, false));
    }
}

#[tokio::test]
async fn a_token_does_not_die_before_its_refresh_token_as_its_death_would_hide_that() {
    let world = World::expiring().await;
    let (token, refresh) = world.in_use();
    let (provider, pair) = (with_secret(&world, SECRET), retired_pair(&token, refresh.as_ref()));
    world.github.trouble("POST /api/v3/credentials/revoke", Trouble::Refuse(422));
    let error = provider.revoke(&pair).await.unwrap_err();
    assert_eq!(error.effect(), Effect::None, "{error}");
    assert!(world.github.is_alive(&token));
    assert_eq!(provider.revoke(&pair).await.unwrap(), Revocation::Done);
    assert_eq!((world.github.is_alive(&token), world.github.renews_with(&refresh.unwrap())), (false, false));
}

#[tokio::test]
async fn a_refresh_token_that_a_server_cannot_end_is_no_secret_of_a_person() {
    let world = World::expiring().await;
    world.github.without_revocation();
    let (token, refresh) = world.in_use();
    let pair = retired_pair(&token, refresh.as_ref());
    assert_eq!(with_secret(&world, SECRET).revoke(&pair).await.unwrap(), Revocation::Done, "nobody else has it");
    let by_person = world.refreshed().revoke_by_person().build().unwrap();
    let Revocation::Guided(guide) = by_person.revoke(&pair).await.unwrap() else { panic!("not guided") };
    let refresh = refresh.unwrap();
    assert!(guide.to_string().contains(&refresh.fingerprint().to_string()), "it is named: {guide}");
    assert!(!guide.to_string().contains(refresh.expose()));
}

#[tokio::test]
async fn a_token_that_is_renewed_is_never_collected() {
    let world = World::expiring().await;
    let error = with_secret(&world, SECRET).collect(&Token::new("ticket").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
