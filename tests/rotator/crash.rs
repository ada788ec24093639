//! Futures that are dropped, processes that die, and engines that meet.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::consumer::memory::Fault;
use tokenturn::rotation::{Fact, Outcome};
use tokenturn::{ErrorKind, Policy};

use crate::world::{Stumbling, World, completed, replace, seconds, stuck, swift};

/// Lets a call run into what hangs, and drops it there.
async fn cut(world: &World, wait: Duration) {
    let rotator = world.rotator();
    let cut = tokio::time::timeout(wait, rotator.rotate(world.held())).await;
    assert!(cut.is_err(), "it was to be cut short");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_arrives_after_the_caller_has_gone_is_durable_and_not_issued_twice() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::Late(seconds(60)));
    let rotator = world.rotator();
    assert!(tokio::time::timeout(seconds(1), rotator.rotate(world.held())).await.is_err());
    tokio::time::sleep(seconds(120)).await;
    assert!(world.kept().await.iter().any(|value| value.contains("new-1")), "{:?}", world.kept().await);
    let open = rotator.open_rotations().await.unwrap();
    completed(&rotator.resume(open[0].id.clone()).await.unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_calls_meanwhile_waits_for_the_token_that_is_on_its_way() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::Late(seconds(60)));
    let rotator = world.rotator();
    assert!(tokio::time::timeout(seconds(1), rotator.rotate(world.held())).await.is_err());
    completed(&rotator.rotate(world.held()).await.unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_cut_off_is_looked_at_and_not_made_twice() {
    let world = World::new();
    world.a.plan_fault("install", Fault::Hangs);
    cut(&world, seconds(1)).await;
    world.clock.advance(seconds(3600));
    completed(&world.rotator().resume_due().await.unwrap().unwrap());
    assert_eq!(world.a.writes(), 1);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_was_cut_off_is_seen() {
    let world = World::new();
    world.provider.plan_fault("revoke", Fault::Hangs);
    cut(&world, seconds(1)).await;
    world.clock.advance(seconds(3600));
    completed(&world.rotator().resume_due().await.unwrap().unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { .. })), 1);
}

