//! Rotations in which old and new overlap and nothing goes wrong.

use tokenturn::consumer::memory::Fault;
use tokenturn::provider::Fate;
use tokenturn::rotation::{Death, Decision, Fact, OldEnd};
use tokenturn::testing::{Moment, Power, Powered};
use tokenturn::{Predecessor, Rotator};

use crate::world::{World, completed, overlap, place, repo, stuck};

#[tokio::test]
async fn the_new_token_is_everywhere_and_the_old_one_is_dead() {
    let world = World::new();
    let run = world.rotator().rotate(world.held()).await.unwrap();
    let new = world.newest();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    assert_eq!(completed(&run).fingerprint, Some(new.fingerprint()));
    assert!(world.all_hold(&new) && world.provider.is_alive(&new) && !world.provider.is_alive(&world.old));
    assert_eq!((world.a.writes(), world.b.writes()), (1, 1));
}

#[tokio::test]
async fn the_token_in_use_is_kept_and_nothing_else() {
    let world = World::new();
    world.rotator().rotate(world.held()).await.unwrap();
    assert_eq!(world.kept().await, ["current"]);
}

#[tokio::test]
async fn the_next_rotation_takes_the_kept_token_for_the_old_one() {
    let world = World::new();
    world.rotator().rotate(world.held()).await.unwrap();
    let second = world.newest();
    let run = world.rotator().rotate(Predecessor::Kept).await.unwrap();
    let third = world.newest();
    completed(&run);
    assert!(world.all_hold(&third) && !world.provider.is_alive(&second));
    assert_eq!((world.provider.live(), world.kept().await), (1, vec!["current".to_owned()]));
}

#[tokio::test]
async fn a_token_that_is_not_to_be_kept_is_not() {
    let world = World::new();
    let rotator = world.with_policy(crate::world::swift().forget_current());
    completed(&rotator.rotate(world.held()).await.unwrap());
    assert!(world.kept().await.is_empty());
    let error = rotator.rotate(Predecessor::Kept).await.unwrap_err();
    assert!(error.to_string().contains("hand in its value"), "{error}");
}

/// The old one before anything is changed, the new one when it is judged and before the old one goes, the old one when it is
/// dead: each for a reason of its own, however many places there are.
#[tokio::test]
async fn the_provider_is_asked_as_often_for_two_places_as_for_one() {
    let world = World::new();
    for places in 1..=2 {
        let power = Power::steady();
        let old = world.provider.mint("bot", repo());
        let builder = Rotator::builder(format!("bot-{places}"), Powered::new(world.provider.clone(), &power));
        let places = [&world.a, &world.b].into_iter().take(places);
        let builder = places.fold(builder.policy(crate::world::swift()), |builder, place| {
            place.put(&old);
            builder.consumer(place.clone())
        });
        completed(&builder.build().unwrap().rotate(Predecessor::Held(old)).await.unwrap());
        let sent = power.trail().into_iter().filter(|boundary| boundary.moment == Moment::Before);
        let calls: Vec<&str> = sent.map(|boundary| boundary.call).collect();
        assert_eq!(calls, ["inspect", "issue", "inspect", "inspect", "revoke", "inspect"]);
    }
}

#[tokio::test]
async fn every_place_is_read_and_its_check_tried_before_anything_is_issued() {
    let world = World::new();
    world.rotator().rotate(world.held()).await.unwrap();
    let facts = world.facts();
    let issuing = facts.iter().position(|fact| matches!(fact, Fact::Issuing { .. })).unwrap();
    let tried = facts[..issuing].iter().filter(|fact| matches!(fact, Fact::Preflighted { baseline: Some(_), .. }));
    assert_eq!(tried.count(), 2);
}

#[tokio::test]
async fn every_place_is_verified_again_when_only_the_new_token_can_pass() {
    let world = World::new();
    world.rotator().rotate(world.held()).await.unwrap();
    assert_eq!(world.count(|fact| matches!(fact, Fact::VerifiedAfter { .. })), 2);
}

#[tokio::test]
async fn places_go_in_the_order_of_what_is_easy_to_undo() {
    let world = World::new().with_a(place().irreversible());
    world.rotator().rotate(world.held()).await.unwrap();
    let facts = world.facts();
    let at = |name: &str| {
        facts
            .iter()
            .position(|fact| matches!(fact, Fact::Installing { consumer, .. } if consumer.as_str() == name))
            .unwrap()
    };
    assert!(at("b") < at("a"));
}

#[tokio::test]
async fn the_canary_is_verified_before_any_other_place_is_written() {
    let world = World::new();
    world.builder().canary("b").build().unwrap().rotate(world.held()).await.unwrap();
    let facts = world.facts();
    let verified = facts.iter().position(|fact| matches!(fact, Fact::Verified { .. })).unwrap();
    let a = facts.iter().position(|fact| matches!(fact, Fact::Installing { consumer, .. } if consumer.as_str() == "a"));
    assert!(verified < a.unwrap());
}

#[tokio::test]
async fn tokens_with_all_that_is_asked_for_come_from_the_provider() {
    let world = World::new();
    let policy = crate::world::swift().lifetime(crate::world::seconds(90 * 86_400));
    world.with_policy(policy).rotate(world.held()).await.unwrap();
    let check = world.rotator().check(&Predecessor::Kept).await.unwrap();
    assert_eq!(check.grant.unwrap().access, tokenturn::Access::Scopes(repo()));
    assert_eq!(check.days_left, Some(90));
}

#[tokio::test]
async fn two_credentials_in_one_journal_do_not_disturb_each_other() {
    let world = World::new();
    let other = tokenturn::Rotator::builder("other", world.provider.clone())
        .consumer(tokenturn::consumer::memory::MemoryConsumer::new("c", &world.provider).unwrap())
        .policy(crate::world::swift())
        .journal(world.journal.clone())
        .build()
        .unwrap();
    completed(&other.rotate(Predecessor::None).await.unwrap());
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.provider.live(), 2);
    assert!(other.check(&Predecessor::Kept).await.unwrap().is_healthy());
}

#[tokio::test]
async fn what_a_lost_attempt_left_does_not_push_out_the_token_in_use() {
    let mut can = overlap();
    (can.fate, can.finds_by_label) = (Fate::DiesBeyond(2), false);
    let world = World::of(can);
    world.provider.plan_fault("issue", Fault::LostAfter);
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("delete the orphans"), "{run:?}");
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
    completed(&rotator.resolve(run.id, Decision::Retry).await.unwrap());
}
