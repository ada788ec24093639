//! A whole rotation without an account: one GitHub token in a Jenkins, a Codefresh and an AWS CodePipeline, all on loopback,
//! with a scripted person between them.
//!
//! ```console
//! cargo run --example quickstart
//! ```

mod world;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::{Event, Outcome, Policy, Predecessor, Rotator};
use world::{Handles, World, assert_all};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The world as it is: one token of build-bot, used in three systems.
    let world = World::start().await?;
    let old = world.github.classic("build-bot", "ci since August", &["repo", "admin:repo_hook"]);
    world.put(&old, &old, &old)?;
    let client = |world: &World| world.jenkins.cached_client_token("github-api");
    println!("Jenkins starts, and its GitHub plugin keeps a client of its own: {}", client(&world).is_some());

    // The rotator, as a program of yours would build it; only yours needs no clock.
    let Handles { provider, jenkins, codefresh, aws } = world.handles()?;
    let bot = Rotator::builder("build-bot", provider)
        .consumer(jenkins.credential("github-api").test_connection().cached_by_github_plugin())
        .consumer(codefresh.runtime("production").looking(5, Duration::from_millis(1)))
        .consumer(aws.pipeline("site"))
        .policy(Policy::default().lifetime(Duration::from_hours(90 * 24)))
        .clock(Arc::new(world.clock.clone()))
        .observe(|event: &Event| println!("  {event:#}"))
        .build()?;

    println!("{}", bot.plan(&Predecessor::Held(old.clone())).await?);
    println!("The rotation:");
    let run = bot.rotate(Predecessor::Held(old.clone())).await?;
    let run = world.until_it_stops(&bot, run).await?;

    let Outcome::Completed(completion) = &run.outcome else {
        return Err(format!("not completed: {:?}", run.outcome).into());
    };
    let rows = world.github.rows("build-bot");
    let new = rows.first().and_then(|row| world.github.value_of(row)).ok_or("GitHub has no live token")?;
    let mut truth = world.holds(&new, &new, &new);
    truth.extend([
        ("GitHub refuses the old token", !world.github.is_alive(&old)),
        ("GitHub has one live token of build-bot", rows.len() == 1),
        ("it is the one that the run reports", completion.fingerprint == Some(new.fingerprint())),
        ("the GitHub plugin's own client has it", client(&world).as_deref() == Some(new.expose())),
        ("GitHub was logged in to with it", world.github.uses(&new) > 0),
    ]);
    assert_all(&truth)?;
    println!("\ncompleted: the new token is {}, the old one is dead", new.fingerprint());
    Ok(())
}
