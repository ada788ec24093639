//! A process that ends in good order.

use tokenturn::consumer::memory::Fault;
use tokenturn::journal::Status;
use tokenturn::rotation::{Fact, Outcome};
use tokenturn::{ErrorKind, Rotator};

use crate::world::{World, completed, replace, seconds, swift};

async fn status(world: &World) -> Status {
    let filter = tokenturn::journal::HeadFilter::all();
    world.journal.heads(&filter, tokenturn::journal::Page::first(1)).await.unwrap()[0].status
}

/// A run that is at work when `drain` is called.
async fn drained_in(world: &World, bot: Rotator) -> Outcome {
    let working = tokio::spawn({
        let (bot, held) = (bot.clone(), world.held());
        async move { bot.rotate(held).await.unwrap() }
    });
    tokio::time::sleep(seconds(1)).await;
    bot.drain().await;
    working.await.unwrap().outcome
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_being_issued_is_received_first() {
    for world in [World::new(), World::of(replace())] {
        world.provider.plan_fault("issue", Fault::Late(seconds(60)));
        assert!(matches!(drained_in(&world, world.rotator()).await, Outcome::Unfinished));
        assert!(world.kept().await.iter().any(|value| value.contains("new-1")), "{:?}", world.kept().await);
        assert_eq!((world.a.writes(), world.b.writes()), (0, 0), "nothing more was begun");
        // The lease was given back: the next process goes on at once.
        completed(&world.rotator().resume_due().await.unwrap().unwrap());
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
        assert_eq!(world.provider.live(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_being_issued_is_received_though_its_caller_has_gone() {
    let world = World::of(replace());
    world.provider.plan_fault("issue", Fault::Late(seconds(60)));
    let bot = world.rotator();
    assert!(tokio::time::timeout(seconds(1), bot.rotate(world.held())).await.is_err());
    bot.drain().await;
    assert!(world.kept().await.iter().any(|value| value.contains("new-1")));
    completed(&world.rotator().resume_due().await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_under_way_is_finished_and_written_down() {
    let world = World::new();
    world.a.plan_fault("install", Fault::Late(seconds(60)));
    assert!(matches!(drained_in(&world, world.rotator()).await, Outcome::Unfinished));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Installed { .. })), 2);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Verified { .. })), 0, "nothing more was begun");
    completed(&world.rotator().resume_due().await.unwrap().unwrap());
    assert_eq!(world.a.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_is_not_waited_for() {
    let mut world = World::new();
    world.a.plan_fault("install", Fault::Limited(seconds(500)));
    // A clock whose waits take their time.
    let bot = world.builder().clock(std::sync::Arc::new(tokenturn::SystemClock::new())).build().unwrap();
    world.told = std::sync::Arc::default();
    assert!(matches!(drained_in(&world, bot).await, Outcome::BackingOff { .. }));
    assert_eq!(status(&world).await, Status::BackingOff);
}

#[tokio::test]
async fn what_comes_after_is_refused_and_says_what_to_do() {
    let world = World::new();
    let bot = world.with_policy(swift().grace(seconds(3600)).linger(seconds(0)));
    let run = bot.rotate(world.held()).await.unwrap();
    bot.drain().await;
    for refused in [bot.rotate(world.held()).await, bot.resume(run.id).await] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert!(error.to_string().contains("build another"), "{error}");
    }
    assert_eq!(status(&world).await, Status::Draining);
    bot.drain().await;
}

#[test]
fn a_runtime_that_is_dropped_takes_the_answer_with_it_and_the_next_one_looks_for_what_it_left() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let world = World::new();
    world.provider.plan_fault("issue", Fault::Hangs);
    let first = runtime();
    assert!(
        first.block_on(async { tokio::time::timeout(seconds(1), world.rotator().rotate(world.held())).await }).is_err()
    );
    drop(first);
    assert_eq!(world.provider.live(), 2, "it was issued, and nobody has its value");
    world.clock.advance(seconds(3600));
    let run = runtime().block_on(async { world.rotator().resume_due().await.unwrap().unwrap() });
    completed(&run);
    assert_eq!(world.provider.live(), 1);
}
