//! Places that only a person can update.

use tokenturn::consumer::Manual;
use tokenturn::consumer::memory::Fault;
use tokenturn::rotation::{Ask, Decision, Fact, Outcome, TokenRef};
use tokenturn::{ConsumerName, ErrorKind, Policy, Rotator, Run};

use crate::world::{World, asks, completed, place, seconds, stuck, swift};

fn console() -> ConsumerName {
    ConsumerName::new("console").unwrap()
}

async fn waiting() -> (World, Rotator, Run) {
    let world = World::new();
    let manual = Manual::new("console", "iCR").unwrap().step("Paste it.").requiring(["repo"]);
    let rotator = world.builder().consumer(manual).build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    (world, rotator, run)
}

#[tokio::test]
async fn the_run_waits_for_a_manual_place_and_the_old_token_lives() {
    let (world, rotator, run) = waiting().await;
    let [Ask::Installation { consumer, token, guide, .. }] = asks(&run) else { panic!("{run:?}") };
    assert_eq!((consumer, token), (&console(), &TokenRef::New(1)));
    assert!(guide.to_string().contains("Paste it."));
    assert!(world.provider.is_alive(&world.old));
    completed(&rotator.resolve(run.id, Decision::Confirm(console())).await.unwrap());
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn the_token_is_shown_only_after_that_is_on_record() {
    let (world, rotator, run) = waiting().await;
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revealed { .. })), 0);
    let shown = rotator.reveal(run.id.clone(), "console").await.unwrap();
    assert_eq!(shown, world.newest());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revealed { .. })), 1);
    assert_eq!(rotator.resume(run.id.clone()).await.unwrap(), run, "the run waits as before");
}

#[tokio::test]
async fn a_token_is_shown_for_no_other_place_and_at_no_other_time() {
    let (_world, rotator, run) = waiting().await;
    for place in ["a", "nowhere"] {
        assert_eq!(rotator.reveal(run.id.clone(), place).await.unwrap_err().kind(), ErrorKind::Refused);
    }
    completed(&rotator.resolve(run.id.clone(), Decision::Confirm(console())).await.unwrap());
    assert_eq!(rotator.reveal(run.id, "console").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_manual_place_is_forgotten_when_nobody_can_reach_it() {
    let (world, rotator, run) = waiting().await;
    completed(&rotator.resolve(run.id, Decision::Forget(console())).await.unwrap());
    assert!(world.provider.is_alive(&world.old), "it may still be used there");
}

#[tokio::test]
async fn a_person_puts_the_old_token_back_on_the_way_back() {
    let world = World::new().with_b(crate::world::place().disruptive());
    let manual = Manual::new("console", "iCR").unwrap().requiring(["repo"]);
    let rotator = world.builder().policy(swift()).consumer(manual).build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.resolve(run.id, Decision::Confirm(console())).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Installation { token: TokenRef::Old, .. }]), "{run:?}");
    assert_eq!(rotator.reveal(run.id.clone(), "console").await.unwrap(), world.old);
    let run = rotator.resolve(run.id, Decision::Confirm(console())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    assert!(!world.provider.is_alive(&world.newest()));
}

#[tokio::test]
async fn several_people_may_answer_in_any_order() {
    let world = World::new();
    let place = |name: &str| Manual::new(name, "iCR").unwrap().requiring(["repo"]);
    let rotator = world.builder().consumer(place("one")).consumer(place("two")).build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert_eq!(asks(&run).len(), 2);
    let run = rotator.resolve(run.id, Decision::Confirm(ConsumerName::new("two").unwrap())).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Installation { consumer, .. }] if consumer.as_str() == "one"));
    completed(&rotator.resolve(run.id, Decision::Confirm(ConsumerName::new("one").unwrap())).await.unwrap());
}

#[tokio::test]
async fn a_place_that_fails_while_a_person_is_at_another_is_said_at_once() {
    let world = World::new();
    let manual = Manual::new("console", "iCR").unwrap().requiring(["repo"]);
    world.a.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let policy = swift().on_failure(tokenturn::rotation::OnFailure::Hold);
    let rotator = world.builder().policy(policy).consumer(manual).build().unwrap();
    stuck(&rotator.rotate(world.held()).await.unwrap());
}

#[tokio::test]
async fn what_was_confirmed_is_asked_again_of_a_place_that_fell_back() {
    let world = World::new().with_a(place().confirmed_by_person("Save the configuration."));
    let rotator = world.with_policy(Policy::default().linger(seconds(60)));
    let run = rotator.rotate(world.held()).await.unwrap();
    let run = rotator.resolve(run.id, Decision::Confirm(ConsumerName::new("a").unwrap())).await.unwrap();
    world.a.put(&world.old);
    world.clock.advance(seconds(90_000));
    let run = rotator.resume(run.id).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Confirmation { .. }]), "{run:?}");
    assert!(world.provider.is_alive(&world.old));
}
