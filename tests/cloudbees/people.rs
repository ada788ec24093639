//! Whole rotations, with a person who does as asked, and with people who err.

use std::time::Duration;

use tokenturn::rotation::{Completion, Death, OldEnd, TokenRef};
use tokenturn::testing::Trouble;
use tokenturn::{Ask, Clock, Decision, ErrorKind, Outcome, Policy, Predecessor, Rotator, Run, Token};

use crate::{BOT, OLD_ROW, World, asks, guide, policy, stuck};

#[track_caller]
fn completed(run: &Run) -> &Completion {
    match &run.outcome {
        Outcome::Completed(completion) => completion,
        other => panic!("not completed: {other:#?}"),
    }
}

fn deleted() -> Decision {
    Decision::RevokedByHand(TokenRef::Old)
}

#[tokio::test]
async fn a_rotation_is_one_paste_and_one_deletion_and_both_tokens_are_asked_after_it() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, new, row) = world.to_deletion(&bot).await;
    assert!(world.unify.is_alive(&world.old), "it goes after the last look");
    let text = guide(&run).to_string();
    assert!(text.contains(&format!("Not the row named {row}")) && text.contains("cannot be undone"), "{text}");
    world.unify.delete(BOT, OLD_ROW).unwrap();
    let before = world.unify.seen().len();
    let run = bot.resolve(run.id, deleted()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    let asked: Vec<_> = world.unify.seen()[before..].iter().filter_map(|seen| seen.status).collect();
    assert_eq!(asked[..2], [401, 200], "the old token is dead, and the new one alive");
    assert_eq!(world.place.holds(), Some(new.fingerprint()));
}

#[tokio::test]
async fn the_row_carries_the_label_and_the_next_rotation_names_it() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _, first) = world.to_deletion(&bot).await;
    world.unify.delete(BOT, OLD_ROW).unwrap();
    completed(&bot.resolve(run.id, deleted()).await.unwrap());
    let run = bot.rotate(Predecessor::Kept).await.unwrap();
    let new = world.unify.generate(BOT, &guide(&run)).unwrap();
    let run = bot.supply(run.id, Token::new(&new).unwrap()).await.unwrap();
    assert!(guide(&run).to_string().contains(&format!("Find the row named {first}.")), "{}", guide(&run));
    world.unify.delete(BOT, &first).unwrap();
    completed(&bot.resolve(run.id, deleted()).await.unwrap());
}

#[tokio::test]
async fn the_guide_has_every_field_and_asks_to_read_name_and_date_off_the_list() {
    let world = World::start().await;
    let (_, guide) = world.begin(&world.rotator()).await;
    let keys: Vec<_> = guide.steps.iter().map(|step| step.key.as_str()).collect();
    assert_eq!(keys, ["before", "sign-in", "open", "generate", "name", "description", "duration", "copy", "read-off"]);
    let text = guide.to_string();
    for part in ["User profile", "Personal access tokens", "Duration: 30 days.", "expiration date off the list", BOT] {
        assert!(text.contains(part), "{part} not in:\n{text}");
    }
    let row = guide.title.rsplit(' ').next().unwrap();
    world.unify.generate(BOT, &guide).unwrap();
    let (name, _) = world.unify.rows(BOT).pop().unwrap();
    assert_eq!(name, row);
    assert!(text.contains("30 days after the day on which you make it"), "{text}");
}

#[tokio::test]
async fn whoever_comes_late_finds_on_the_list_what_the_guide_says() {
    for days in [7, 30, 60, 90, 45] {
        let world = World::start().await;
        let (_, guide) = world.begin(&world.with_policy(policy().lifetime(Duration::from_hours(days * 24)))).await;
        world.clock.advance(Duration::from_hours(6 * 24));
        world.unify.generate(BOT, &guide).unwrap_or_else(|error| panic!("{days} days: {error}\n{guide}"));
    }
}

