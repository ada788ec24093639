//! People who are late.

use tokenturn::rotation::Fact;
use tokenturn::{Predecessor, Timestamp};

use crate::world::{World, asks, completed, guided, repo, seconds, swift};

fn deadline(run: &tokenturn::Run) -> Timestamp {
    asks(run)[0].guide().unwrap().deadline.unwrap()
}

fn told(world: &World) -> usize {
    world.count(|fact| matches!(fact, Fact::Overdue { .. }))
}

#[tokio::test]
async fn what_a_person_is_late_with_is_told_once_and_never_acted_upon() {
    let world = World::of(guided());
    let bot = world.with_policy(swift().answer_within(seconds(3600)));
    let run = bot.rotate(world.held()).await.unwrap();
    assert_eq!(tokenturn::Clock::now(&world.clock).until(deadline(&run)), seconds(3600));
    assert_eq!(bot.resume_due().await.unwrap(), None, "it is not late yet");
    world.clock.advance(seconds(3600));
    for _ in 0..3 {
        bot.resume_due().await.unwrap();
        assert_eq!(bot.open_rotations().await.unwrap(), std::slice::from_ref(&run));
    }
    assert_eq!(told(&world), 1);
    assert!(world.provider.is_alive(&world.old) && world.all_hold(&world.old));
    let new = world.provider.mint("bot", repo());
    asks(&bot.supply(run.id, new.clone()).await.unwrap());
    assert!(world.all_hold(&new), "late is not too late");
}

#[tokio::test]
async fn a_deadline_outlives_the_process_and_each_ask_has_its_own() {
    let world = World::of(guided());
    let policy = || swift().answer_within(seconds(3600));
    let run = world.with_policy(policy()).rotate(world.held()).await.unwrap();
    world.clock.advance(seconds(7200));
    world.with_policy(policy()).resume_due().await.unwrap().unwrap();
    let run = world.with_policy(policy()).supply(run.id, world.provider.mint("bot", repo())).await.unwrap();
    world.clock.advance(seconds(3601));
    let bot = world.with_policy(policy());
    bot.resume_due().await.unwrap().unwrap();
    assert_eq!(told(&world), 2, "the paste, then the deletion");
    world.provider.kill(&world.old);
    let old = tokenturn::rotation::TokenRef::Old;
    completed(&bot.resolve(run.id, tokenturn::Decision::RevokedByHand(old)).await.unwrap());
    assert_eq!(bot.resume_due().await.unwrap(), None);
    assert!(bot.plan(&Predecessor::Kept).await.is_ok());
}
