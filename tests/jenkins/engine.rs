//! Whole rotations into Jenkins.

use std::time::Duration;

use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::Outcome;
use tokenturn::testing::Trouble;
use tokenturn::{Patience, Policy, Predecessor, Rotator, ScopeSet, Token};

use crate::world::{LOGIN, OLD, TEXT, World, hasty, login_document, text_document};

/// A rotation of the token that both credentials hold, to its end.
async fn rotate(world: &World, provider: &MemoryProvider) -> Outcome {
    let old = provider.mint("build-bot", ScopeSet::of(["repo", "admin:repo_hook"]));
    for document in [login_document("git-pat", "caf\u{e9} \u{65e5}"), text_document("git-text", "text")] {
        world.fake.put("system/_", &document.replace(OLD, old.expose())).unwrap();
    }
    let moment = Duration::from_millis(10);
    let bot = Rotator::builder("bot", provider.clone())
        .consumer(world.jenkins.credential("git-pat"))
        .consumer(world.jenkins.credential("git-text"))
        .policy(Policy::default().grace(Duration::ZERO).patience(Patience::new(moment, moment, Duration::from_mins(1))))
        .build()
        .unwrap();
    let mut run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    for _ in 0..50 {
        tokio::time::sleep(moment * 2).await;
        match bot.resume_due().await.unwrap() {
            Some(next) => run = next,
            None => break,
        }
    }
    assert!(!provider.is_alive(&old), "{run:?}");
    run.outcome
}

fn assert_turned(world: &World, provider: &MemoryProvider) {
    let stored = world.fake.secret_of(LOGIN).unwrap();
    assert_eq!(world.fake.secret_of(TEXT).as_deref(), Some(stored.as_str()));
    assert!(provider.is_alive(&Token::new(&stored).unwrap()));
    assert_eq!(provider.live(), 1);
    assert_eq!(world.fake.field_of(LOGIN, "description").as_deref(), Some("caf\u{e9} \u{65e5}"));
    assert_eq!(world.fake.field_of(LOGIN, "usernameSecret").as_deref(), Some("true"));
}

#[tokio::test]
async fn a_token_is_turned_over_in_two_credentials() {
    let (world, provider) = (World::start().await, MemoryProvider::new());
    let outcome = rotate(&world, &provider).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_turned(&world, &provider);
}

#[tokio::test]
async fn a_rotation_ends_well_whatever_happens_to_one_write() {
    for trouble in
        [Trouble::DropBefore, Trouble::DropAfter, Trouble::FailAfter(502), Trouble::SilenceAfter, Trouble::Refuse(503)]
    {
        let (mut world, provider) = (World::start().await, MemoryProvider::new());
        if trouble == Trouble::SilenceAfter {
            world.jenkins = hasty(&world.fake);
        }
        // The first post to each credential is the question of its preflight.
        for _ in 0..2 {
            world.fake.trouble("POST", Trouble::Slow(Duration::ZERO));
        }
        world.fake.trouble("POST", trouble.clone());
        let outcome = rotate(&world, &provider).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{trouble:?}: {outcome:?}");
        assert_turned(&world, &provider);
    }
}
