//! Rotations in which a person makes the token.

use tokenturn::rotation::{Ask, Death, Decision, Fact, OldEnd, Standing, TokenRef};
use tokenturn::{ErrorKind, Lack, Predecessor, Rotator, Run, ScopeSet, Token, Urgency};

use crate::world::{World, asks, completed, guided, repo, stuck};

/// A run that waits for a paste.
async fn waiting() -> (World, Rotator, Run) {
    let world = World::of(guided());
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    (world, rotator, run)
}

/// Why the last paste was not taken.
#[track_caller]
fn refusal(run: &Run) -> Vec<Lack> {
    match asks(run) {
        [Ask::Token { refusal: Some(refusal), .. }] => refusal.lacks.clone(),
        other => panic!("nothing was refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_run_waits_for_the_paste_and_then_for_the_deletion() {
    let (world, rotator, run) = waiting().await;
    assert!(matches!(asks(&run), [Ask::Token { refusal: None, polled: None, .. }]));
    let new = world.provider.mint("bot", repo());
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { token: TokenRef::Old, .. }]), "{run:?}");
    assert!(world.all_hold(&new));
    world.provider.kill(&world.old);
    let run = rotator.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
}

#[tokio::test]
async fn the_paste_comes_hours_and_restarts_later() {
    let (world, rotator, run) = waiting().await;
    drop(rotator);
    world.clock.advance(crate::world::seconds(50_000));
    let new = world.provider.mint("bot", repo());
    let run = world.rotator().supply(run.id, new.clone()).await.unwrap();
    asks(&run);
    assert!(world.all_hold(&new));
}

#[tokio::test]
async fn notes_of_the_organisation_stand_in_the_guide() {
    let world = World::of(guided());
    let rotator = world.builder().note("name", "Ask Ada for the one-time code.").build().unwrap();
    let run = rotator.rotate(world.held()).await.unwrap();
    let guide = asks(&run)[0].guide().unwrap();
    assert_eq!(guide.steps[0].note.as_deref(), Some("Ask Ada for the one-time code."));
}

#[tokio::test]
async fn the_old_token_pasted_is_refused_at_once() {
    let (world, rotator, run) = waiting().await;
    let error = rotator.supply(run.id.clone(), world.old.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("Generate new token"));
    assert!(matches!(asks(&rotator.resume(run.id).await.unwrap()), [Ask::Token { .. }]));
}

#[tokio::test]
async fn an_unknown_token_is_asked_for_again_with_the_reason() {
    let (world, rotator, run) = waiting().await;
    let run = rotator.supply(run.id, Token::new("ghp_mistyped").unwrap()).await.unwrap();
    assert!(matches!(refusal(&run)[..], [Lack::Dead { .. }]));
    let run = rotator.supply(run.id, world.provider.mint("bot", repo())).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]));
}

#[tokio::test]
async fn a_refused_paste_is_never_revoked() {
    let (world, rotator, run) = waiting().await;
    let foreign = world.provider.mint("eve", repo());
    let run = rotator.supply(run.id, foreign.clone()).await.unwrap();
    assert!(matches!(&refusal(&run)[..], [Lack::Owner { found, .. }] if found == "eve"));
    assert!(world.provider.is_alive(&foreign));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Revoking { .. } | Fact::DeletionAsked { .. })), 0);
    assert_eq!(world.a.writes(), 0);
    assert!(world.kept().await.iter().all(|value| !value.contains("new")), "{:?}", world.kept().await);
}

#[tokio::test]
async fn a_token_of_another_allowed_owner_is_taken() {
    let world = World::of(guided());
    let rotator = world.with_policy(crate::world::swift().owner("eve"));
    let run = rotator.rotate(world.held()).await.unwrap();
    let run = rotator.supply(run.id, world.provider.mint("eve", repo())).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]));
}

