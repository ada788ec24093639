//! Whole rotations into a pipeline.

use std::time::Duration;

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::consumer::{ConsumerCapabilities, Proof};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::Fact;
use tokenturn::testing::{Trouble, VirtualClock};
use tokenturn::{
    CodePipelineSources, ErrorKind, OnFailure, Outcome, Patience, Policy, Predecessor, Rotator, ScopeSet, Token,
};

use crate::world::World;

const MOMENT: Duration = Duration::from_millis(10);

fn policy() -> Policy {
    Policy::default().grace(Duration::ZERO).patience(Patience::new(MOMENT, MOMENT, Duration::from_mins(1)))
}

/// A token that the provider knows, in the pipeline, where GitHub takes what the provider says is alive.
fn put_old(world: &World, provider: &MemoryProvider) -> Token {
    let old = provider.mint("build-bot", ScopeSet::of(["repo", "admin:repo_hook"]));
    world.fake.edit("site", "/stages/0/actions/0/configuration/OAuthToken", old.expose().into());
    let asked = provider.clone();
    world
        .fake
        .ask_github(move |token| Token::new(token).is_ok_and(|t| asked.is_alive(&t)) || token.contains("FAKEother"));
    old
}

async fn finish(bot: &Rotator, old: &Token) -> Outcome {
    let mut run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    for _ in 0..80 {
        tokio::time::sleep(MOMENT * 2).await;
        match bot.resume_due().await.unwrap() {
            Some(next) => run = next,
            None => break,
        }
    }
    run.outcome
}

async fn rotate(sources: CodePipelineSources, provider: &MemoryProvider, old: &Token) -> Outcome {
    let bot = Rotator::builder("bot", provider.clone()).consumer(sources).policy(policy()).build().unwrap();
    finish(&bot, old).await
}

#[tokio::test]
async fn a_token_is_turned_over_in_a_pipeline_and_proven_by_an_execution() {
    let (world, provider) = (World::start().await, MemoryProvider::new());
    let old = put_old(&world, &provider);
    let rest = world.fake.rest_of("site");
    let sources = world.site().start_execution_within(Duration::from_secs(2));
    let outcome = rotate(sources, &provider, &old).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert!(!provider.is_alive(&old));
    assert!(provider.is_alive(&Token::new(&world.stored().unwrap()).unwrap()));
    assert_eq!(world.fake.rest_of("site"), rest);
    assert_eq!(world.fake.writes(), 1);
}

#[tokio::test]
async fn a_rotation_ends_well_whatever_happens_to_one_write() {
    for trouble in
        [Trouble::DropBefore, Trouble::DropAfter, Trouble::FailAfter(502), Trouble::SilenceAfter, Trouble::Refuse(503)]
    {
        let (world, provider) = (World::start().await, MemoryProvider::new());
        let old = put_old(&world, &provider);
        world.fake.trouble("UpdatePipeline", trouble.clone());
        let outcome = rotate(world.site(), &provider, &old).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{trouble:?}: {outcome:?}");
        assert!(!provider.is_alive(&old));
        assert!(provider.is_alive(&Token::new(&world.stored().unwrap()).unwrap()), "{trouble:?}");
        assert_eq!(provider.live(), 1);
    }
}

#[tokio::test]
async fn a_rotation_waits_for_what_runs_and_goes_on_when_it_is_over() {
    let (world, provider) = (World::start().await, MemoryProvider::new());
    let old = put_old(&world, &provider);
    world.fake.hold(true);
    let execution = world.fake.run("site").unwrap();
    let over = async {
        // The plan looks once; what comes then are tries to install.
        while world.count("ListPipelineExecutions") < 4 {
            tokio::time::sleep(MOMENT).await;
        }
        assert_eq!((world.stored().as_deref(), world.fake.writes()), (Some(old.expose()), 0));
        world.fake.finish("site");
    };
    let (outcome, ()) = tokio::join!(rotate(world.site(), &provider, &old), over);
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(world.fake.status_of("site", &execution).as_deref(), Some("Succeeded"), "nothing was cut off");
}

#[tokio::test]
async fn the_old_token_goes_back_when_a_later_place_fails_for_good() {
    let (world, provider) = (World::start().await, MemoryProvider::new());
    let old = put_old(&world, &provider);
    let can = ConsumerCapabilities::new("Memory").proving(Proof::Always, Proof::Always).own_key();
    let last = MemoryConsumer::new("last", &provider).unwrap().with_capabilities(can);
    last.put(&old);
    last.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let bot = Rotator::builder("bot", provider.clone())
        .consumer(world.site())
        .consumer(last)
        .policy(policy().on_failure(OnFailure::RollBack))
        .build()
        .unwrap();
    let outcome = finish(&bot, &old).await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(world.stored().as_deref(), Some(old.expose()));
    assert!(provider.is_alive(&old));
    assert_eq!(provider.live(), 1);
}

#[tokio::test]
async fn an_edit_that_brings_the_old_token_back_is_undone_before_that_is_revoked() {
    for started in [false, true] {
        let (world, provider, clock) = (World::start().await, MemoryProvider::new(), VirtualClock::new());
        let old = put_old(&world, &provider);
        let sources = world.site();
        let bot = Rotator::builder("bot", provider.clone())
            .consumer(if started { sources.start_execution_within(Duration::from_secs(2)) } else { sources })
            .policy(policy().grace(Duration::from_hours(24)))
            .clock(std::sync::Arc::new(clock.clone()))
            .build()
            .unwrap();
        let mut run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
        assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
        // A template is deployed, with the old token in it, and the pipeline runs with that.
        world.fake.edit("site", "/stages/0/actions/0/configuration/OAuthToken", old.expose().into());
        assert!(world.fake.run("site").is_some());
        for _ in 0..20 {
            clock.advance(Duration::from_hours(25));
            run = bot.resume(run.id).await.unwrap();
            if run.outcome.is_over() {
                break;
            }
        }
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
        assert!(provider.is_alive(&Token::new(&world.stored().unwrap()).unwrap()) && !provider.is_alive(&old));
        let events = bot.events(tokenturn::journal::Seq::ZERO).await.unwrap();
        let at = |is: fn(&Fact) -> bool| events.iter().position(|event| is(&event.fact)).unwrap();
        let undone = at(|fact| matches!(fact, Fact::Relapsed { .. }));
        assert!(undone < at(|fact| matches!(fact, Fact::Revoking { .. })));
    }
}

#[tokio::test]
async fn a_rotation_goes_on_where_somebody_edits_in_the_moment_of_the_write() {
    let (world, provider) = (World::start().await, MemoryProvider::new());
    let old = put_old(&world, &provider);
    world.fake.edit_before_next_update("site", crate::world::BRANCH, "dev".into());
    let outcome = rotate(world.site(), &provider, &old).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert!(provider.is_alive(&Token::new(&world.stored().unwrap()).unwrap()) && !provider.is_alive(&old));
}

#[tokio::test]
async fn that_all_sources_get_the_token_is_said_unless_some_are_chosen() {
    let world = World::start().await;
    let warned = async |sources: CodePipelineSources| {
        let slot = tokenturn::Consumer::preflight(&sources).await.unwrap();
        slot.warnings.iter().any(|warning| warning.contains("Source/GitHub, Source/Lib"))
    };
    let all = crate::world::aws(&world.fake).pipeline("site");
    assert!(warned(all.clone()).await);
    assert_eq!(all.repositories().await.unwrap(), ["acme/lib", "acme/site"]);
    assert!(!warned(world.site()).await);
}
