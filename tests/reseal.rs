//! Another key for what a journal keeps: nothing is lost, and the old key can go.

use std::sync::Arc;

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::{Journal, Key, KeyRing, KeySealer, KeySource, Log, MemoryJournal, Sealer, Seq, Span};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{OldPolicy, Outcome};
use tokenturn::testing::VirtualClock;
use tokenturn::{Clock, CredentialName, ErrorKind, Policy, Predecessor, Resealed, Rotator, Run, ScopeSet, Token};

/// A provider, a place that holds the old token, and a journal that survives.
struct World {
    clock: Arc<dyn Clock>,
    journal: Arc<MemoryJournal>,
    provider: MemoryProvider,
    place: MemoryConsumer,
    old: Token,
}

impl World {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let provider = MemoryProvider::with_clock(clock.clone());
        let place = MemoryConsumer::new("ci", &provider).unwrap();
        let old = provider.mint("bot", ScopeSet::of(["repo"]));
        place.put(&old);
        let journal = Arc::new(MemoryJournal::pretending_to_be_durable(clock.clone()));
        Self { clock, journal, provider, place, old }
    }

    /// Another start of the program, with these keys.
    fn rotator(&self, keys: &dyn KeySource, old: OldPolicy) -> Rotator {
        Rotator::builder("bot", self.provider.clone())
            .consumer(self.place.clone())
            .policy(Policy::default().old(old))
            .journal(self.journal.clone())
            .clock(self.clock.clone())
            .sealer(Arc::new(KeySealer::new(keys).unwrap()))
            .build()
            .unwrap()
    }

    fn swift(&self, keys: &dyn KeySource) -> Rotator {
        self.rotator(keys, OldPolicy::Revoke { grace: std::time::Duration::ZERO })
    }

    /// The old token is not revoked for a day: the run stays open.
    fn patient(&self, keys: &dyn KeySource) -> Rotator {
        self.rotator(keys, Policy::default().old)
    }

    async fn log(&self) -> Log {
        self.journal.load(&CredentialName::new("bot").unwrap(), Span::From(Seq::ZERO)).await.unwrap()
    }

    /// How many of the values that are kept this key alone opens.
    async fn opened_by(&self, key: &Key) -> usize {
        let sealer = KeySealer::new(key).unwrap();
        let mut opened = 0;
        for value in self.log().await.values {
            opened += usize::from(sealer.open(&value.sealed, &value.context).await.is_ok());
        }
        opened
    }
}

fn keys() -> (Key, Key, KeyRing) {
    let (old, new) = (Key::generate().unwrap(), Key::generate().unwrap());
    (old.clone(), new.clone(), new.replacing(old))
}

#[track_caller]
fn completed(run: &Run) {
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:#?}");
}

#[track_caller]
fn said(resealed: &Resealed, values: usize, needed: bool) {
    assert_eq!((resealed.values, resealed.replaced_key_needed), (values, needed));
}

