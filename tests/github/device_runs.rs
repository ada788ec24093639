//! Whole rotations by the device flow, with people who err.

use std::time::Duration;

use tokenturn::rotation::TokenRef;
use tokenturn::testing::{GitHubFake, Trouble};
use tokenturn::{Ask, Decision, ErrorKind, Outcome, Predecessor, Run, Urgency};

use crate::app_world::{APP, POLL, SECRET, World, code_in, completed, guide};

async fn begun(world: &World) -> (tokenturn::Rotator, Run, tokenturn::Token) {
    let (old, _) = world.in_use();
    let bot = world.by_device();
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    (bot, run, old)
}

#[tokio::test]
async fn a_person_enters_a_code_and_the_token_is_turned_over() {
    let world = World::start().await;
    let (bot, run, old) = begun(&world).await;
    let run = world.poll(&bot, run).await;
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    let run = world.poll(&bot, run).await;
    completed(&world.finish(&bot, run).await);
    let new = world.place.holds().unwrap();
    assert!(new != old && world.github.tokens_of(APP) == [new.clone()], "the old one was ended by the app");
    assert_eq!((world.github.codes_given(), world.github.polls_too_soon()), (1, 0));
    let codes = world.github.device_codes();
    world.assert_untold(&[&codes[0], old.expose(), new.expose(), SECRET]);
}

#[tokio::test]
async fn a_restart_forgets_neither_the_code_nor_the_pace() {
    let world = World::start().await;
    let (bot, run, _) = begun(&world).await;
    let code = code_in(&guide(&run));
    let run = world.poll(&bot, run).await;
    world.github.wants_slower_polls(5);
    let run = world.poll(&bot, run).await;
    assert_eq!(world.github.polls_too_soon(), 1, "which nobody could know");
    drop(bot);
    let bot = world.by_device();
    world.clock.advance(Duration::from_secs(14));
    assert_eq!(bot.resume_due().await.unwrap(), None, "it is too early to ask");
    let run = world.poll(&bot, run).await;
    assert_eq!(code_in(&guide(&run)), code, "the person is shown the same code");
    world.github.enter_code("build-bot", &code).unwrap();
    let bot = world.by_device();
    let run = world.poll(&bot, run).await;
    completed(&world.finish(&bot, run).await);
    assert_eq!(world.github.polls_too_soon(), 1);
}

#[tokio::test]
async fn whoever_comes_too_late_is_shown_another_code() {
    let world = World::start().await;
    let (bot, run, old) = begun(&world).await;
    let late = code_in(&guide(&run));
    world.clock.advance(Duration::from_mins(16));
    assert_eq!(world.github.enter_code("build-bot", &late).unwrap_err().kind(), ErrorKind::NotFound);
    let run = bot.resume(run.id).await.unwrap();
    let code = code_in(&guide(&run));
    assert_ne!(code, late);
    world.github.enter_code("build-bot", &code).unwrap();
    let run = world.poll(&world.by_device(), run).await;
    completed(&world.finish(&bot, run).await);
    assert!(!world.github.is_alive(&old));
}

#[tokio::test]
async fn whoever_never_comes_is_asked_for_an_hour_and_nothing_has_changed() {
    let world = World::start().await;
    let (bot, mut run, old) = begun(&world).await;
    for _ in 0..10 {
        if !matches!(run.outcome, Outcome::AwaitingPerson { .. }) {
            break;
        }
        world.clock.advance(Duration::from_mins(16));
        run = bot.resume(run.id).await.unwrap();
    }
    let Outcome::Stopped { because, orphans, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.kind == ErrorKind::Refused && because.text.contains("begin again"), "{because}");
    assert_eq!(orphans.len(), 0, "no answer was lost");
    assert!(world.github.codes_given() <= 5);
    assert_eq!((world.github.tokens_of(APP), world.place.holds()), (vec![old.clone()], Some(old)));
}

#[tokio::test]
async fn whoever_says_no_stops_the_run_and_is_quoted() {
    let world = World::start().await;
    let (bot, run, old) = begun(&world).await;
    world.github.deny_code(&code_in(&guide(&run))).unwrap();
    let run = world.poll(&bot, run).await;
    let run = world.finish(&bot, run).await;
    let Outcome::Stopped { because, orphans, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.kind == ErrorKind::PermissionDenied && because.text.contains("Cancel"), "{because}");
    assert_eq!(orphans.len(), 0, "no answer was lost");
    assert_eq!((world.github.tokens_of(APP), world.place.holds()), (vec![old.clone()], Some(old)));
}

