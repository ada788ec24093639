//! Second secrets that come with tokens, such as refresh tokens.

use std::time::Duration;

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::provider::Candidate;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{Fact, Outcome, Possession};
use tokenturn::{Decision, ErrorKind, Predecessor, Rotator, Run, Token, TokenId};

use crate::world::{Stumble, Stumbling, World, completed, guided, replace, repo, seconds, stuck, swift};

const MONTH: Duration = Duration::from_hours(30 * 24);

/// Tokens that die with their successor's birth, which is made from what came with them.
fn renewing() -> World {
    World::of(replace().renewing()).with_provider(MemoryProvider::with_companions)
}

fn pair(token: &Token) -> Predecessor {
    Predecessor::Renewable { token: token.clone(), companion: MemoryProvider::companion_of(token) }
}

#[tokio::test]
async fn a_token_is_renewed_from_what_came_with_it_again_and_again() {
    let world = renewing();
    let rotator = world.rotator();
    completed(&rotator.rotate(pair(&world.old)).await.unwrap());
    assert_eq!(world.kept().await, ["current", "current+"]);
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.provider.live(), 1);
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_all_the_same() {
    let world = renewing();
    world.provider.kill(&world.old);
    completed(&world.rotator().rotate(pair(&world.old)).await.unwrap());
    assert!(world.all_hold(&world.newest()));
    // Kept since then, and expired again.
    world.provider.kill(&world.newest());
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    assert!(world.all_hold(&world.newest()) && world.provider.live() == 1);
}

#[tokio::test]
async fn without_what_came_with_it_an_expired_token_cannot_be_renewed() {
    let world = renewing();
    world.provider.kill(&world.old);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.text.contains("not alive")), "{run:?}");
}

#[tokio::test]
async fn what_came_with_a_token_is_presented_once_where_the_answer_is_lost() {
    for before in [true, false] {
        let world = renewing();
        world.provider.kill(&world.old);
        world.provider.plan_fault("issue", if before { Fault::LostBefore } else { Fault::LostAfter });
        let rotator = world.rotator();
        let run = rotator.rotate(pair(&world.old)).await.unwrap();
        assert!(stuck(&run).contains("cannot be had any more"), "{run:?}");
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1, "nothing tells whether it arrived");
        // Where a person gives this run up, another may try: what never arrived is made then.
        assert!(rotator.resolve(run.id, Decision::Abandon).await.unwrap().outcome.is_over());
        let run = rotator.rotate(pair(&world.old)).await.unwrap();
        assert_eq!(matches!(run.outcome, Outcome::Completed(_)), before, "{run:?}");
    }
}

#[tokio::test]
async fn a_live_token_shows_that_a_renewal_never_arrived() {
    let world = renewing();
    world.provider.plan_fault("issue", Fault::LostBefore);
    completed(&world.rotator().rotate(pair(&world.old)).await.unwrap());
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn what_comes_with_an_adopted_token_is_kept_for_the_next() {
    let world = renewing();
    let given = world.provider.mint("bot", repo());
    let candidate = Candidate::new(given.clone()).with_companion(Some(MemoryProvider::companion_of(&given)));
    completed(&world.rotator().adopt(candidate, Predecessor::None).await.unwrap());
    assert_eq!(world.kept().await, ["current", "current+"]);
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    assert!(!world.provider.is_alive(&given));
}

#[tokio::test]
async fn what_comes_with_a_pasted_token_is_kept_for_the_next() {
    let world = World::of(guided()).with_provider(MemoryProvider::with_companions);
    let rotator = world.rotator();
    let run = rotator.rotate(Predecessor::None).await.unwrap();
    let made = world.provider.mint("bot", repo());
    let candidate = Candidate::new(made.clone()).with_companion(Some(MemoryProvider::companion_of(&made)));
    completed(&rotator.supply(run.id, candidate).await.unwrap());
    assert_eq!(world.kept().await, ["current", "current+"]);
}

/// A pair was kept, and the next run has replaced it and then failed at a place.
async fn replaced_and_stuck(world: &World) -> (Rotator, Run) {
    replaced_again_and_stuck(world, |_| Predecessor::Kept).await
}

/// The same, where the kept one is named like this.
async fn replaced_again_and_stuck(world: &World, kept: fn(&Token) -> Predecessor) -> (Rotator, Run) {
    let rotator = world.rotator();
    completed(&rotator.rotate(pair(&world.old)).await.unwrap());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.rotate(kept(&world.newest())).await.unwrap();
    stuck(&run);
    (rotator, run)
}

#[tokio::test]
async fn what_came_with_a_replaced_token_is_not_presented_again_in_the_next_run() {
    for kept in [|_: &Token| Predecessor::Kept, pair] {
        is_not_presented_again(kept).await;
    }
}

async fn is_not_presented_again(kept: fn(&Token) -> Predecessor) {
    let world = renewing();
    let (rotator, run) = replaced_again_and_stuck(&world, kept).await;
    assert!(!world.kept().await.contains(&"current+".to_owned()), "it is spent: {:?}", world.kept().await);
    assert!(rotator.resolve(run.id, Decision::Abandon).await.unwrap().outcome.is_over());
    let asked = world.count(|fact| matches!(fact, Fact::Issuing { .. }));
    let run = rotator.rotate(Predecessor::Kept).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.text.contains("by hand")), "{run:?}");
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), asked, "some providers take it for theft");
    assert!(world.provider.is_alive(&world.newest()) && world.a.holds() == Some(world.newest().fingerprint()));
}

