//! How a token stands, asked at any time.

use tokenturn::consumer::memory::Fault;
use tokenturn::journal::Seq;
use tokenturn::{Answer, Check, Clock, ErrorKind, Expiry, Lack, Predecessor, ScopeSet, TokenId};

use crate::world::{World, completed, seconds};

async fn check(world: &World) -> Check {
    world.rotator().check(&world.held()).await.unwrap()
}

#[tokio::test]
async fn a_token_that_works_everywhere_is_healthy() {
    let world = World::new();
    let check = check(&world).await;
    assert!(check.is_healthy(), "{check:?}");
    assert_eq!(check.grant.as_ref().unwrap().owner, "bot");
    assert!(check.consumers.iter().all(|at| at.verification.as_ref().unwrap().new == Answer::Proven));
    assert_eq!(serde_json::from_str::<Check>(&serde_json::to_string(&check).unwrap()).unwrap(), check);
    assert!(world.rotator().events(Seq::ZERO).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_kept_token_is_checked_in_the_midst_of_its_successors_run() {
    let world = World::new();
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert!(world.rotator().check(&Predecessor::Kept).await.unwrap().is_healthy());
    let rotator = world.with_policy(tokenturn::Policy::default());
    rotator.rotate(Predecessor::Kept).await.unwrap();
    let check = rotator.check(&Predecessor::Kept).await.unwrap();
    assert!(check.grant.is_some() && !check.is_healthy(), "every place has the next one: {check:?}");
}

#[tokio::test]
async fn a_dead_token_is_a_problem() {
    let world = World::new();
    world.provider.kill(&world.old);
    let check = check(&world).await;
    assert_eq!(check.problem.as_ref().unwrap().kind, ErrorKind::Unauthenticated);
    assert!(!check.is_healthy());
    assert!(check.consumers.iter().all(|at| at.verification.is_none()));
}

#[tokio::test]
async fn a_token_that_lost_its_scopes_lacks_them() {
    let world = World::new();
    world.provider.amend(&world.old, |grant| grant.access = tokenturn::Access::Scopes(ScopeSet::of(["gist"])));
    let check = check(&world).await;
    assert!(matches!(&check.lacks[..], [Lack::Missing { .. }]) && !check.is_healthy());
    assert!(matches!(&check.warnings[..], [Lack::Excess { .. }]));
}

#[tokio::test]
async fn days_are_counted_to_the_end() {
    let world = World::new();
    assert_eq!(check(&world).await.days_left, None);
    let end = world.clock.now().plus(seconds(10 * 86_400 - 1));
    world.provider.amend(&world.old, |grant| grant.expiry = Expiry::At(end));
    assert_eq!(check(&world).await.days_left, Some(9));
}

#[tokio::test]
async fn a_place_that_holds_another_token_or_cannot_be_asked_is_named() {
    let world = World::new();
    world.a.put(&tokenturn::Token::new("other").unwrap());
    world.b.plan_fault("preflight", Fault::Refused(ErrorKind::NotFound));
    let check = check(&world).await;
    assert!(!check.is_healthy() && check.problem.is_none());
    assert_eq!(check.consumers[0].verification.as_ref().unwrap().new, Answer::Refuted);
    let problem = check.consumers[1].problem.as_ref().unwrap();
    assert_eq!((problem.kind, problem.subject.as_deref()), (ErrorKind::NotFound, Some("b")));
}

#[tokio::test]
async fn warnings_of_a_place_are_passed_on() {
    let mut world = World::new();
    world.b = world.b.clone().warning("managed elsewhere");
    let check = check(&world).await;
    assert_eq!(check.consumers[1].warnings, ["managed elsewhere"]);
    assert!(check.is_healthy());
}

#[tokio::test]
async fn an_id_alone_is_asked_about() {
    let world = World::new();
    let known = Predecessor::Known(TokenId::new("1").unwrap());
    assert!(world.rotator().check(&known).await.unwrap().is_healthy());
    world.provider.kill(&world.old);
    let check = world.rotator().check(&known).await.unwrap();
    assert_eq!(check.problem.unwrap().kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn nothing_cannot_be_checked() {
    let error = World::new().rotator().check(&Predecessor::None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = World::new().rotator().check(&Predecessor::Kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