#[tokio::test]
async fn the_token_in_use_moves_to_the_new_key_and_the_next_run_lets_the_old_key_go() {
    let world = World::new();
    let (old, new, both) = keys();
    completed(&world.swift(&old).rotate(Predecessor::Held(world.old.clone())).await.unwrap());
    assert_eq!((world.opened_by(&old).await, world.opened_by(&new).await), (1, 0));

    said(&world.swift(&both).reseal().await.unwrap(), 1, true);
    assert_eq!((world.opened_by(&old).await, world.opened_by(&new).await), (0, 1));
    // The records of that run still want the old key, so without it nothing is done.
    let error = world.swift(&new).rotate(Predecessor::Kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);

    completed(&world.swift(&both).rotate(Predecessor::Kept).await.unwrap());
    said(&world.swift(&both).reseal().await.unwrap(), 0, false);
    completed(&world.swift(&new).rotate(Predecessor::Kept).await.unwrap());
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test]
async fn the_history_of_a_key_that_is_gone_is_refused_and_not_made_up() {
    let world = World::new();
    let (old, new, both) = keys();
    completed(&world.swift(&old).rotate(Predecessor::Held(world.old.clone())).await.unwrap());
    completed(&world.swift(&both).rotate(Predecessor::Kept).await.unwrap());
    assert!(!world.swift(&both).events(Seq::ZERO).await.unwrap().is_empty());
    assert_eq!(world.swift(&new).events(Seq::ZERO).await.unwrap_err().kind(), ErrorKind::Journal);
    let since = world.log().await.head.since;
    assert!(!world.swift(&new).events(since).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_open_run_goes_on_where_it_was() {
    let world = World::new();
    let (old, new, both) = keys();
    let run = world.patient(&old).rotate(Predecessor::Held(world.old.clone())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    let before = world.log().await;

    let resealed = world.patient(&both).reseal().await.unwrap();
    said(&resealed, before.values.len(), true);
    let after = world.log().await;
    assert_eq!(after.records, before.records);
    assert_eq!((after.head.status, after.head.wake_at), (before.head.status, before.head.wake_at));
    assert_eq!(world.opened_by(&new).await, before.values.len());
    for (before, after) in before.values.iter().zip(&after.values) {
        assert_eq!((&before.id, &before.context.run), (&after.id, &after.context.run));
        assert!(after.context.epoch > before.context.epoch);
    }

    let due = world.patient(&both).open_rotations().await.unwrap();
    assert_eq!(due, [run]);
    world.clock.sleep(std::time::Duration::from_hours(25)).await;
    completed(&world.patient(&both).resume_due().await.unwrap().unwrap());
    assert!(!world.provider.is_alive(&world.old));
    // Its first records were written with the old key, and stay so.
    said(&world.patient(&both).reseal().await.unwrap(), 0, true);
}

#[tokio::test]
async fn what_is_sealed_with_the_key_in_use_is_left_alone() {
    let world = World::new();
    let (old, _, _) = keys();
    let nothing = world.swift(&old).reseal().await.unwrap();
    said(&nothing, 0, false);
    completed(&world.swift(&old).rotate(Predecessor::Held(world.old.clone())).await.unwrap());
    let before = world.log().await.values[0].sealed.bytes().unwrap().to_vec();
    said(&world.swift(&old).reseal().await.unwrap(), 0, false);
    assert_eq!(world.log().await.values[0].sealed.bytes().unwrap(), before);
}

#[tokio::test]
async fn a_ring_without_the_key_that_sealed_changes_nothing_and_holds_nobody_up() {
    let world = World::new();
    let (old, new, _) = keys();
    completed(&world.swift(&old).rotate(Predecessor::Held(world.old.clone())).await.unwrap());
    assert_eq!(world.swift(&new).reseal().await.unwrap_err().kind(), ErrorKind::Journal);
    assert_eq!(world.opened_by(&old).await, 1);
    completed(&world.swift(&old).rotate(Predecessor::Kept).await.unwrap());
}

#[test]
fn a_durable_journal_without_a_key_is_refused_with_the_line_that_mends_it() {
    let world = World::new();
    let bare = Rotator::builder("bot", world.provider.clone()).consumer(world.place.clone());
    let error = bare.journal(world.journal.clone()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let mends = r#".sealer(Arc::new(KeySealer::new(&KeyFile::at("tokenturn.key"))?))"#;
    assert!(error.to_string().contains(mends), "{error}");
}

#[tokio::test]
async fn a_report_goes_through_json_and_back() {
    let world = World::new();
    let (old, _, both) = keys();
    completed(&world.swift(&old).rotate(Predecessor::Held(world.old.clone())).await.unwrap());
    let resealed = world.swift(&both).reseal().await.unwrap();
    let text = serde_json::to_string(&resealed).unwrap();
    assert_eq!(text, r#"{"values":1,"replaced_key_needed":true}"#);
    assert_eq!(serde_json::from_str::<Resealed>(&text).unwrap(), resealed);
}
