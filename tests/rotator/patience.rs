//! What fails for a while is tried again, not too often and not for ever.

use tokenturn::consumer::memory::Fault;
use tokenturn::rotation::{Fact, Outcome};
use tokenturn::{Clock, ErrorKind, Patience, Policy};

use crate::world::{World, completed, seconds, stuck, swift};

const BUSY: Fault = Fault::Refused(ErrorKind::Busy);

#[tokio::test]
async fn a_busy_place_is_waited_for_within_the_call() {
    let world = World::new();
    for _ in 0..5 {
        world.a.plan_fault("install", BUSY);
    }
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Stumbled { .. })), 5);
}

#[tokio::test]
async fn a_longer_wait_ends_the_call_and_is_taken_up_again() {
    let world = World::new();
    world.a.plan_fault("install", BUSY);
    let patience = Patience::new(seconds(120), seconds(300), seconds(3600));
    let rotator = world.with_policy(swift().linger(seconds(30)).patience(patience));
    let run = rotator.rotate(world.held()).await.unwrap();
    let Outcome::BackingOff { until, problems, .. } = &run.outcome else { panic!("{run:?}") };
    assert_eq!(*until, world.clock.now().plus(seconds(120)));
    assert_eq!(problems[0].kind, ErrorKind::Busy);
    assert_eq!(rotator.resume_due().await.unwrap(), None);
    world.clock.advance(seconds(120));
    completed(&rotator.resume_due().await.unwrap().unwrap());
}

#[tokio::test]
async fn patience_ends() {
    let world = World::new();
    for _ in 0..100 {
        world.a.plan_fault("install", BUSY);
    }
    let policy = swift().on_failure(tokenturn::rotation::OnFailure::Hold);
    let before = world.clock.now();
    stuck(&world.with_policy(policy).rotate(world.held()).await.unwrap());
    let spent = before.until(world.clock.now());
    assert!(spent >= seconds(1800) && spent < seconds(3000), "{spent:?}");
}

#[tokio::test]
async fn a_provider_that_asks_for_a_wait_gets_it() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::Limited(seconds(400)));
    let rotator = world.with_policy(swift().linger(seconds(30)));
    let run = rotator.rotate(world.held()).await.unwrap();
    let Outcome::BackingOff { until, .. } = &run.outcome else { panic!("{run:?}") };
    assert_eq!(*until, world.clock.now().plus(seconds(400)));
    world.clock.advance(seconds(400));
    completed(&rotator.resume_due().await.unwrap().unwrap());
}

#[tokio::test]
async fn a_provider_that_is_down_is_waited_for_at_every_step() {
    for call in ["inspect", "issue", "revoke"] {
        let world = World::new();
        world.provider.plan_fault(call, Fault::Refused(ErrorKind::Unavailable));
        completed(&world.rotator().rotate(world.held()).await.unwrap());
        assert_eq!(world.provider.live(), 1, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_never_answers_is_given_up_and_looked_at() {
    let world = World::new();
    world.a.plan_fault("install", Fault::Hangs);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.a.writes(), 1, "it was done, and seen");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_given_up_and_its_orphan_found() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::Hangs);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_answers_is_given_up() {
    let world = World::new();
    world.b.plan_fault("verify", Fault::Hangs);
    world.b.plan_fault("preflight", Fault::Hangs);
    world.provider.plan_fault("inspect", Fault::Hangs);
    world.provider.plan_fault("revoke", Fault::Hangs);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
}

#[tokio::test]
async fn a_token_that_is_not_known_everywhere_at_once_is_given_a_moment() {
    let world = World::new();
    let clock = world.clock.clone();
    let provider = world.provider.clone();
    // The first look at the new token comes too early.
    let rotator = world
        .builder()
        .policy(Policy::default().linger(seconds(60)).grace(seconds(0)))
        .observe(move |event: &tokenturn::Event| {
            if matches!(event.fact, Fact::Issued { .. }) {
                clock.advance(seconds(1));
                provider.plan_fault("inspect", Fault::Refused(ErrorKind::Unauthenticated));
            }
        })
        .build()
        .unwrap();
    completed(&rotator.rotate(world.held()).await.unwrap());
}
