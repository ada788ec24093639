//! What people are asked to do, and how much of it at a time.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::fleet::{Fleet, Inbox, Tenant, Turned};
use tokenturn::journal::{MemoryJournal, Page};
use tokenturn::provider::{Fate, Issuer, ProviderCapabilities};
use tokenturn::testing::VirtualClock;
use tokenturn::{Clock as _, Journal, OldPolicy, Outcome, Policy, ScopeSet};

use crate::world::{Books, World, listening, named, swift};

/// Credentials whose tokens a person makes.
fn guided(count: usize) -> Arc<World> {
    let journal =
        |clock: &VirtualClock| Arc::new(MemoryJournal::with_clock(Arc::new(clock.clone()))) as Arc<dyn Journal>;
    let by_hand = ProviderCapabilities::new(Issuer::Person, Fate::Survives);
    Arc::new(World::over(named("bot", count), journal, |memory| memory.with_capabilities(by_hand)))
}

fn kept() -> Policy {
    swift().old(OldPolicy::Keep)
}

/// The person does what they are asked for one credential.
async fn answer(books: &Books, name: &str) {
    let rotator = books.rotator(name);
    let open = rotator.open_rotations().await.unwrap();
    let token = books.world.far.memory.mint(name, ScopeSet::of(["repo"]));
    let run = rotator.supply(open[0].id.clone(), token).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
}

#[tokio::test]
async fn no_more_guided_runs_wait_for_one_person_than_they_can_do() {
    let world = guided(12);
    let alice = Books::new(&world, kept(), Some("alice"));
    let (fleet, heard) = listening(Fleet::builder().per_person(3));
    let total = fleet.run([Tenant::new("all", alice.turns())]).await.total();
    assert_eq!((total.awaiting_person, total.deferred, total.reports()), (3, 9, 12), "{total}");
    // What waits for a person holds no place.
    assert_eq!(fleet.progress().in_flight, 0);
    let mut begun = Vec::new();
    let reports = heard.lock().unwrap().clone();
    for report in reports {
        let open = alice.rotator(report.credential.as_str()).open_rotations().await.unwrap();
        match &report.turned {
            Turned::Deferred { person, .. } => {
                assert_eq!((person.as_deref(), open.len()), (Some("alice"), 0));
            }
            _ => begun.push(report.credential.to_string()),
        }
    }
    assert_eq!(begun.len(), 3);

    // Another person has room of their own.
    let bob = Books::new(&world, kept(), Some("bob"));
    let others = bob.turns().filter(|turn| !begun.contains(&turn.credential().to_string())).collect::<Vec<_>>();
    let total = fleet.run([Tenant::new("all", others.into_iter())]).await.total();
    assert_eq!((total.awaiting_person, total.deferred), (3, 6), "{total}");

    // What the person has done, by whatever way, makes room for the next.
    answer(&alice, &begun[0]).await;
    answer(&alice, &begun[1]).await;
    let mut open = Vec::new();
    for name in world.bots.keys() {
        if !alice.rotator(name).open_rotations().await.unwrap().is_empty() {
            open.push(name.clone());
        }
    }
    let rest = alice.turns().filter(|turn| {
        let name = turn.credential().to_string();
        !open.contains(&name) && !begun.contains(&name)
    });
    let rest = rest.collect::<Vec<_>>();
    let total = fleet.run([Tenant::new("all", rest.into_iter())]).await.total();
    assert_eq!((total.awaiting_person, total.deferred), (2, 4), "{total}");
}

#[tokio::test]
async fn the_next_fleet_counts_what_the_journal_has_waiting() {
    let world = guided(9);
    let alice = Books::new(&world, kept(), Some("alice"));
    let fleet = Fleet::builder().per_person(4).build().unwrap();
    assert_eq!(fleet.run([Tenant::new("all", alice.turns())]).await.total().awaiting_person, 4);

    let next = Fleet::builder().per_person(4).build().unwrap();
    let due = next.due(world.journal.clone(), alice.clone(), world.clock.now());
    assert_eq!(next.run([Tenant::new("all", due)]).await.total().begun, 0);
    let fresh = alice.turns().skip(4).collect::<Vec<_>>();
    let total = next.run([Tenant::new("all", fresh.into_iter())]).await.total();
    assert_eq!((total.awaiting_person, total.deferred), (0, 5), "{total}");
}

#[tokio::test]
async fn an_inbox_has_what_is_asked_by_person_and_deadline_page_by_page() {
    let world = guided(7);
    for (n, turn) in Books::new(&world, kept(), None).turns().enumerate() {
        // Those that come later have less time.
        let time = Duration::from_hours(100 - 10 * u64::try_from(n).unwrap());
        let mut policy = kept();
        policy.answer_within = time;
        let books = Books::new(&world, policy, None);
        let name = turn.credential().to_string();
        let rotator = books.rotator(&name);
        let old = tokenturn::Predecessor::Held(world.bots[&name].old.clone());
        assert!(matches!(rotator.rotate(old).await.unwrap().outcome, Outcome::AwaitingPerson { .. }));
    }
    let alice = Books::new(&world, kept(), Some("alice"));
    let all = Inbox::of("alice", &*world.journal, &*alice).await.unwrap();
    let names: Vec<_> = all.entries.iter().map(|entry| entry.credential.to_string()).collect();
    let mut backwards = named("bot", 7);
    backwards.reverse();
    assert_eq!(names, backwards);
    assert!(all.entries.iter().all(|entry| entry.ask.guide().is_some() && entry.deadline.is_some()));
    assert!(Inbox::of("bob", &*world.journal, &*alice).await.unwrap().entries.is_empty());

    let (mut page, mut seen) = (Page::first(3), Vec::new());
    loop {
        let inbox = Inbox::page(&*world.journal, &*alice, page).await.unwrap();
        assert!(inbox.entries.len() <= 3);
        assert!(inbox.entries.is_sorted_by_key(|entry| entry.deadline));
        seen.extend(inbox.entries.iter().map(|entry| entry.credential.to_string()));
        let Some(next) = inbox.next else { break };
        page = Page::after(next, 3);
    }
    seen.sort();
    assert_eq!(seen, named("bot", 7));

    answer(&alice, "bot-003").await;
    assert_eq!(Inbox::of("alice", &*world.journal, &*alice).await.unwrap().entries.len(), 6);
}
