use tokenturn::provider::{Fate, Provider, Revocation};
use tokenturn::testing::{Trouble, retired};
use tokenturn::{Effect, ErrorKind, GitLab, GitLabAccessLevel, Token};

use crate::{World, days, http, issue, issue_for};

const ROTATE: &str = "POST /api/v4/personal_access_tokens/self/rotate";

#[tokio::test]
async fn a_rotated_token_keeps_name_and_scopes_and_the_old_one_is_dead_at_once() {
    let world = World::start().await;
    let provider = world.rotated();
    assert_eq!(provider.capabilities().fate, Fate::Dies);
    assert!(provider.capabilities().cautions.iter().any(|caution| caution.contains("over Git")), "the ban is told");
    let old = world.fake.personal(world.bot, "ci", &["self_rotate", "read_api"]);
    let candidate = issue(&provider, Some(&old)).await.unwrap();
    let new = candidate.token;
    assert!(world.fake.is_alive(&new) && !world.fake.is_alive(&old));
    assert_eq!(candidate.id, world.fake.id_of(&new));
    assert_eq!(world.fake.name_of(&new).as_deref(), Some("ci"));
    assert_eq!(world.fake.scopes_of(&new).unwrap(), ["self_rotate", "read_api"]);
    assert_eq!(world.fake.end_of(&new).as_deref(), Some("2030-04-01"), "the whole life, and never the default week");
}

#[tokio::test]
async fn without_a_life_or_with_one_too_long_nothing_is_sent() {
    let world = World::start().await;
    let old = world.fake.personal(world.bot, "ci", &["api"]);
    for life in [None, Some(days(366))] {
        let error = issue_for(&world.rotated(), Some(&old), life).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None), "{error}");
    }
    assert!(world.fake.seen().is_empty() && world.fake.is_alive(&old));
    let clock = std::sync::Arc::new(world.clock.clone());
    let longer = GitLab::personal(&http()).server(world.fake.base()).clock(clock).longest_life(400).build().unwrap();
    world.fake.longest_life(400);
    let new = issue_for(&longer, Some(&old), Some(days(400))).await.unwrap().token;
    assert_eq!(world.fake.end_of(&new).as_deref(), Some("2031-02-05"));
}

#[tokio::test]
async fn a_shorter_limit_of_the_instance_is_a_refusal_that_kills_nothing() {
    let world = World::start().await;
    world.fake.longest_life(30);
    let old = world.fake.personal(world.bot, "ci", &["api"]);
    let error = issue(&world.rotated(), Some(&old)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
    assert!(error.to_string().contains("must be before 2030-01-31"), "GitLab's own reason: {error}");
    assert!(world.fake.is_alive(&old));
}

#[tokio::test]
async fn a_dead_token_is_never_presented_to_the_rotating_path() {
    let world = World::start().await;
    let provider = world.rotated();
    let old = world.fake.personal(world.bot, "ci", &["api"]);
    let new = issue(&provider, Some(&old)).await.unwrap().token;
    let expired = world.fake.personal(world.bot, "expired", &["api"]);
    world.fake.expire_on(&expired, "2030-01-01").unwrap();
    for dead in [&old, &expired] {
        let error = issue(&provider, Some(dead)).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unauthenticated, Effect::None));
        assert!(error.to_string().contains("nothing was sent that would rotate it"), "{error}");
    }
    assert_eq!(world.sent(ROTATE), 1);
    assert!(world.fake.is_alive(&new) && world.fake.families_ended() == 0);
}

#[tokio::test]
async fn the_fake_ends_the_family_when_a_dead_token_is_rotated_with() {
    let world = World::start().await;
    let provider = world.rotated();
    let first = world.fake.personal(world.bot, "ci", &["api"]);
    let other = world.fake.personal(world.bot, "another", &["api"]);
    let second = issue(&provider, Some(&first)).await.unwrap().token;
    let third = issue(&provider, Some(&second)).await.unwrap().token;
    let client = reqwest::Client::new();
    let url = world.fake.base().join("api/v4/personal_access_tokens/self/rotate").unwrap();
    let answer = client.post(url).header("private-token", first.expose()).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(!world.fake.is_alive(&third) && world.fake.is_alive(&other));
    assert_eq!(world.fake.families_ended(), 1, "so the tests that count none can fail");
}

