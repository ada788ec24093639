//! Git contexts: what a write changes, and what can be said of it.

use serde_json::{Value, json};
use tokenturn::consumer::{Consumer, Proof, Slot};
use tokenturn::testing::{Forgery, Trouble};
use tokenturn::{Answer, Effect, ErrorKind, Token};

use crate::world::{CONTEXT, NEW, OLD, World, assert_error, codefresh, context, github, http, install, token, turn};

#[tokio::test]
async fn only_the_password_changes_and_every_other_field_stays_in_its_order() {
    let world = World::start().await;
    turn(&world.context(), NEW).await;
    assert_eq!(world.fake.context(CONTEXT).unwrap().to_string(), github(NEW).to_string());
    let auth = |password: &str| json!({"type": "basic", "username": "build-bot", "password": password});
    for kind in ["git.bitbucket", "git.stash", "git.bitbucket-server", "git.gitlab"] {
        world.fake.put_context(CONTEXT, context(kind, &auth(OLD)));
        turn(&world.context(), NEW).await;
        assert_eq!(world.fake.context(CONTEXT).unwrap(), context(kind, &auth(NEW)), "{kind}");
    }
}

#[tokio::test]
async fn whatever_stands_for_the_password_is_replaced() {
    let world = World::start().await;
    for mask in [Some("*****"), Some("$$$crypto$$$00ff"), Some(""), None] {
        world.fake.put_context(CONTEXT, github(OLD));
        world.fake.mask(mask);
        turn(&world.context(), NEW).await;
        assert_eq!(world.fake.context(CONTEXT).unwrap(), github(NEW), "{mask:?}");
    }
}

#[tokio::test]
async fn nothing_is_decrypted_so_that_it_may_be_forbidden() {
    let world = World::start().await;
    world.fake.forbid_decrypt(true);
    turn(&world.context(), NEW).await;
    assert_eq!((world.password().as_str(), world.count("decrypt")), (NEW, 0));
}

#[tokio::test]
async fn a_plain_read_that_is_refused_for_decrypting_is_said_so() {
    let mut server = mockito::Server::new_async().await;
    let body = json!({"message": "Decrypting contexts is not allowed because 'forbidDecrypt' feature is enabled"});
    let refused =
        server.mock("GET", "/api/contexts/x").with_status(403).with_header("content-type", "application/json");
    refused.with_body(body.to_string()).create_async().await;
    let builder = tokenturn::Codefresh::at(&http().build().unwrap(), server.url().parse().unwrap()).unwrap();
    let consumer = builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap().git_context("x");
    let error = consumer.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "by hand");
}

#[tokio::test]
async fn installing_twice_is_the_same_as_once_and_the_old_token_can_go_back() {
    let world = World::start().await;
    let consumer = world.context();
    let slot = turn(&consumer, NEW).await;
    install(&consumer, NEW, &slot).await.unwrap();
    assert_eq!(world.password(), NEW);
    turn(&consumer, OLD).await;
    assert_eq!(world.fake.context(CONTEXT).unwrap(), github(OLD));
}

#[tokio::test]
async fn a_context_that_changed_since_it_was_read_is_left_alone() {
    let world = World::start().await;
    let consumer = world.context();
    let slot = consumer.preflight().await.unwrap();
    let mut edited = github(OLD);
    edited["spec"]["data"]["sharingPolicy"] = json!("AccountAdmins");
    world.fake.put_context(CONTEXT, edited.clone());
    let error = install(&consumer, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::None, "read it again");
    assert_eq!((world.fake.context(CONTEXT), world.fake.writes()), (Some(edited), 0));
}

#[tokio::test]
async fn what_answers_a_write_and_is_not_the_api_does_not_make_it_done() {
    for page in ["<html><title>Sign in</title></html>", "[[[[", "[]", "7"] {
        let world = World::start().await;
        let consumer = world.context();
        let slot = consumer.preflight().await.unwrap();
        let forged = Forgery::refusing(200).saying("application/json", page);
        world.fake.trouble("PATCH /api/contexts/", Trouble::Forged(forged));
        let error = install(&consumer, NEW, &slot).await.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Effect::Unknown, "what really answers");
    }
}

