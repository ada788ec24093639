//! Providers that kill the old token when they issue the new one.

use std::sync::atomic::{AtomicBool, Ordering};

use tokenturn::consumer::memory::Fault;
use tokenturn::rotation::{Death, Decision, Fact, OldEnd, Outcome};
use tokenturn::{ErrorKind, Predecessor, ScopeSet};

use crate::world::{Stumbling, World, completed, overlap, place, replace, repo, stuck};

#[tokio::test]
async fn the_new_token_replaces_the_old_one_and_goes_everywhere() {
    let world = World::of(replace());
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Replaced));
    assert!(world.all_hold(&world.newest()));
    completed(&rotator.rotate(Predecessor::Kept).await.unwrap());
    assert_eq!(world.kept().await, ["current"]);
}

#[tokio::test]
async fn an_old_token_that_lacks_scopes_is_not_copied() {
    let world = World::of(replace());
    world.provider.amend(&world.old, |grant| grant.access = tokenturn::Access::Scopes(ScopeSet::of(["gist"])));
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.text.contains("lacks scopes")));
    assert!(world.provider.is_alive(&world.old));
    // Where it need not be copied, it does not matter.
    let world = World::of(overlap());
    world.provider.amend(&world.old, |grant| grant.access = tokenturn::Access::Scopes(ScopeSet::of(["gist"])));
    completed(&world.rotator().rotate(world.held()).await.unwrap());
}

#[tokio::test]
async fn a_dead_old_token_cannot_be_copied() {
    let world = World::of(replace());
    world.provider.kill(&world.old);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.text.contains("not alive")));
}

#[tokio::test]
async fn a_lost_answer_is_never_called_success_and_never_asked_for_twice() {
    let world = World::of(replace());
    world.provider.plan_fault("issue", Fault::LostAfter);
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("cannot be had any more"), "{run:?}");
    let Outcome::NeedsPerson { orphans, .. } = &run.outcome else { panic!() };
    assert!(orphans[0].label.is_some(), "the token that may live is named");
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
    // A person makes one by hand.
    let run = rotator.resolve(run.id, Decision::Abandon).await.unwrap();
    assert!(run.outcome.is_over());
    let made = world.provider.mint("bot", repo());
    completed(&rotator.adopt(made.clone(), world.held()).await.unwrap());
    assert!(world.all_hold(&made));
}

#[tokio::test]
async fn a_lost_token_that_has_the_name_of_the_old_one_is_reported_under_no_other() {
    let world = World::of(replace().keeping_names());
    let rotator = world.rotator();
    completed(&rotator.rotate(world.held()).await.unwrap());
    world.provider.plan_fault("issue", Fault::LostAfter);
    let run = rotator.rotate(Predecessor::Kept).await.unwrap();
    assert_eq!(world.predecessor().label, None, "nor is the next run told a name that is none");
    assert!(stuck(&run).contains("the newest of that name"), "{run:?}");
    let Outcome::NeedsPerson { orphans, .. } = &run.outcome else { panic!() };
    assert!(orphans.len() == 1 && orphans[0].label.is_none(), "{orphans:?}");
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again_once_the_old_token_was_seen_alive() {
    let world = World::of(replace());
    world.provider.plan_fault("issue", Fault::LostBefore);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn a_lost_answer_is_reissued_where_the_provider_can() {
    let world = World::of(replace().reissuing());
    world.provider.plan_fault("issue", Fault::LostAfter);
    let run = world.rotator().rotate(world.held()).await.unwrap();
    assert_eq!(completed(&run).orphans.len(), 1, "the lost one may live");
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn one_place_that_fails_holds_no_other_back() {
    let world = World::of(replace());
    world.a.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    assert_eq!(world.b.holds(), Some(world.newest().fingerprint()));
    completed(&rotator.resolve(run.id, Decision::Retry).await.unwrap());
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn the_value_survives_a_restart_in_the_journal() {
    let world = World::of(replace());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = world.rotator().rotate(world.held()).await.unwrap();
    stuck(&run);
    let run = world.rotator().resolve(run.id, Decision::Retry).await.unwrap();
    completed(&run);
    assert!(world.all_hold(&world.newest()));
}

#[tokio::test]
async fn a_place_that_failed_for_good_is_told_while_another_waits_for_a_person() {
    let world = World::of(replace()).with_a(tokenturn::consumer::ConsumerCapabilities::new("m").by_person());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = world.rotator().rotate(world.held()).await.unwrap();
    let text = format!("{:?}", run.outcome);
    assert!(text.contains("refused on purpose"), "b is down for good, and nobody is told: {text}");
}

#[tokio::test]
async fn that_the_old_token_lives_does_not_show_that_a_provider_which_needs_none_made_nothing() {
    let mut can = replace();
    (can.reissues, can.finds_by_label) = (true, true);
    let world = World::of(can);
    world.provider.plan_fault("issue", Fault::LostBefore);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(
        world.count(|fact| matches!(fact, Fact::OrphansFound { .. })),
        1,
        "it was searched for what may be there"
    );
}

#[tokio::test]
async fn where_places_are_down_one_that_fails_keeps_none_waiting_that_would_come_later() {
    let world = World::of(replace()).with_b(place().disruptive());
    world.a.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    stuck(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(world.b.holds(), Some(world.newest().fingerprint()));
}

#[tokio::test]
async fn a_person_is_told_to_delete_what_has_the_old_name_only_where_names_are_kept() {
    for keeps_names in [true, false] {
        let mut can = replace();
        can.keeps_names = keeps_names;
        let world = World::of(can);
        world.provider.plan_fault("issue", Fault::LostAfter);
        let why = stuck(&world.rotator().rotate(world.held()).await.unwrap());
        assert_eq!(why.contains("Delete the newest of that name"), keeps_names, "{why}");
    }
}

#[tokio::test]
async fn a_new_token_that_nobody_knows_is_issued_anew_when_a_person_says_so() {
    let mut world = World::of(replace().reissuing());
    let (provider, killed) = (world.provider.clone(), AtomicBool::new(false));
    let journal = Stumbling::over(world.journal.clone());
    journal.on_issued(move || {
        if !killed.swap(true, Ordering::SeqCst) {
            provider.kill(&provider.newest().unwrap());
        }
    });
    world.journal = journal;
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(stuck(&run).contains("does not know this token"), "{run:?}");
    completed(&rotator.resolve(run.id, Decision::Retry).await.unwrap());
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 2);
}
