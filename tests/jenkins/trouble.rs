//! What goes wrong on the way, and what is known of it afterwards.

use std::time::Duration;

use tokenturn::consumer::{Consumer, Slot};
use tokenturn::testing::Trouble;
use tokenturn::{Answer, Effect, ErrorKind, JenkinsCredential};

use crate::world::{LOGIN, NEW, OLD, World, assert_error, at, hasty, install, token, turn};

const DOCUMENT: &str = "credential/git-pat/config.xml";

async fn ready(world: &World) -> (JenkinsCredential, Slot) {
    let credential = world.jenkins.credential("git-pat");
    let slot = credential.preflight().await.unwrap();
    (credential, slot)
}

#[tokio::test]
async fn a_lost_answer_leaves_open_what_happened_and_looking_settles_it() {
    for (trouble, stored) in [
        (Trouble::DropBefore, OLD),
        (Trouble::DropAfter, NEW),
        (Trouble::Silence, OLD),
        (Trouble::SilenceAfter, NEW),
        (Trouble::FailAfter(502), NEW),
        (Trouble::Refuse(503), OLD),
        (Trouble::Flood(9_000_000), NEW),
    ] {
        let world = World::start().await;
        let (credential, slot) = ready(&world).await;
        world.fake.trouble("POST", trouble.clone());
        let unanswered = matches!(trouble, Trouble::Silence | Trouble::SilenceAfter);
        let writer = if unanswered { hasty(&world.fake).credential("git-pat") } else { credential.clone() };
        let error = install(&writer, NEW, &slot).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{trouble:?}: {error}");
        assert_error(&error, error.kind(), Effect::Unknown, "");
        assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(stored), "{trouble:?}");
        assert_eq!(world.writes(), 1, "{trouble:?}: a write is never sent twice by itself");
        // As the engine resolves it: look, and install again where that does not tell.
        let slot = credential.preflight().await.unwrap();
        let looked = credential.verify(&token(NEW), &slot).await.unwrap();
        assert_eq!(looked.new, Answer::Unknown, "{trouble:?}");
        install(&credential, NEW, &slot).await.unwrap();
        assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
    }
}

#[tokio::test]
async fn a_refusal_has_no_effect() {
    let world = World::start().await;
    let (credential, slot) = ready(&world).await;
    for (trouble, kind) in [
        (Trouble::Refuse(400), ErrorKind::InvalidInput),
        (Trouble::Refuse(403), ErrorKind::PermissionDenied),
        (Trouble::Refuse(404), ErrorKind::NotFound),
        (Trouble::Wait(4000), ErrorKind::RateLimited),
    ] {
        world.fake.trouble("POST", trouble);
        let error = install(&credential, NEW, &slot).await.unwrap_err();
        assert_error(&error, kind, Effect::None, "");
        assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
    }
    assert_eq!(
        install(&credential, NEW, &slot).await.unwrap_err().retry_after().map(|wait| wait.as_secs() > 3000),
        Some(true)
    );
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let world = World::start().await;
    let mut elsewhere = mockito::Server::new_async().await;
    let trap = elsewhere.mock("GET", mockito::Matcher::Any).expect(0).create_async().await;
    let posts = elsewhere.mock("POST", mockito::Matcher::Any).expect(0).create_async().await;
    let (credential, slot) = ready(&world).await;
    for which in ["GET", "POST"] {
        world.fake.trouble(which, Trouble::Redirect(format!("{}/login?from=x", elsewhere.url())));
        let error = install(&credential, NEW, &slot).await.unwrap_err();
        assert_error(&error, ErrorKind::Redirected, Effect::None, "login page on 127.0.0.1");
    }
    trap.assert_async().await;
    posts.assert_async().await;
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
}

#[tokio::test]
async fn reads_are_tried_again_and_bounded() {
    let world = World::start().await;
    for trouble in [Trouble::DropBefore, Trouble::Refuse(503), Trouble::Slow(Duration::ZERO)] {
        world.fake.trouble(DOCUMENT, trouble);
        world.jenkins.credential("git-pat").preflight().await.unwrap();
    }
    for trouble in [Trouble::Silence, Trouble::Slow(Duration::from_secs(1))] {
        let before = world.count(DOCUMENT);
        world.fake.trouble(DOCUMENT, trouble.clone());
        let error = hasty(&world.fake).credential("git-pat").preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Unavailable, Effect::None, "");
        assert_eq!(world.count(DOCUMENT), before + 1, "{trouble:?}: what took too long is not tried again at once");
    }
    world.fake.trouble(DOCUMENT, Trouble::Flood(9_000_000));
    let error = world.jenkins.credential("git-pat").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Effect::None, "larger than");
}

#[tokio::test]
async fn a_write_that_cannot_be_read_back_leaves_open_what_happened() {
    let world = World::start().await;
    let (credential, slot) = ready(&world).await;
    // The first read is the one before the write.
    world.fake.trouble(&format!("GET /ci/credentials/store/system/domain/_/{DOCUMENT}"), Trouble::Slow(Duration::ZERO));
    for _ in 0..3 {
        world.fake.trouble(&format!("GET /ci/credentials/store/system/domain/_/{DOCUMENT}"), Trouble::DropBefore);
    }
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "");
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
}

#[tokio::test]
async fn an_error_of_jenkins_own_is_quoted_by_its_number() {
    let world = World::start().await;
    let (credential, slot) = ready(&world).await;
    // The store turns read-only between the look and the write.
    world.fake.read_only(true);
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "under the ID ");
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
}

#[tokio::test]
async fn words_of_the_far_side_that_repeat_a_secret_are_not_quoted() {
    let mut server = mockito::Server::new_async().await;
    let echo = server.mock("GET", mockito::Matcher::Any).with_status(400).with_header("content-type", "text/html");
    echo.with_body_from_request(|request| {
        let said = request.header("authorization").first().map(|value| value.to_str().unwrap_or_default().to_owned());
        format!("<title>you said {}</title>", said.unwrap_or_default()).into()
    })
    .create();
    let error = at(&server.url()).credential("x").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::InvalidInput, Effect::None, "not quoted");
}

#[tokio::test]
async fn a_write_after_trouble_finds_its_way() {
    let world = World::start().await;
    let credential = world.jenkins.credential("git-pat");
    world.fake.trouble("whoAmI", Trouble::DropBefore);
    turn(&credential, NEW).await;
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
}
