//! How much is open at a time, and whose it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokenturn::fleet::{Fleet, FleetBuilder, Tenant};
use tokenturn::rotation::Fact;
use tokenturn::{ErrorKind, Predecessor};

use crate::world::{Far, World, listening, named, settle};

#[tokio::test]
async fn no_more_rotations_are_open_than_there_are_places() {
    let world = World::new(named("bot", 60));
    let fleet = Fleet::builder().open(5).per_lane(5).build().unwrap();
    let summary = fleet.run([Tenant::new("all", world.turns("bot"))]).await;
    assert_eq!(summary.total().completed, 60);
    assert_eq!(world.far.most(), 5);
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn turns_are_pulled_only_when_there_is_room_for_them() {
    let world = World::new(named("bot", 60));
    world.far.hold();
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let turns = world.turns("bot").inspect(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let fleet = Fleet::builder().open(4).per_lane(4).build().unwrap();
    let running = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.run([Tenant::new("all", turns)]).await }
    });
    settle().await;
    assert_eq!((world.far.inside(), fleet.progress().in_flight), (4, 4));
    assert_eq!(pulled.load(Ordering::SeqCst), 4);
    world.far.let_go();
    assert_eq!(running.await.unwrap().total().completed, 60);
    assert_eq!(pulled.load(Ordering::SeqCst), 60);
}

#[tokio::test]
async fn places_go_round_the_tenants() {
    in_turn(Fleet::builder().open(1)).await;
    // The same where many of each tenant's turns are at hand, and wait for their lane.
    in_turn(Fleet::builder().open(4).per_lane(1)).await;
}

async fn in_turn(fleet: FleetBuilder) {
    let mut names = named("large", 50);
    names.extend(named("middle", 8));
    names.extend(named("small", 3));
    let world = World::new(names);
    let fleet = fleet.build().unwrap();
    let tenants = ["large", "middle", "small"].map(|name| Tenant::new(name, world.turns(name)));
    let summary = fleet.run(tenants).await;
    assert_eq!(summary.total().completed, 61);
    let begun: Vec<String> = {
        let told = world.told.lock().unwrap();
        let begun = told.iter().filter(|event| matches!(event.fact, Fact::Begun(_)));
        begun.map(|event| event.credential.as_str().split('-').next().unwrap().to_owned()).collect()
    };
    let nine = ["large", "middle", "small"].repeat(3);
    assert_eq!(begun[..9], nine);
    let ten = ["large", "middle"].repeat(5);
    assert_eq!(begun[9..19], ten);
    assert!(begun[19..].iter().all(|tenant| tenant == "large"));
}

#[tokio::test]
async fn a_host_that_hangs_holds_no_other_back() {
    let mut names = named("hung", 40);
    names.extend(named("well", 40));
    let world = World::new(names);
    let hung = Far::new("hung", world.far.memory.clone());
    hung.hold();
    // Both hosts serve one tenant, and the turns of the one that hangs come first.
    let first: Vec<_> = (0..40)
        .map(|n| {
            let name = format!("hung-{n:03}");
            let rotator = world.builder(&name, &hung).build().unwrap();
            tokenturn::fleet::Turn::new(rotator, Predecessor::Held(world.bots[&name].old.clone()))
        })
        .collect();
    let (fleet, heard) = listening(Fleet::builder().open(8));
    let turns = first.into_iter().chain(world.turns("well"));
    let running = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.run([Tenant::new("all", turns)]).await }
    });
    while heard.lock().unwrap().len() < 40 {
        tokio::task::yield_now().await;
    }
    assert!(heard.lock().unwrap().iter().all(|report| report.credential.as_str().starts_with("well")));
    assert_eq!((hung.inside(), fleet.progress().in_flight), (4, 4));
    hung.let_go();
    assert_eq!(running.await.unwrap().total().completed, 80);
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn a_credential_is_never_open_twice() {
    let world = World::new(named("bot", 1));
    world.far.hold();
    let (fleet, heard) = listening(Fleet::builder().open(4));
    let tenants = ["a", "b"].map(|tenant| Tenant::new(tenant, world.turns("bot")));
    let running = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.run(tenants).await }
    });
    settle().await;
    assert_eq!(fleet.progress().in_flight, 1);
    world.far.let_go();
    let summary = running.await.unwrap();
    // The second comes when the first is over, and its token is the old one.
    assert_eq!((summary.total().completed, summary.total().failed), (1, 1), "{:?}", heard.lock().unwrap());
    world.assert_nothing_is_lost();
}

#[test]
fn a_fleet_without_room_is_refused() {
    for builder in [Fleet::builder().open(0), Fleet::builder().per_lane(0), Fleet::builder().per_person(0)] {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Configuration);
    }
}
