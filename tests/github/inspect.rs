use std::time::Duration;

use tokenturn::provider::Provider;
use tokenturn::testing::Trouble;
use tokenturn::{Access, Answer, ErrorKind, Expiry, GitHub, Restriction, ScopeSet, Timestamp, Token};

use crate::{classic, fake, http, provider};

#[tokio::test]
async fn a_look_tells_owner_scopes_end_kind_and_the_configured_address() {
    let fake = fake().await;
    let token = fake.classic("build-bot", "ci", &["repo", "admin:repo_hook"]);
    let end = Timestamp::from_unix_seconds(1_900_000_000);
    fake.expire_at(&token, end);
    let grant = provider(&fake).inspect(&token).await.unwrap();
    assert_eq!(grant.owner, "build-bot");
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["repo", "admin:repo_hook"])));
    assert_eq!(grant.expiry, Expiry::At(end));
    assert_eq!(grant.kind.as_deref(), Some("personal access token (classic)"));
    assert_eq!(grant.api, Some(fake.base().join("api/v3/").unwrap()));
    fake.expiry_with_offset();
    assert_eq!(provider(&fake).inspect(&token).await.unwrap().expiry, Expiry::At(end), "the other layout");
}

#[tokio::test]
async fn no_scope_header_is_unknown_and_an_empty_one_is_no_scope() {
    let fake = fake().await;
    let fine = fake.fine_grained("build-bot", "fine");
    assert_eq!(provider(&fake).inspect(&fine).await.unwrap().access, Access::Unknown);
    let bare = fake.classic("build-bot", "bare", &[]);
    assert_eq!(provider(&fake).inspect(&bare).await.unwrap().access, Access::Scopes(ScopeSet::new()));
}

#[tokio::test]
async fn a_server_that_sends_no_end_leaves_it_unknown() {
    let fake = fake().await;
    let token = fake.classic("build-bot", "ci", &[]);
    assert_eq!(provider(&fake).inspect(&token).await.unwrap().expiry, Expiry::Unknown);
}

#[tokio::test]
async fn a_dead_token_is_unauthenticated_and_nothing_else_is() {
    let fake = fake().await;
    let token = fake.classic("build-bot", "ci", &[]);
    let provider = provider(&fake);
    fake.trouble("GET /api/v3/user", Trouble::Refuse(401));
    let stripped = provider.inspect(&token).await.unwrap_err();
    assert_eq!(stripped.kind(), ErrorKind::Protocol, "a 401 that is not GitHub's word: {stripped}");
    fake.trouble("GET /api/v3/user", Trouble::Refuse(403));
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    fake.trouble("GET /api/v3/user", Trouble::Refuse(404));
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::NotFound);
    fake.delete("ci").unwrap();
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn dead_tokens_are_not_tried_until_the_account_is_locked() {
    let fake = fake().await;
    let provider = provider(&fake);
    for name in ["one", "two", "three", "four", "five", "six", "seven"] {
        let token = fake.classic("build-bot", name, &[]);
        fake.delete(name).unwrap();
        let _ = provider.inspect(&token).await.unwrap_err();
    }
    assert!(!fake.is_locked("build-bot"));
    let live = fake.classic("build-bot", "live", &[]);
    let error = provider.inspect(&live).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "a token of which nothing is known waits too");
    assert!(error.retry_after().unwrap().as_secs() > 60);
}

#[tokio::test]
async fn a_token_that_was_seen_alive_is_not_held_up_by_the_dead() {
    let fake = fake().await;
    let provider = provider(&fake);
    let live = fake.classic("build-bot", "live", &[]);
    provider.inspect(&live).await.unwrap();
    for name in ["one", "two", "three", "four"] {
        let token = fake.classic("build-bot", name, &[]);
        fake.delete(name).unwrap();
        let _ = provider.inspect(&token).await.unwrap_err();
    }
    provider.inspect(&live).await.unwrap();
}

#[tokio::test]
async fn a_locked_account_is_said_to_be_locked_and_no_death_is_concluded() {
    let fake = fake().await;
    let live = fake.classic("build-bot", "live", &[]);
    let dead = fake.classic("build-bot", "dead", &[]);
    fake.delete("dead").unwrap();
    // Another machine keeps using the dead one.
    for _ in 0..5 {
        let elsewhere = classic(&fake).revoke_by_api().build().unwrap();
        let _ = elsewhere.inspect(&dead).await.unwrap_err();
    }
    let error = provider(&fake).inspect(&live).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert!(error.to_string().contains("locked"), "{error}");
    fake.unlock("build-bot");
    provider(&fake).inspect(&live).await.unwrap();
}

#[tokio::test]
async fn scopes_are_not_rights_so_a_named_repository_is_tried() {
    let fake = fake().await;
    fake.private_repository("acme/site", &["admin-bot"]);
    let provider = classic(&fake).must_administer("acme/site").revoke_by_api().build().unwrap();
    let of_admin = fake.classic("admin-bot", "a", &["repo", "admin:repo_hook"]);
    let probes = provider.inspect(&of_admin).await.unwrap().probes;
    assert!(probes.len() == 2 && probes.iter().all(|probe| probe.answer == Answer::Proven), "{probes:?}");
    let of_stranger = fake.classic("other-bot", "b", &["repo", "admin:repo_hook"]);
    let probes = provider.inspect(&of_stranger).await.unwrap().probes;
    assert!(probes.iter().all(|probe| probe.answer == Answer::Refuted), "{probes:?}");
    let without_hooks = fake.classic("admin-bot", "c", &["repo"]);
    let probes = provider.inspect(&without_hooks).await.unwrap().probes;
    assert_eq!(probes[1].answer, Answer::Refuted, "{probes:?}");
}

