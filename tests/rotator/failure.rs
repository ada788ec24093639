//! What happens when a place or the provider fails, lies, or its answer is lost.

use std::time::Duration;

use tokenturn::consumer::ConsumerCapabilities;
use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::provider::Fate;
use tokenturn::rotation::{Fact, OnFailure, Outcome, TokenRef};
use tokenturn::{ErrorKind, Event, Policy, Reason, Rotator};

use crate::retold::Retold;
use crate::world::{World, completed, overlap, place, stuck, swift};

const DENIED: Fault = Fault::Refused(ErrorKind::PermissionDenied);
/// The call before the one that is meant.
const WENT_WELL: Fault = Fault::Late(Duration::ZERO);

#[track_caller]
fn rolled_back(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::RolledBack { orphans, .. } if orphans.is_empty()), "{outcome:#?}");
}

/// A world with a third place that is written last.
fn three() -> (World, MemoryConsumer, Rotator) {
    let world = World::new().with_b(place().disruptive());
    let c = MemoryConsumer::new("c", &world.provider).unwrap().with_capabilities(place().irreversible());
    c.put(&world.old);
    let rotator = world.builder().consumer(c.clone()).build().unwrap();
    (world, c, rotator)
}

#[tokio::test]
async fn a_failure_puts_the_old_token_back_last_first_and_revokes_the_new() {
    let (world, c, rotator) = three();
    c.plan_fault("install", DENIED);
    let run = rotator.rotate(world.held()).await.unwrap();
    rolled_back(&run.outcome);
    assert!(world.all_hold(&world.old) && world.provider.is_alive(&world.old));
    assert!(!world.provider.is_alive(&world.newest()));
    let restored: Vec<String> = world
        .facts()
        .iter()
        .filter_map(|fact| if let Fact::Restored { consumer, .. } = fact { Some(consumer.to_string()) } else { None })
        .collect();
    assert_eq!(restored, ["b", "a"]);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { reason: Reason::RolledBack, .. })), 1);
    assert!(world.kept().await.is_empty(), "{:?}", world.kept().await);
}

#[tokio::test]
async fn where_only_so_many_live_the_old_token_is_looked_at_before_the_new_one_goes() {
    let mut can = overlap();
    can.fate = Fate::DiesBeyond(2);
    let world = World::of(can);
    world.a.plan_fault("install", DENIED);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    rolled_back(&run.outcome);
    assert!(world.all_hold(&world.old) && world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn after_a_rollback_the_next_rotation_goes_well() {
    let (world, c, rotator) = three();
    c.plan_fault("install", DENIED);
    rotator.rotate(world.held()).await.unwrap();
    completed(&rotator.rotate(world.held()).await.unwrap());
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn what_cannot_be_put_back_keeps_both_tokens_alive() {
    let world = World::new().with_a(place().irreversible()).with_b(place().own_key());
    world.b.plan_fault("install", DENIED);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("b: refused on purpose"));
    assert_eq!(world.provider.live(), 2);
}

#[tokio::test]
async fn a_policy_that_holds_does_not_go_back() {
    let world = World::new();
    world.b.plan_fault("install", DENIED);
    let run = world.with_policy(swift().on_failure(OnFailure::Hold)).rotate(world.held()).await.unwrap();
    stuck(&run);
    assert_eq!(world.provider.live(), 2);
    assert_eq!(world.a.holds(), Some(world.newest().fingerprint()));
}

#[tokio::test]
async fn a_place_that_cannot_be_read_stops_the_run_before_anything_is_issued() {
    let world = World::new();
    world.a.plan_fault("preflight", DENIED);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.subject.as_deref() == Some("a")));
    assert_eq!((world.provider.live(), world.a.writes(), world.b.writes()), (1, 0, 0));
}

#[tokio::test]
async fn a_check_that_cannot_be_run_is_found_before_anything_is_issued() {
    let world = World::new();
    world.b.plan_fault("verify", DENIED);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { .. }), "{run:?}");
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test]
async fn a_provider_that_refuses_to_issue_stops_the_run() {
    let world = World::new();
    world.provider.plan_fault("issue", DENIED);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.kind == ErrorKind::PermissionDenied));
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_lost_answer_of_a_place_is_looked_at_and_not_written_twice() {
    let world = World::new();
    world.a.plan_fault("install", Fault::LostAfter);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.a.writes(), 1);
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again() {
    let world = World::new();
    world.a.plan_fault("install", Fault::LostBefore);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn a_place_that_lies_is_written_again() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Lied);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Relapsed { .. })), 1);
}

