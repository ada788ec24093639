//! Many workers over one journal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::consumer::memory::Fault;
use tokenturn::fleet::{Fleet, Tenant, Turned};
use tokenturn::journal::{HeadFilter, Lease, SqliteJournal};
use tokenturn::rotation::Fact;
use tokenturn::testing::VirtualClock;
use tokenturn::{CredentialName, ErrorKind, Holder, Journal, Outcome, Predecessor};

use crate::world::{Books, World, listening, named, settle, swift};

/// Runs that wait out their grace, over a journal on disk, and whose time has come.
async fn waiting(names: Vec<String>, folder: &tempfile::TempDir) -> Arc<World> {
    let path = folder.path().join("journal");
    let open =
        |clock: &VirtualClock| Arc::new(SqliteJournal::options().clock(Arc::new(clock.clone())).open(path).unwrap());
    let world = Arc::new(World::over(names, |clock| open(clock) as Arc<dyn Journal>, |memory| memory));
    let graceful = Books::new(&world, swift().grace(Duration::from_hours(24)), None);
    let fleet = Fleet::builder().build().unwrap();
    let total = fleet.run([Tenant::new("all", graceful.turns())]).await.total();
    assert_eq!(total.draining, u64::try_from(world.bots.len()).unwrap(), "{total}");
    world.clock.advance(Duration::from_hours(25));
    world
}

fn resumed(world: &World) -> BTreeMap<String, Vec<Holder>> {
    let mut by = BTreeMap::<String, Vec<Holder>>::new();
    for event in &*world.told.lock().unwrap() {
        if let Fact::Resumed { by: holder } = &event.fact {
            by.entry(event.credential.to_string()).or_default().push(holder.clone());
        }
    }
    by
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_the_work_and_never_drive_one_credential_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let world = waiting(named("bot", 60), &folder).await;
    world.far.hold();
    let [first, second] = [(); 2].map(|()| Fleet::builder().open(6).per_lane(6).build().unwrap());
    let work = |fleet: &Fleet| {
        let fleet = fleet.clone();
        let (journal, books) = (world.journal.clone(), Books::new(&world, swift(), None));
        tokio::spawn(async move { fleet.work(journal, books).await.total() })
    };
    let (one, two) = (work(&first), work(&second));
    while [&first, &second].iter().any(|fleet| fleet.progress().in_flight < 6) {
        tokio::task::yield_now().await;
    }
    world.far.let_go();
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!(one.completed + two.completed, 60, "{one}; {two}");
    assert_eq!(one.reports() + two.reports(), 60, "{one}; {two}");
    assert!(one.completed > 0 && two.completed > 0, "{one}; {two}");
    let resumed = resumed(&world);
    assert_eq!(resumed.len(), 60);
    assert!(resumed.values().all(|by| by.len() == 1), "{resumed:?}");
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn a_fleet_does_not_claim_what_it_has_under_way_itself() {
    let world = Arc::new(World::new(named("bot", 4)));
    let books = Books::new(&world, swift(), None);
    world.far.hold();
    let fleet = Fleet::builder().build().unwrap();
    let running = tokio::spawn({
        let (fleet, turns) = (fleet.clone(), books.turns());
        async move { fleet.run([Tenant::new("all", turns)]).await.total() }
    });
    settle().await;
    assert_eq!(fleet.progress().in_flight, 4);
    assert_eq!(fleet.work(world.journal.clone(), books.clone()).await.total().begun, 0);
    world.far.let_go();
    assert_eq!(running.await.unwrap().completed, 4);
    assert!(resumed(&world).is_empty());
    world.assert_nothing_is_lost();
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_that_died_left_another_takes_over_when_the_lease_has_run_out() {
    let world = Arc::new(World::new(named("bot", 6)));
    let books = Books::new(&world, swift(), None);
    for _ in 0..6 {
        world.far.memory.plan_fault("revoke", Fault::Hangs);
    }
    let dead = Fleet::builder().build().unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(1), dead.run([Tenant::new("all", books.turns())])).await;
    assert!(cut.is_err(), "it was to be cut short");
    settle().await;
    let other = Fleet::builder().build().unwrap();
    assert_eq!(other.work(world.journal.clone(), books.clone()).await.total().begun, 0);
    world.clock.advance(Duration::from_hours(1));
    let total = other.work(world.journal.clone(), books.clone()).await.total();
    assert_eq!((total.completed, total.reports()), (6, 6), "{total}");
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_is_reported_and_left_alone_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let world = waiting([named("bot", 3), vec!["broken".into()]].concat(), &folder).await;
    let books = Books::new(&world, swift(), None);
    let (fleet, heard) = listening(Fleet::builder());
    let total = fleet.work(world.journal.clone(), books.clone()).await.total();
    assert_eq!((total.completed, total.failed, total.reports()), (3, 1, 4), "{total}");
    let heard = heard.lock().unwrap().clone();
    let broken = heard.iter().find(|report| report.credential.as_str() == "broken").unwrap();
    assert!(matches!(broken.turned, Turned::Failed { .. }));
    // Another time, perhaps.
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(fleet.work(world.journal.clone(), books.clone()).await.total().failed, 1);
}

#[tokio::test]
async fn drained_a_worker_gives_back_what_it_had_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let world = waiting(named("bot", 20), &folder).await;
    let (journal, books) = (world.journal.clone(), Books::new(&world, swift(), None));
    let fleet = Fleet::builder().open(1).build().unwrap();
    let drainer = fleet.clone();
    let running = tokio::spawn({
        let (fleet, journal, books) = (fleet.clone(), journal.clone(), books.clone());
        async move { fleet.work(journal, books).await.total() }
    });
    while drainer.progress().so_far.total().completed == 0 {
        tokio::task::yield_now().await;
    }
    drainer.drain().await;
    let first = running.await.unwrap();
    assert!(first.completed < 20, "{first}");
    let next = Fleet::builder().build().unwrap();
    let second = next.work(journal, books).await.total();
    assert_eq!(first.completed + second.completed, 20, "{first}; {second}");
    world.assert_nothing_is_lost();
}

