//! Journals that are behind the world, and writes that are late.

use tokenturn::consumer::Proof;
use tokenturn::consumer::memory::Fault;
use tokenturn::provider::ProviderCapabilities;
use tokenturn::rotation::{Fact, OnFailure, Outcome};
use tokenturn::{ErrorKind, Event, Expiry, Patience};

use crate::world::{World, completed, overlap, place, replace, seconds, stuck, swift};

fn revoked_new(world: &World) -> usize {
    world.count(|fact| matches!(fact, Fact::Revoking { token, .. } if *token != tokenturn::rotation::TokenRef::Old))
}

/// A run whose first attempt is lost, so that what it made is found again as an orphan; and what the places really hold.
fn orphan_in_use(can: ProviderCapabilities, new: Proof) -> World {
    let world = World::of(can).with_a(place().proving(Proof::Always, new)).with_b(place().proving(Proof::Always, new));
    world.provider.plan_fault("issue", Fault::LostAfter);
    // The journal is an old copy: it knows of the attempt, and not that its token went everywhere.
    world.a.plan_fault("preflight", Fault::Late(seconds(1)));
    world
}

#[tokio::test(start_paused = true)]
async fn what_is_found_of_a_lost_attempt_may_be_in_use_and_goes_last() {
    for new in [Proof::Always, Proof::Never] {
        let world = orphan_in_use(overlap(), new);
        let bot = world.with_policy(swift().linger(seconds(0)));
        // It stops where the lost attempt is to be looked for.
        assert!(matches!(bot.rotate(world.held()).await.unwrap().outcome, Outcome::BackingOff { .. }));
        let in_use = world.newest();
        world.a.put(&in_use);
        world.b.put(&in_use);
        world.clock.advance(seconds(3600));
        let run = world.rotator().resume_due().await.unwrap().unwrap();
        completed(&run);
        let facts = world.facts();
        let at = |is: &dyn Fn(&Fact) -> bool| facts.iter().rposition(is).unwrap();
        let orphan = at(&|fact| matches!(fact, Fact::Revoking { token: tokenturn::rotation::TokenRef::Found(_), .. }));
        assert!(at(&|fact| matches!(fact, Fact::Verified { .. })) < orphan, "{new:?}");
        assert_eq!(world.provider.live(), 1);
        assert!(world.all_hold(&world.newest()));
    }
}

#[tokio::test]
async fn an_orphan_goes_at_once_where_the_places_show_that_they_hold_the_old_token() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::LostAfter);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let facts = world.facts();
    let orphan = facts.iter().position(|fact| matches!(fact, Fact::Revoked { .. })).unwrap();
    let installing = facts.iter().position(|fact| matches!(fact, Fact::Installing { .. })).unwrap();
    assert!(orphan < installing);
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test]
async fn a_roll_back_after_a_restart_looks_at_places_that_it_never_touched() {
    let world = World::new();
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    let policy = || swift().on_failure(OnFailure::RollBack).patience(patience).linger(seconds(0));
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    let run = world.with_policy(policy()).rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
    // In the world, the run went on; the journal is an old copy.
    world.b.put(&world.newest());
    for _ in 0..9 {
        world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    }
    world.clock.advance(seconds(3600));
    let run = world.with_policy(policy().linger(seconds(600))).resume_due().await.unwrap().unwrap();
    assert!(world.a.holds().is_some() && world.b.holds().is_some());
    for held in [&world.a, &world.b] {
        let alive = [&world.old, &world.newest()]
            .iter()
            .any(|token| held.holds() == Some(token.fingerprint()) && world.provider.is_alive(token));
        assert!(alive, "{run:?} {:#?}", world.facts());
    }
}

#[tokio::test]
async fn a_roll_back_after_a_restart_that_cannot_look_keeps_both_tokens() {
    let world = World::new();
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    let policy = || swift().on_failure(OnFailure::RollBack).patience(patience).linger(seconds(0));
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    world.with_policy(policy()).rotate(world.held()).await.unwrap();
    for _ in 0..40 {
        world.b.plan_fault("preflight", Fault::Refused(ErrorKind::PermissionDenied));
    }
    world.clock.advance(seconds(3600));
    let run = world.with_policy(policy().linger(seconds(600))).resume_due().await.unwrap().unwrap();
    stuck(&run);
    assert_eq!(revoked_new(&world), 0);
    assert!(world.provider.is_alive(&world.old) && world.provider.is_alive(&world.newest()));
}