#[tokio::test]
async fn a_context_that_is_otherwise_after_the_write_is_said_so() {
    let mut server = mockito::Server::new_async().await;
    let shown = |sharing: &str| {
        let mut whole = github("*****");
        whole["spec"]["data"]["sharingPolicy"] = json!(sharing);
        whole["metadata"]["updatedAt"] = json!(sharing);
        whole.to_string()
    };
    let path = format!("/api/contexts/{CONTEXT}");
    server.mock("GET", path.as_str()).with_body(shown("before")).expect(2).create_async().await;
    server.mock("PATCH", path.as_str()).with_body("{}").create_async().await;
    let builder = tokenturn::Codefresh::at(&http().build().unwrap(), server.url().parse().unwrap()).unwrap();
    let consumer = builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap().git_context(CONTEXT);
    let slot = consumer.preflight().await.unwrap();
    server.mock("GET", path.as_str()).with_body(shown("after")).create_async().await;
    let error = install(&consumer, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Effect::Unknown, "and spec.data.sharingPolicy is otherwise");
}

#[tokio::test]
async fn names_of_fields_are_cleaned_and_few_before_an_error_lists_them() {
    let mut server = mockito::Server::new_async().await;
    let shown = |value: &str| {
        let mut whole = github("*****");
        whole["metadata"]["la\u{1b}[31mb\u{202e}el\n"] = json!(value);
        for n in 0..40 {
            whole["metadata"][format!("z{n:02}")] = json!(value);
        }
        whole.to_string()
    };
    let path = format!("/api/contexts/{CONTEXT}");
    server.mock("GET", path.as_str()).with_body(shown("before")).expect(2).create_async().await;
    server.mock("PATCH", path.as_str()).with_body("{}").create_async().await;
    let builder = tokenturn::Codefresh::at(&http().build().unwrap(), server.url().parse().unwrap()).unwrap();
    let consumer = builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap().git_context(CONTEXT);
    let slot = consumer.preflight().await.unwrap();
    server.mock("GET", path.as_str()).with_body(shown("after")).create_async().await;
    let error = install(&consumer, NEW, &slot).await.unwrap_err();
    let words = "metadata.la[31mbel, metadata.z00, metadata.z01, ";
    assert_error(&error, ErrorKind::Protocol, Effect::Unknown, words);
    assert!(error.to_string().contains("metadata.z08, 31 more is otherwise"), "{error}");
}

#[tokio::test]
async fn without_a_canary_nothing_is_shown_and_with_one_that_it_works() {
    let world = World::start().await;
    let blind = world.codefresh.git_context(CONTEXT);
    let consumer = world.context();
    let proofs = |consumer: &dyn Consumer| (consumer.capabilities().works, consumer.capabilities().new);
    assert_eq!(proofs(&blind), (Proof::Never, Proof::Never));
    assert_eq!(proofs(&consumer), (Proof::Always, Proof::Never));
    let slot = turn(&consumer, NEW).await;
    let check = |secret: &'static str| {
        let (consumer, slot) = (&consumer, &slot);
        async move { consumer.verify(&token(secret), slot).await.unwrap() }
    };
    assert_eq!(blind.verify(&token(NEW), &slot).await.unwrap().works, Answer::Unknown);
    for secret in [OLD, NEW] {
        let verification = check(secret).await;
        assert_eq!((verification.works, verification.new), (Answer::Proven, Answer::Unknown));
    }
    world.fake.kill(&Token::new(NEW).unwrap());
    assert_eq!(check(NEW).await.works, Answer::Refuted);
    world.fake.trouble("GET /api/repos", Trouble::Refuse(503));
    world.fake.trouble("GET /api/repos", Trouble::Refuse(503));
    world.fake.trouble("GET /api/repos", Trouble::Refuse(503));
    let error = consumer.verify(&token(NEW), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::None, "503");
}

