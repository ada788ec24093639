//! What must turn, as the journal and the schedules say.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::fleet::{Fleet, Tenant, Turned, Turns as _};
use tokenturn::{Clock as _, CredentialName, Policy, Schedule};

use crate::world::{Books, World, listening, named, swift};

fn monthly() -> Policy {
    swift().schedule(Schedule::default().maximum_age(Duration::from_hours(30 * 24)).jitter_percent(0))
}

#[tokio::test]
async fn what_its_schedule_says_is_turned_and_nothing_else() {
    let world = Arc::new(World::new(named("bot", 150)));
    let books = Books::new(&world, monthly(), None);
    let fleet = Fleet::builder().build().unwrap();
    let half = books.turns().take(70).collect::<Vec<_>>();
    assert_eq!(fleet.run([Tenant::new("all", half.into_iter())]).await.total().completed, 70);
    world.clock.advance(Duration::from_hours(20 * 24));
    let others = books.turns().skip(70).collect::<Vec<_>>();
    assert_eq!(fleet.run([Tenant::new("all", others.into_iter())]).await.total().completed, 80);

    let due = || fleet.due(world.journal.clone(), books.clone(), world.clock.now());
    assert_eq!(fleet.run([Tenant::new("all", due())]).await.total().begun, 0);
    world.clock.advance(Duration::from_hours(11 * 24));
    assert_eq!(fleet.run([Tenant::new("all", due())]).await.total().completed, 70);
    assert_eq!(fleet.run([Tenant::new("all", due())]).await.total().begun, 0);
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn open_runs_go_on_when_their_time_has_come_and_come_first() {
    let world = Arc::new(World::new(named("bot", 6)));
    let books = Books::new(&world, monthly(), None);
    let graceful = Books::new(&world, monthly().grace(Duration::from_hours(24)), None);
    let fleet = Fleet::builder().build().unwrap();
    let first = books.turns().take(3).collect::<Vec<_>>();
    assert_eq!(fleet.run([Tenant::new("all", first.into_iter())]).await.total().completed, 3);
    world.clock.advance(Duration::from_hours(31 * 24));
    let rest = graceful.turns().skip(3).collect::<Vec<_>>();
    assert_eq!(fleet.run([Tenant::new("all", rest.into_iter())]).await.total().draining, 3);
    world.clock.advance(Duration::from_hours(25));
    let mut due = fleet.due(world.journal.clone(), graceful.clone(), world.clock.now());
    let mut names = Vec::new();
    while let Some(turn) = due.next().await.unwrap() {
        names.push(turn.credential().to_string());
    }
    assert_eq!(names, ["bot-003", "bot-004", "bot-005", "bot-000", "bot-001", "bot-002"]);
    let due = fleet.due(world.journal.clone(), books.clone(), world.clock.now());
    assert_eq!(fleet.run([Tenant::new("all", due)]).await.total().completed, 6);
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn of_two_who_saw_a_credential_due_one_turns_it() {
    let world = Arc::new(World::new(named("bot", 5)));
    let books = Books::new(&world, monthly(), None);
    let fleet = Fleet::builder().build().unwrap();
    fleet.run([Tenant::new("all", books.turns())]).await;
    world.clock.advance(Duration::from_hours(31 * 24));
    let mut seen = Vec::new();
    let mut due = fleet.due(world.journal.clone(), books.clone(), world.clock.now());
    while let Some(turn) = due.next().await.unwrap() {
        seen.push(turn);
    }
    assert_eq!(seen.len(), 5);
    let other = Fleet::builder().build().unwrap();
    let due = other.due(world.journal.clone(), books.clone(), world.clock.now());
    assert_eq!(other.run([Tenant::new("all", due)]).await.total().completed, 5);
    let total = fleet.run([Tenant::new("all", seen.into_iter())]).await.total();
    assert_eq!((total.not_due, total.reports()), (5, 5), "{total}");
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn the_journal_is_read_only_as_far_as_there_is_room() {
    let world = Arc::new(World::new(named("bot", 200)));
    let books = Books::new(&world, monthly(), None);
    let fleet = Fleet::builder().build().unwrap();
    fleet.run([Tenant::new("all", books.turns())]).await;
    world.clock.advance(Duration::from_hours(31 * 24));
    world.far.hold();
    let small = Fleet::builder().open(4).per_lane(4).build().unwrap();
    let running = tokio::spawn({
        let (small, due) = (small.clone(), small.due(world.journal.clone(), books.clone(), world.clock.now()));
        async move { small.run([Tenant::new("all", due)]).await }
    });
    crate::world::settle().await;
    assert_eq!(small.progress().in_flight, 4);
    assert_eq!(books.asked.lock().unwrap().len(), 4);
    world.far.let_go();
    assert_eq!(running.await.unwrap().total().completed, 200);
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn a_credential_that_the_catalog_cannot_build_is_reported_and_stops_no_other() {
    let mut names = named("bot", 3);
    names.push("broken".into());
    let world = Arc::new(World::new(names));
    let books = Books::new(&world, monthly(), None);
    let (fleet, heard) = listening(Fleet::builder());
    fleet.run([Tenant::new("all", books.turns())]).await;
    world.clock.advance(Duration::from_hours(31 * 24));
    let due = fleet.due(world.journal.clone(), books.clone(), world.clock.now());
    let total = fleet.run([Tenant::new("all", due)]).await.total();
    assert_eq!((total.completed, total.failed), (3, 1), "{total}");
    let broken = CredentialName::new("broken").unwrap();
    let failed = |turned: &Turned| matches!(turned, Turned::Failed { .. });
    assert!(heard.lock().unwrap().iter().any(|report| report.credential == broken && failed(&report.turned)));
}