#[tokio::test(start_paused = true)]
async fn no_other_token_is_written_where_a_write_may_still_arrive() {
    let world = World::new();
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    let policy = swift().on_failure(OnFailure::RollBack).patience(patience).act_timeout(seconds(60)).settle(seconds(7));
    (0..11).for_each(|_| world.a.plan_fault("install", Fault::LostBefore));
    let began = tokenturn::Clock::now(&world.clock);
    let run = world.with_policy(policy).rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    let told = world.told.lock().unwrap().clone();
    let back = |event: &&Event| matches!(&event.fact, Fact::Restoring { consumer, .. } if consumer.as_str() == "a");
    let restoring = told.iter().find(back).expect("it goes back");
    assert!(began.until(restoring.at) >= seconds(67), "{}", restoring.at);
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_reported_with_its_end() {
    let world = World::of(replace());
    world.provider.plan_fault("issue", Fault::LostAfter);
    let run = world.with_policy(swift().lifetime(seconds(90 * 86_400))).rotate(world.held()).await.unwrap();
    let Outcome::NeedsPerson { orphans, .. } = &run.outcome else { panic!("{run:?}") };
    let Expiry::At(end) = orphans[0].expiry else { panic!("{orphans:?}") };
    assert!(tokenturn::Clock::now(&world.clock) < end);
}

/// A run that stands before its second place, whose journal is put back later than the world: there it went on.
async fn put_back(b: tokenturn::consumer::ConsumerCapabilities, decide: bool) -> (World, tokenturn::Run) {
    let world = World::new().with_b(b);
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    let policy = || swift().on_failure(OnFailure::RollBack).patience(patience).linger(seconds(0));
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    let bot = world.with_policy(policy());
    let run = bot.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
    world.b.put(&world.newest());
    (0..9).for_each(|_| world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied)));
    world.clock.advance(seconds(3600));
    let bot = world.with_policy(policy().linger(seconds(600)));
    let mut run = bot.resume_due().await.unwrap().unwrap();
    if decide {
        let name = tokenturn::ConsumerName::new("b").unwrap();
        run = bot.resolve(run.id, tokenturn::Decision::Forget(name)).await.unwrap();
    }
    (world, run)
}

#[tokio::test]
async fn on_the_way_back_after_a_restart_not_to_know_is_not_a_no() {
    // It cannot tell the new token from the old one, and nothing that it shows moves when the token does.
    let blind = place().proving(Proof::Always, Proof::Sometimes);
    let mute = place().proving(Proof::Never, Proof::Never);
    for can in [blind, mute] {
        let (world, run) = put_back(can, false).await;
        let held = world.b.holds();
        let new = world.newest();
        let in_use = held == Some(new.fingerprint());
        assert!(!in_use || world.provider.is_alive(&new), "{run:?}");
    }
}

#[tokio::test]
async fn a_place_that_is_forgotten_unseen_may_hold_the_new_token() {
    let (world, run) = put_back(place().proving(Proof::Always, Proof::Sometimes), true).await;
    let new = world.newest();
    assert!(world.b.holds() != Some(new.fingerprint()) || world.provider.is_alive(&new), "{run:?}");
}

#[tokio::test]
async fn the_new_token_is_not_taken_back_when_the_old_one_died_meanwhile() {
    let world = World::new();
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    let policy = || swift().on_failure(OnFailure::Hold).patience(patience);
    (0..40).for_each(|_| world.a.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied)));
    let bot = world.with_policy(policy());
    let run = bot.rotate(world.held()).await.unwrap();
    stuck(&run);
    world.provider.kill(&world.old);
    let run = bot.resolve(run.id, tokenturn::Decision::RollBack).await.unwrap();
    assert!(world.provider.is_alive(&world.newest()), "the only token that is left: {run:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_never_answered_is_waited_for_though_a_later_one_was() {
    let world = World::new();
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    let policy = swift().on_failure(OnFailure::RollBack).patience(patience).act_timeout(seconds(60)).settle(seconds(7));
    world.a.plan_fault("install", Fault::LostBefore);
    world.a.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let began = tokenturn::Clock::now(&world.clock);
    let run = world.with_policy(policy).rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    let told = world.told.lock().unwrap().clone();
    let back = |event: &&Event| matches!(&event.fact, Fact::Restoring { consumer, .. } if consumer.as_str() == "a");
    let restoring = told.iter().find(back).expect("it goes back");
    assert!(began.until(restoring.at) >= seconds(67), "{}", restoring.at);
}
