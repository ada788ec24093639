//! An audit that must have every event, and what becomes of a run while it fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenturn::audit::{Audit, AuditPolicy};
use tokenturn::consumer::Manual;
use tokenturn::consumer::memory::Fault;
use tokenturn::journal::Seq;
use tokenturn::rotation::{Ask, Decision, Fact, Outcome, TokenRef, Urgency};
use tokenturn::{ConsumerName, CredentialName, Effect, Error, ErrorKind, Event, Result, Rotator};

use crate::world::{World, asks, completed, guided, overlap, replace, repo, seconds};

/// An audit in memory. It does not look whether it has an event already: the engine does.
#[derive(Debug, Default)]
struct Ledger {
    events: Mutex<Vec<Event>>,
    /// How many more it takes, and what it does after that.
    takes: Mutex<Option<usize>>,
    mood: Mutex<Mood>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mood {
    #[default]
    Refuses,
    TakesAndFails,
    Hangs,
}

impl Ledger {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    /// It fails after so many events.
    fn failing_after(takes: usize) -> Arc<Self> {
        let ledger = Self::new();
        ledger.fail_after(takes, Mood::Refuses);
        ledger
    }

    fn fail_after(&self, takes: usize, mood: Mood) {
        *self.takes.lock().unwrap() = Some(takes);
        *self.mood.lock().unwrap() = mood;
    }

    fn mend(&self) {
        *self.takes.lock().unwrap() = None;
    }

    fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    fn has(&self, is: impl Fn(&Fact) -> bool) -> bool {
        self.events().iter().any(|event| is(&event.fact))
    }
}

#[async_trait::async_trait]
impl Audit for Ledger {
    async fn last(&self, credential: &CredentialName) -> Result<Option<Seq>> {
        if *self.takes.lock().unwrap() == Some(0) && *self.mood.lock().unwrap() == Mood::Hangs {
            std::future::pending::<()>().await;
        }
        Ok(self.events().iter().rev().find(|event| event.credential == *credential).map(|event| event.seq))
    }

    async fn append(&self, event: &Event) -> Result<()> {
        let full = match &mut *self.takes.lock().unwrap() {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        let mood = *self.mood.lock().unwrap();
        if full && mood == Mood::Hangs {
            std::future::pending::<()>().await;
        }
        if !full || mood == Mood::TakesAndFails {
            self.events.lock().unwrap().push(event.clone());
        }
        if full { Err(Error::new(ErrorKind::Unavailable, "the archive is full")) } else { Ok(()) }
    }
}

fn audited(world: &World, ledger: &Arc<Ledger>, policy: AuditPolicy) -> Rotator {
    world.builder().audit(ledger.clone(), policy).build().unwrap()
}

/// The audit has each event of the journal, once and in order.
async fn is_whole(rotator: &Rotator, ledger: &Ledger) {
    assert_eq!(ledger.events(), rotator.events(Seq::ZERO).await.unwrap());
}

#[track_caller]
fn blocked(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Audit, "{error}");
    assert!(error.to_string().contains("mend the audit, then resume"), "{error}");
}

#[tokio::test]
async fn every_event_that_observers_are_told_is_in_the_audit_in_order() {
    let (world, ledger) = (World::new(), Ledger::new());
    let rotator = audited(&world, &ledger, AuditPolicy::Block);
    completed(&rotator.rotate(world.held()).await.unwrap());
    assert_eq!(ledger.events(), *world.told.lock().unwrap());
    is_whole(&rotator, &ledger).await;
}

/// Runs with an audit that is full after each number of events, and returns how many runs were stopped.
async fn full_after_each(world: impl Fn() -> World) -> usize {
    for takes in 0.. {
        let (world, ledger) = (world(), Ledger::failing_after(takes));
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        let begun = rotator.rotate(world.held()).await;
        let Err(error) = begun else {
            completed(&begun.unwrap());
            return takes;
        };
        blocked(&error);
        // Nothing was done outside that the audit does not know.
        let before = world.provider.newest().unwrap();
        assert!(ledger.has(|fact| matches!(fact, Fact::Issuing { .. })) || before == world.old, "{takes}");
        for (place, name) in [(&world.a, "a"), (&world.b, "b")] {
            let told =
                ledger.has(|fact| matches!(fact, Fact::Installing { consumer, .. } if consumer.as_str() == name));
            assert!(told || place.writes() == 0, "{takes}: {name}");
        }
        let replaced = world.durable && before != world.old;
        assert!(
            replaced || ledger.has(|fact| matches!(fact, Fact::Revoking { .. })) || world.provider.is_alive(&world.old)
        );
        ledger.mend();
        world.clock.advance(seconds(3600));
        // The lease was given back, so another engine need not wait.
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        match rotator.open_rotations().await.unwrap().first() {
            Some(open) => completed(&rotator.resume(open.id.clone()).await.unwrap()).old,
            // All was done, but for the audit's last lines; the next call brings them.
            None => completed_long_ago(&world, &rotator).await,
        };
        is_whole(&rotator, &ledger).await;
        assert_eq!((world.provider.live(), world.all_hold(&world.newest())), (1, true), "{takes}");
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issued { .. })), 1, "{takes}");
        nothing_was_looked_for(&world);
    }
    unreachable!()
}

