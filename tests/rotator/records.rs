//! What is written down, what is told, and in which order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tokenturn::consumer::memory::Fault;
use tokenturn::journal::{InProcess, Journal, Mac, SealContext, Sealed, Sealer, Seq, Span, Status};
use tokenturn::rotation::{Fact, Outcome};
use tokenturn::testing::TestSealer;
use tokenturn::{CredentialName, ErrorKind, Event, Policy, Result, Token};

use crate::world::{Stumble, Stumbling, World, completed, replace, seconds};

/// A world whose journal stumbles where it is told to.
fn stumbling(world: World) -> (World, Arc<Stumbling>) {
    let journal = Stumbling::over(world.journal.clone());
    (World { journal: journal.clone(), ..world }, journal)
}

fn bot() -> CredentialName {
    CredentialName::new("bot").unwrap()
}

#[tokio::test]
async fn every_record_is_told_once_with_its_number() {
    let world = World::new();
    let rotator = world.rotator();
    rotator.rotate(world.held()).await.unwrap();
    let told = world.told.lock().unwrap().clone();
    assert_eq!(rotator.events(Seq::ZERO).await.unwrap(), told);
    let numbers: Vec<u64> = told.iter().map(|event| event.seq.get()).collect();
    assert_eq!(numbers, (1..=told.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_listener_that_missed_something_asks_from_where_it_was() {
    let world = World::new();
    let rotator = world.rotator();
    rotator.rotate(world.held()).await.unwrap();
    rotator.rotate(tokenturn::Predecessor::Kept).await.unwrap();
    let told = world.told.lock().unwrap().clone();
    let late = rotator.events(Seq::new(7)).await.unwrap();
    assert_eq!(late, told[6..]);
    assert!(rotator.events(Seq::new(10_000)).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_goes_through_json_and_back_and_reads_as_a_line() {
    let world = World::new();
    world.rotator().rotate(world.held()).await.unwrap();
    for event in &*world.told.lock().unwrap() {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), event);
        assert!(!event.to_string().contains('\n') && event.to_string().contains("bot"));
    }
}

#[tokio::test]
async fn what_is_not_durable_is_not_told() {
    for fact in ["begun", "issuing", "installing", "verified", "revoking", "ended"] {
        let (world, journal) = stumbling(World::new());
        journal.at(fact, Stumble::Refused);
        let error = world.rotator().rotate(world.held()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal, "{fact}");
        let stored = journal.load(&bot(), Span::From(Seq::ZERO)).await.unwrap().records.len();
        assert_eq!(world.told.lock().unwrap().len(), stored, "{fact}");
    }
}

#[tokio::test]
async fn nothing_is_done_whose_beginning_is_not_durable() {
    let (world, journal) = stumbling(World::new());
    journal.at("issuing", Stumble::Refused);
    world.rotator().rotate(world.held()).await.unwrap_err();
    assert_eq!(world.provider.live(), 1);
    journal.at("installing", Stumble::Refused);
    world.clock.advance(seconds(600));
    world.rotator().rotate(world.held()).await.unwrap_err();
    assert_eq!((world.a.writes(), world.b.writes()), (0, 0));
    journal.at("revoking", Stumble::Refused);
    world.clock.advance(seconds(600));
    world.rotator().rotate(world.held()).await.unwrap_err();
    assert!(world.provider.is_alive(&world.old));
    world.clock.advance(seconds(600));
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!((world.provider.live(), world.a.writes()), (1, 1));
}

#[tokio::test]
async fn a_new_token_is_stored_though_the_journal_stumbles() {
    for stumble in [Stumble::Refused, Stumble::LostBefore, Stumble::LostAfter] {
        let (world, journal) = stumbling(World::new());
        journal.at("issued", stumble);
        completed(&world.rotator().rotate(world.held()).await.unwrap());
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issued { .. })), 1, "{stumble:?}");
        assert_eq!(world.provider.live(), 1, "{stumble:?}");
    }
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_looked_for_everywhere() {
    for fact in ["begun", "issuing", "installing", "verified", "revoking", "ended"] {
        for stumble in [Stumble::LostBefore, Stumble::LostAfter] {
            let (world, journal) = stumbling(World::new());
            journal.at(fact, stumble);
            completed(&world.rotator().rotate(world.held()).await.unwrap());
            let stored = journal.load(&bot(), Span::From(Seq::ZERO)).await.unwrap().records.len();
            assert_eq!(world.told.lock().unwrap().len(), stored, "{fact} {stumble:?}");
        }
    }
}

#[tokio::test]
async fn a_new_token_that_cannot_be_stored_is_ended_where_the_old_one_lives() {
    let (world, journal) = stumbling(World::new());
    for _ in 0..10 {
        journal.at("issued", Stumble::Refused);
    }
    let rotator = world.rotator();
    rotator.rotate(world.held()).await.unwrap_err();
    assert_eq!(world.provider.live(), 1);
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_new_token_that_may_be_stored_is_not_ended_though_the_journal_fails_from_then_on() {
    let (world, journal) = stumbling(World::new());
    journal.at("issued", Stumble::LostAfter);
    for _ in 0..10 {
        journal.at("issued", Stumble::Refused);
    }
    // Nor can it be looked up.
    let deaf = journal.clone();
    journal.on_issued(move || deaf.deaf.store(1, Ordering::SeqCst));
    let rotator = world.rotator();
    rotator.rotate(world.held()).await.unwrap_err();
    assert_eq!(world.provider.live(), 2, "it is on record");
    journal.deaf.store(0, Ordering::SeqCst);
    let run = rotator.open_rotations().await.unwrap().remove(0);
    completed(&rotator.resume(run.id).await.unwrap());
    assert!(world.all_hold(&world.newest()) && world.provider.live() == 1);
}

#[tokio::test]
async fn a_new_token_that_replaced_the_old_one_is_tried_to_be_stored_for_as_long_as_patience_lasts() {
    let (world, journal) = stumbling(World::of(replace()));
    for _ in 0..20 {
        journal.at("issued", Stumble::Refused);
    }
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert!(world.all_hold(&world.newest()) && world.provider.live() == 1);
}

#[tokio::test]
async fn no_secret_is_in_a_record_an_event_or_a_text() {
    let world = World::of(replace());
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    let log = world.journal.load(&bot(), Span::From(Seq::ZERO)).await.unwrap();
    let plan = rotator.plan(&tokenturn::Predecessor::Kept).await.unwrap();
    let check = rotator.check(&tokenturn::Predecessor::Kept).await.unwrap();
    let texts = [
        format!("{log:?}{run:?}{rotator:?}{plan}{plan:?}{check:?}{:?}", world.held()),
        serde_json::to_string(&(&run, &plan, &check)).unwrap(),
        serde_json::to_string(&*world.told.lock().unwrap()).unwrap(),
    ];
    let bytes: Vec<u8> = log.values.iter().flat_map(|value| value.sealed.bytes().unwrap().to_vec()).collect();
    for token in [&world.old, &world.newest()] {
        let secret = token.expose();
        assert!(texts.iter().all(|text| !text.contains(secret)));
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
}

#[tokio::test]
async fn a_changed_record_is_found_and_not_acted_upon() {
    let world = World::of(replace());
    let run = world.with_policy(Policy::default()).rotate(world.held()).await.unwrap();
    completed(&run);
    let other_key = world.builder().sealer(Arc::new(TestSealer::with_key("another"))).build().unwrap();
    let error = other_key.rotate(tokenturn::Predecessor::Kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.to_string().contains("another key"), "{error}");
}

#[tokio::test]
async fn the_head_says_how_the_credential_stands() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default());
    let head = || async {
        let filter = tokenturn::journal::HeadFilter::of(&bot());
        world.journal.heads(&filter, tokenturn::journal::Page::first(1)).await.unwrap().remove(0)
    };
    let run = rotator.rotate(world.held()).await.unwrap();
    let Outcome::Draining { until, .. } = run.outcome else { panic!() };
    let draining = head().await;
    assert_eq!((draining.status, draining.wake_at, draining.run), (Status::Draining, Some(until), Some(run.id)));
    world.clock.advance(seconds(86_400));
    rotator.resume_due().await.unwrap();
    let idle = head().await;
    assert_eq!((idle.status, idle.wake_at), (Status::Idle, None));
    assert_eq!(idle.current.map(|current| current.fingerprint), Some(world.newest().fingerprint()));
}

#[tokio::test]
async fn an_open_rotation_is_listed_and_a_finished_one_is_not() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default());
    assert!(rotator.open_rotations().await.unwrap().is_empty());
    let run = rotator.rotate(world.held()).await.unwrap();
    assert_eq!(rotator.open_rotations().await.unwrap(), [run]);
    world.clock.advance(seconds(86_400));
    assert!(matches!(rotator.open_rotations().await.unwrap()[0].outcome, Outcome::Unfinished));
    rotator.resume_due().await.unwrap();
    assert!(rotator.open_rotations().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_age_of_a_token_counts_from_its_issue_and_not_from_the_end_of_the_run() {
    let world = World::new();
    let policy = || Policy::default().grace(seconds(5 * 86_400));
    let issued = tokenturn::Clock::now(&world.clock);
    world.with_policy(policy()).rotate(world.held()).await.unwrap();
    world.clock.advance(seconds(5 * 86_400));
    completed(&world.with_policy(policy()).resume_due().await.unwrap().unwrap());
    let filter = tokenturn::journal::HeadFilter::of(&bot());
    let head = world.journal.heads(&filter, tokenturn::journal::Page::first(1)).await.unwrap().remove(0);
    assert_eq!(head.current.unwrap().since, issued);
}

#[tokio::test]
async fn a_log_that_somebody_changed_is_not_acted_upon() {
    type Tamper = (&'static str, fn(&mut tokenturn::journal::Log));
    let tampers: [Tamper; 5] = [
        ("the value in use is gone", |log| log.values.clear()),
        ("it says that another token is in use", |log| {
            let current = log.head.current.as_mut().unwrap();
            current.id = Some(tokenturn::TokenId::new("7").unwrap());
        }),
        ("it says that nothing is open", |log| log.head.status = Status::Idle),
        ("its records are gone, and what is in use is not", |log| {
            log.records.clear();
            (log.head.since, log.head.last) = (Seq::ZERO, Seq::ZERO);
        }),
        ("a record says something else", |log| {
            let last = log.records.last_mut().unwrap();
            last.fact = last.fact.replace("draining", "cut_over");
        }),
    ];
    for (what, tamper) in tampers {
        let (world, journal) = stumbling(World::new());
        completed(&world.rotator().rotate(world.held()).await.unwrap());
        let policy = crate::world::swift().grace(seconds(3600)).linger(seconds(0));
        world.with_policy(policy).rotate(tokenturn::Predecessor::Kept).await.unwrap();
        *journal.tampered.lock().unwrap() = Some(tamper);
        let (live, held) = (world.provider.live(), world.a.holds());
        world.clock.advance(seconds(7200));
        for done in
            [world.rotator().rotate(tokenturn::Predecessor::Kept).await.map(Some), world.rotator().resume_due().await]
        {
            let error = done.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Journal, "{what}: {error}");
            assert!(error.to_string().contains("do not act on it"), "{what}: {error}");
        }
        assert_eq!((world.provider.live(), world.a.holds()), (live, held), "{what}");
    }
}

#[tokio::test]
async fn what_may_be_on_record_is_not_undone_because_the_journal_cannot_be_read() {
    let (world, journal) = stumbling(World::new());
    // The answer to the append is lost, and so are the looks whether it is there.
    (0..10).for_each(|_| journal.at("issued", Stumble::LostAfter));
    let deaf = journal.clone();
    journal.on_issued(move || deaf.deaf.store(5, Ordering::SeqCst));
    let error = world.rotator().rotate(world.held()).await.unwrap_err();
    assert_eq!(error.effect(), tokenturn::Effect::Unknown);
    assert!(world.provider.is_alive(&world.newest()), "it is on record");
    journal.deaf.store(0, Ordering::SeqCst);
    world.clock.advance(seconds(3600));
    completed(&world.rotator().resume_due().await.unwrap().unwrap());
    assert_eq!(
        world.count(|fact| matches!(fact, Fact::Revoking { token: tokenturn::rotation::TokenRef::New(_), .. })),
        0
    );
    assert_eq!(world.provider.live(), 1);
}

/// Opens every value as another than was sealed.
#[derive(Debug)]
struct Mistaken(InProcess);

#[async_trait]
impl Sealer for Mistaken {
    fn is_persistent(&self) -> bool {
        self.0.is_persistent()
    }

    async fn seal(&self, value: &Token, context: &SealContext) -> Result<Sealed> {
        self.0.seal(value, context).await
    }

    async fn open(&self, sealed: &Sealed, context: &SealContext) -> Result<Token> {
        self.0.open(sealed, context).await?;
        Token::new("another")
    }

    fn is_current(&self, sealed: &Sealed) -> bool {
        self.0.is_current(sealed)
    }

    fn mac(&self, previous: &Mac, message: &[u8]) -> Result<Mac> {
        self.0.mac(previous, message)
    }

    fn ties(&self, previous: &Mac, message: &[u8], tie: &Mac) -> Result<bool> {
        self.0.ties(previous, message, tie)
    }
}

#[tokio::test]
async fn a_value_that_is_another_than_its_records_say_is_installed_nowhere() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    world.with_policy(crate::world::swift().linger(seconds(0))).rotate(world.held()).await.unwrap();
    world.clock.advance(seconds(3600));
    let writes = (world.a.writes(), world.b.writes());
    let mistaken = world.builder().sealer(Arc::new(Mistaken(InProcess::new()))).build().unwrap();
    let error = mistaken.resume_due().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.to_string().contains("another value than its records say"), "{error}");
    assert_eq!((world.a.writes(), world.b.writes()), writes);
}