#[tokio::test]
async fn without_a_lifetime_no_token_is_asked_for_and_the_plan_says_so() {
    let world = World::start().await;
    let bot = Rotator::builder(BOT, world.provider())
        .consumer(world.place.clone())
        .policy(Policy::default())
        .clock(std::sync::Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let plan = bot.plan(&Predecessor::Held(world.old.clone())).await.unwrap().to_string();
    assert!(plan.contains("without one no token is asked for"), "{plan}");
    let run = bot.rotate(Predecessor::Held(world.old.clone())).await.unwrap();
    let Outcome::Stopped { because, .. } = &run.outcome else { panic!("{run:?}") };
    assert_eq!(because.kind, ErrorKind::InvalidInput);
    assert!(because.to_string().contains("set `Policy::lifetime`"), "{because}");
    assert_eq!((world.unify.rows(BOT).len(), world.place.holds()), (1, Some(world.old.fingerprint())));
}

#[tokio::test]
async fn a_lifetime_that_is_not_offered_is_a_date_and_no_shorter() {
    let world = World::start().await;
    let life = Duration::from_hours(45 * 24);
    let (_, guide) = world.begin(&world.with_policy(policy().lifetime(life))).await;
    assert!(guide.to_string().contains("Duration: Custom, then "), "{guide}");
    world.unify.generate(BOT, &guide).unwrap();
    let (_, end) = world.unify.rows(BOT).pop().unwrap();
    assert!(world.clock.now().until(end) >= life);
}

#[tokio::test]
async fn the_next_rotation_is_due_before_the_end_that_was_chosen() {
    let world = World::start().await;
    let bot = world.rotator();
    let chosen = world.clock.now().plus(Duration::from_hours(30 * 24));
    let (run, _, _) = world.to_deletion(&bot).await;
    world.unify.delete(BOT, OLD_ROW).unwrap();
    completed(&bot.resolve(run.id, deleted()).await.unwrap());
    let due = bot.next_due(world.clock.now()).await.unwrap().unwrap();
    assert!(due.latest < chosen, "{due}, and the token ends at {chosen}");
}

#[tokio::test]
async fn the_wrong_row_deleted_is_found_and_the_old_token_serves_on() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, new, row) = world.to_deletion(&bot).await;
    world.unify.delete(BOT, &row).unwrap();
    let run = bot.resolve(run.id, deleted()).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    assert!(world.unify.is_alive(&world.old) && !world.unify.is_alive(&new));
    // Another is made, and this time the right row goes.
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let third = Token::new(&world.unify.generate(BOT, &guide(&run)).unwrap()).unwrap();
    let run = bot.supply(run.id, third.clone()).await.unwrap();
    world.unify.delete(BOT, OLD_ROW).unwrap();
    completed(&bot.resolve(run.id, deleted()).await.unwrap());
    assert_eq!(world.place.holds(), Some(third.fingerprint()));
}

#[tokio::test]
async fn both_rows_deleted_is_no_success() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _, row) = world.to_deletion(&bot).await;
    world.unify.delete(BOT, OLD_ROW).unwrap();
    world.unify.delete(BOT, &row).unwrap();
    let run = bot.resolve(run.id, deleted()).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let third = Token::new(&world.unify.generate(BOT, &guide(&run)).unwrap()).unwrap();
    let run = bot.supply(run.id, third.clone()).await.unwrap();
    completed(&run);
    assert_eq!(world.place.holds(), Some(third.fingerprint()));
}

#[tokio::test]
async fn a_deletion_that_was_not_done_is_asked_for_again() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _, _) = world.to_deletion(&bot).await;
    let run = bot.resolve(run.id, deleted()).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { token: TokenRef::Old, .. }]), "{run:?}");
}

#[tokio::test]
async fn a_token_that_dies_only_after_a_while_is_not_called_dead_before() {
    let world = World::start().await;
    world.unify.delete_after_looks(1);
    let bot = world.rotator();
    let (run, _, _) = world.to_deletion(&bot).await;
    world.unify.delete(BOT, OLD_ROW).unwrap();
    let run = bot.resolve(run.id, deleted()).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]), "it is taken still: {run:?}");
    completed(&bot.resolve(run.id, deleted()).await.unwrap());
}

