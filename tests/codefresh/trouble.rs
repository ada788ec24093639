//! What goes wrong on the way, and what is known of it afterwards.

use tokenturn::consumer::{Consumer, Slot};
use tokenturn::testing::Trouble;
use tokenturn::{Answer, Effect, ErrorKind};

use crate::world::{NEW, OLD, RUNTIME, World, assert_error, install, token};

/// Both places, and what a write to each looks like.
async fn places(world: &World) -> [(Box<dyn Consumer>, &'static str, Slot); 2] {
    let (user, context) = (world.user_token(), world.context());
    let slots = (user.preflight().await.unwrap(), context.preflight().await.unwrap());
    [(Box::new(user), "RegisterToGitIntegration", slots.0), (Box::new(context), "PATCH /api/contexts", slots.1)]
}

fn stored(world: &World, write: &str) -> String {
    if write.starts_with("PATCH") { world.password() } else { world.stored().unwrap_or_default() }
}

#[tokio::test]
async fn a_lost_answer_leaves_open_what_happened_and_a_write_is_sent_once() {
    for (trouble, left) in [
        (Trouble::DropBefore, OLD),
        (Trouble::DropAfter, NEW),
        (Trouble::Silence, OLD),
        (Trouble::SilenceAfter, NEW),
        (Trouble::FailAfter(502), NEW),
        (Trouble::Refuse(503), OLD),
    ] {
        let world = World::start().await;
        for (consumer, write, slot) in places(&world).await {
            world.fake.trouble(write, trouble.clone());
            let error = install(&*consumer, NEW, &slot).await.unwrap_err();
            assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "");
            assert_eq!(stored(&world, write), left, "{trouble:?}");
            assert_eq!(world.count(write), 1, "{trouble:?}: a write is never sent twice by itself");
            // As the engine resolves it: look, and install again where that does not tell.
            let slot = consumer.preflight().await.unwrap();
            let looked = consumer.verify(&token(NEW), &slot).await.unwrap();
            assert_eq!(looked.new, Answer::Unknown, "{trouble:?}");
            install(&*consumer, NEW, &slot).await.unwrap();
            assert_eq!(stored(&world, write), NEW);
        }
    }
}

#[tokio::test]
async fn a_refusal_has_no_effect() {
    for (trouble, kind) in [
        (Trouble::Refuse(400), ErrorKind::InvalidInput),
        (Trouble::Refuse(401), ErrorKind::Unauthenticated),
        (Trouble::Refuse(403), ErrorKind::PermissionDenied),
        (Trouble::Refuse(404), ErrorKind::NotFound),
        (Trouble::Redirect("https://login.example/signin".into()), ErrorKind::Redirected),
    ] {
        let world = World::start().await;
        for (consumer, write, slot) in places(&world).await {
            world.fake.trouble(write, trouble.clone());
            let error = install(&*consumer, NEW, &slot).await.unwrap_err();
            assert_error(&error, kind, Effect::None, "");
            assert_eq!(stored(&world, write), OLD, "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn too_many_requests_are_waited_for_as_long_as_codefresh_asks() {
    for at in [0, 1] {
        let world = World::start().await;
        let (consumer, write, slot) = places(&world).await.into_iter().nth(at).unwrap();
        world.fake.trouble(write, Trouble::Wait(4000));
        let error = install(&*consumer, NEW, &slot).await.unwrap_err();
        assert_error(&error, ErrorKind::RateLimited, Effect::None, "pause");
        assert!(error.is_transient() && error.retry_after().unwrap().as_secs() > 3000, "{error:?}");
        assert_eq!(stored(&world, write), OLD);
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_said_and_one_that_is_restricted_too() {
    let world = World::start().await;
    let places = places(&world).await;
    world.fake.restrict(true);
    for (consumer, _, slot) in &places {
        for error in [
            consumer.preflight().await.unwrap_err(),
            install(&**consumer, NEW, slot).await.unwrap_err(),
            consumer.verify(&token(NEW), slot).await.unwrap_err(),
        ] {
            assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "restricted the key for unusual activity");
            assert!(error.to_string().contains("lacks the right"), "{error}");
        }
    }
    world.fake.restrict(false);
    world.fake.refuse_logins(true);
    for (consumer, write, slot) in &places {
        for error in [
            consumer.preflight().await.unwrap_err(),
            install(&**consumer, NEW, slot).await.unwrap_err(),
            consumer.verify(&token(NEW), slot).await.unwrap_err(),
        ] {
            assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "make another");
            assert!(!error.is_transient());
        }
        assert_eq!(stored(&world, write), OLD);
    }
    assert_eq!(world.fake.writes(), 0);
}

#[tokio::test]
async fn an_error_beside_data_is_an_error_and_leaves_open_what_happened() {
    let world = World::start().await;
    let consumer = world.user_token();
    let slot = consumer.preflight().await.unwrap();
    world.fake.fail_late(RUNTIME);
    let error = install(&consumer, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "failed to notify the platform");
    assert!(error.retry_after().unwrap().as_secs() == 300, "{error:?}");
    assert_eq!(world.stored().as_deref(), Some(NEW));
}

#[tokio::test]
async fn a_token_that_the_runtime_refuses_is_not_stored_and_that_is_left_open() {
    let world = World::start().await;
    let consumer = world.user_token();
    let slot = consumer.preflight().await.unwrap();
    // What the text says is not published, so nobody can tell a refusal from a failure on the way.
    let error = install(&consumer, "ghp_FAKEofNobody", &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "invalid git token");
    assert!(error.retry_after().unwrap().as_secs() == 300, "{error:?}");
    assert_eq!(world.stored().as_deref(), Some(OLD));
}

#[tokio::test]
async fn two_writes_to_one_place_go_one_after_the_other() {
    let world = World::start().await;
    let (one, two) = (world.codefresh.git_context("github"), world.codefresh.git_context("github").named("two"));
    let slot = one.preflight().await.unwrap();
    let (first, second) = tokio::join!(install(&one, NEW, &slot), install(&two, NEW, &slot));
    first.unwrap();
    second.unwrap();
    let lines: Vec<_> = world.fake.seen().into_iter().map(|seen| seen.line).collect();
    let verbs: Vec<_> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["GET", "GET", "PATCH", "GET", "GET", "PATCH", "GET"]);
}