#[tokio::test]
async fn the_token_of_another_account_is_installed_nowhere_and_ended() {
    let world = World::start().await;
    let (bot, run, old) = begun(&world).await;
    world.github.enter_code("somebody-else", &code_in(&guide(&run))).unwrap();
    let run = world.poll(&bot, run).await;
    let run = world.finish(&bot, run).await;
    let Outcome::RolledBack { because, orphans, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.text.contains("somebody-else") && orphans.is_empty(), "{because}");
    assert_eq!((world.github.tokens_of(APP), world.place.holds()), (vec![old.clone()], Some(old)));
}

#[tokio::test]
async fn without_the_apps_secret_the_token_of_another_account_is_ended_as_exposed() {
    let world = World::start().await;
    let (old, _) = world.in_use();
    let bot = world.rotator(world.device().revoke_by_api().build().unwrap());
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    world.github.enter_code("somebody-else", &code_in(&guide(&run))).unwrap();
    let run = world.poll(&bot, run).await;
    let run = world.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{:?}", run.outcome);
    assert_eq!((world.github.tokens_of(APP), world.place.holds()), (vec![old.clone()], Some(old)));
}

#[tokio::test]
async fn the_pair_that_a_code_replaces_is_ended_as_a_pair() {
    let world = World::expiring().await;
    let (old, refresh) = world.in_use();
    let refresh = refresh.unwrap();
    let bot = world.rotator(world.device().revoke_by_api().build().unwrap());
    let pair = Predecessor::Renewable { token: old.clone(), companion: refresh.clone() };
    let run = bot.rotate(pair).await.unwrap();
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    let run = world.poll(&bot, run).await;
    completed(&world.finish(&bot, run).await);
    assert!(!world.github.is_alive(&old) && !world.github.renews_with(&refresh));
    let new = world.place.holds().unwrap();
    assert!(world.github.renews_with(&world.github.refresh_token_of(&new).unwrap()));
}

#[tokio::test]
async fn a_pair_that_leaked_is_ended_as_a_pair_before_anything_else() {
    let world = World::expiring().await;
    let (old, refresh) = world.in_use();
    let refresh = refresh.unwrap();
    let leaked = Predecessor::Renewable { token: old.clone(), companion: refresh.clone() };
    world.by_device().emergency(leaked, Urgency::RevokeFirst).await.unwrap();
    assert!(!world.github.is_alive(&old) && !world.github.renews_with(&refresh));
    world.assert_untold(&[old.expose(), refresh.expose()]);
}

#[tokio::test]
async fn a_leaked_refresh_token_that_nobody_could_report_is_named_to_a_person_and_its_token_ended() {
    for spoil in [GitHubFake::without_revocation as fn(&_), GitHubFake::spend_anonymous_budget] {
        let world = World::expiring().await;
        spoil(&world.github);
        let (old, refresh) = world.in_use();
        let refresh = refresh.unwrap();
        let leaked = Predecessor::Renewable { token: old.clone(), companion: refresh.clone() };
        let bot = world.by_device();
        let run = bot.emergency(leaked, Urgency::ReplaceNow).await.unwrap();
        world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
        let run = world.poll(&bot, run).await;
        let run = world.finish(&bot, run).await;
        assert!(!world.github.is_alive(&old), "it waits for nobody");
        let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
        let named = |ask: &Ask| ask.guide().unwrap().to_string().contains(&refresh.fingerprint().to_string());
        assert!(matches!(&asks[..], [ask @ Ask::Deletion { .. }] if named(ask)), "{asks:?}");
        world.assert_untold(&[old.expose(), refresh.expose()]);
        let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
        completed(&world.finish(&bot, run).await);
    }
}

#[tokio::test]
async fn a_token_that_is_not_the_apps_is_not_taken_for_dead() {
    for is_personal in [true, false] {
        let world = World::start().await;
        world.github.device_flow_app("Iv1.other", "other-secret-FAKE");
        let old = if is_personal {
            world.github.classic("build-bot", "before", &["repo", "workflow"])
        } else {
            world.github.user_token("Iv1.other", "build-bot", "repo workflow", true).0
        };
        world.place.put(&old);
        let bot = world.by_device();
        let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
        world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
        let run = world.poll(&bot, run).await;
        let run = world.finish(&bot, run).await;
        let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
        assert!(matches!(&asks[..], [Ask::Deletion { .. }]), "{asks:?}");
        assert!(world.github.is_alive(&old) && world.place.holds() != Some(old.clone()));
    }
}