/// What was never asked for is not taken for lost.
#[track_caller]
fn nothing_was_looked_for(world: &World) {
    let lost =
        |fact: &Fact| matches!(fact, Fact::OrphansFound { .. } | Fact::OrphanPossible { .. } | Fact::TokenLost { .. });
    assert_eq!(world.count(lost), 0);
}

async fn completed_long_ago(world: &World, rotator: &Rotator) -> tokenturn::rotation::OldEnd {
    assert!(world.count(|fact| matches!(fact, Fact::Ended { .. })) == 1);
    rotator.reseal().await.unwrap();
    tokenturn::rotation::OldEnd::None
}

#[tokio::test]
async fn a_full_audit_stops_a_run_before_the_next_act_and_it_goes_on_from_there() {
    let stopped = full_after_each(|| World::of(overlap())).await;
    assert!(stopped > 15, "{stopped}");
}

#[tokio::test]
async fn a_full_audit_never_makes_a_token_look_lost_where_the_old_one_dies_at_once() {
    let stopped = full_after_each(|| World::of(replace())).await;
    assert!(stopped > 10, "{stopped}");
}

#[tokio::test]
async fn a_full_audit_stops_a_roll_back_with_both_tokens_alive() {
    for takes in 0.. {
        let (world, ledger) = (World::new(), Ledger::failing_after(takes));
        world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        let begun = rotator.rotate(world.held()).await;
        let Err(error) = begun else {
            assert!(matches!(begun.unwrap().outcome, Outcome::RolledBack { .. }));
            assert!(takes > 15);
            return;
        };
        blocked(&error);
        assert!(world.provider.is_alive(&world.old));
        ledger.mend();
        world.clock.advance(seconds(3600));
        if let Some(open) = rotator.open_rotations().await.unwrap().first() {
            rotator.resume(open.id.clone()).await.unwrap();
        } else {
            rotator.reseal().await.unwrap();
        }
        is_whole(&rotator, &ledger).await;
        assert_eq!(world.provider.live(), 1);
    }
}

#[tokio::test]
async fn by_policy_a_run_goes_on_without_its_audit_which_is_filled_later() {
    let (world, ledger) = (World::new(), Ledger::failing_after(3));
    let rotator = audited(&world, &ledger, AuditPolicy::Continue);
    completed(&rotator.rotate(world.held()).await.unwrap());
    assert_eq!(ledger.events().len(), 3);
    ledger.mend();
    rotator.reseal().await.unwrap();
    is_whole(&rotator, &ledger).await;
}

