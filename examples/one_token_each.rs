//! The vendor's advice: a token for each application, with no more than that needs. Three rotations over one journal.
//!
//! ```console
//! cargo run --example one_token_each
//! ```

mod world;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::journal::MemoryJournal;
use tokenturn::{Access, Consumer, Outcome, Policy, Predecessor, Provider, Rotator, RotatorBuilder, Token};
use world::{Handles, World, assert_all};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let world = World::start().await?;
    // One of them has had more than it needs.
    let old = [
        world.github.classic("build-bot", "jenkins", &["repo", "admin:repo_hook"]),
        world.github.classic("build-bot", "codefresh", &["repo", "admin:repo_hook", "workflow", "admin:org"]),
        world.github.classic("build-bot", "codepipeline", &["repo", "admin:repo_hook"]),
    ];
    world.put(&old[0], &old[1], &old[2])?;

    let clock = Arc::new(world.clock.clone());
    let journal = Arc::new(MemoryJournal::with_clock(clock.clone()));
    let credential = |name: &str, provider: Box<dyn Provider>, place: Box<dyn Consumer>| -> RotatorBuilder {
        Rotator::builder(name, provider)
            .consumer(place)
            .policy(Policy::default().lifetime(Duration::from_hours(30 * 24)))
            .journal(journal.clone())
            .clock(clock.clone())
    };
    let Handles { provider, jenkins, codefresh, aws } = world.handles()?;
    let provider = Arc::new(provider);
    let give = || Box::new(provider.clone());
    let bots = [
        credential("jenkins", give(), Box::new(jenkins.credential("github-api").test_connection())).build()?,
        credential("codefresh", give(), Box::new(codefresh.runtime("production").looking(5, Duration::from_millis(1))))
            .build()?,
        credential("codepipeline", give(), Box::new(aws.pipeline("site"))).build()?,
    ];

    let mut new: Vec<Token> = Vec::new();
    let mut truth = Vec::new();
    for (bot, old) in bots.iter().zip(&old) {
        let plan = bot.plan(&Predecessor::Held(old.clone())).await?;
        println!("== {}: a token with {}", bot.credential(), plan.required);
        let run = bot.rotate(Predecessor::Held(old.clone())).await?;
        let run = world.until_it_stops(bot, run).await?;
        let Outcome::Completed(completion) = &run.outcome else {
            return Err(format!("not completed: {:?}", run.outcome).into());
        };
        let live = world.github.rows("build-bot").into_iter().filter_map(|row| world.github.value_of(&row));
        let mine = live.into_iter().find(|token| completion.fingerprint == Some(token.fingerprint()));
        let mine = mine.ok_or("GitHub does not know the token that the run reports")?;
        let granted = provider.inspect(&mine).await?.access;
        truth.push(("it may do what is needed, and no more", granted == Access::Scopes(plan.required)));
        new.push(mine);
        truth.push(("GitHub refuses the old token", !world.github.is_alive(old)));
    }
    truth.extend(world.holds(&new[0], &new[1], &new[2]));
    truth.push(("no token is in two places", new[0] != new[1] && new[1] != new[2] && new[0] != new[2]));
    truth.push(("GitHub has three live tokens", world.github.rows("build-bot").len() == 3));
    assert_all(&truth)?;
    println!("\ncompleted: three tokens, each with what its application needs");
    Ok(())
}
