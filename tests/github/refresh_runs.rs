//! Whole rotations of tokens that expire, with the power cut at every boundary.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::testing::{Power, Powered, Trouble};
use tokenturn::{Decision, ErrorKind, Outcome, Policy, Predecessor, Rotator, Run, Token};

use crate::app_world::{APP, POLL, SECRET, World, code_in, completed, guide};

fn pair((token, companion): (Token, Option<Token>)) -> Predecessor {
    Predecessor::Renewable { token, companion: companion.unwrap() }
}

#[tokio::test]
async fn a_token_is_renewed_again_and_again_each_time_from_another_refresh_token() {
    let world = World::expiring().await;
    let (old, refresh) = world.in_use();
    let mut pairs = vec![(old.clone(), refresh.clone().unwrap())];
    completed(&world.by_refresh().rotate(pair((old, refresh))).await.unwrap());
    for _ in 0..2 {
        let token = world.place.holds().unwrap();
        pairs.push((token.clone(), world.github.refresh_token_of(&token).unwrap()));
        completed(&world.by_refresh().rotate(Predecessor::Kept).await.unwrap());
    }
    assert_eq!(world.github.tokens_of(APP), [world.place.holds().unwrap()]);
    for (token, refresh) in &pairs {
        assert_eq!((world.github.is_alive(token), world.github.refreshes_with(refresh)), (false, 1));
        world.assert_untold(&[token.expose(), refresh.expose(), SECRET]);
    }
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_while_its_refresh_token_lives() {
    let world = World::expiring().await;
    let old = world.in_use();
    world.clock.advance(Duration::from_hours(9));
    assert_eq!(world.github.tokens_of(APP), []);
    completed(&world.by_refresh().rotate(pair(old)).await.unwrap());
    world.clock.advance(Duration::from_hours(24 * 184));
    let bot = world.by_refresh();
    let run = bot.rotate(Predecessor::Kept).await.unwrap();
    let run = world.finish(&bot, run).await;
    let Outcome::Stopped { because, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.text.contains("authorise the app again"), "{because}");
}

#[tokio::test]
async fn a_refresh_token_that_was_refused_is_presented_by_no_later_run() {
    let world = World::expiring().await;
    completed(&world.by_refresh().rotate(pair(world.in_use())).await.unwrap());
    let refresh = world.github.refresh_token_of(&world.place.holds().unwrap()).unwrap();
    world.clock.advance(Duration::from_hours(24 * 184));
    for _ in 0..2 {
        let bot = world.by_refresh();
        let run = bot.rotate(Predecessor::Kept).await.unwrap();
        let run = world.finish(&bot, run).await;
        assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{:?}", run.outcome);
    }
    assert_eq!(world.github.refreshes_with(&refresh), 1);
}

#[tokio::test]
async fn a_policy_that_would_refuse_every_renewed_token_is_refused_before_any_is_made() {
    let world = World::expiring().await;
    let build = |policy| {
        let provider = world.refreshed().client_secret(SecretString::from(SECRET)).build().unwrap();
        let builder = Rotator::builder("bot", provider).consumer(world.place.clone()).policy(policy);
        builder.journal(world.journal.clone()).sealer(world.sealer.clone()).accept_unrecoverable(true).build()
    };
    let error = build(Policy::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("480 minutes at most"), "{error}");
    // The old token dies at once, so the time of grace does not matter.
    assert!(build(Policy::default().minimum_life(Duration::from_hours(4))).is_ok());
}

#[tokio::test]
async fn a_token_that_does_not_show_what_it_may_do_is_not_spent_for_one_that_would_be_refused() {
    let world = World::expiring().await;
    world.github.is_github_app(APP);
    let (old, refresh) = world.in_use();
    let bot = world.by_refresh();
    let run = bot.rotate(pair((old.clone(), refresh.clone()))).await.unwrap();
    let Outcome::Stopped { because, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.text.contains("name a private resource"), "{because}");
    assert!(world.github.is_alive(&old) && world.github.refreshes_with(&refresh.unwrap()) == 0);
}

#[tokio::test]
async fn an_open_renewal_is_not_taken_up_by_the_device_flow() {
    let world = World::expiring().await;
    world.github.trouble(POLL, Trouble::DropBefore);
    let (bot, old) = (world.by_refresh(), world.in_use());
    let run = bot.rotate(pair(old.clone())).await.unwrap();
    let told = world.events.lock().unwrap().len();
    for error in [
        world.by_device().resume(run.id.clone()).await.unwrap_err(),
        world.by_device().rotate(pair(old)).await.unwrap_err(),
        world.by_device().resolve(run.id.clone(), Decision::Abandon).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains("the provider that it began with"), "{error}");
    }
    assert_eq!((world.events.lock().unwrap().len(), world.github.codes_given()), (told, 0), "nothing was noted");
    completed(&world.finish(&bot, run).await);
}