#[tokio::test]
async fn a_lease_is_of_one_credential_and_whoever_lost_it_goes_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let world = waiting(named("bot", 2), &folder).await;
    let books = Books::new(&world, swift(), None);
    let holder = |name: &str| Holder::new(name).unwrap();
    let claim = async |by: &str| -> Vec<Lease> {
        let minute = Duration::from_mins(1);
        world.journal.claim_due(&HeadFilter::all(), &holder(by), minute, 1).await.unwrap()
    };
    let lease = claim("one").await.remove(0);
    assert_eq!(lease.credential.as_str(), "bot-000");
    let other = books.rotator("bot-001").resume_claimed(lease).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidInput);
    assert_eq!(other.subject(), Some("bot-000"));

    world.clock.advance(Duration::from_mins(2));
    let late = claim("one").await.remove(0);
    world.clock.advance(Duration::from_mins(2));
    let bot = CredentialName::new("bot-000").unwrap();
    let taken = world.journal.claim(&bot, &holder("two"), Duration::from_hours(1)).await.unwrap();
    let refused = books.rotator("bot-000").resume_claimed(late).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    let tokenturn::journal::Claim::Granted(lease) = taken else { panic!("{taken:?}") };
    // By the right one it is gone on with, once.
    let run = books.rotator("bot-000").resume_claimed(lease).await.unwrap().unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    assert_eq!(resumed(&world)["bot-000"], [holder("two")]);
    let again = Lease::new(bot, holder("three"), 9, Duration::from_mins(1));
    assert!(books.rotator("bot-000").resume_claimed(again).await.unwrap().is_none());
    // And the lease was given back.
    books.rotator("bot-000").rotate(Predecessor::Kept).await.unwrap();
}