#[tokio::test]
async fn what_was_appended_though_the_answer_was_no_is_not_appended_twice() {
    let (world, ledger) = (World::new(), Ledger::new());
    ledger.fail_after(4, Mood::TakesAndFails);
    let rotator = audited(&world, &ledger, AuditPolicy::Block);
    blocked(&rotator.rotate(world.held()).await.unwrap_err());
    ledger.mend();
    completed(&rotator.rotate(world.held()).await.unwrap());
    is_whole(&rotator, &ledger).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cut_off_between_a_record_and_its_line_leaves_no_hole() {
    for takes in 0..12 {
        let (world, ledger) = (World::new(), Ledger::new());
        ledger.fail_after(takes, Mood::Hangs);
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        assert!(tokio::time::timeout(seconds(1), rotator.rotate(world.held())).await.is_err());
        drop(rotator);
        ledger.mend();
        world.clock.advance(seconds(3600));
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        completed(&rotator.rotate(world.held()).await.unwrap());
        is_whole(&rotator, &ledger).await;
        assert_eq!(world.provider.live(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_audit_that_never_answers_is_given_up() {
    let (world, ledger) = (World::new(), Ledger::new());
    ledger.fail_after(0, Mood::Hangs);
    let began = tokio::time::Instant::now();
    blocked(&audited(&world, &ledger, AuditPolicy::Block).rotate(world.held()).await.unwrap_err());
    assert_eq!(began.elapsed(), Duration::from_secs(30), "a quarter of what one act may take");
    let run = audited(&world, &ledger, AuditPolicy::Continue).rotate(world.held()).await.unwrap();
    completed(&run);
    assert_eq!(began.elapsed(), Duration::from_secs(90), "it is asked once at the beginning and once at the end");
}

#[tokio::test]
async fn nothing_is_begun_and_no_run_is_left_open_while_the_audit_is_behind_and_fails() {
    let (world, ledger) = (World::new(), Ledger::new());
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    ledger.fail_after(0, Mood::Refuses);
    let rotator = audited(&world, &ledger, AuditPolicy::Block);
    let before = world.facts().len();
    let error = rotator.rotate(tokenturn::Predecessor::Kept).await.unwrap_err();
    blocked(&error);
    assert_eq!((error.effect(), world.facts().len()), (Effect::None, before));
}

#[tokio::test]
async fn an_audit_that_comes_later_is_given_all_that_the_journal_has() {
    let (world, ledger) = (World::new(), Ledger::new());
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let rotator = audited(&world, &ledger, AuditPolicy::Block);
    completed(&rotator.rotate(tokenturn::Predecessor::Kept).await.unwrap());
    is_whole(&rotator, &ledger).await;
}

#[tokio::test]
async fn what_leaked_is_ended_though_the_audit_fails() {
    for urgency in [Urgency::RevokeFirst, Urgency::ReplaceNow] {
        let (world, ledger) = (World::new(), Ledger::failing_after(0));
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        completed(&rotator.emergency(world.held(), urgency).await.unwrap());
        assert!(!world.provider.is_alive(&world.old) && ledger.events().is_empty());
        // What comes next is no emergency.
        blocked(&rotator.rotate(tokenturn::Predecessor::Kept).await.unwrap_err());
        ledger.mend();
        completed(&rotator.rotate(tokenturn::Predecessor::Kept).await.unwrap());
        is_whole(&rotator, &ledger).await;
    }
}

#[tokio::test]
async fn an_emergency_takes_over_a_run_that_the_audit_has_stopped_and_goes_on_after_a_restart() {
    let (world, ledger) = (World::new(), Ledger::failing_after(5));
    let rotator = audited(&world, &ledger, AuditPolicy::Block);
    blocked(&rotator.rotate(world.held()).await.unwrap_err());
    for _ in 0..3 {
        world.provider.plan_fault("revoke", Fault::LostBefore);
    }
    let patient = world.builder().audit(ledger.clone(), AuditPolicy::Block);
    let patient = patient.policy(crate::world::swift().linger(Duration::ZERO)).build().unwrap();
    let run = patient.emergency(world.held(), Urgency::RevokeFirst).await.unwrap();
    world.clock.advance(seconds(3600));
    let run = audited(&world, &ledger, AuditPolicy::Block).resume(run.id).await.unwrap();
    completed(&run);
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_pasted_token_is_on_record_before_the_audit_is_asked() {
    let (world, ledger) = (World::of(guided()), Ledger::new());
    let rotator = audited(&world, &ledger, AuditPolicy::Block);
    let run = rotator.rotate(world.held()).await.unwrap();
    ledger.fail_after(0, Mood::Refuses);
    let new = world.provider.mint("bot", repo());
    blocked(&rotator.supply(run.id.clone(), new.clone()).await.unwrap_err());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issued { .. })), 1);
    assert!(world.all_hold(&world.old), "nothing was done with it");
    ledger.mend();
    let run = rotator.resume(run.id).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { token: TokenRef::Old, .. }]), "{run:?}");
    assert!(world.all_hold(&new));
    is_whole(&rotator, &ledger).await;
}

