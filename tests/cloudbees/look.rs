//! What a look at a token tells, and what it does not.

use tokenturn::provider::Provider;
use tokenturn::testing::Trouble;
use tokenturn::{Access, Answer, CloudBees, ErrorKind, Expiry, ScopeModel, Token};

use crate::{BOT, World, http};

#[tokio::test]
async fn a_live_token_is_told_with_what_it_was_tried_on_and_neither_owner_nor_end() {
    let world = World::start().await;
    let grant = world.provider().inspect(&world.old).await.unwrap();
    assert_eq!((grant.access, grant.expiry), (Access::Owner, Expiry::Unknown));
    assert_eq!(grant.owner, "an account that CloudBees does not name");
    assert_eq!(grant.probes[0].answer, Answer::Proven);
    assert_eq!(grant.probes[0].resource, "read the organization acme.com");
    assert_eq!(world.provider().scopes(), ScopeModel::NONE);
}

#[tokio::test]
async fn each_of_the_looks_reads_and_none_starts_a_workflow() {
    let world = World::start().await;
    let looks = [
        world.builder().organization("acme.com"),
        world.builder().organizations_of("acme.com", "id-of-deploy-bot"),
        world.builder().users(),
    ];
    for builder in looks {
        let grant = builder.build().unwrap().inspect(&world.old).await.unwrap();
        assert_eq!(grant.probes[0].answer, Answer::Proven, "{grant:?}");
    }
    let lines: Vec<_> = world.unify.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines[0], "GET /v1/organizations/name?name=acme.com");
    assert_eq!(lines[1], "GET /v1/organizations?name=acme.com&userId=id-of-deploy-bot");
    assert_eq!(lines[2], "GET /v4/users?pageSize=1");
    assert!(world.unify.runs().is_empty());
}

#[tokio::test]
async fn a_dead_token_is_unauthenticated_in_both_forms_of_the_refusal_and_nothing_else_is() {
    let world = World::start().await;
    let dead = Token::new("unify-FAKE-unknown").unwrap();
    assert_eq!(world.provider().inspect(&dead).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    world.unify.refuse_by_contract();
    assert_eq!(world.provider().inspect(&dead).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    for (trouble, expected) in [
        (Trouble::Refuse(401), ErrorKind::Protocol),
        (Trouble::Refuse(403), ErrorKind::PermissionDenied),
        (Trouble::Wait(60), ErrorKind::RateLimited),
        (Trouble::Redirect("https://sso.example.com/".into()), ErrorKind::Redirected),
    ] {
        world.unify.trouble("GET /v1/organizations", trouble.clone());
        let error = world.provider().inspect(&world.old).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{trouble:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_that_may_not_see_the_organization_lives() {
    let world = World::start().await;
    world.unify.user("stranger", &["other.example"]);
    let token = world.unify.token("stranger", "theirs", 30);
    let grant = world.provider().inspect(&token).await.unwrap();
    assert_eq!(grant.probes[0].answer, Answer::Refuted);
}

#[tokio::test]
async fn a_token_that_sees_none_of_the_organizations_is_a_wrong_accounts() {
    let world = World::start().await;
    world.unify.user("stranger", &["other.example"]);
    let token = world.unify.token("stranger", "theirs", 30);
    let provider = world.builder().organizations_of("acme.com", "id-of-stranger").build().unwrap();
    let grant = provider.inspect(&token).await.unwrap();
    assert_eq!(grant.probes[0].answer, Answer::Refuted, "it was answered, with nothing in it");
}

#[tokio::test]
async fn what_was_asked_for_counts_only_where_it_is_there() {
    for body in [r#"{"organizations": null}"#, r#"{"organizations": {}}"#, r#"{"pagination": {}}"#] {
        let mut server = mockito::Server::new_async().await;
        server.mock("GET", mockito::Matcher::Any).with_body(body).create_async().await;
        let provider = CloudBees::unify(&http()).address(server.url().parse().unwrap());
        let provider = provider.organizations_of("acme.com", "id").build().unwrap();
        let error = provider.inspect(&Token::new("unify-FAKE").unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_of_something_in_front_of_unify_is_no_death() {
    for (status, body) in [
        (401, r#"{"error": "Unauthorized"}"#),
        (401, r#"{"error": "invalid_token", "error_description": "sign in"}"#),
        (401, r#"{"code": 401, "message": "no login", "details": []}"#),
        (401, r#"{"code": 7, "message": "permission denied", "details": []}"#),
        (401, r#"{"code": 16, "message": "unauthenticated"}"#),
        (403, r#"{"code": 403, "message": "blocked", "details": []}"#),
        (403, r#"{"error": "Forbidden"}"#),
    ] {
        let mut server = mockito::Server::new_async().await;
        let mock = server.mock("GET", mockito::Matcher::Any).with_status(status);
        mock.with_header("content-type", "application/json").with_body(body).create_async().await;
        let provider = CloudBees::unify(&http()).address(server.url().parse().unwrap()).organization("acme.com");
        let looked = provider.build().unwrap().inspect(&Token::new("unify-FAKE").unwrap()).await;
        let expected = if status == 401 { ErrorKind::Protocol } else { ErrorKind::PermissionDenied };
        assert_eq!(looked.unwrap_err().kind(), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn an_organization_that_is_not_there_says_nothing_of_the_token() {
    let world = World::start().await;
    let provider = world.builder().organization("acmee.com").build().unwrap();
    let error = provider.inspect(&world.old).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("nothing follows"), "{error}");
}

#[tokio::test]
async fn a_login_page_in_the_place_of_an_answer_is_no_sign_of_life() {
    for body in ["<html><title>Log in</title></html>", "{}", "[]"] {
        let mut server = mockito::Server::new_async().await;
        server.mock("GET", mockito::Matcher::Any).with_body(body).create_async().await;
        let provider = CloudBees::unify(&http()).address(server.url().parse().unwrap()).organization("acme.com");
        let error = provider.build().unwrap().inspect(&Token::new("unify-FAKE").unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_token_is_not_quoted() {
    let mut server = mockito::Server::new_async().await;
    let mock =
        server.mock("GET", mockito::Matcher::Any).with_status(400).with_header("content-type", "application/json");
    mock.with_body(r#"{"code": 3, "message": "bad token unify-FAKE-12345678"}"#).create_async().await;
    let provider = CloudBees::unify(&http()).address(server.url().parse().unwrap()).users().build().unwrap();
    let error = provider.inspect(&Token::new("unify-FAKE-12345678").unwrap()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("12345678"), "{error:?}");
}

#[tokio::test]
async fn dead_tokens_are_presented_sparingly_and_hold_up_no_live_one() {
    let world = World::start().await;
    let provider = world.provider();
    provider.inspect(&world.old).await.unwrap();
    for number in 0..3 {
        let dead = Token::new(&format!("unify-FAKE-dead-{number}")).unwrap();
        assert_eq!(provider.inspect(&dead).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    let before = world.unify.seen().len();
    let fourth = Token::new("unify-FAKE-dead-4").unwrap();
    assert_eq!(provider.inspect(&fourth).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(world.unify.seen().len(), before, "nothing was sent");
    provider.inspect(&world.old).await.unwrap();
}

#[tokio::test]
async fn a_provider_without_anything_to_try_tokens_on_is_not_built() {
    let world = World::start().await;
    let error = world.builder().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("organization("), "{error}");
    let plain = CloudBees::unify(&http()).address("http://unify.example.com".parse().unwrap()).users();
    assert_eq!(plain.build().unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(world.unify.rows(BOT).len(), 1);
}