#[tokio::test]
async fn missing_scopes_are_ticked_and_the_same_token_goes_on() {
    let (world, rotator, run) = waiting().await;
    let new = world.provider.mint("bot", ScopeSet::of(["gist"]));
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Cure { refusal, .. }] if refusal.is_curable()));
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Cure { .. }]), "nothing was cured");
    world.provider.amend(&new, |grant| grant.access = tokenturn::Access::Scopes(repo()));
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]));
    assert!(world.all_hold(&new));
}

#[tokio::test]
async fn a_token_that_another_credential_holds_is_refused() {
    let (world, rotator, run) = waiting().await;
    let place = tokenturn::consumer::memory::MemoryConsumer::new("c", &world.provider).unwrap();
    let other = Rotator::builder("other", world.provider.clone())
        .consumer(place)
        .policy(crate::world::swift())
        .journal(world.journal.clone())
        .clock(std::sync::Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let theirs = world.provider.mint("bot", repo());
    completed(&other.adopt(theirs.clone(), tokenturn::Predecessor::None).await.unwrap());
    let run = rotator.supply(run.id, theirs).await.unwrap();
    assert!(matches!(&refusal(&run)[..], [Lack::HeldElsewhere { credential }] if credential == "other"));
}

#[tokio::test]
async fn a_person_who_regenerates_has_killed_the_old_token_and_the_run_goes_forward() {
    let (world, rotator, run) = waiting().await;
    world.provider.kill(&world.old);
    let new = world.provider.mint("bot", repo());
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Found));
    assert!(world.all_hold(&new));
    let dead = |fact: &Fact| matches!(fact, Fact::PredecessorLooked { standing: Standing::Dead, .. });
    assert_eq!(world.count(dead), 1, "it is said in an event");
}

#[tokio::test]
async fn the_wrong_row_deleted_is_found_before_anything_else_is_done() {
    let (world, rotator, run) = waiting().await;
    let new = world.provider.mint("bot", repo());
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    world.provider.kill(&new);
    let run = rotator.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    assert!(world.provider.is_alive(&world.old));
    // Another token, and this time the right row.
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Token { .. }]));
    let third = world.provider.mint("bot", repo());
    let run = rotator.supply(run.id, third.clone()).await.unwrap();
    world.provider.kill(&world.old);
    let run = rotator.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    completed(&run);
    assert!(world.all_hold(&third));
}

#[tokio::test]
async fn a_deletion_that_was_only_said_is_asked_for_again() {
    let (world, rotator, run) = waiting().await;
    let run = rotator.supply(run.id, world.provider.mint("bot", repo())).await.unwrap();
    let before = asks(&run).to_vec();
    let run = rotator.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]));
    assert_eq!(asks(&run), before, "in the same words");
    assert_eq!(world.count(|fact| matches!(fact, Fact::DeletionAsked { .. })), 1, "the provider was asked once");
    assert_eq!(world.count(|fact| matches!(fact, Fact::StillAlive { .. })), 1);
}

#[tokio::test]
async fn a_paste_that_nobody_asked_for_is_refused() {
    let (world, rotator, run) = waiting().await;
    let run = rotator.supply(run.id, world.provider.mint("bot", repo())).await.unwrap();
    let error = rotator.supply(run.id, world.provider.mint("bot", repo())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let nowhere = tokenturn::RunId::new("nowhere").unwrap();
    let error = rotator.supply(nowhere, world.provider.mint("bot", repo())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_run_that_holds_asks_what_to_do_when_a_place_fails_for_good() {
    let (world, rotator, run) = waiting().await;
    let new = world.provider.mint("bot", repo());
    world.b.plan_fault("install", tokenturn::consumer::memory::Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    assert!(stuck(&run).contains("b: refused on purpose"), "{run:?}");
    assert!(world.provider.is_alive(&new) && world.provider.is_alive(&world.old));
    let run = rotator.resolve(run.id, Decision::Retry).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]));
    assert!(world.all_hold(&new));
}

#[tokio::test]
async fn a_refused_token_is_installed_when_a_person_says_so() {
    let (world, rotator, run) = waiting().await;
    let new = world.provider.mint("bot", ScopeSet::of(["gist"]));
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    let run = rotator.resolve(run.id, Decision::InstallAnyway).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]), "{run:?}");
    assert!(world.all_hold(&new));
}

