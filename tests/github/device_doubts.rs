//! What is known of polls whose answers were lost: no token is lost silently, and none is made up.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::testing::{Power, Powered, Trouble};
use tokenturn::{Outcome, Policy, Predecessor, Rotator, Run, Token};

use crate::app_world::{APP, POLL, SECRET, World, code_in, completed, guide};

async fn begun(world: &World) -> (Rotator, Run, Token) {
    let (old, _) = world.in_use();
    let bot = world.by_device();
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    (bot, run, old)
}

/// How many tokens the run reports as possibly alive at its end, nothing having changed.
#[track_caller]
fn told_of(run: &Run) -> usize {
    let Outcome::Stopped { orphans, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    orphans.len()
}

#[tokio::test]
async fn a_lost_token_is_told_though_github_calls_its_code_expired() {
    for later in [Duration::ZERO, Duration::from_mins(16)] {
        let world = World::start().await;
        world.github.calls_used_codes_expired();
        let (bot, run, old) = begun(&world).await;
        world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
        world.github.trouble(POLL, Trouble::DropAfter);
        let run = world.poll(&bot, run).await;
        world.clock.advance(later);
        let run = world.poll(&bot, run).await;
        let run = world.finish(&bot, run).await;
        assert_eq!((told_of(&run), world.github.tokens_of(APP).len()), (1, 2), "{later:?}: it lives, and is told");
        assert_eq!(world.place.holds(), Some(old));
    }
}

#[tokio::test]
async fn a_code_that_is_still_open_later_shows_that_no_answer_carried_a_token() {
    let world = World::start().await;
    let (bot, run, _) = begun(&world).await;
    world.github.trouble(POLL, Trouble::DropAfter);
    let code = code_in(&guide(&run));
    let run = world.poll(&bot, run).await;
    // Until then, what was sent may still arrive.
    world.clock.advance(Duration::from_mins(10));
    let run = world.poll(&bot, run).await;
    world.github.deny_code(&code).unwrap();
    let run = world.poll(&bot, run).await;
    assert_eq!(told_of(&world.finish(&bot, run).await), 0);
}

#[tokio::test]
async fn a_code_that_was_open_before_a_lost_poll_could_have_arrived_shows_nothing() {
    let world = World::start().await;
    let (bot, run, _) = begun(&world).await;
    world.github.trouble(POLL, Trouble::DropBefore);
    let code = code_in(&guide(&run));
    let run = world.poll(&bot, run).await;
    let run = world.poll(&bot, run).await;
    world.github.deny_code(&code).unwrap();
    let run = world.poll(&bot, run).await;
    assert_eq!(told_of(&world.finish(&bot, run).await), 1);
}

#[tokio::test]
async fn an_app_that_is_refused_after_a_lost_answer_does_not_undo_the_doubt() {
    let world = World::start().await;
    let (bot, run, _) = begun(&world).await;
    world.github.enter_code("build-bot", &code_in(&guide(&run))).unwrap();
    world.github.trouble(POLL, Trouble::DropAfter);
    let run = world.poll(&bot, run).await;
    world.github.trouble(POLL, Trouble::Refuse(403));
    let mut run = world.poll(&bot, run).await;
    while matches!(run.outcome, Outcome::AwaitingPerson { .. }) {
        run = world.poll(&bot, run).await;
    }
    assert_eq!(told_of(&world.finish(&bot, run).await), 1);
}

/// An engine, as after a start of its process.
fn powered(world: &World, power: &Power) -> Rotator {
    world.github.codes_count_for(Duration::from_hours(2));
    let device = world.device().asking_for(Duration::from_hours(4));
    let provider = device.client_secret(SecretString::from(SECRET)).build().unwrap();
    Rotator::builder("bot", Powered::new(provider, power))
        .consumer(Powered::new(world.place.clone(), power))
        .policy(Policy::default().grace(Duration::ZERO).minimum_life(Duration::from_hours(2)))
        .journal(Arc::new(Powered::new((*world.journal).clone(), power)))
        .sealer(world.sealer.clone())
        .accept_unrecoverable(true)
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap()
}

/// Goes on as a restarted program would, with a person who enters the code after the first poll.
async fn lead(world: &World, bot: &Rotator, old: &Token) -> Run {
    // The lease of one that died runs out.
    world.clock.advance(Duration::from_mins(30));
    let open = bot.open_rotations().await.unwrap().into_iter().next();
    let mut run = match open {
        Some(open) => bot.resume(open.id).await.unwrap(),
        None if world.place.holds().as_ref() != Some(old) => bot.rotate(Predecessor::Kept).await.unwrap(),
        None => bot.rotate(Predecessor::Held(old.clone())).await.unwrap(),
    };
    for round in 0..20 {
        match &run.outcome {
            Outcome::AwaitingPerson { .. } if round > 0 => {
                // Entered once, it is entered.
                let _ = world.github.enter_code("build-bot", &code_in(&guide(&run)));
            }
            Outcome::AwaitingPerson { .. } | Outcome::BackingOff { .. } | Outcome::Draining { .. } => {}
            _ => return run,
        }
        world.clock.advance(Duration::from_mins(1));
        run = bot.resume(run.id).await.unwrap();
    }
    panic!("it never ends: {run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_every_resume_point_around_a_poll_a_token_is_in_use_or_told_and_none_is_made_up() {
    let world = World::start().await;
    let (steady, (old, _)) = (Power::steady(), world.in_use());
    let bot = powered(&world, &steady);
    completed(&steady.live(Box::pin(lead(&world, &bot, &old))).await.unwrap());
    let boundaries = steady.trail();
    // From just before the first poll to just after the last: the rest is as in every other run.
    let polls: Vec<usize> =
        (0..boundaries.len()).filter(|at| boundaries[*at].to_string().contains("collect")).collect();
    let (first, last) = (polls[0] - 6, polls[polls.len() - 1] + 8);
    for at in first..=last {
        let world = World::start().await;
        let (power, (old, _)) = (Power::cut_at(at), world.in_use());
        let bot = powered(&world, &power);
        assert!(power.live(Box::pin(lead(&world, &bot, &old))).await.is_none(), "cut at {at}");
        let (steady, when) = (Power::steady(), format!("cut {at}, {}", boundaries[at - 1]));
        let bot = powered(&world, &steady);
        let run = steady.live(Box::pin(lead(&world, &bot, &old))).await.unwrap();
        let live = world.github.tokens_of(APP);
        let held = world.place.holds().unwrap();
        assert!(live.contains(&held), "{when}");
        match &run.outcome {
            Outcome::Completed(_) => assert_eq!(live, [held], "{when}"),
            Outcome::Stopped { orphans, .. } => assert_eq!((orphans.len(), live.len()), (1, 2), "{when}: {run:?}"),
            other => panic!("{when}: neither done nor told: {other:?}"),
        }
    }
}
