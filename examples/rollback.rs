//! What happens when a place fails: the third one refuses, the first two get the old token back, and the new one is revoked.
//! Then, in a second rotation, the way back fails too: both tokens stay alive, and a person is told who holds what.
//!
//! ```console
//! cargo run --example rollback
//! ```

mod world;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::testing::Trouble;
use tokenturn::{Decision, Event, OnFailure, Outcome, Policy, Predecessor, Rotator, Token};
use world::{Handles, World, assert_all};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let world = World::start().await?;
    let old = world.github.classic("build-bot", "ci since August", &["repo", "admin:repo_hook"]);
    world.put(&old, &old, &old)?;
    let Handles { provider, jenkins, codefresh, aws } = world.handles()?;
    let bot = Rotator::builder("build-bot", provider)
        .consumer(jenkins.credential("github-api").test_connection().named("jenkins"))
        .consumer(codefresh.runtime("production").looking(5, Duration::from_millis(1)).named("codefresh"))
        .consumer(aws.pipeline("site").named("pipeline"))
        // Unless told so, a run whose token a person made holds still and asks.
        .policy(Policy::default().lifetime(Duration::from_hours(90 * 24)).on_failure(OnFailure::RollBack))
        .clock(Arc::new(world.clock.clone()))
        .observe(|event: &Event| println!("  {event:#}"))
        .build()?;
    let live = |world: &World| -> Vec<Token> {
        world.github.rows("build-bot").iter().filter_map(|row| world.github.value_of(row)).collect()
    };

    println!("== The third place refuses: AWS has taken the right to update pipelines away\n");
    world.aws.deny("codepipeline:UpdatePipeline");
    let run = bot.rotate(Predecessor::Held(old.clone())).await?;
    let run = world.until_it_stops(&bot, run).await?;
    println!("\n{:?}", run.outcome);
    let mut truth = vec![("the run was rolled back", matches!(run.outcome, Outcome::RolledBack { .. }))];
    truth.extend(world.holds(&old, &old, &old));
    truth.push(("GitHub knows the old token alone", live(&world) == [old.clone()]));
    assert_all(&truth)?;

    println!("\n== The same again, and Codefresh, which took the new token, does not take the old one back\n");
    world.codefresh.trouble("RegisterToGitIntegration", Trouble::Slow(Duration::ZERO));
    world.codefresh.trouble("RegisterToGitIntegration", Trouble::Refuse(403));
    let run = bot.rotate(Predecessor::Held(old.clone())).await?;
    let run = world.until_it_stops(&bot, run).await?;
    println!("\n{:?}", run.outcome);
    let new = live(&world).into_iter().find(|token| *token != old).ok_or("the new token is gone")?;
    let mut truth = vec![("the run needs a person", matches!(run.outcome, Outcome::NeedsPerson { .. }))];
    // The way back goes place by place, last first, and stops where it fails.
    truth.extend(world.holds(&new, &new, &old));
    truth.push(("both tokens live", world.github.is_alive(&old) && world.github.is_alive(&new)));
    assert_all(&truth)?;

    println!("\n== The right comes back, and a person says: try again\n");
    let run = bot.resolve(run.id, Decision::Retry).await?;
    let run = world.until_it_stops(&bot, run).await?;
    println!("\n{:?}", run.outcome);
    let mut truth = vec![("the run was rolled back", matches!(run.outcome, Outcome::RolledBack { .. }))];
    truth.extend(world.holds(&old, &old, &old));
    truth.push(("GitHub refuses the new token", !world.github.is_alive(&new)));
    assert_all(&truth)?;
    println!("\nrolled back: nobody was left without a token");
    Ok(())
}
