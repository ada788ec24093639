//! What a person may decide, and what is refused.

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::rotation::{Ask, Decision, OldEnd, Outcome, TokenRef};
use tokenturn::{ConsumerName, ErrorKind, Policy, Rotator, Run};

use crate::world::{World, asks, completed, place, seconds, stuck, swift};

const DENIED: Fault = Fault::Refused(ErrorKind::PermissionDenied);

fn name(text: &str) -> ConsumerName {
    ConsumerName::new(text).unwrap()
}

/// A run in its hour of grace.
async fn draining() -> (World, Rotator, Run) {
    let world = World::new();
    let rotator = world.with_policy(Policy::default().grace(seconds(3600)).linger(seconds(10)));
    let run = rotator.rotate(world.held()).await.unwrap();
    (world, rotator, run)
}

/// A run that is stuck at the second place.
async fn held_up() -> (World, Rotator, Run) {
    let world = World::new();
    world.b.plan_fault("install", DENIED);
    let rotator = world.with_policy(swift().on_failure(tokenturn::rotation::OnFailure::Hold));
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    (world, rotator, run)
}

#[track_caller]
fn refused(result: tokenturn::Result<Run>, part: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
}

#[tokio::test]
async fn what_a_place_needs_is_confirmed_before_the_old_token_goes() {
    let world = World::new().with_a(place().confirmed_by_person("Save the configuration once."));
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Confirmation { text, .. }] if text.contains("Save")));
    assert!(world.provider.is_alive(&world.old));
    completed(&rotator.resolve(run.id, Decision::Confirm(name("a"))).await.unwrap());
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_forgotten_place_keeps_the_old_token_alive() {
    let (world, rotator, run) = held_up().await;
    world.b.plan_fault("install", DENIED);
    let run = rotator.resolve(run.id, Decision::Forget(name("b"))).await.unwrap();
    let completion = completed(&run);
    assert_eq!(completion.old, OldEnd::KeptForForgotten);
    assert!(world.provider.is_alive(&world.old));
    let forgotten = completion.holdings.iter().find(|holding| holding.forgotten).unwrap();
    assert_eq!((forgotten.consumer.as_str(), &forgotten.tokens[..]), ("b", &[TokenRef::Old][..]));
}

#[tokio::test]
async fn the_last_place_cannot_be_forgotten() {
    let world = World::new();
    let rotator = world.bare().consumer(world.a.clone()).build().unwrap();
    world.a.plan_fault("install", Fault::Lied);
    world.a.plan_fault("preflight", Fault::Refused(ErrorKind::Busy));
    let policy = swift().linger(seconds(0));
    let rotator = {
        drop(rotator);
        world.bare().policy(policy).consumer(world.a.clone()).build().unwrap()
    };
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
    refused(rotator.resolve(run.id, Decision::Forget(name("a"))).await, "the last place");
}

#[tokio::test]
async fn a_person_rolls_back() {
    let (world, rotator, run) = held_up().await;
    let run = rotator.resolve(run.id, Decision::RollBack).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    assert!(world.all_hold(&world.old) && !world.provider.is_alive(&world.newest()));
}

#[tokio::test]
async fn nothing_goes_back_once_every_place_has_the_new_token() {
    let (_world, rotator, run) = draining().await;
    refused(rotator.resolve(run.id, Decision::RollBack).await, "no way back but another rotation");
}

#[tokio::test]
async fn an_abandoned_run_leaves_everything_alive_and_says_who_holds_what() {
    let (world, rotator, run) = held_up().await;
    let run = rotator.resolve(run.id, Decision::Abandon).await.unwrap();
    let Outcome::Abandoned { holdings, .. } = &run.outcome else { panic!("{run:?}") };
    assert!(holdings[0].tokens.contains(&TokenRef::New(1)), "{holdings:?}");
    assert_eq!(holdings[1].tokens, [TokenRef::Old]);
    assert_eq!(world.provider.live(), 2);
    refused_not_found(rotator.resolve(run.id, Decision::Retry).await);
}