#[tokio::test]
async fn a_refusal_by_something_between_is_no_death() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _, _) = world.to_deletion(&bot).await;
    world.unify.trouble("GET /v1/organizations", Trouble::Refuse(401));
    let run = bot.resolve(run.id, deleted()).await.unwrap();
    assert!(stuck(&run).contains("not CloudBees Unify's own"), "{run:?}");
    assert!(world.unify.is_alive(&world.old));
    world.unify.delete(BOT, OLD_ROW).unwrap();
    completed(&bot.resolve(run.id, deleted()).await.unwrap());
}

#[tokio::test]
async fn an_old_token_that_was_never_seen_alive_is_not_proven_dead_by_a_refusal() {
    let world = World::start().await;
    let never = Token::new("unify-FAKE-mistyped").unwrap();
    let bot = world.rotator();
    let run = bot.rotate(Predecessor::Held(never)).await.unwrap();
    let new = world.unify.generate(BOT, &guide(&run)).unwrap();
    let run = bot.supply(run.id, Token::new(&new).unwrap()).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Found), "found so, and never called proven");
    assert!(world.unify.is_alive(&world.old));
}

#[tokio::test]
async fn a_token_of_an_account_outside_the_organization_is_refused_and_left_alive_and_another_is_asked_for() {
    for hidden in [false, true] {
        let world = World::start().await;
        world.unify.user("stranger", &["other.example"]);
        let bot = world.rotator();
        let (run, page) = world.begin(&bot).await;
        let theirs = Token::new(&world.unify.generate("stranger", &page).unwrap()).unwrap();
        if hidden {
            world.unify.hide_organizations();
        }
        let run = bot.supply(run.id, theirs.clone()).await.unwrap();
        let [Ask::Token { refusal: Some(refusal), .. }] = asks(&run) else { panic!("{run:?}") };
        let said = if hidden { "hides it from this token" } else { "read the organization acme.com, and never will" };
        assert!(refusal.to_string().contains(said), "{refusal}");
        assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
        assert!(world.unify.is_alive(&theirs), "it is not ours to end");
        let new = Token::new(&world.unify.generate(BOT, &guide(&run)).unwrap()).unwrap();
        let run = bot.supply(run.id, new.clone()).await.unwrap();
        world.unify.delete(BOT, OLD_ROW).unwrap();
        completed(&bot.resolve(run.id, deleted()).await.unwrap());
        assert_eq!(world.place.holds(), Some(new.fingerprint()));
    }
}

#[tokio::test]
async fn a_policy_that_names_an_owner_refuses_what_nobody_can_confirm() {
    let world = World::start().await;
    let bot = world.with_policy(policy().owner("somebody-else"));
    let run = bot.rotate(Predecessor::None).await.unwrap();
    let new = world.unify.generate(BOT, &guide(&run)).unwrap();
    let run = bot.supply(run.id, Token::new(&new).unwrap()).await.unwrap();
    let Ask::Token { refusal: Some(refusal), .. } = &asks(&run)[0] else { panic!("{run:?}") };
    assert!(refusal.to_string().contains("does not name"), "{refusal}");
}

#[tokio::test]
async fn the_old_token_pasted_again_is_refused_at_the_prompt() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let error = bot.supply(run.id, world.old.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn nobody_comes_and_both_places_and_tokens_stay_as_they_are() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    world.clock.advance(Duration::from_hours(20 * 24));
    let late = bot.resume(run.id.clone()).await.unwrap();
    assert!(matches!(asks(&late), [Ask::Token { .. }]));
    assert!(world.unify.is_alive(&world.old));
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
    let (_, guide) = world.begin(&bot).await;
    let new = Token::new(&world.unify.generate(BOT, &guide).unwrap()).unwrap();
    let run = bot.supply(run.id, new).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]), "it goes on where it was");
}

#[tokio::test]
async fn the_plan_says_what_nobody_can_know_and_changes_nothing() {
    let world = World::start().await;
    let plan = world.rotator().plan(&Predecessor::Held(world.old.clone())).await.unwrap();
    let text = plan.to_string();
    for part in ["whose a token is", "when a token ends", "a person deletes the old token"] {
        assert!(text.contains(part), "{part} not in:\n{text}");
    }
    assert!(world.unify.seen().iter().all(|seen| seen.line.starts_with("GET ")));
}
