//! A token leaked.

use tokenturn::consumer::memory::Fault;
use tokenturn::rotation::{Fact, OldEnd, OnFailure, Outcome, Urgency};
use tokenturn::{ErrorKind, Policy, Predecessor, Reason, Token};

use crate::world::{World, completed, guided, place, replace, repo, seconds, stuck, swift};

/// The place of the first fact of a kind.
fn at(world: &World, is: impl Fn(&Fact) -> bool) -> usize {
    world.facts().iter().position(is).unwrap()
}

#[tokio::test]
async fn what_leaked_is_revoked_before_anything_is_issued() {
    let world = World::new();
    let run = world.rotator().emergency(world.held(), Urgency::RevokeFirst).await.unwrap();
    assert!(matches!(completed(&run).old, OldEnd::Dead(_)));
    assert!(at(&world, |f| matches!(f, Fact::Revoked { .. })) < at(&world, |f| matches!(f, Fact::Issuing { .. })));
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.count(|f| matches!(f, Fact::Revoking { reason: Reason::Compromised, .. })), 1);
}

#[tokio::test]
async fn what_could_not_go_first_goes_once_every_place_has_another() {
    let world = World::new();
    world.provider.plan_fault("revoke", Fault::Refused(ErrorKind::Refused));
    let run = world.rotator().emergency(world.held(), Urgency::RevokeFirst).await.unwrap();
    assert!(matches!(completed(&run).old, OldEnd::Dead(_)));
    assert_eq!(world.count(|f| matches!(f, Fact::Revoking { .. })), 2);
    assert!(world.all_hold(&world.newest()) && !world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn what_cannot_be_ended_is_not_tried_for_ever() {
    let world = World::new();
    for _ in 0..9 {
        world.provider.plan_fault("revoke", Fault::Refused(ErrorKind::Refused));
    }
    stuck(&world.rotator().emergency(world.held(), Urgency::RevokeFirst).await.unwrap());
    assert_eq!(world.count(|f| matches!(f, Fact::Revoking { .. })), 2, "first, and after the cut-over");
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn what_leaked_is_not_kept_by_a_decision() {
    let world = World::new();
    for _ in 0..2 {
        world.provider.plan_fault("revoke", Fault::Refused(ErrorKind::Refused));
    }
    let rotator = world.rotator();
    let run = rotator.emergency(world.held(), Urgency::RevokeFirst).await.unwrap();
    stuck(&run);
    let error = rotator.resolve(run.id, tokenturn::Decision::KeepOld).await.unwrap_err();
    assert!(error.to_string().contains("leaked and must go"), "{error}");
}

#[tokio::test]
async fn what_leaked_is_replaced_at_once_without_grace() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default().linger(seconds(0)));
    let run = rotator.emergency(world.held(), Urgency::ReplaceNow).await.unwrap();
    completed(&run);
    assert!(at(&world, |f| matches!(f, Fact::CutOver)) < at(&world, |f| matches!(f, Fact::Revoking { .. })));
    assert_eq!(world.count(|f| matches!(f, Fact::Draining { .. })), 0);
    assert!(world.all_hold(&world.newest()) && !world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn what_leaked_goes_even_where_a_place_cannot_be_reached() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = world.rotator().emergency(world.held(), Urgency::ReplaceNow).await.unwrap();
    stuck(&run);
    assert!(!world.provider.is_alive(&world.old));
    assert_eq!(world.a.holds(), Some(world.newest().fingerprint()));
}

#[tokio::test]
async fn an_open_run_is_taken_over_and_its_grace_ends() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default());
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }));
    let after = rotator.emergency(world.held(), Urgency::ReplaceNow).await.unwrap();
    assert_eq!(after.id, run.id);
    completed(&after);
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_confirmation_does_not_hold_up_what_leaked() {
    let world = World::new().with_a(place().confirmed_by_person("Save."));
    completed(&world.rotator().emergency(world.held(), Urgency::ReplaceNow).await.unwrap());
}

