use tokenturn::provider::Provider;
use tokenturn::testing::Trouble;
use tokenturn::{ErrorKind, GitLab, Token};

use crate::{World, http};

/// What becomes of a look that is answered so.
async fn answered(status: usize, kind: &str, body: &str) -> tokenturn::Error {
    let mut server = mockito::Server::new_async().await;
    let mock = server.mock("GET", "/api/v4/personal_access_tokens/self").with_status(status);
    mock.with_header("content-type", kind).with_body(body).create_async().await;
    let provider = GitLab::personal(&http()).server(server.url().parse().unwrap()).build().unwrap();
    provider.inspect(&Token::new("glpat-FAKEFAKEFAKE").unwrap()).await.unwrap_err()
}

#[tokio::test]
async fn only_gitlabs_own_word_is_a_death() {
    let json = "application/json";
    for (body, kind) in [
        (r#"{"message":"401 Unauthorized"}"#, ErrorKind::Unauthenticated),
        (r#"{"error":"invalid_token","error_description":"Bad Access Token."}"#, ErrorKind::Unauthenticated),
        (
            r#"{"error":"invalid_token","error_description":"Token is an impersonation token but impersonation was disabled."}"#,
            ErrorKind::PermissionDenied,
        ),
        (r#"{"error":"dpop_error","error_description":"DPoP validation error"}"#, ErrorKind::Protocol),
        ("", ErrorKind::Protocol),
    ] {
        let error = answered(401, json, body).await;
        assert_eq!(error.kind(), kind, "{body}: {error}");
    }
    let proxy = answered(401, "text/html", "<html><title>Sign in</title></html>").await;
    assert_eq!(proxy.kind(), ErrorKind::Protocol);
    assert!(proxy.to_string().contains("Sign in"), "{proxy}");
}

#[tokio::test]
async fn a_page_of_the_proxy_in_front_is_no_word_of_gitlab() {
    let html = "text/html; charset=UTF-8";
    for (status, title, kind) in [
        (403, "Attention Required!", ErrorKind::PermissionDenied),
        (404, "Not Found", ErrorKind::NotFound),
        (422, "The change you requested was rejected", ErrorKind::InvalidInput),
    ] {
        let error = answered(status, html, &format!("<html><head><title>{title}</title></head></html>")).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(title), "{error}");
    }
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    for _ in 0..3 {
        world.fake.trouble("self", Trouble::Refuse(502));
    }
    assert_eq!(world.rotated().inspect(&token).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_pause_is_a_pause_with_and_without_a_time() {
    let error = answered(429, "text/plain", "Retry later\n").await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().unwrap().as_secs() >= 1, "{error}");
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    world.fake.trouble("self", Trouble::Wait(120));
    let error = world.rotated().inspect(&token).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().unwrap().as_secs()), (ErrorKind::RateLimited, 120));
}

#[tokio::test]
async fn a_banned_address_is_no_dead_token_and_is_waited_for() {
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    world.fake.ban(true);
    let error = world.rotated().inspect(&token).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().unwrap().as_secs()), (ErrorKind::RateLimited, 3600), "{error}");
    world.fake.ban(false);
    world.rotated().inspect(&token).await.unwrap();
}

#[tokio::test]
async fn a_blocked_user_is_no_dead_token() {
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    world.fake.block(world.bot);
    let error = world.rotated().inspect(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("blocked"), "{error}");
}

#[tokio::test]
async fn reasons_by_field_are_quoted_and_a_secret_in_them_is_not() {
    let error = answered(400, "application/json", r#"{"message":{"expires_at":["must be before 2031-01-01"]}}"#).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("must be before 2031-01-01"), "{error}");
    for (status, body) in [
        (400, r#"{"message":{"token":["glpat-FAKEFAKEFAKE is odd"]}}"#),
        (401, r#"{"error":"invalid_token","error_description":"odd: glpat-FAKEFAKEFAKE"}"#),
        (403, r#"{"error":"insufficient_scope","scope":"glpat-FAKEFAKEFAKE"}"#),
    ] {
        let error = answered(status, "application/json", body).await;
        assert!(!format!("{error} {error:?}").contains("FAKEFAKE"), "{error}");
    }
}
