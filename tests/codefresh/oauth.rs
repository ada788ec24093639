//! Runtimes that a person authorises.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::consumer::{Consumer, Installation, Proof};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{Ask, Decision, Outcome};
use tokenturn::testing::VirtualClock;
use tokenturn::{Answer, CodefreshOAuthRuntime, Effect, ErrorKind, Policy, Predecessor, Rotator, ScopeModel, ScopeSet};

use crate::world::{NEW, RUNTIME, World, assert_error, install, token};

async fn start() -> (World, CodefreshOAuthRuntime) {
    let world = World::start().await;
    world.fake.add_runtime("oauth");
    world.fake.use_oauth("oauth");
    let consumer = world.codefresh.oauth_runtime("oauth").looking(5, Duration::from_millis(1));
    (world, consumer)
}

#[tokio::test]
async fn a_person_is_led_to_the_page_and_the_token_goes_nowhere() {
    let (world, consumer) = start().await;
    let slot = consumer.preflight().await.unwrap();
    let Installation::Guided(guide) = consumer.install(&token(NEW), &slot).await.unwrap() else { panic!() };
    let user = world.fake.user_id("rotator");
    let page = format!(
        "{}runtimes/oauth/app-proxy/api/git-auth/github?userId={user}&accountId=5f0000000000000000000acc",
        world.fake.base()
    );
    assert_eq!(guide.link.as_ref().map(url::Url::as_str), Some(page.as_str()));
    let text = guide.to_string();
    assert!(text.contains("\"Git app not registered\", ask your admin"), "{text}");
    assert!(guide.steps.iter().all(|step| step.key != "reveal"), "{text}");
    assert!(!text.contains("FAKE") && !text.contains(&token(NEW).fingerprint().to_string()), "{text}");
    assert_eq!(world.fake.writes(), 0);
    assert_eq!(consumer.required_scopes(ScopeModel::GITHUB_FINE_GRAINED), Some(ScopeSet::new()));
}

#[tokio::test]
async fn other_providers_have_no_link_and_words_instead() {
    let (_world, consumer) = start().await;
    let consumer = consumer.integration("gitlab").named("by-gitlab");
    let slot = consumer.preflight().await.unwrap();
    let Installation::Guided(guide) = consumer.install(&token(NEW), &slot).await.unwrap() else { panic!() };
    assert_eq!(guide.link, None);
    assert!(guide.to_string().contains("open Git Personal Access Tokens"), "{guide}");
}

#[tokio::test]
async fn it_works_once_the_runtime_says_so() {
    let (world, consumer) = start().await;
    let can = consumer.capabilities();
    assert!(can.by_person && can.works == Proof::Always && can.new == Proof::Never);
    let slot = consumer.preflight().await.unwrap();
    assert_eq!(consumer.verify(&token(NEW), &slot).await.unwrap().works, Answer::Refuted);
    world.fake.authorize("oauth", "default", "rotator");
    let verification = consumer.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Proven, Answer::Unknown));
}

#[tokio::test]
async fn a_run_waits_for_the_person_and_for_the_runtimes_word() {
    let (world, consumer) = start().await;
    let provider = MemoryProvider::new();
    let old = provider.mint("build-bot", ScopeSet::of(["repo"]));
    let clock = VirtualClock::new();
    let bot = Rotator::builder("bot", provider.clone())
        .consumer(consumer.named("oauth"))
        .policy(Policy::default().grace(Duration::ZERO))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{run:?}") };
    assert!(matches!(&asks[0], Ask::Installation { guide, .. } if guide.link.is_some()), "{asks:?}");
    let confirmed = Decision::Confirm("oauth".to_owned().try_into().unwrap());
    // Confirmed too early: the runtime does not say so.
    let run = bot.resolve(run.id, confirmed).await.unwrap();
    assert!(!run.outcome.is_over() && provider.is_alive(&old), "{run:?}");
    world.fake.authorize("oauth", "default", "rotator");
    clock.advance(Duration::from_mins(1));
    let run = bot.resume(run.id).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    assert!(!provider.is_alive(&old));
    assert_eq!(world.fake.writes(), 0);
}

#[tokio::test]
async fn a_runtime_that_logs_in_by_oauth_refuses_a_token_and_that_is_said() {
    let (world, _) = start().await;
    let consumer = world.codefresh.runtime("oauth");
    let slot = consumer.preflight().await.unwrap();
    let error = install(&consumer, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "uses OAuth2");
    assert_eq!(world.fake.user_token("oauth", "default", "rotator"), None);
    world.user_token().integration("default").preflight().await.unwrap();
    assert!(world.fake.user_token(RUNTIME, "default", "rotator").is_some());
}