#[tokio::test]
async fn two_handles_at_once_rotate_one_token_once() {
    let world = World::start().await;
    let old = world.fake.personal(world.bot, "ci", &["api"]);
    let (one, two) = (world.rotated(), world.rotated());
    let (one, two) = tokio::join!(issue(&one, Some(&old)), issue(&two, Some(&old)));
    let (new, error) = match (one, two) {
        (Ok(new), Err(error)) | (Err(error), Ok(new)) => (new.token, error),
        other => panic!("one of them: {other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(world.fake.is_alive(&new) && world.fake.families_ended() == 0);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_request_is_sent_once() {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502), Trouble::DropBefore, Trouble::Refuse(503)] {
        let world = World::start().await;
        let old = world.fake.personal(world.bot, "ci", &["api"]);
        world.fake.trouble(ROTATE, trouble.clone());
        let error = issue(&world.rotated(), Some(&old)).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{trouble:?}: {error}");
        assert_eq!((world.sent(ROTATE), world.fake.families_ended()), (1, 0), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_refused_rotation_has_no_effect_and_says_why() {
    let world = World::start().await;
    let provider = world.rotated();
    let narrow = world.fake.personal(world.bot, "narrow", &["read_api"]);
    let error = issue(&provider, Some(&narrow)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None));
    assert!(error.to_string().contains("self_rotate"), "{error}");
    let of_project = world.fake.project_token("acme/site", "p", &["api"], GitLabAccessLevel::Developer);
    let error = issue(&provider, Some(&of_project)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unsupported, Effect::None));
    world.fake.without_rotation();
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    let error = issue(&provider, Some(&token)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unsupported, Effect::None), "{error}");
    for token in [narrow, of_project, token] {
        assert!(world.fake.is_alive(&token));
    }
    assert_eq!(issue(&provider, None).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_token_and_its_number_count_however_malformed_the_rest_is() {
    let answers = [
        (r#"{"id": 8, "token": "glpat-FAKEnext", "scopes": 5, "expires_at": [], "user_id": {}}"#, Some("8")),
        (r#"{"id": "x", "token": "glpat-FAKEnext"}"#, None),
    ];
    for (body, id) in answers {
        let mut server = mockito::Server::new_async().await;
        let this = r#"{"id": 7, "user_id": 1, "scopes": ["api"]}"#;
        server.mock("GET", "/api/v4/personal_access_tokens/self").with_body(this).create_async().await;
        server.mock("POST", "/api/v4/personal_access_tokens/self/rotate").with_body(body).create_async().await;
        let provider = GitLab::personal(&http()).server(server.url().parse().unwrap()).build().unwrap();
        let candidate = issue(&provider, Some(&Token::new("glpat-FAKEold").unwrap())).await.unwrap();
        assert_eq!(candidate.token, Token::new("glpat-FAKEnext").unwrap());
        assert_eq!(candidate.id.as_ref().map(tokenturn::TokenId::as_str), id);
    }
}

#[tokio::test]
async fn an_answer_without_a_token_may_have_done_its_work() {
    for body in [r#"{"id": 7}"#, "{", r#"{"token": "a b"}"#] {
        let mut server = mockito::Server::new_async().await;
        let this = r#"{"id": 7, "user_id": 1, "scopes": ["api"]}"#;
        server.mock("GET", "/api/v4/personal_access_tokens/self").with_body(this).create_async().await;
        server.mock("POST", "/api/v4/personal_access_tokens/self/rotate").with_body(body).create_async().await;
        let provider = GitLab::personal(&http()).server(server.url().parse().unwrap()).build().unwrap();
        let error = issue(&provider, Some(&Token::new("glpat-FAKEold").unwrap())).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::Unknown), "{body}");
    }
}

#[tokio::test]
async fn a_token_that_dies_between_the_look_and_the_request_may_have_cost_its_successors() {
    let mut server = mockito::Server::new_async().await;
    let this = r#"{"id": 7, "user_id": 1, "scopes": ["api"]}"#;
    server.mock("GET", "/api/v4/personal_access_tokens/self").with_body(this).create_async().await;
    let dead =
        r#"{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}"#;
    let mock = server.mock("POST", "/api/v4/personal_access_tokens/self/rotate").with_status(401).with_body(dead);
    let mock = mock.expect(1).create_async().await;
    let provider = GitLab::personal(&http()).server(server.url().parse().unwrap()).build().unwrap();
    let error = issue(&provider, Some(&Token::new("glpat-FAKEold").unwrap())).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unauthenticated, Effect::Unknown));
    assert!(error.to_string().contains("ended its successors"), "{error}");
    mock.assert_async().await;
}

#[tokio::test]
async fn a_token_ends_itself_and_twice_is_the_same_as_once() {
    let world = World::start().await;
    let provider = world.rotated();
    let token = world.fake.personal(world.bot, "ci", &["read_user"]);
    world.fake.trouble("DELETE", Trouble::DropAfter);
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    assert!(!world.fake.is_alive(&token));
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    assert!(world.fake.seen().iter().all(|seen| !seen.line.contains("glpat")), "no token in an address");
}