#[tokio::test]
async fn an_open_question_of_the_device_flow_is_not_taken_up_by_a_renewal() {
    let world = World::expiring().await;
    let bot = world.by_device();
    let run = bot.rotate(Predecessor::None).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let error = world.by_refresh().resume(run.id.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    completed(&world.poll(&bot, run).await);
}

#[tokio::test]
async fn what_the_device_flow_obtained_is_renewed_from_the_same_journal() {
    let world = World::expiring().await;
    let bot = world.by_device();
    let run = bot.rotate(Predecessor::None).await.unwrap();
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    completed(&world.poll(&bot, run).await);
    let first = world.place.holds().unwrap();
    completed(&world.by_refresh().rotate(Predecessor::Kept).await.unwrap());
    let second = world.place.holds().unwrap();
    assert!(second != first && world.github.tokens_of(APP) == [second]);
}

#[tokio::test]
async fn a_refresh_token_whose_answer_was_lost_is_never_presented_again() {
    let world = World::expiring().await;
    let (old, refresh) = world.in_use();
    world.github.trouble(POLL, Trouble::DropAfter);
    let bot = world.by_refresh();
    let run = bot.rotate(pair((old.clone(), refresh.clone()))).await.unwrap();
    let run = world.finish(&bot, run).await;
    let Outcome::NeedsPerson { orphans, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert_eq!(orphans.len(), 1, "what lives and nobody has is told");
    for _ in 0..3 {
        world.clock.advance(Duration::from_hours(1));
        world.by_refresh().resume(run.id.clone()).await.unwrap();
    }
    let refresh = refresh.unwrap();
    assert_eq!((world.github.refreshes_with(&refresh), world.sent(POLL)), (1, 1));
    world.assert_untold(&[refresh.expose(), old.expose(), SECRET]);
    // The way out: a person authorises the app again, and that pair is adopted.
    bot.resolve(run.id, Decision::Abandon).await.unwrap();
    let (token, companion) = world.github.user_token(APP, "build-bot", "repo workflow", true);
    let made = tokenturn::provider::Candidate::new(token.clone()).with_companion(companion);
    completed(&bot.adopt(made, Predecessor::Held(old)).await.unwrap());
    assert_eq!(world.place.holds(), Some(token));
    completed(&world.by_refresh().rotate(Predecessor::Kept).await.unwrap());
}

#[tokio::test]
async fn a_live_old_token_shows_that_the_refresh_never_arrived() {
    let world = World::expiring().await;
    let (old, refresh) = world.in_use();
    world.github.trouble(POLL, Trouble::DropBefore);
    let bot = world.by_refresh();
    let run = bot.rotate(pair((old, refresh.clone()))).await.unwrap();
    completed(&world.finish(&bot, run).await);
    assert_eq!((world.github.refreshes_with(&refresh.unwrap()), world.sent(POLL)), (1, 2));
}

#[tokio::test]
async fn of_two_with_one_refresh_token_the_slower_is_refused_and_the_faster_goes_on() {
    let (world, other) = (World::expiring().await, World::start().await);
    let (old, refresh) = world.in_use();
    let slower = Rotator::builder("another", world.refreshed().revoke_by_api().build().unwrap())
        .consumer(other.place.clone())
        .policy(Policy::default().minimum_life(Duration::from_hours(4)))
        .journal(other.journal.clone())
        .sealer(other.sealer.clone())
        .accept_unrecoverable(true)
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    completed(&world.by_refresh().rotate(pair((old.clone(), refresh.clone()))).await.unwrap());
    let run = slower.rotate(pair((old, refresh))).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{:?}", run.outcome);
    assert!(world.github.is_alive(&world.place.holds().unwrap()) && other.place.holds().is_none());
}

#[tokio::test]
async fn a_renewed_token_without_a_refresh_token_is_used_and_said_to_be_the_last() {
    let world = World::expiring().await;
    let old = world.in_use();
    world.github.forget_refresh_tokens();
    completed(&world.by_refresh().rotate(pair(old)).await.unwrap());
    let last = world.place.holds().unwrap();
    assert!(world.events.lock().unwrap().iter().any(|event| event.contains("came without a refresh token")));
    let run = world.by_refresh().rotate(Predecessor::Kept).await.unwrap();
    let Outcome::Stopped { because, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(because.text.contains("refresh token"), "{because}");
    assert!(world.github.is_alive(&last) && world.place.holds() == Some(last));
}

/// An engine, as after a start of its process.
fn powered(world: &World, power: &Power) -> Rotator {
    let provider = world.refreshed().client_secret(SecretString::from(SECRET)).build().unwrap();
    let policy = Policy::default().grace(Duration::ZERO).minimum_life(Duration::from_hours(2));
    Rotator::builder("bot", Powered::new(provider, power))
        .consumer(Powered::new(world.place.clone(), power))
        .policy(policy.linger(Duration::from_secs(5)))
        .journal(Arc::new(Powered::new((*world.journal).clone(), power)))
        .sealer(world.sealer.clone())
        .accept_unrecoverable(true)
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap()
}

/// Goes on as a restarted program would, until the run is over or wants a decision.
async fn finish(world: &World, bot: &Rotator, old: &(Token, Option<Token>)) -> Run {
    world.clock.advance(Duration::from_mins(30));
    let run = match bot.open_rotations().await.unwrap().into_iter().next() {
        Some(open) => bot.resume(open.id).await.unwrap(),
        None if world.place.holds().as_ref() != Some(&old.0) => bot.rotate(Predecessor::Kept).await.unwrap(),
        None => bot.rotate(pair(old.clone())).await.unwrap(),
    };
    world.finish(bot, run).await
}

/// What must hold whatever was cut: whether the new token was lost, as the run said.
#[track_caller]
fn judge(world: &World, old: &(Token, Option<Token>), run: &Run, when: &str) -> bool {
    assert_eq!(world.github.refreshes_with(old.1.as_ref().unwrap()), 1, "{when}: presented once");
    assert!(!world.github.is_alive(&old.0), "{when}");
    let live = world.github.tokens_of(APP);
    assert_eq!(live.len(), 1, "{when}");
    match &run.outcome {
        Outcome::Completed(_) => {
            assert_eq!(world.place.holds(), live.first().cloned(), "{when}");
            false
        }
        Outcome::NeedsPerson { orphans, .. } => {
            assert!(!orphans.is_empty(), "{when}: it is told: {run:?}");
            true
        }
        other => panic!("{when}: neither done nor told: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_every_resume_point_the_refresh_token_was_presented_once_and_a_loss_is_told() {
    let world = World::expiring().await;
    let (steady, old) = (Power::steady(), world.in_use());
    let bot = powered(&world, &steady);
    let run = steady.live(Box::pin(finish(&world, &bot, &old))).await.unwrap();
    assert!(!judge(&world, &old, &run, "uncut"));
    let boundaries = steady.trail();
    let mut lost = Vec::new();
    for at in 1..=boundaries.len() {
        let world = World::expiring().await;
        let (power, old) = (Power::cut_at(at), world.in_use());
        let bot = powered(&world, &power);
        assert!(power.live(Box::pin(finish(&world, &bot, &old))).await.is_none(), "cut at {at}");
        let (steady, when) = (Power::steady(), format!("cut {at}, {}", boundaries[at - 1]));
        let bot = powered(&world, &steady);
        let run = steady.live(Box::pin(finish(&world, &bot, &old))).await.unwrap();
        if judge(&world, &old, &run, &when) {
            lost.push(when);
        }
    }
    assert!(!lost.is_empty() && lost.len() < boundaries.len() / 3, "{} of {}: {lost:#?}", lost.len(), boundaries.len());
}
