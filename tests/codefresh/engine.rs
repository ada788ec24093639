//! Whole rotations into Codefresh.

use std::time::Duration;

use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::Outcome;
use tokenturn::testing::{CodefreshFake, GitHubFake, Trouble};
use tokenturn::{GitHub, Http, OnFailure, Predecessor, Rotator, ScopeSet, Token};

use crate::world::{CONTEXT, RUNTIME, World, codefresh, finish, github, http, policy, quick};

const STAGING: &str = "staging";

/// A GitHub of which the token comes, which Codefresh asks about it, with two runtimes and a context.
async fn start() -> (GitHubFake, World, Token) {
    let source = GitHubFake::start().await.unwrap();
    source.private_repository("acme/site", &["build-bot"]);
    let old = source.classic("build-bot", "old", &["repo", "admin:repo_hook"]);
    let fake = CodefreshFake::start().await.unwrap();
    fake.ask_provider(source.base().join("api/v3").unwrap());
    for runtime in [RUNTIME, STAGING] {
        fake.add_runtime(runtime);
        fake.put_user_token(runtime, "default", "rotator", &old);
    }
    fake.put_context(CONTEXT, github(old.expose()));
    let codefresh = codefresh(&fake, "rotator");
    (source, World { fake, codefresh }, old)
}

fn bot(source: &GitHubFake, world: &World) -> Rotator {
    let http: Http = http().build().unwrap();
    let provider = GitHub::classic(&http).server(source.base()).revoke_by_api().build().unwrap();
    let [production, staging] = [RUNTIME, STAGING].map(|name| quick(world.codefresh.runtime(name)).named(name));
    let builder = Rotator::builder("bot", provider).consumer(production).consumer(staging);
    // What a person made is not thrown away by itself, unless that is said.
    let policy = policy().minimum_life(Duration::ZERO).on_failure(OnFailure::RollBack);
    builder.consumer(world.context().named("context")).policy(policy).build().unwrap()
}

/// The run asks for a token; a person makes it.
async fn supplied(source: &GitHubFake, bot: &Rotator, old: &Token) -> (tokenturn::Run, Token) {
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{run:?}") };
    let new = Token::new(&source.generate("build-bot", asks[0].guide().unwrap()).unwrap()).unwrap();
    (bot.supply(run.id, new.clone()).await.unwrap(), new)
}

fn held(world: &World) -> [String; 3] {
    let [one, two] = [RUNTIME, STAGING].map(|name| world.fake.user_token(name, "default", "rotator").unwrap());
    [one, two, world.password()]
}

#[tokio::test]
async fn one_token_is_turned_over_in_two_runtimes_and_a_context() {
    let (source, world, old) = start().await;
    let bot = bot(&source, &world);
    let (run, new) = supplied(&source, &bot, &old).await;
    let outcome = finish(&bot, run).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(held(&world), [new.expose(), new.expose(), new.expose()]);
    assert!(source.is_alive(&new) && !source.is_alive(&old));
    assert_eq!(world.fake.context(CONTEXT).unwrap(), github(new.expose()));
}

#[tokio::test]
async fn one_runtime_that_refuses_has_all_others_put_back_and_the_new_token_ended() {
    let (source, world, old) = start().await;
    let bot = bot(&source, &world);
    world.fake.trouble("POST /runtimes/staging/app-proxy/api/graphql Register", Trouble::Refuse(403));
    let (run, new) = supplied(&source, &bot, &old).await;
    let outcome = finish(&bot, run).await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(held(&world), [old.expose(), old.expose(), old.expose()]);
    assert!(source.is_alive(&old) && !source.is_alive(&new));
}

#[tokio::test]
async fn a_rotation_ends_well_whatever_happens_to_one_write() {
    for trouble in [Trouble::DropBefore, Trouble::DropAfter, Trouble::FailAfter(502), Trouble::Refuse(503)] {
        for write in ["RegisterToGitIntegration", "PATCH /api/contexts"] {
            let world = World::start().await;
            let provider = MemoryProvider::new();
            let old = provider.mint("build-bot", ScopeSet::of(["repo", "admin:repo_hook"]));
            world.fake.put_user_token(RUNTIME, "default", "rotator", &old);
            world.fake.put_context(CONTEXT, github(old.expose()));
            // The made-up provider is asked by nobody, so the runtime takes what it gets.
            world.fake.validating(RUNTIME, false);
            let context = world.codefresh.git_context(CONTEXT);
            let bot = Rotator::builder("bot", provider.clone())
                .consumer(world.user_token().named("runtime"))
                .consumer(context.named("context"))
                .policy(policy())
                .build()
                .unwrap();
            world.fake.trouble(write, trouble.clone());
            let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
            let outcome = finish(&bot, run).await;
            assert!(matches!(outcome, Outcome::Completed(_)), "{trouble:?} {write}: {outcome:?}");
            let new = provider.newest().unwrap();
            assert_eq!(world.stored().as_deref(), Some(new.expose()));
            assert_eq!(world.password(), new.expose());
            assert!(provider.is_alive(&new) && !provider.is_alive(&old));
        }
    }
}