#[tokio::test]
async fn a_place_that_falls_back_during_the_grace_is_written_again() {
    let world = World::new();
    let policy = Policy::default().grace(crate::world::seconds(3600)).linger(crate::world::seconds(60));
    let rotator = world.with_policy(policy);
    rotator.rotate(world.held()).await.unwrap();
    world.a.put(&world.old);
    world.clock.advance(crate::world::seconds(3600));
    completed(&rotator.resume_due().await.unwrap().unwrap());
    assert!(world.all_hold(&world.newest()) && !world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_check_whose_answer_is_lost_is_made_again() {
    let world = World::new();
    let rotator = world.rotator();
    for _ in 0..3 {
        world.a.plan_fault("verify", Fault::LostAfter);
    }
    completed(&rotator.rotate(world.held()).await.unwrap());
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_found_revoked_and_issued_anew() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::LostAfter);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(completed(&run).orphans.is_empty());
    assert_eq!(world.provider.live(), 1);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { reason: Reason::Orphan, .. })), 1);
}

#[tokio::test]
async fn an_issue_that_never_arrived_leaves_nothing_behind() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::LostBefore);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::OrphansFound { ids, .. } if ids.is_empty())), 1);
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test]
async fn a_lost_token_that_cannot_be_found_is_reported_with_its_label() {
    let mut can = overlap();
    can.finds_by_label = false;
    let world = World::of(can);
    world.provider.plan_fault("issue", Fault::LostAfter);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    let orphans = &completed(&run).orphans;
    assert!(orphans.len() == 1 && orphans[0].label.is_some(), "{orphans:?}");
}

#[tokio::test]
async fn after_three_lost_answers_a_person_is_asked() {
    let world = World::new();
    for _ in 0..3 {
        world.provider.plan_fault("issue", Fault::LostAfter);
    }
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("answers of attempts were lost"), "{run:?}");
    assert_eq!(world.provider.live(), 1);
    completed(&rotator.resolve(run.id, tokenturn::rotation::Decision::Retry).await.unwrap());
}

#[tokio::test]
async fn a_revocation_whose_answer_was_lost_is_seen_and_not_sent_again() {
    let world = World::new();
    world.provider.plan_fault("revoke", Fault::LostAfter);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { .. })), 1);
    assert_eq!(world.count(|fact| matches!(fact, Fact::LastLooked)), 1);
}

#[tokio::test]
async fn a_revocation_that_never_arrived_is_sent_again() {
    let world = World::new();
    world.provider.plan_fault("revoke", Fault::LostBefore);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { .. })), 2);
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_revocation_that_was_a_lie_is_found_out() {
    let world = World::new();
    world.provider.plan_fault("revoke", Fault::Lied);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(!run.outcome.is_over(), "{run:?}");
    assert!(stuck(&run).contains("still alive"), "{run:?}");
    assert!(world.count(|fact| matches!(fact, Fact::StillAlive { .. })) > 0);
}

#[tokio::test]
async fn a_token_that_comes_out_wrong_is_revoked_and_everything_stays() {
    let world = World::new();
    let policy = swift().lifetime(crate::world::seconds(90_000)).minimum_life(crate::world::seconds(90_000));
    // Judged a moment after it was issued, it lives too short by then.
    let clock = world.clock.clone();
    let late = move |event: &tokenturn::Event| {
        if matches!(event.fact, Fact::Issued { .. }) {
            clock.advance(crate::world::seconds(60));
        }
    };
    let rotator = world.builder().policy(policy).observe(late).build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    rolled_back(&run.outcome);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { reason: Reason::Refused, .. })), 1);
    assert!(!world.provider.is_alive(&world.newest()) && world.provider.is_alive(&world.old));
    assert_eq!((world.a.writes(), world.b.writes()), (0, 0));
}

#[tokio::test]
async fn a_restoration_whose_answer_was_lost_is_made_again() {
    let (world, c, rotator) = three();
    c.plan_fault("install", DENIED);
    world.a.plan_fault("install", WENT_WELL);
    world.a.plan_fault("install", Fault::LostAfter);
    let run = rotator.rotate(world.held()).await.unwrap();
    rolled_back(&run.outcome);
    assert!(world.all_hold(&world.old));
    assert_eq!(world.a.writes(), 3, "the new token, and the old one twice");
}