#[tokio::test]
async fn nor_where_it_is_unknown_whether_it_arrived() {
    for linger in [0, 600] {
        let world = renewing();
        let rotator = world.with_policy(swift().linger(seconds(linger)));
        completed(&rotator.rotate(pair(&world.old)).await.unwrap());
        world.provider.plan_fault("issue", Fault::LostAfter);
        // Given up before it could be looked at, and after.
        let run = rotator.rotate(Predecessor::Kept).await.unwrap();
        assert_eq!(matches!(run.outcome, Outcome::NeedsPerson { .. }), linger > 0, "{run:?}");
        assert!(rotator.resolve(run.id, Decision::Abandon).await.unwrap().outcome.is_over());
        let run = rotator.rotate(Predecessor::Kept).await.unwrap();
        assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{run:?}");
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 2);
    }
}

/// Tokens that expire; a run has replaced one, failed at a place, and waited for as long as the new one lives.
async fn replaced_and_expired() -> (World, Run) {
    let world = World::of(replace().renewing().living_at_most(MONTH)).with_provider(MemoryProvider::with_companions);
    let (rotator, run) = replaced_and_stuck(&world).await;
    world.clock.advance(MONTH);
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    assert!(stuck(&run).contains("Retry issues another from what came with it"), "{run:?}");
    (world, run)
}

#[tokio::test]
async fn a_new_token_that_expires_before_every_place_has_it_is_renewed_from_what_came_with_it() {
    let (world, run) = replaced_and_expired().await;
    let run = world.rotator().resolve(run.id, Decision::Retry).await.unwrap();
    completed(&run);
    assert!(world.all_hold(&world.newest()) && world.provider.live() == 1);
    assert_eq!(world.kept().await, ["current", "current+"]);
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
}

#[tokio::test]
async fn what_came_with_a_new_token_that_has_expired_is_presented_once_too() {
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        let (world, run) = replaced_and_expired().await;
        world.provider.plan_fault("issue", fault);
        let run = world.rotator().resolve(run.id, Decision::Retry).await.unwrap();
        assert!(stuck(&run).contains("cannot be had any more"), "{run:?}");
        assert!(world.rotator().resolve(run.id, Decision::Abandon).await.unwrap().outcome.is_over());
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 3);
        assert_eq!(world.kept().await, ["current"], "what came with each is spent, or may be");
    }
}

