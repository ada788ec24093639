//! Death at every request.

use std::time::Duration;

use tokenturn::{Outcome, Rotator, Run};

use crate::world::World;

/// Goes on as a restarted program would: whatever is open is resumed, however the one before died.
async fn live(world: &World, bot: &Rotator) -> Run {
    world.clock.advance(Duration::from_hours(1));
    let run = match bot.open_rotations().await.unwrap().into_iter().next() {
        Some(open) => bot.resume(open.id).await.unwrap(),
        None => bot.rotate(world.held()).await.unwrap(),
    };
    world.finish(bot, run).await
}

/// One life that ends after so many requests to both servers, or by itself. Whether it died.
async fn die_after(world: &World, requests: usize) -> bool {
    let bot = world.rotator();
    let seen = || world.github.seen().len() + world.jenkins.seen().len();
    let end = seen() + requests;
    tokio::select! {
        _ = live(world, &bot) => false,
        () = async {
            while seen() < end {
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
        } => true,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_dies_at_any_request_is_finished_by_the_next_life() {
    let mut deaths = 0;
    for requests in 1..80 {
        let world = World::start().await;
        if die_after(&world, requests).await {
            deaths += 1;
            let held = world.in_use().map(|token| world.github.is_alive(&token));
            assert_ne!(held, Some(false), "after {requests} requests Jenkins holds a dead token, and nobody knows");
        }
        if let Some(open) = world.rotator().open_rotations().await.unwrap().first() {
            assert!(!open.outcome.is_over());
        } else if world.in_use() != Some(world.old.clone()) {
            // It was over before it died.
            continue;
        }
        let run = live(&world, &world.rotator()).await;
        assert!(matches!(run.outcome, Outcome::Completed(_)), "after {requests} requests: {:?}", run.outcome);
        let new = world.in_use().unwrap();
        assert!(world.github.is_alive(&new) && !world.github.is_alive(&world.old), "after {requests} requests");
        world.assert_siblings_kept();
    }
    crate::world::say(&format!("died {deaths} times, finished every time"));
    assert!(deaths > 30, "{deaths}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_dies_again_and_again_still_ends() {
    let world = World::start().await;
    for requests in [3, 8, 9, 12, 7, 10, 5, 11] {
        die_after(&world, requests).await;
    }
    if world.in_use() == Some(world.old.clone()) || !world.rotator().open_rotations().await.unwrap().is_empty() {
        let run = live(&world, &world.rotator()).await;
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    }
    let new = world.in_use().unwrap();
    assert!(world.github.is_alive(&new) && !world.github.is_alive(&world.old));
}
