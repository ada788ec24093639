//! Pipelines that somebody else's template makes.

use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::{CodePipeline, Effect, ErrorKind, ScopeModel, ScopeSet};

use crate::world::{NEW, World, assert_error, token, turn};

const TAG: &str = "aws:cloudformation:stack-name";

#[tokio::test]
async fn a_pipeline_of_a_stack_is_refused_and_the_right_way_is_named() {
    let world = World::start().await;
    world.fake.tag("site", TAG, "site-stack");
    let error = world.site().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "the stack site-stack manages it");
    assert!(error.to_string().contains("managed_by_template"), "{error}");
    let drifting = world.site().accept_drift();
    let slot = drifting.preflight().await.unwrap();
    assert!(slot.warnings.iter().any(|warning| warning.contains("drift")), "{slot:?}");
    turn(&drifting, NEW).await;
    assert_eq!(world.stored().as_deref(), Some(NEW));
}

#[tokio::test]
async fn no_tag_is_an_unknown_owner_and_never_none() {
    let world = World::start().await;
    world.fake.tag("site", "team", "site-stack");
    let slot = world.site().preflight().await.unwrap();
    assert!(slot.warnings.iter().any(|warning| warning.starts_with("unknown owner: it has no tag")), "{slot:?}");
    world.fake.deny("codepipeline:ListTagsForResource");
    let slot = world.site().preflight().await.unwrap();
    let words = "unknown owner: its tags cannot be read: grant codepipeline:ListTagsForResource";
    assert!(slot.warnings.iter().any(|warning| warning.starts_with(words)), "{slot:?}");
}

#[tokio::test]
async fn tags_on_later_pages_are_read_too() {
    let world = World::start().await;
    world.fake.page_size(1);
    world.fake.tag("site", "a", "1");
    world.fake.tag("site", TAG, "site-stack");
    assert_eq!(world.site().preflight().await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn cloudformation_is_asked_where_a_stack_is_named() {
    let world = World::start().await;
    let named = world.site().stack("site-stack");
    let error = named.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "no stack that has this pipeline");
    world.fake.stack("site-stack", "site");
    let error = named.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "the stack site-stack manages it");
    world.fake.stack("parent-nested-1", "site");
    let error = named.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "parent-nested-1");
    turn(&named.clone().accept_drift(), NEW).await;
    world.fake.deny("cloudformation:DescribeStackResources");
    let error = named.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "grant cloudformation:DescribeStackResources");
}

#[tokio::test]
async fn a_template_is_a_step_for_a_person() {
    let manual = CodePipeline::managed_by_template("site-template", "site", "site-stack").unwrap();
    let can = manual.capabilities();
    assert!(can.by_person);
    assert_eq!(can.application, World::start().await.site().capabilities().application);
    assert_eq!(manual.required_scopes(ScopeModel::GITHUB_CLASSIC), Some(ScopeSet::of(["repo", "admin:repo_hook"])));
    let Installation::Guided(guide) = manual.install(&token(NEW), &Slot::opaque()).await.unwrap() else {
        panic!("a person must do it");
    };
    let text = guide.to_string();
    assert!(text.contains("site-stack") && text.contains("NoEcho") && text.contains("VERSION-ID"), "{text}");
}
