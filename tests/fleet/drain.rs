//! Pausing, stopping in good order, and being dropped.

use std::time::Duration;

use tokenturn::Outcome;
use tokenturn::fleet::{Fleet, Summary, Tenant, Turned};
use tokenturn::rotation::Fact;
use tokio::task::JoinHandle;

use crate::world::{World, listening, named, settle};

fn spawn(fleet: &Fleet, world: &World) -> JoinHandle<Summary> {
    let (fleet, turns) = (fleet.clone(), world.turns("bot"));
    tokio::spawn(async move { fleet.run([Tenant::new("all", turns)]).await })
}

#[tokio::test]
async fn while_it_is_paused_nothing_begins_and_what_is_open_goes_on() {
    let world = World::new(named("bot", 10));
    world.far.hold();
    let fleet = Fleet::builder().open(3).per_lane(3).build().unwrap();
    let running = spawn(&fleet, &world);
    settle().await;
    fleet.pause();
    world.far.let_go();
    settle().await;
    let progress = fleet.progress();
    assert_eq!((progress.in_flight, progress.so_far.total().completed), (0, 3));
    assert!(!running.is_finished());
    fleet.resume();
    assert_eq!(running.await.unwrap().total().completed, 10);
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn drained_it_begins_nothing_more_and_what_is_under_way_arrives_and_is_written_down() {
    let world = World::new(named("bot", 10));
    world.far.hold();
    let (fleet, heard) = listening(Fleet::builder().open(3).per_lane(3));
    let running = spawn(&fleet, &world);
    settle().await;
    let draining = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.drain().await }
    });
    settle().await;
    assert!(!draining.is_finished(), "three tokens are on their way");
    world.far.let_go();
    draining.await.unwrap();
    let issued = |fact: &Fact| matches!(fact, Fact::Issued { .. });
    assert_eq!(world.told.lock().unwrap().iter().filter(|event| issued(&event.fact)).count(), 3);
    let total = running.await.unwrap().total();
    assert_eq!((total.begun, total.unfinished), (3, 3), "{total}");
    for report in heard.lock().unwrap().iter() {
        let left = matches!(&report.turned, Turned::Run(run) if run.outcome == Outcome::Unfinished);
        assert!(left, "{report:?}");
    }
    // The leases are given back: the next fleet need not wait for them.
    let next = Fleet::builder().build().unwrap();
    assert_eq!(spawn(&next, &world).await.unwrap().total().completed, 10);
    assert_eq!(world.told.lock().unwrap().iter().filter(|event| issued(&event.fact)).count(), 10);
    world.assert_nothing_is_lost();
    // And this one has begun its last.
    assert_eq!(spawn(&fleet, &world).await.unwrap().total().begun, 0);
}

#[tokio::test]
async fn drained_while_it_is_paused_it_comes_to_an_end() {
    let world = World::new(named("bot", 10));
    let fleet = Fleet::builder().build().unwrap();
    fleet.pause();
    let running = spawn(&fleet, &world);
    settle().await;
    fleet.drain().await;
    fleet.resume();
    assert_eq!(running.await.unwrap().total().begun, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_fleet_that_was_dropped_left_open_the_next_one_finishes() {
    let world = World::new(named("bot", 10));
    world.far.hold();
    let fleet = Fleet::builder().open(4).per_lane(4).build().unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(1), fleet.run([Tenant::new("all", world.turns("bot"))])).await;
    assert!(cut.is_err(), "it was to be cut short");
    world.far.let_go();
    settle().await;
    assert_eq!(fleet.progress().in_flight, 0);
    // Nobody gave the leases back: they run out.
    world.clock.advance(Duration::from_hours(1));
    let next = Fleet::builder().build().unwrap();
    let total = next.run([Tenant::new("all", world.turns("bot"))]).await.total();
    assert_eq!(total.completed, 10, "{total}");
    world.assert_nothing_is_lost();
}
