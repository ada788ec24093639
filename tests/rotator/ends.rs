//! What becomes of the old token once every place has the new one.

use tokenturn::consumer::memory::Fault;
use tokenturn::provider::EndedBy;
use tokenturn::rotation::{Death, Decision, Fact, OldEnd, OldPolicy, Outcome};
use tokenturn::{Clock, ErrorKind, Policy, Predecessor, TokenId};

use crate::world::{World, completed, overlap, seconds, stuck, swift};

fn an_hour() -> Policy {
    Policy::default().grace(seconds(3600)).linger(seconds(10))
}

#[tokio::test]
async fn the_old_token_lives_through_its_grace_and_not_longer() {
    let world = World::new();
    let rotator = world.with_policy(an_hour());
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    world.clock.advance(seconds(3599));
    assert_eq!(rotator.resume_due().await.unwrap(), None);
    assert_eq!(rotator.resume(run.id.clone()).await.unwrap(), run, "to resume early changes nothing");
    assert!(world.provider.is_alive(&world.old));
    world.clock.advance(seconds(1));
    completed(&rotator.resume_due().await.unwrap().unwrap());
    assert!(!world.provider.is_alive(&world.old));
    assert_eq!(rotator.resume_due().await.unwrap(), None, "nothing is left to do");
}

#[tokio::test]
async fn a_grace_shorter_than_a_call_may_wait_is_waited_for() {
    let world = World::new();
    let run = world.with_policy(an_hour().linger(seconds(4000))).rotate(world.held()).await.unwrap();
    completed(&run);
}

#[tokio::test]
async fn the_old_token_is_left_to_expire_where_the_policy_says_so() {
    let world = World::new();
    let run = world.with_policy(swift().old(OldPolicy::LetExpire)).rotate(world.held()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::LeftToExpire);
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn the_old_token_stays_where_the_policy_says_so() {
    let world = World::new();
    let run = world.with_policy(swift().old(OldPolicy::Keep)).rotate(world.held()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Kept);
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_person_keeps_the_old_token() {
    let world = World::new();
    let rotator = world.with_policy(an_hour());
    let run = rotator.rotate(world.held()).await.unwrap();
    let run = rotator.resolve(run.id, Decision::KeepOld).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Kept);
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_provider_that_ends_later_is_looked_at_until_it_has() {
    let world = World::of(overlap().ended_by(EndedBy::ApiLater));
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    assert!(world.count(|fact| matches!(fact, Fact::StillAlive { .. })) > 0, "it was alive at the first look");
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { .. })), 1);
}

#[tokio::test]
async fn an_old_token_that_is_used_by_somebody_else_is_not_revoked() {
    let world = World::of(overlap().telling_last_use());
    let rotator = world.with_policy(an_hour());
    rotator.rotate(world.held()).await.unwrap();
    world.clock.advance(seconds(3000));
    let used = world.clock.now();
    world.provider.amend(&world.old, |grant| grant.last_used = Some(used));
    world.clock.advance(seconds(600));
    let run = rotator.resume_due().await.unwrap().unwrap();
    let Outcome::BackingOff { until, problems, .. } = &run.outcome else { panic!("{run:?}") };
    assert!(problems[0].text.contains("the old token was used at"), "{problems:?}");
    assert_eq!(*until, used.plus(seconds(3600)), "it must be quiet for as long as the grace");
    assert!(world.provider.is_alive(&world.old));
    // Nobody has used it since.
    world.clock.advance(seconds(3000));
    completed(&rotator.resume_due().await.unwrap().unwrap());
}

#[tokio::test]
async fn an_old_token_that_is_used_on_and_on_needs_a_person() {
    let world = World::of(overlap().telling_last_use());
    let rotator = world.with_policy(an_hour());
    rotator.rotate(world.held()).await.unwrap();
    for _ in 0..2 {
        world.clock.advance(seconds(3600));
        let used = world.clock.now();
        world.provider.amend(&world.old, |grant| grant.last_used = Some(used));
        rotator.resume_due().await.unwrap();
        world.clock.advance(seconds(1));
    }
    world.clock.advance(seconds(3600));
    let used = world.clock.now();
    world.provider.amend(&world.old, |grant| grant.last_used = Some(used));
    let run = rotator.open_rotations().await.unwrap().remove(0);
    let run = rotator.resume(run.id).await.unwrap();
    assert!(stuck(&run).contains("find who uses it"), "{run:?}");
    assert!(world.provider.is_alive(&world.old));
    let run = rotator.resolve(run.id, Decision::KeepOld).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Kept);
}

#[tokio::test]
async fn an_old_token_of_which_only_the_id_is_known_is_ended_by_it() {
    let world = World::new();
    let run = world.rotator().rotate(Predecessor::Known(TokenId::new("1").unwrap())).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Told));
    assert!(!world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn an_old_token_known_by_an_id_that_ends_nothing_is_deleted_by_a_person() {
    let mut can = overlap();
    can.ends_by_id = false;
    let world = World::of(can);
    let rotator = world.rotator();
    let run = rotator.rotate(Predecessor::Known(TokenId::new("1").unwrap())).await.unwrap();
    let [tokenturn::rotation::Ask::Deletion { token, guide, .. }] = crate::world::asks(&run) else { panic!("{run:?}") };
    assert!(guide.to_string().contains('1'), "{guide}");
    world.provider.kill(&world.old);
    let run = rotator.resolve(run.id.clone(), Decision::RevokedByHand(token.clone())).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Told));
}

