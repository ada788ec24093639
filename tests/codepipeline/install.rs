//! What is written, and what stays as it was.

use serde_json::json;
use tokenturn::consumer::{Consumer, Slot};
use tokenturn::{Effect, ErrorKind};

use crate::world::{
    BRANCH, NEW, OLD, OTHER, World, action, assert_error, aws, connection, deploy, github, install, pipeline, turn,
};

#[tokio::test]
async fn only_the_chosen_token_changes_and_the_rest_is_what_it_was() {
    let world = World::start().await;
    let rest = world.fake.rest_of("site");
    let slot = turn(&world.site(), NEW).await;
    assert_eq!(world.stored().as_deref(), Some(NEW));
    assert_eq!(world.fake.token_of("site", "Source", "Lib").as_deref(), Some(OTHER), "its mask went back and kept it");
    assert_eq!(world.fake.rest_of("site"), rest);
    assert_eq!((world.fake.version_of("site"), world.fake.writes()), (Some(2), 1));
    assert_eq!(slot.detail("installed_version"), Some("2"));
    assert!(!format!("{slot:?}").contains("FAKE"));
}

#[tokio::test]
async fn all_github_sources_of_a_pipeline_are_written_at_once() {
    let world = World::start().await;
    let sources = world.aws.pipeline("site");
    turn(&sources, NEW).await;
    for action in ["GitHub", "Lib"] {
        assert_eq!(world.fake.token_of("site", "Source", action).as_deref(), Some(NEW));
    }
    assert_eq!(world.fake.writes(), 1);
    turn(&world.aws.pipeline("site").repository("Acme", "lib"), OTHER).await;
    assert_eq!(world.fake.token_of("site", "Source", "Lib").as_deref(), Some(OTHER));
    assert_eq!(world.stored().as_deref(), Some(NEW));
}

#[tokio::test]
async fn names_are_stable_and_say_what_is_meant() {
    let world = World::start().await;
    let site = world.aws.pipeline("site");
    assert_eq!(site.name(), "codepipeline:eu-central-1:site");
    let two = site.clone().action("Source", "GitHub").action("Source", "Lib");
    assert_eq!(two.name(), "codepipeline:eu-central-1:site:Source/GitHub+Source/Lib");
    assert_eq!(site.clone().repository("acme", "site").name(), "codepipeline:eu-central-1:site:acme/site");
    assert_eq!(site.named("mine").name(), "mine");
}

#[tokio::test]
async fn what_is_read_says_which_repositories_the_token_must_read() {
    let world = World::start().await;
    let slot = world.aws.pipeline("site").preflight().await.unwrap();
    assert_eq!(slot.detail("repositories"), Some("acme/lib@main, acme/site@main"));
    assert_eq!(turn(&world.site(), NEW).await.detail("repositories"), Some("acme/site@main"));
}