#[tokio::test]
async fn a_pause_or_a_proxys_refusal_is_no_word_on_a_tokens_rights() {
    let limited = r#"{"message": "You have exceeded a secondary rate limit. Please wait."}"#;
    let answers = [
        (403, "application/json", limited, ErrorKind::RateLimited),
        (403, "text/html", "<html><title>Blocked</title></html>", ErrorKind::PermissionDenied),
        (404, "text/html", "<html><title>No such page</title></html>", ErrorKind::NotFound),
    ];
    for (status, kind, body, expected) in answers {
        let mut server = mockito::Server::new_async().await;
        server.mock("GET", "/api/v3/user").with_body(r#"{"login": "build-bot"}"#).create_async().await;
        let mock = server.mock("GET", "/api/v3/repos/acme/site").with_status(status);
        mock.with_header("content-type", kind).with_body(body).create_async().await;
        let provider = GitHub::classic(&http()).server(server.url().parse().unwrap()).must_read("acme/site");
        let looked = provider.revoke_by_person().build().unwrap().inspect(&Token::new("ghp_FAKE").unwrap()).await;
        assert_eq!(looked.map(|grant| grant.probes).unwrap_err().kind(), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn dead_tokens_tried_all_at_once_do_not_lock_the_account() {
    let fake = fake().await;
    let provider = provider(&fake);
    let names = ["one", "two", "three", "four", "five", "six", "seven"];
    let dead = names.map(|name| {
        let token = fake.classic("build-bot", name, &[]);
        fake.delete(name).unwrap();
        token
    });
    futures_util::future::join_all(dead.iter().map(|token| provider.inspect(token))).await;
    assert!(!fake.is_locked("build-bot"));
}

#[tokio::test]
async fn first_looks_go_side_by_side_as_far_as_the_account_could_bear_their_refusal() {
    let fake = fake().await;
    let provider = provider(&fake);
    let names = ["one", "two", "three", "four", "five", "six", "seven"];
    let live = names.map(|name| fake.classic("build-bot", name, &[]));
    for _ in names {
        fake.trouble("GET", Trouble::Slow(Duration::from_millis(1)));
    }
    let looks = futures_util::future::join_all(live.iter().map(|token| provider.inspect(token))).await;
    assert!(looks.iter().all(Result::is_ok));
    assert_eq!(fake.most_at_once(), 3);
}

#[tokio::test]
async fn a_public_repository_shows_nothing() {
    let fake = fake().await;
    fake.public_repository("acme/site");
    let provider = classic(&fake).must_read("acme/site").revoke_by_api().build().unwrap();
    let token = fake.classic("build-bot", "ci", &[]);
    let probes = provider.inspect(&token).await.unwrap().probes;
    assert_eq!(probes[0].answer, Answer::Unknown);
}

#[tokio::test]
async fn single_sign_on_and_approval_are_told_apart_from_a_missing_right() {
    let fake = fake().await;
    fake.private_repository("acme/site", &["build-bot"]);
    fake.require_sso("acme");
    let provider = classic(&fake).must_read("acme/site").revoke_by_api().build().unwrap();
    let token = fake.classic("build-bot", "ci", &["repo"]);
    let expected = Restriction::SingleSignOn { organizations: vec!["acme".into()] };
    assert_eq!(provider.inspect(&token).await.unwrap().restrictions, [expected]);
    fake.authorize("acme", "ci");
    assert_eq!(provider.inspect(&token).await.unwrap().restrictions, []);

    fake.require_approval("acme");
    let fine = fake.fine_grained("build-bot", "fine");
    let expected = Restriction::Approval { by: Some("acme".into()) };
    assert_eq!(provider.inspect(&fine).await.unwrap().restrictions, [expected]);
    fake.authorize("acme", "fine");
    assert_eq!(provider.inspect(&fine).await.unwrap().restrictions, []);
}

#[tokio::test]
async fn an_organisation_left_out_of_a_good_answer_is_a_restriction() {
    let mut server = mockito::Server::new_async().await;
    let mock = server
        .mock("GET", "/api/v3/user")
        .match_header("authorization", "Bearer ghp_FAKE")
        .with_header("X-OAuth-Scopes", "repo")
        .with_header("X-GitHub-SSO", "partial-results; organizations=21955855,20582480")
        .with_body(r#"{"login": "build-bot", "unknown": [1, 2]}"#)
        .create_async()
        .await;
    let provider = GitHub::classic(&http()).server(server.url().parse().unwrap()).revoke_by_person().build().unwrap();
    let grant = provider.inspect(&Token::new("ghp_FAKE").unwrap()).await.unwrap();
    let organizations = vec!["21955855".to_owned(), "20582480".to_owned()];
    assert_eq!(grant.restrictions, [Restriction::SingleSignOn { organizations }]);
    mock.assert_async().await;
}

#[tokio::test]
async fn an_answer_that_is_not_githubs_is_said_to_be_none() {
    let mut server = mockito::Server::new_async().await;
    server.mock("GET", "/api/v3/user").with_body("<html>welcome</html>").create_async().await;
    let provider = GitHub::classic(&http()).server(server.url().parse().unwrap()).revoke_by_person().build().unwrap();
    let error = provider.inspect(&Token::new("ghp_FAKE").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}