#[track_caller]
fn refused_not_found(result: tokenturn::Result<Run>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn decisions_that_mean_nothing_now_are_refused_with_the_reason() {
    let (_world, rotator, run) = draining().await;
    let decide = |decision| rotator.resolve(run.id.clone(), decision);
    refused(decide(Decision::Retry).await, "nothing has failed");
    refused(decide(Decision::InstallAnyway).await, "no token was refused");
    refused(decide(Decision::Confirm(name("a"))).await, "nothing is to be confirmed");
    refused(decide(Decision::Confirm(name("x"))).await, "no such place");
    refused(decide(Decision::Forget(name("x"))).await, "no such place");
    refused(decide(Decision::RevokedByHand(TokenRef::Old)).await, "not to be deleted by hand now");
}

#[tokio::test]
async fn a_refused_decision_changes_nothing() {
    let (world, rotator, run) = draining().await;
    let before = world.facts().len();
    rotator.resolve(run.id.clone(), Decision::RollBack).await.unwrap_err();
    assert_eq!(world.facts().len(), before);
    assert_eq!(rotator.resume(run.id.clone()).await.unwrap(), run);
}

#[tokio::test]
async fn a_token_whose_revocation_was_refused_may_be_kept_by_a_decision() {
    let world = World::new();
    for _ in 0..9 {
        world.provider.plan_fault("revoke", DENIED);
    }
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    let run = rotator.resolve(run.id, Decision::KeepOld).await.unwrap();
    assert!(matches!(completed(&run).old, OldEnd::Kept), "{run:?}");
    assert!(world.provider.is_alive(&world.old) && world.all_hold(&world.newest()));
}

#[tokio::test]
async fn a_dead_token_is_not_kept_by_a_decision() {
    let world = World::new().with_a(place().confirmed_by_person("Save."));
    world.provider.kill(&world.old);
    let policy = swift().linger(seconds(0));
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    let rotator = world.with_policy(policy);
    let run = rotator.rotate(world.held()).await.unwrap();
    refused(rotator.resolve(run.id, Decision::KeepOld).await, "dead already");
}

#[tokio::test]
async fn a_token_that_no_decision_can_save_is_not_installed_anyway() {
    let world = World::of(crate::world::guided());
    let rotator = world.rotator();
    let given = tokenturn::Token::new("never-was").unwrap();
    let run = rotator.adopt(given, world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{run:?}");
}

#[tokio::test]
async fn a_token_that_died_before_a_person_vouched_for_it_is_not_installed_anyway() {
    let world = World::of(crate::world::guided());
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    let narrow = world.provider.mint("bot", tokenturn::ScopeSet::new());
    let run = rotator.supply(run.id, narrow.clone()).await.unwrap();
    world.provider.kill(&narrow);
    let run = rotator.resolve(run.id, Decision::InstallAnyway).await.unwrap();
    assert!(world.all_hold(&world.old), "{run:?}");
    assert_eq!((world.a.writes(), world.b.writes()), (0, 0));
}

#[tokio::test]
async fn a_decision_about_another_run_is_not_found() {
    let (_world, rotator, _run) = draining().await;
    let other = tokenturn::RunId::new("other").unwrap();
    refused_not_found(rotator.resolve(other, Decision::Retry).await);
}

#[tokio::test]
async fn a_consumer_that_is_gone_after_a_restart_is_named_and_can_be_forgotten() {
    let (world, _rotator, run) = held_up().await;
    let c = MemoryConsumer::new("c", &world.provider).unwrap();
    let rotator = world.bare().consumer(world.a.clone()).consumer(c).build().unwrap();
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    let text = stuck(&run);
    assert!(text.contains("b: the open run has a consumer that this rotator does not"), "{text}");
    let run = rotator.resolve(run.id, Decision::Forget(name("b"))).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::KeptForForgotten);
}

#[tokio::test]
async fn what_an_abandoned_run_leaves_alive_is_named_and_outlives_the_next_run() {
    let (world, rotator, run) = held_up().await;
    let left = world.newest();
    let run = rotator.resolve(run.id, Decision::Abandon).await.unwrap();
    match &run.outcome {
        Outcome::Abandoned { orphans, .. } => assert_eq!(orphans.len(), 1, "{orphans:?}"),
        other => panic!("not abandoned: {other:?}"),
    }
    let sealed = format!("{}/new-1", run.id);
    assert!(world.kept().await.contains(&sealed));
    completed(&rotator.rotate(world.held()).await.unwrap());
    assert!(world.provider.is_alive(&left));
    assert!(world.kept().await.contains(&sealed), "{:?}", world.kept().await);
}

#[tokio::test]
async fn a_person_who_rolls_back_does_not_end_the_only_token_that_lives() {
    let world = World::new();
    world.a.plan_fault("install", DENIED);
    let rotator = world.with_policy(swift().on_failure(tokenturn::rotation::OnFailure::Hold));
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    world.provider.kill(&world.old);
    let run = rotator.resolve(run.id, Decision::RollBack).await.unwrap();
    completed(&run);
    assert!(world.provider.is_alive(&world.newest()) && world.all_hold(&world.newest()));
}

#[tokio::test]
async fn where_there_is_no_old_token_none_is_kept() {
    let world = World::of(crate::world::guided());
    let rotator = world.rotator();
    let run = rotator.rotate(tokenturn::Predecessor::None).await.unwrap();
    refused(rotator.resolve(run.id, Decision::KeepOld).await, "there is no old token");
}

#[test]
fn every_decision_is_told_in_words() {
    let words = [
        (Decision::Retry, "retry"),
        (Decision::RollBack, "roll back"),
        (Decision::Confirm(name("a")), "confirm a"),
        (Decision::Forget(name("a")), "forget a"),
        (Decision::InstallAnyway, "install anyway"),
        (Decision::KeepOld, "keep the old token"),
        (Decision::RevokedByHand(TokenRef::New(2)), "the new token was revoked by hand"),
        (Decision::Abandon, "abandon"),
    ];
    for (decision, said) in words {
        assert_eq!(decision.to_string(), said);
    }
}
