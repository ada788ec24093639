//! What runs is not cut off unless that was chosen.

use tokenturn::consumer::Consumer;
use tokenturn::{Effect, ErrorKind};

use crate::world::{NEW, OLD, World, approval, assert_error, deploy, github, install, pipeline, turn};

#[tokio::test]
async fn a_running_execution_is_waited_for_and_named() {
    let world = World::start().await;
    let site = world.site();
    world.fake.hold(true);
    let execution = world.fake.run("site").unwrap();
    let slot = site.preflight().await.unwrap();
    assert!(slot.warnings.iter().any(|w| w.contains(&execution) && w.contains("waits until")), "{slot:?}");
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Busy, Effect::None, &format!("execution {execution} runs in stage Then"));
    assert_eq!(world.fake.writes(), 0);
    world.fake.finish("site");
    install(&site, NEW, &slot).await.unwrap();
    assert_eq!(world.fake.status_of("site", &execution).as_deref(), Some("Succeeded"));
}

#[tokio::test]
async fn an_execution_that_begins_after_the_look_is_found_before_the_write_also_on_the_way_back() {
    let world = World::start().await;
    let site = world.site();
    turn(&site, NEW).await;
    let slot = site.preflight().await.unwrap();
    world.fake.hold(true);
    let execution = world.fake.run("site").unwrap();
    let error = install(&site, OLD, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Busy, Effect::None, "proceed_while_running");
    assert_eq!(world.stored().as_deref(), Some(NEW));
    assert_eq!(world.fake.status_of("site", &execution).as_deref(), Some("InProgress"));
}

#[tokio::test]
async fn proceeding_is_a_choice_and_is_warned_of() {
    let world = World::start().await;
    let site = world.site().proceed_while_running();
    world.fake.hold(true);
    let execution = world.fake.run("site").unwrap();
    let slot = site.preflight().await.unwrap();
    assert!(slot.warnings.iter().any(|warning| warning.contains("the update cancels it")), "{slot:?}");
    install(&site, NEW, &slot).await.unwrap();
    assert_eq!(world.fake.status_of("site", &execution).as_deref(), Some("Cancelled"));
}

#[tokio::test]
async fn an_approval_that_nobody_gave_is_named_before_a_token_is_issued() {
    let world = World::start().await;
    world.fake.put(&pipeline("gated", &[github("GitHub", "site", OLD)], &[approval(), deploy()])).unwrap();
    let gated = world.aws.pipeline("gated");
    let slot = gated.preflight().await.unwrap();
    let execution = world.fake.run("gated").unwrap();
    let words = format!("execution {execution} waits for approval in Then/Agree");
    for error in [gated.preflight().await.unwrap_err(), install(&gated, NEW, &slot).await.unwrap_err()] {
        assert_error(&error, ErrorKind::Busy, Effect::None, &words);
        assert!(error.to_string().contains("approve or reject it"), "{error}");
    }
    assert!(gated.clone().proceed_while_running().preflight().await.is_ok());
    world.fake.approve("gated");
    turn(&gated, NEW).await;
}

#[tokio::test]
async fn an_execution_on_a_later_page_that_no_stage_shows_counts_too() {
    let world = World::start().await;
    world.fake.sources_take(1_000);
    let execution = world.fake.run("site").unwrap();
    world.fake.sources_take(0);
    for _ in 0..4 {
        world.fake.run("site").unwrap();
    }
    world.fake.page_size(2);
    let slot = world.site().preflight().await.unwrap();
    let words = format!("execution {execution} runs or waits for its turn");
    assert!(slot.warnings.iter().any(|warning| warning.contains(&words)), "{slot:?}");
    let error = install(&world.site(), NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Busy, Effect::None, &words);
}

#[tokio::test]
async fn without_the_right_to_see_executions_nothing_is_written_unless_chosen() {
    let world = World::start().await;
    world.fake.deny("codepipeline:ListPipelineExecutions");
    let error = world.site().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "grant codepipeline:ListPipelineExecutions");
    let slot = world.site().proceed_while_running().preflight().await.unwrap();
    assert!(slot.warnings.iter().any(|warning| warning.contains("cannot be seen")), "{slot:?}");
}