#[tokio::test]
async fn a_new_token_that_leaked_in_the_grace_is_replaced_and_revoked() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default().linger(seconds(10)));
    rotator.rotate(world.held()).await.unwrap();
    let leaked = world.newest();
    let run = rotator.emergency(Predecessor::Held(leaked.clone()), Urgency::ReplaceNow).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    assert!(!world.provider.is_alive(&leaked) && world.all_hold(&world.newest()));
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_new_token_that_leaked_before_the_cut_over_sends_the_run_back() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.with_policy(swift().on_failure(OnFailure::Hold));
    rotator.rotate(world.held()).await.unwrap();
    let leaked = world.newest();
    let run = rotator.emergency(Predecessor::Held(leaked.clone()), Urgency::RevokeFirst).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    assert!(!world.provider.is_alive(&leaked) && world.all_hold(&world.old));
}

#[tokio::test]
async fn a_token_of_nobody_is_not_acted_upon() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default());
    rotator.rotate(world.held()).await.unwrap();
    let stranger = Predecessor::Held(Token::new("never-was").unwrap());
    let error = rotator.emergency(stranger, Urgency::ReplaceNow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = World::new().rotator().emergency(Predecessor::None, Urgency::ReplaceNow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_everything_is_made_from_is_not_revoked_first() {
    let world = World::of(replace());
    let error = world.rotator().emergency(world.held(), Urgency::RevokeFirst).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("ReplaceNow"));
    let run = world.rotator().emergency(world.held(), Urgency::ReplaceNow).await.unwrap();
    completed(&run);
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_person_is_asked_to_delete_what_leaked_and_to_make_another() {
    let world = World::of(guided());
    let rotator = world.rotator();
    let run = rotator.emergency(world.held(), Urgency::RevokeFirst).await.unwrap();
    let asks = crate::world::asks(&run);
    assert_eq!(asks.len(), 2, "{asks:?}");
    let run = rotator.supply(run.id, world.provider.mint("bot", repo())).await.unwrap();
    assert!(world.all_hold(&world.newest()));
    world.provider.kill(&world.old);
    let by_hand = tokenturn::Decision::RevokedByHand(tokenturn::rotation::TokenRef::Old);
    completed(&rotator.resolve(run.id, by_hand).await.unwrap());
}

#[tokio::test]
async fn the_kept_token_leaked() {
    let world = World::new();
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let leaked = world.newest();
    completed(&world.rotator().emergency(Predecessor::Kept, Urgency::RevokeFirst).await.unwrap());
    assert!(!world.provider.is_alive(&leaked) && world.all_hold(&world.newest()));
}

#[tokio::test]
async fn an_old_token_that_leaked_is_not_put_back_when_the_new_one_leaks_too() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    world.provider.plan_fault("revoke", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.with_policy(swift().on_failure(OnFailure::Hold));
    rotator.rotate(world.held()).await.unwrap();
    stuck(&rotator.emergency(world.held(), Urgency::ReplaceNow).await.unwrap());
    assert!(world.provider.is_alive(&world.old), "its revocation was refused");
    let run = rotator.emergency(Predecessor::Held(world.newest()), Urgency::ReplaceNow).await.unwrap();
    assert_eq!(world.count(|f| matches!(f, Fact::RollingBack { .. } | Fact::Restoring { .. })), 0, "{run:?}");
    completed(&run);
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.provider.live(), 1, "both that leaked are dead");
}

#[tokio::test]
async fn a_new_token_that_leaked_goes_even_where_a_place_cannot_be_reached() {
    let world = World::new();
    let rotator = world.with_policy(Policy::default().linger(seconds(10)).on_failure(OnFailure::Hold));
    rotator.rotate(world.held()).await.unwrap();
    let leaked = world.newest();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.emergency(Predecessor::Held(leaked.clone()), Urgency::ReplaceNow).await.unwrap();
    assert!(!world.provider.is_alive(&leaked), "it lives on: {run:?}");
}