#[tokio::test]
async fn a_provider_that_refuses_to_revoke_needs_a_person_and_both_tokens_live() {
    let world = World::new();
    world.provider.plan_fault("revoke", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("refused on purpose"));
    assert_eq!(world.provider.live(), 2);
    world.provider.kill(&world.old);
    let run = rotator.resolve(run.id, Decision::RevokedByHand(tokenturn::rotation::TokenRef::Old)).await.unwrap();
    completed(&run);
}

#[tokio::test]
async fn a_dead_old_token_is_no_hindrance_and_no_way_back() {
    let world = World::new();
    world.provider.kill(&world.old);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Found));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { .. })), 0);
}

#[tokio::test]
async fn a_kept_token_is_still_known_by_its_id_when_its_turn_comes() {
    let world = World::new();
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    completed(&world.rotator().rotate(tokenturn::Predecessor::Kept).await.unwrap());
    let ids: Vec<_> = world
        .facts()
        .into_iter()
        .filter_map(|fact| if let Fact::Begun(charter) = fact { Some(charter.predecessor.id) } else { None })
        .collect();
    assert!(ids[1].is_some(), "the run before knew the id, and this one cannot end it by that: {ids:?}");
}

#[test]
fn a_death_that_nobody_saw_is_told_as_hearsay() {
    let told = |proof| Fact::Revoked { token: tokenturn::rotation::TokenRef::Old, proof }.to_string();
    assert_eq!(told(Death::Seen), "the old token is dead");
    for hearsay in [Death::Answered, Death::Word] {
        assert!(told(hearsay).ends_with("nobody could look"), "{}", told(hearsay));
    }
}

/// A place that proves nothing: whether the token lives is then for the provider alone to say.
fn mute() -> tokenturn::consumer::ConsumerCapabilities {
    tokenturn::consumer::ConsumerCapabilities::new("memory")
}

#[tokio::test]
async fn the_wrong_row_is_found_where_a_person_did_what_an_interface_refused() {
    let world = World::new().with_a(mute()).with_b(mute());
    world.provider.plan_fault("revoke", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("refused on purpose"));
    world.provider.kill(&world.newest());
    let run = rotator.resolve(run.id, Decision::RevokedByHand(tokenturn::rotation::TokenRef::Old)).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn the_wrong_row_is_found_where_nobody_can_look_at_the_old_token() {
    let world = World::of(crate::world::guided()).with_a(mute()).with_b(mute());
    let rotator = world.rotator();
    let run = rotator.rotate(Predecessor::Known(TokenId::new("1").unwrap())).await.unwrap();
    let new = world.provider.mint("bot", crate::world::repo());
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    let old = tokenturn::rotation::TokenRef::Old;
    world.provider.kill(&new);
    world.provider.plan_fault("inspect", Fault::LostBefore);
    let error = rotator.resolve(run.id.clone(), Decision::RevokedByHand(old.clone())).await.unwrap_err();
    assert!(error.is_transient(), "nothing is taken for done while the new token cannot be asked: {error}");
    let run = rotator.resolve(run.id, Decision::RevokedByHand(old)).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    assert!(world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn both_rows_deleted_are_found_though_the_new_token_could_not_be_asked_at_first() {
    let world = World::of(crate::world::guided()).with_a(mute()).with_b(mute());
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    let new = world.provider.mint("bot", crate::world::repo());
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    world.provider.kill(&world.old);
    world.provider.kill(&new);
    // The look at the old token comes first, and the second look, at the new one, is lost.
    world.provider.plan_fault("inspect", Fault::Late(seconds(0)));
    world.provider.plan_fault("inspect", Fault::LostBefore);
    let run = rotator.resolve(run.id, Decision::RevokedByHand(tokenturn::rotation::TokenRef::Old)).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
}

#[tokio::test]
async fn the_end_that_was_asked_for_counts_where_the_provider_tells_none() {
    let world = World::of(crate::world::guided());
    let life = seconds(30 * 24 * 3600);
    let rotator = world.with_policy(swift().lifetime(life));
    let asked = world.clock.now().plus(life);
    let run = rotator.rotate(world.held()).await.unwrap();
    let new = world.provider.mint("bot", crate::world::repo());
    world.provider.amend(&new, |grant| grant.expiry = tokenturn::Expiry::Unknown);
    let run = rotator.supply(run.id, new).await.unwrap();
    world.provider.kill(&world.old);
    completed(&rotator.resolve(run.id, Decision::RevokedByHand(tokenturn::rotation::TokenRef::Old)).await.unwrap());
    let due = rotator.next_due(world.clock.now()).await.unwrap().unwrap();
    assert!(due.latest < asked, "{due}: the token would end unnoticed at {asked}");
}