#[tokio::test]
async fn a_code_that_is_entered_twice_makes_one_token() {
    let world = World::start().await;
    let (bot, run, _) = begun(&world).await;
    let code = code_in(&guide(&run));
    world.github.enter_code("build-bot", &code).unwrap();
    assert_eq!(world.github.enter_code("build-bot", &code).unwrap_err().kind(), ErrorKind::Conflict);
    let run = world.poll(&bot, run).await;
    completed(&world.finish(&bot, run).await);
    assert_eq!(world.github.tokens_of(APP).len(), 1);
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_told_and_no_other_is_asked_for() {
    let world = World::start().await;
    let (bot, run, old) = begun(&world).await;
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    world.github.trouble(POLL, Trouble::DropAfter);
    let run = world.poll(&bot, run).await;
    let run = world.poll(&bot, run).await;
    let run = world.finish(&bot, run).await;
    let Outcome::Stopped { because, orphans, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.text.contains("nobody has"), "{because}");
    assert_eq!(orphans.len(), 1, "it is told");
    assert_eq!((world.github.codes_given(), world.github.tokens_of(APP).len()), (1, 2));
    assert_eq!(world.place.holds(), Some(old));
    let codes = world.github.device_codes();
    world.assert_untold(&[&codes[0], SECRET]);
}

#[tokio::test]
async fn a_poll_that_never_arrived_is_sent_again_at_its_pace() {
    let world = World::start().await;
    let (bot, run, _) = begun(&world).await;
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    world.github.trouble(POLL, Trouble::DropBefore);
    let run = world.poll(&bot, run).await;
    let run = world.poll(&bot, run).await;
    completed(&world.finish(&bot, run).await);
    assert_eq!(world.github.polls_too_soon(), 0);
}

#[tokio::test]
async fn a_token_in_use_that_the_eleventh_pushed_out_is_noticed_and_the_new_one_is_not_ended() {
    let world = World::start().await;
    let (old, _) = world.in_use();
    for _ in 0..9 {
        drop(world.github.user_token(APP, "build-bot", "repo workflow", true));
    }
    assert_eq!(world.github.tokens_of(APP).len(), 10);
    let bot = world.by_device();
    let plan = bot.plan(&Predecessor::Held(old.clone())).await.unwrap().to_string();
    assert!(plan.contains("10 tokens") && plan.contains("eleventh"), "said before anybody agrees:\n{plan}");
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    world.place.breaks();
    let run = world.poll(&bot, run).await;
    let run = world.finish(&bot, run).await;
    assert!(!world.github.is_alive(&old), "the oldest of ten is dead, and the place holds it");
    let new = world.github.tokens_of(APP).last().unwrap().clone();
    assert!(matches!(run.outcome, Outcome::NeedsPerson { .. }), "{:?}", run.outcome);
    // Going back to a dead token is no way.
    if let Ok(run) = bot.resolve(run.id, Decision::RollBack).await {
        let run = world.finish(&bot, run).await;
        assert!(!matches!(run.outcome, Outcome::RolledBack { .. } | Outcome::Completed(_)), "{:?}", run.outcome);
    }
    assert!(world.github.is_alive(&new), "the only one that could be installed");
}

#[tokio::test]
async fn the_token_of_another_credential_that_was_pushed_out_is_seen_by_its_next_look() {
    let world = World::start().await;
    let (theirs, _) = world.github.user_token(APP, "build-bot", "repo workflow", true);
    for _ in 0..8 {
        drop(world.github.user_token(APP, "build-bot", "repo workflow", true));
    }
    let (bot, run, old) = begun(&world).await;
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    let run = world.poll(&bot, run).await;
    completed(&world.finish(&bot, run).await);
    assert!(!world.github.is_alive(&theirs) && !world.github.is_alive(&old));
    let plan = world.by_device().plan(&Predecessor::Held(theirs)).await.unwrap().to_string();
    assert!(plan.contains("the old token is dead"), "{plan}");
}