#[tokio::test]
async fn what_came_with_a_new_token_stays_where_a_renewal_was_refused() {
    let (world, run) = replaced_and_expired().await;
    world.provider.plan_fault("issue", Fault::Refused(ErrorKind::PermissionDenied));
    let run = world.rotator().resolve(run.id, Decision::Retry).await.unwrap();
    stuck(&run);
    completed(&world.rotator().resolve(run.id, Decision::Retry).await.unwrap());
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn an_adopted_pair_that_has_expired_is_renewed_where_there_is_no_token_before() {
    let world = renewing();
    let given = world.provider.mint("bot", repo());
    let candidate = Candidate::new(given.clone()).with_companion(Some(MemoryProvider::companion_of(&given)));
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.rotator();
    let run = rotator.adopt(candidate, Predecessor::None).await.unwrap();
    stuck(&run);
    world.provider.kill(&given);
    stuck(&rotator.resolve(run.id.clone(), Decision::Retry).await.unwrap());
    completed(&rotator.resolve(run.id, Decision::Retry).await.unwrap());
    assert!(world.all_hold(&world.newest()) && world.newest() != given);
}

#[tokio::test]
async fn nobody_is_promised_another_token_where_nothing_can_issue_one() {
    let world = World::of(replace());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    world.provider.kill(&world.newest());
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    let said = stuck(&run);
    assert!(said.contains("by hand") && !said.contains("etry") && !said.contains("roll back"), "{said}");
}

#[tokio::test]
async fn a_newer_secret_of_the_kept_token_takes_the_place_of_the_one_before() {
    let world = renewing();
    let rotator = world.rotator();
    let given = world.provider.mint("bot", repo());
    let stale = Candidate::new(given.clone()).with_companion(Some(MemoryProvider::companion_of(&world.old)));
    completed(&rotator.adopt(stale, Predecessor::None).await.unwrap());
    world.provider.kill(&given);
    assert!(!rotator.plan(&pair(&given)).await.unwrap().is_blocked());
    world.provider.plan_fault("issue", Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.rotate(pair(&given)).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{run:?}");
    assert_eq!(world.kept().await, ["current", "current+"]);
    let old = world.predecessor();
    assert!(old.held == Possession::Kept && old.companion, "{old:?}");
    completed(&rotator.rotate(Predecessor::Kept).await.unwrap());
    assert!(world.all_hold(&world.newest()) && world.newest() != given);
}

#[tokio::test]
async fn what_came_with_a_token_that_could_not_be_renewed_yet_is_kept() {
    let world = renewing();
    let rotator = world.rotator();
    completed(&rotator.rotate(pair(&world.old)).await.unwrap());
    world.provider.kill(&world.newest());
    world.provider.plan_fault("issue", Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.rotate(Predecessor::Kept).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{run:?}");
    completed(&rotator.rotate(Predecessor::Kept).await.unwrap());
}

#[tokio::test]
async fn a_kept_token_that_is_handed_in_again_keeps_what_came_with_it() {
    let world = renewing();
    let rotator = world.rotator();
    completed(&rotator.rotate(pair(&world.old)).await.unwrap());
    let kept = world.newest();
    world.provider.kill(&kept);
    assert!(!rotator.plan(&Predecessor::Held(kept.clone())).await.unwrap().is_blocked());
    completed(&rotator.rotate(Predecessor::Held(kept)).await.unwrap());
    let old = world.predecessor();
    assert!(old.held == Possession::Kept && old.companion && old.id.is_some() && old.label.is_some(), "{old:?}");
}

#[tokio::test]
async fn the_id_of_an_adopted_token_is_known_to_the_next_run() {
    let world = renewing();
    let given = world.provider.mint("bot", repo());
    let id = TokenId::new("2").unwrap();
    let candidate = Candidate::new(given.clone())
        .with_id(Some(id.clone()))
        .with_companion(Some(MemoryProvider::companion_of(&given)));
    completed(&world.rotator().adopt(candidate, Predecessor::None).await.unwrap());
    let c = MemoryConsumer::new("c", &world.provider).unwrap();
    completed(&world.builder().consumer(c).build().unwrap().spread(&["c"]).await.unwrap());
    assert_eq!(world.kept().await, ["current", "current+"]);
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    assert_eq!(world.predecessor().id, Some(id));
}

#[tokio::test]
async fn what_comes_with_a_token_is_handed_over_with_it_when_it_is_ended() {
    let world = World::new().with_provider(MemoryProvider::with_companions);
    completed(&world.rotator().rotate(pair(&world.old)).await.unwrap());
    assert_eq!(world.provider.ended_companion(), Some(MemoryProvider::companion_of(&world.old)));
}

#[tokio::test]
async fn nor_does_it_outlive_a_token_that_cannot_be_stored() {
    let mut world = World::new().with_provider(MemoryProvider::with_companions);
    let journal = Stumbling::over(world.journal.clone());
    world.journal = journal.clone();
    for _ in 0..5 {
        journal.at("issued", Stumble::Refused);
    }
    world.rotator().rotate(pair(&world.old)).await.unwrap_err();
    assert!(!world.provider.is_alive(&world.newest()));
    assert_eq!(world.provider.ended_companion(), Some(MemoryProvider::companion_of(&world.newest())));
}

#[tokio::test]
async fn what_nobody_agreed_to_in_time_is_not_asked_for_any_longer() {
    let mut can = crate::world::overlap();
    can.issuer = tokenturn::provider::Issuer::Person;
    let world = World::of(can).with_provider(MemoryProvider::polled);
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    world.clock.advance(seconds(16 * 60));
    let run = rotator.resume(run.id).await.unwrap();
    let Outcome::Stopped { because, .. } = &run.outcome else { panic!("{run:?}") };
    assert_eq!(because.kind, ErrorKind::Refused);
    assert!(because.text.contains("begin again"), "{because}");
    assert!(world.provider.is_alive(&world.old) && world.all_hold(&world.old));
}