#[tokio::test]
async fn only_the_repository_itself_shows_that_the_token_works() {
    for (body, works) in [
        (json!({"full_name": "Acme/Site", "private": true}), Answer::Proven),
        (json!({"name": "site"}), Answer::Proven),
        (json!({"full_name": "acme/site", "private": false}), Answer::Unknown),
        (json!({"full_name": "acme/other", "name": "site"}), Answer::Unknown),
        (json!({}), Answer::Unknown),
        (json!([{"full_name": "acme/site"}]), Answer::Unknown),
        (Value::Null, Answer::Unknown),
        (json!({"message": "Bad credentials"}), Answer::Unknown),
    ] {
        let mut server = mockito::Server::new_async().await;
        let path = format!("/api/contexts/{CONTEXT}");
        server.mock("GET", path.as_str()).with_body(github("*****").to_string()).create_async().await;
        let repository = server.mock("GET", "/api/repos/acme/site?context=github").with_body(body.to_string());
        repository.create_async().await;
        let builder = tokenturn::Codefresh::at(&http().build().unwrap(), server.url().parse().unwrap()).unwrap();
        let handle = builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap();
        let consumer = handle.git_context(CONTEXT).canary("acme", "site");
        let slot = handle.git_context(CONTEXT).preflight().await.unwrap();
        assert_eq!(consumer.verify(&token(NEW), &slot).await.unwrap().works, works, "{body}");
        match consumer.preflight().await {
            Ok(found) => assert_eq!((works, found), (Answer::Proven, slot), "{body}"),
            Err(error) => {
                assert_eq!(works, Answer::Unknown, "{body}");
                assert_error(&error, ErrorKind::Configuration, Effect::None, "name a private repository");
            }
        }
    }
}

#[tokio::test]
async fn a_canary_that_is_refused_before_the_write_is_a_warning() {
    let world = World::start().await;
    let consumer = world.context();
    assert_eq!(consumer.preflight().await.unwrap().warnings, Vec::<String>::new());
    world.fake.kill(&Token::new(OLD).unwrap());
    let slot = consumer.preflight().await.unwrap();
    assert!(slot.warnings[0].contains("refused") && slot.warnings[0].contains("`repos`"), "{slot:?}");
    let slot = install(&consumer, NEW, &slot).await.unwrap();
    assert_eq!(consumer.verify(&token(NEW), &slot).await.unwrap().works, Answer::Proven);
}

#[tokio::test]
async fn a_canary_that_is_asked_for_too_often_is_waited_for_and_refutes_nothing() {
    for (status, header, value) in
        [(403, "retry-after", "4000"), (403, "x-ratelimit-remaining", "0"), (429, "retry-after", "4000")]
    {
        let mut server = mockito::Server::new_async().await;
        let path = format!("/api/contexts/{CONTEXT}");
        server.mock("GET", path.as_str()).with_body(github("*****").to_string()).create_async().await;
        let repository = server.mock("GET", "/api/repos/acme/site?context=github").with_status(status);
        repository.with_header(header, value).with_body("{}").create_async().await;
        // Each handle counts for itself how long it has to wait.
        for verify in [false, true] {
            let builder = tokenturn::Codefresh::at(&http().build().unwrap(), server.url().parse().unwrap()).unwrap();
            let handle = builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap();
            let consumer = handle.git_context(CONTEXT).canary("acme", "site");
            let error = if verify {
                consumer.verify(&token(NEW), &Slot::opaque()).await.unwrap_err()
            } else {
                consumer.preflight().await.unwrap_err()
            };
            assert_error(&error, ErrorKind::RateLimited, Effect::None, "pause");
            assert!(error.retry_after().is_some(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn odd_names_stay_one_segment_of_the_address() {
    let world = World::start().await;
    let mut whole = github(OLD);
    whole["metadata"]["name"] = json!("team/a b?c");
    world.fake.put_context("team/a b?c", whole);
    turn(&codefresh(&world.fake, "rotator").git_context("team/a b?c"), NEW).await;
    let stored = world.fake.context("team/a b?c").unwrap();
    assert_eq!(stored.pointer("/spec/data/auth/password"), Some(&json!(NEW)));
}