#[tokio::test]
async fn installing_twice_is_once_and_the_old_token_can_go_back() {
    let world = World::start().await;
    let site = world.site();
    let slot = turn(&site, NEW).await;
    let again = install(&site, NEW, &slot).await.unwrap();
    assert_eq!(again, slot);
    assert_eq!(world.fake.writes(), 1, "the pipeline provably stands as it was left: nothing is disturbed");
    turn(&site, NEW).await;
    assert_eq!(
        (world.stored().as_deref(), world.fake.writes()),
        (Some(NEW), 2),
        "nothing shows what is there: written again"
    );
    turn(&site, OLD).await;
    assert_eq!(world.stored().as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_pipeline_that_changed_since_it_was_read_is_left_alone() {
    let world = World::start().await;
    let site = world.site();
    let slot = site.preflight().await.unwrap();
    world.fake.edit("site", BRANCH, "dev".into());
    for slot in [slot, Slot::opaque()] {
        let error = install(&site, NEW, &slot).await.unwrap_err();
        assert_error(&error, ErrorKind::Conflict, Effect::None, "read it again");
    }
    assert_eq!((world.stored().as_deref(), world.fake.writes()), (Some(OLD), 0));
}

#[tokio::test]
async fn an_edit_in_the_moment_of_the_write_is_told_with_what_was_overwritten() {
    let world = World::start().await;
    let site = world.site();
    let slot = site.preflight().await.unwrap();
    world.fake.edit_before_next_update("site", BRANCH, "secret-branch".into());
    world.fake.edit_before_next_update("site", "/x-future/new", json!(1));
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::Unknown, BRANCH);
    let text = error.to_string();
    assert!(text.contains("/x-future/new") && text.contains("version 3 still shows"), "{text}");
    assert!(!text.contains("secret-branch"), "where, and never what: {text}");
    assert_eq!(world.stored().as_deref(), Some(NEW), "the token is in place");
}

#[tokio::test]
async fn an_edit_after_the_write_is_no_failure_and_ends_what_is_proven() {
    let world = World::start().await;
    let site = world.site();
    let slot = site.preflight().await.unwrap();
    world.fake.edit_after_next_update("site", BRANCH, "dev".into());
    let slot = install(&site, NEW, &slot).await.unwrap();
    assert_eq!(slot.detail("installed_version"), Some("2"));
    let verified = site.verify(&crate::world::token(NEW), &slot).await.unwrap();
    assert_eq!(verified.new, tokenturn::Answer::Unknown);
    assert!(verified.note.unwrap().contains("edited since"));
}

#[tokio::test]
async fn two_tokens_in_one_pipeline_are_written_one_after_the_other_by_any_handle() {
    let world = World::start().await;
    let (one, two) = (world.site(), aws(&world.fake).pipeline("site").action("Source", "Lib"));
    let slots = (one.preflight().await.unwrap(), two.preflight().await.unwrap());
    let (first, second) = tokio::join!(install(&one, NEW, &slots.0), install(&two, NEW, &slots.1));
    // Whoever came second finds a pipeline that changed, and the engine reads it again.
    let (late, lost) = if first.is_ok() { (&two, second) } else { (&one, first) };
    assert_error(&lost.unwrap_err(), ErrorKind::Conflict, Effect::None, "read it again");
    turn(late, NEW).await;
    assert_eq!(world.stored().as_deref(), Some(NEW));
    assert_eq!(world.fake.token_of("site", "Source", "Lib").as_deref(), Some(NEW));
    assert_eq!(world.fake.writes(), 2);
}

#[tokio::test]
async fn what_holds_no_token_or_cannot_be_written_without_loss_is_refused_before_anything_is_issued() {
    let world = World::start().await;
    let alexa = json!({ "ClientSecret": "FAKE1", "RefreshToken": "FAKE2" });
    let deploy_alexa = action("Alexa", ["Deploy", "ThirdParty", "AlexaSkillsKit"], alexa);
    world.fake.put(&pipeline("app", &[connection("App"), github("Hub", "site", OLD)], &[deploy_alexa])).unwrap();
    world.fake.put(&pipeline("connected", &[connection("App")], &[deploy()])).unwrap();
    world.fake.put(&pipeline("bucket", &[action("S3", ["Source", "AWS", "S3"], json!({}))], &[deploy()])).unwrap();
    let mut odd = github("Odd", "site", OLD);
    odd["configuration"]["HookSecret"] = "FAKE3".into();
    world.fake.put(&pipeline("odd", &[odd], &[deploy()])).unwrap();
    let aws = &world.aws;
    for (sources, kind, words) in [
        (aws.pipeline("connected"), ErrorKind::Unsupported, "not applicable: Source/App goes through a connection"),
        (aws.pipeline("app").action("Source", "App"), ErrorKind::Unsupported, "not applicable"),
        (aws.pipeline("app").action("Then", "Alexa"), ErrorKind::Unsupported, "no GitHub source"),
        (aws.pipeline("app").action("Source", "Nope"), ErrorKind::NotFound, "Source/Hub (GitHub by a token)"),
        (aws.pipeline("app").repository("acme", "lib"), ErrorKind::NotFound, "check owner and name"),
        (aws.pipeline("bucket"), ErrorKind::Unsupported, "Source/S3 (another source)"),
        (aws.pipeline("odd"), ErrorKind::Unsupported, "another masked value beside OAuthToken"),
        (aws.pipeline("nope"), ErrorKind::NotFound, "check the name, the region and the account"),
        (aws.pipeline("a/b"), ErrorKind::InvalidInput, "1 to 100 letters"),
        (aws.pipeline(""), ErrorKind::InvalidInput, "1 to 100 letters"),
    ] {
        let error = sources.preflight().await.unwrap_err();
        assert_error(&error, kind, Effect::None, words);
    }
    // A partner's action beside it is warned of, and both of its secrets stay.
    let hub = aws.pipeline("app");
    let slot = hub.preflight().await.unwrap();
    assert!(slot.warnings.iter().any(|warning| warning.contains("a partner")), "{slot:?}");
    install(&hub, NEW, &slot).await.unwrap();
    let stored = world.fake.stored("app").unwrap();
    assert_eq!(
        stored.pointer("/stages/1/actions/0/configuration"),
        Some(&json!({ "ClientSecret": "FAKE1", "RefreshToken": "FAKE2" }))
    );
}

#[tokio::test]
async fn a_token_that_is_too_long_is_not_sent() {
    let world = World::start().await;
    let site = world.site();
    let slot = site.preflight().await.unwrap();
    let error = install(&site, &"a".repeat(1001), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::InvalidInput, Effect::None, "1000 characters");
    assert_eq!(world.fake.writes(), 0);
}