#[tokio::test]
async fn a_restoration_that_failed_is_tried_again_when_a_person_says_so_and_nothing_turns_forward() {
    let (world, c, rotator) = three();
    c.plan_fault("install", DENIED);
    world.a.plan_fault("install", WENT_WELL);
    world.a.plan_fault("install", DENIED);
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    assert_eq!(world.a.holds(), Some(world.newest().fingerprint()));
    let run = rotator.resolve(run.id, tokenturn::rotation::Decision::Retry).await.unwrap();
    rolled_back(&run.outcome);
    assert!(world.all_hold(&world.old) && !world.provider.is_alive(&world.newest()));
}

#[tokio::test]
async fn a_place_that_changed_under_our_hands_is_read_again() {
    let world = World::new();
    world.a.plan_fault("install", Fault::Refused(ErrorKind::Conflict));
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.a.writes(), 1);
}

#[tokio::test]
async fn a_new_token_that_is_killed_halfway_is_found_and_replaced_when_a_person_says_so() {
    let world = World::new();
    let policy = Policy::default().grace(crate::world::seconds(3600)).linger(crate::world::seconds(60));
    let rotator = world.with_policy(policy);
    rotator.rotate(world.held()).await.unwrap();
    world.provider.kill(&world.newest());
    world.clock.advance(crate::world::seconds(3600));
    let run = rotator.resume_due().await.unwrap().unwrap();
    assert!(stuck(&run).contains("the new token is dead"), "{run:?}");
    assert!(world.provider.is_alive(&world.old));
    let run = rotator.resolve(run.id, tokenturn::rotation::Decision::Retry).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn a_provider_that_is_down_after_a_restart_is_waited_for_and_no_error() {
    let world = World::new();
    let a = world.a.clone();
    let rotator = world
        .builder()
        .policy(swift().linger(Duration::ZERO))
        .observe(move |event: &Event| {
            // The next check there is the one after the old token's end.
            if let Fact::Revoking { token: TokenRef::Old, .. } = &event.fact {
                a.plan_fault("verify", Fault::Refused(ErrorKind::Unavailable));
            }
        })
        .build()
        .unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{:?}", run.outcome);
    world.provider.plan_fault("inspect", Fault::Refused(ErrorKind::Unavailable));
    world.clock.advance(Duration::from_mins(1));
    let run = rotator.resume(run.id).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{:?}", run.outcome);
    world.clock.advance(Duration::from_mins(10));
    completed(&rotator.resume(run.id).await.unwrap());
}

#[tokio::test]
async fn once_a_place_was_written_a_restart_does_not_look_at_the_old_token_before_the_others_are() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    let rotator = world.with_policy(swift().linger(Duration::ZERO));
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{:?}", run.outcome);
    let looks = || world.count(|fact| matches!(fact, Fact::PredecessorLooked { .. }));
    let before = looks();
    world.clock.advance(Duration::from_mins(1));
    completed(&world.with_policy(swift()).resume(run.id).await.unwrap());
    assert_eq!(looks(), before);
}

#[tokio::test]
async fn a_place_that_something_else_sets_back_again_and_again_needs_a_person() {
    let world = World::new();
    let old = world.old.clone();
    // Whenever it was seen to have the new token it is set back, as by a configuration kept elsewhere.
    let place = Retold::new(&world.b, move |place, seen| {
        if place.holds() != Some(old.fingerprint()) {
            place.put(&old);
        }
        seen
    });
    let rotator = world.bare().consumer(place).build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("b: "), "{run:?}");
    assert!(world.b.writes() < 100 && world.provider.is_alive(&world.old), "{} writes", world.b.writes());
}

#[tokio::test]
async fn what_was_put_back_is_verified_wherever_that_proves_something() {
    let (world, c, _) = three();
    let mute =
        MemoryConsumer::new("mute", &world.provider).unwrap().with_capabilities(ConsumerCapabilities::new("memory"));
    mute.put(&world.old);
    c.plan_fault("install", DENIED);
    let rotator = world.builder().consumer(mute.clone()).consumer(c).build().unwrap();
    rolled_back(&rotator.rotate(world.held()).await.unwrap().outcome);
    assert!(world.all_hold(&world.old) && mute.holds() == Some(world.old.fingerprint()));
    let verified = |name: &str| {
        world.count(|fact| matches!(fact, Fact::RestoreVerified { consumer, .. } if consumer.as_str() == name))
    };
    assert_eq!((verified("a"), verified("b"), verified("mute")), (1, 1, 0));
}