#[tokio::test]
async fn to_rotate_twice_is_to_join_the_open_run() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default());
    let first = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(first.outcome, Outcome::Draining { .. }));
    assert_eq!(rotator.rotate(world.held()).await.unwrap(), first);
    let other = tokenturn::Predecessor::Held(world.newest());
    assert_eq!(rotator.rotate(other).await.unwrap_err().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn of_two_calls_at_once_the_second_does_not_replace_the_token_of_the_first() {
    let world = World::new();
    let rotator = world.rotator();
    let (one, two) = tokio::join!(rotator.rotate(world.held()), rotator.rotate(world.held()));
    completed(&one.unwrap());
    let error = two.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("Predecessor::Kept"), "{error}");
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_engine_waits_until_the_first_ones_lease_has_run_out() {
    let world = World::new();
    world.a.plan_fault("install", Fault::Hangs);
    cut(&world, seconds(1)).await;
    let second = world.rotator();
    let error = second.rotate(world.held()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.retry_after().is_some_and(|wait| wait <= seconds(600)));
    world.clock.advance(error.retry_after().unwrap());
    completed(&second.rotate(world.held()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_overtaken_does_nothing_more() {
    let world = World::new();
    world.a.plan_fault("install", Fault::Late(seconds(60)));
    let (first, second) = (world.rotator(), world.rotator());
    let slow = tokio::spawn({
        let held = world.held();
        async move { first.rotate(held).await }
    });
    tokio::time::sleep(seconds(1)).await;
    world.clock.advance(seconds(600));
    completed(&second.rotate(world.held()).await.unwrap());
    let told = world.facts().len();
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    assert_eq!(world.facts().len(), told, "it told nothing more");
    assert!(world.all_hold(&world.newest()));
}

/// An engine that asks a provider which replaces, and whose answer takes a minute; it is looked for `settle` after its time.
fn slow(world: &World, settle: u64) -> tokio::task::JoinHandle<tokenturn::Result<tokenturn::Run>> {
    world.provider.plan_fault("issue", Fault::Late(seconds(60)));
    let policy = swift().act_timeout(seconds(90)).lease(seconds(100)).settle(seconds(settle));
    let (first, held) = (world.with_policy(policy), world.held());
    tokio::spawn(async move { first.rotate(held).await })
}

#[tokio::test(start_paused = true)]
async fn the_only_token_that_works_is_taken_in_though_another_engine_has_come_between() {
    let world = World::of(replace());
    let slow = slow(&world, 3600);
    tokio::time::sleep(seconds(1)).await;
    world.clock.advance(seconds(101));
    let other = world.with_policy(swift().linger(seconds(0))).rotate(world.held()).await.unwrap();
    assert!(matches!(other.outcome, Outcome::BackingOff { .. }), "it waits for the answer too: {other:?}");
    completed(&slow.await.unwrap().unwrap());
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_when_another_engine_has_a_newer_one_is_not_taken_in_and_holds_nobody_up() {
    let world = World::of(replace().reissuing());
    let slow = slow(&world, 1);
    tokio::time::sleep(seconds(1)).await;
    world.clock.advance(seconds(101));
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let other = world.rotator();
    let run = other.rotate(world.held()).await.unwrap();
    stuck(&run);
    let newer = world.newest();
    assert_eq!(slow.await.unwrap().unwrap_err().kind(), ErrorKind::Fenced);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issued { .. })), 1);
    completed(&other.resolve(run.id, tokenturn::Decision::Retry).await.unwrap());
    assert!(world.all_hold(&newer));
}

#[tokio::test]
async fn a_lease_is_given_back_when_a_call_ends() {
    let world = World::new();
    let policy = || swift().grace(seconds(3600)).linger(seconds(0));
    let run = world.with_policy(policy()).rotate(world.held()).await.unwrap();
    let other = world.with_policy(policy());
    assert_eq!(other.resume(run.id.clone()).await.unwrap(), run);
    assert_eq!(
        other.resolve(run.id, tokenturn::rotation::Decision::Retry).await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    assert_eq!(world.rotator().open_rotations().await.unwrap().len(), 1);
    world.clock.advance(seconds(3600));
    completed(&world.with_policy(policy()).resume_due().await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_long_run_renews_its_lease() {
    let world = World::new();
    for _ in 0..6 {
        world.a.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    }
    let patience = tokenturn::Patience::new(seconds(200), seconds(200), seconds(9000));
    let rotator = Arc::new(world.with_policy(swift().patience(patience)));
    completed(&rotator.rotate(world.held()).await.unwrap());
}

/// An engine that sleeps past its lease while the answer with the only token is on its way, and how many reads of the journal
/// fail when that comes.
async fn late_answer(unread: usize) {
    let mut world = World::of(crate::world::replace());
    let journal = Stumbling::over(world.journal.clone());
    world.journal = journal.clone();
    world.provider.plan_fault("issue", Fault::Late(seconds(60)));
    let (first, second) = (world.rotator(), world.rotator());
    let slow = tokio::spawn({
        let held = world.held();
        async move { first.rotate(held).await }
    });
    tokio::time::sleep(seconds(1)).await;
    // At the provider, the old token is dead already.
    world.provider.kill(&world.old);
    world.clock.advance(seconds(600));
    let lost = second.rotate(world.held()).await.unwrap();
    assert!(matches!(lost.outcome, Outcome::NeedsPerson { .. }), "{lost:?}");
    journal.deaf.store(unread, std::sync::atomic::Ordering::SeqCst);
    completed(&slow.await.unwrap().unwrap());
    assert!(world.all_hold(&world.newest()) && world.provider.live() == 1);
    assert!(world.rotator().open_rotations().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_another_engine_gave_it_up_is_not_lost() {
    late_answer(0).await;
}

#[tokio::test(start_paused = true)]
async fn nor_is_it_dropped_because_the_journal_cannot_be_read_just_then() {
    late_answer(5).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_call_ends_meanwhile_is_none_that_can_go_on() {
    let world = World::new();
    let bot = world.with_policy(swift().grace(seconds(3600)).linger(seconds(0)));
    bot.rotate(world.held()).await.unwrap();
    world.clock.advance(seconds(3600));
    world.provider.plan_fault("revoke", Fault::Late(seconds(1)));
    let (one, two) = tokio::join!(bot.resume_due(), bot.resume_due());
    completed(&one.unwrap().unwrap());
    assert_eq!(two.unwrap(), None);
}

#[tokio::test]
async fn no_more_places_are_begun_than_may_be_written_at_a_time() {
    let world = World::new();
    let more = (0..6).map(|n| {
        let place = tokenturn::consumer::memory::MemoryConsumer::new(&format!("place-{n}"), &world.provider).unwrap();
        place.put(&world.old);
        place
    });
    let bot = world.bare().consumers(more).policy(swift().parallel(2)).build().unwrap();
    completed(&bot.rotate(world.held()).await.unwrap());
    let (mut open, mut most) = (0_i32, 0);
    for fact in world.facts() {
        open += match fact {
            Fact::Installing { .. } => 1,
            Fact::Installed { .. } => -1,
            _ => 0,
        };
        most = most.max(open);
    }
    assert_eq!(most, 2);
}