#[tokio::test]
async fn a_full_audit_never_makes_a_poll_look_unanswered() {
    let mut can = overlap();
    can.issuer = tokenturn::provider::Issuer::Person;
    for takes in 0.. {
        let world = World::of(can.clone()).with_provider(tokenturn::provider::memory::MemoryProvider::polled);
        let ledger = Ledger::new();
        let rotator = audited(&world, &ledger, AuditPolicy::Block);
        rotator.rotate(world.held()).await.unwrap();
        world.provider.agree();
        world.clock.advance(seconds(5));
        ledger.fail_after(takes, Mood::Refuses);
        let resumed = rotator.resume_due().await;
        let Err(error) = resumed else {
            completed(&resumed.unwrap().unwrap());
            assert!(takes > 10, "{takes}");
            return;
        };
        blocked(&error);
        assert!(ledger.has(|fact| matches!(fact, Fact::Collecting { .. })) || world.provider.live() == 1);
        ledger.mend();
        if let Some(open) = rotator.open_rotations().await.unwrap().first() {
            completed(&rotator.resume(open.id.clone()).await.unwrap());
        } else {
            rotator.reseal().await.unwrap();
        }
        is_whole(&rotator, &ledger).await;
        assert_eq!((world.provider.live(), world.count(|fact| matches!(fact, Fact::Issued { .. }))), (1, 1), "{takes}");
        nothing_was_looked_for(&world);
    }
}

#[tokio::test]
async fn a_token_is_not_shown_to_a_person_while_the_audit_fails() {
    let (world, ledger) = (World::new(), Ledger::new());
    let manual = Manual::new("console", "iCR").unwrap().step("Paste it.").requiring(["repo"]);
    let rotator = world.builder().consumer(manual).audit(ledger.clone(), AuditPolicy::Block).build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    ledger.fail_after(0, Mood::Refuses);
    blocked(&rotator.reveal(run.id.clone(), "console").await.unwrap_err());
    ledger.mend();
    assert_eq!(rotator.reveal(run.id.clone(), "console").await.unwrap(), world.newest());
    let confirm = Decision::Confirm(ConsumerName::new("console").unwrap());
    completed(&rotator.resolve(run.id, confirm).await.unwrap());
    is_whole(&rotator, &ledger).await;
}

#[tokio::test]
async fn an_audit_that_knows_more_than_the_journal_shows_that_the_journal_is_an_old_copy() {
    let (world, ledger) = (World::new(), Ledger::new());
    completed(&audited(&world, &ledger, AuditPolicy::Block).rotate(world.held()).await.unwrap());
    // The same credential, and a journal that has forgotten.
    let other = World::new();
    let error = audited(&other, &ledger, AuditPolicy::Block).rotate(other.held()).await.unwrap_err();
    blocked(&error);
    assert!(error.to_string().contains("old copy"), "{error}");
    assert_eq!((other.provider.live(), other.facts().len()), (1, 0));
    completed(&audited(&other, &ledger, AuditPolicy::Continue).rotate(other.held()).await.unwrap());
}
