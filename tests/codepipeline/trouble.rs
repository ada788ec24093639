//! What goes wrong on the way, and what is known of it afterwards.

use std::time::Duration;

use tokenturn::consumer::{Consumer, Slot};
use tokenturn::testing::Trouble;
use tokenturn::{Answer, CodePipelineSources, Effect, ErrorKind};

use crate::world::{NEW, OLD, World, assert_error, install, token};

async fn ready(world: &World) -> (CodePipelineSources, Slot) {
    let site = world.site();
    let slot = site.preflight().await.unwrap();
    (site, slot)
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
        let (site, slot) = ready(&world).await;
        world.fake.trouble("UpdatePipeline", trouble.clone());
        let error = install(&site, NEW, &slot).await.unwrap_err();
        assert_error(&error, error.kind(), Effect::Unknown, "");
        assert_eq!(world.stored().as_deref(), Some(stored), "{trouble:?}");
        assert_eq!(world.fake.writes(), 1, "{trouble:?}: a write is never sent twice by itself");
        // As the engine resolves it: look, and install again where that does not tell.
        let slot = site.preflight().await.unwrap();
        assert_eq!(site.verify(&token(NEW), &slot).await.unwrap().new, Answer::Unknown, "{trouble:?}");
        install(&site, NEW, &slot).await.unwrap();
        assert_eq!(world.stored().as_deref(), Some(NEW));
    }
}

#[tokio::test]
async fn a_refusal_has_no_effect() {
    let world = World::start().await;
    let (site, slot) = ready(&world).await;
    for (trouble, kind) in [
        (Trouble::Refuse(400), ErrorKind::InvalidInput),
        (Trouble::Refuse(403), ErrorKind::PermissionDenied),
        (Trouble::Refuse(404), ErrorKind::NotFound),
        (Trouble::Redirect("https://elsewhere.example/".to_owned()), ErrorKind::Redirected),
        (Trouble::Wait(4000), ErrorKind::RateLimited),
    ] {
        world.fake.trouble("UpdatePipeline", trouble.clone());
        let error = install(&site, NEW, &slot).await.unwrap_err();
        // A redirect of a write may show what came of it.
        let effect = if error.kind() == ErrorKind::Redirected { Effect::Unknown } else { Effect::None };
        assert_error(&error, kind, effect, "");
        assert_eq!(world.stored().as_deref(), Some(OLD));
    }
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().is_some()), (ErrorKind::RateLimited, true));
}

#[tokio::test]
async fn missing_rights_are_named() {
    let world = World::start().await;
    let (site, slot) = ready(&world).await;
    world.fake.deny("codepipeline:UpdatePipeline");
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "grant codepipeline:UpdatePipeline");
    assert!(error.to_string().contains("request fa4e0000-1111"), "{error}");
    world.fake.deny("codepipeline:GetPipeline");
    let error = site.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "grant codepipeline:GetPipeline");
}

#[tokio::test]
async fn too_many_requests_are_waited_out_where_that_is_safe() {
    let world = World::start().await;
    let (site, slot) = ready(&world).await;
    world.fake.throttle("UpdatePipeline", 1);
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::RateLimited, Effect::None, "ThrottlingException");
    assert!(error.retry_after().is_some_and(|wait| wait <= Duration::from_secs(5)), "{error:?}");
    assert_eq!(world.fake.writes(), 1);
    world.fake.throttle("GetPipeline", 1);
    install(&site, NEW, &slot).await.unwrap();
}

#[tokio::test]
async fn what_aws_refuses_in_a_pipeline_is_quoted() {
    let world = World::start().await;
    let (site, _) = ready(&world).await;
    world.fake.edit(
        "site",
        "/stages/1",
        serde_json::json!({ "name": "Then", "actions": [crate::world::github("Bare", "x", OLD)] }),
    );
    world.fake.edit("site", "/stages/1/actions/0/configuration", serde_json::json!({ "Owner": "acme" }));
    let slot = site.preflight().await.unwrap();
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::InvalidInput, Effect::None, "missing required configuration");
}

#[tokio::test]
async fn a_write_that_cannot_be_read_back_leaves_open_what_happened() {
    let world = World::start().await;
    let (site, slot) = ready(&world).await;
    world.fake.deny_after_next_update("codepipeline:GetPipeline");
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::Unknown, "grant codepipeline:GetPipeline");
    assert_eq!(world.stored().as_deref(), Some(NEW));
}

#[tokio::test]
async fn nobody_there_is_no_effect() {
    let world = World::start().await;
    let (site, slot) = ready(&world).await;
    world.fake.stop();
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::None, "");
}