#[tokio::test]
async fn a_paste_that_was_not_judged_when_the_run_went_back_is_never_revoked() {
    let mut can = guided();
    can.ending = tokenturn::provider::EndedBy::Api;
    let world = World::of(can);
    let rotator = world.with_policy(crate::world::swift().on_failure(tokenturn::rotation::OnFailure::RollBack));
    let run = rotator.rotate(world.held()).await.unwrap();
    let foreign = world.provider.mint("eve", repo());
    // A place can no longer be read, so the run goes back before anybody has looked at the paste.
    world.a.plan_fault("preflight", tokenturn::consumer::memory::Fault::Refused(ErrorKind::PermissionDenied));
    let run = rotator.supply(run.id, foreign.clone()).await.unwrap();
    let tokenturn::rotation::Outcome::RolledBack { orphans, .. } = &run.outcome else { panic!("{run:?}") };
    assert!(world.provider.is_alive(&foreign));
    assert_eq!(orphans.len(), 1, "it is said that a token may be left");
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn the_wrong_row_deleted_on_the_way_back_turns_the_run_forward() {
    let (world, _, run) = waiting().await;
    let policy = crate::world::swift().on_failure(tokenturn::rotation::OnFailure::Hold);
    let rotator = world.with_policy(policy);
    world.b.plan_fault("install", tokenturn::consumer::memory::Fault::Refused(ErrorKind::PermissionDenied));
    let new = world.provider.mint("bot", repo());
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    stuck(&run);
    let run = rotator.resolve(run.id, Decision::RollBack).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { token: TokenRef::New(_), .. }]), "{run:?}");
    // Every place has the old token by now, and the old one is what the person deletes.
    world.provider.kill(&world.old);
    let run = rotator.resolve(run.id, Decision::RevokedByHand(TokenRef::New(1))).await.unwrap();
    assert!(matches!(completed(&run).old, OldEnd::Dead(_)));
    assert!(world.all_hold(&new) && world.provider.is_alive(&new));
}

#[tokio::test]
async fn a_waived_token_that_has_expired_meanwhile_goes_nowhere() {
    let (world, rotator, run) = waiting().await;
    let new = world.provider.mint("bot", ScopeSet::of(["gist"]));
    let run = rotator.supply(run.id, new.clone()).await.unwrap();
    let soon = tokenturn::Clock::now(&world.clock).plus(crate::world::seconds(100));
    world.provider.amend(&new, |grant| grant.expiry = tokenturn::Expiry::At(soon));
    world.a.plan_fault("install", tokenturn::consumer::memory::Fault::Limited(crate::world::seconds(5000)));
    let run = rotator.resolve(run.id, Decision::InstallAnyway).await.unwrap();
    assert!(matches!(run.outcome, tokenturn::rotation::Outcome::BackingOff { .. }), "{run:?}");
    world.clock.advance(crate::world::seconds(5000));
    let run = rotator.resume_due().await.unwrap().unwrap();
    assert!(!run.outcome.is_over() && world.provider.is_alive(&world.old), "{run:?}");
    assert_eq!(world.a.writes(), 0);
}

#[tokio::test]
async fn a_token_that_leaked_is_not_taken_for_its_own_successor() {
    let (world, rotator, run) = waiting().await;
    let leaked = world.provider.mint("bot", repo());
    rotator.supply(run.id, leaked.clone()).await.unwrap();
    let run = rotator.emergency(Predecessor::Held(leaked.clone()), Urgency::ReplaceNow).await.unwrap();
    let error = rotator.supply(run.id.clone(), leaked).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let another = world.provider.mint("bot", repo());
    rotator.supply(run.id, another.clone()).await.unwrap();
    assert!(world.all_hold(&another));
}
