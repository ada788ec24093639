//! How the app shows who it is.

use std::time::Duration;

use secrecy::SecretString;
use tokenturn::testing::{GitHubFake, VirtualClock};
use tokenturn::{Effect, Error, ErrorKind, GitHub, InstallationTokens};

use crate::{APP, INSTALLATION, World, http, issue, keys};

#[tokio::test]
async fn what_the_app_signs_is_taken_with_either_format_of_its_key() {
    for key in [keys::pkcs1(), keys::pkcs8()] {
        let world = World::start().await;
        let clock = std::sync::Arc::new(world.clock.clone());
        let builder = GitHub::app(&http(), APP, key).server(world.fake.base()).clock(clock);
        let provider = builder.organization("acme").build().unwrap();
        assert!(issue(&provider, &["contents=read"]).await.is_ok());
    }
}

#[tokio::test]
async fn what_was_signed_is_presented_again_within_its_life_and_not_after() {
    let world = World::start().await;
    let provider = world.provider();
    let mut logins = Vec::new();
    for _ in 0..4 {
        issue(&provider, &["contents=read"]).await.unwrap();
        logins.push(world.fake.app_logins());
        world.clock.advance(Duration::from_mins(4));
    }
    assert_eq!(logins, [1, 1, 2, 2], "signed anew after eight minutes, long before it would be refused");
}

fn off_by(world: &World, ahead: bool) -> InstallationTokens {
    let clock = VirtualClock::new();
    let gap = Duration::from_mins(5);
    // The fake's clock stands five minutes after the start, so that the other can be behind it.
    world.clock.advance(gap);
    if ahead {
        clock.advance(gap * 2);
    }
    world.builder().clock(std::sync::Arc::new(clock)).organization("acme").build().unwrap()
}

async fn refusal(provider: &InstallationTokens) -> Error {
    let error = issue(provider, &["contents=read"]).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None), "{error}");
    error
}

#[tokio::test]
async fn a_clock_that_is_ahead_is_said_to_be_off_and_one_that_is_a_little_behind_does_no_harm() {
    let world = World::start().await;
    let error = refusal(&off_by(&world, true)).await.to_string();
    assert!(error.contains("clock") && error.contains("('iat')"), "{error}");
    let world = World::start().await;
    assert!(issue(&off_by(&world, false), &["contents=read"]).await.is_ok());
}

#[tokio::test]
async fn a_refused_signature_is_about_our_own_key_and_never_about_a_token() {
    let world = World::start().await;
    let old = crate::made_before(&world).await;
    let provider = |app: u64, key: SecretString| {
        let clock = std::sync::Arc::new(world.clock.clone());
        GitHub::app(&http(), app, key).server(world.fake.base()).clock(clock).organization("acme").build().unwrap()
    };
    let error = refusal(&provider(APP, keys::other())).await.to_string();
    for part in ["private key", "number", "clock", "123456", "could not be decoded"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    // A live token is not said to be dead because the app's key is wrong.
    let looked = tokenturn::Provider::inspect(&provider(APP, keys::other()), &old).await.unwrap_err();
    assert_eq!(looked.kind(), ErrorKind::PermissionDenied, "{looked}");
    let error = issue(&provider(9, keys::pkcs8()), &["contents=read"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("app 9"), "{error}");
}

#[tokio::test]
async fn after_a_refusal_the_next_is_signed_anew() {
    let world = World::start().await;
    let provider = world.provider();
    issue(&provider, &["contents=read"]).await.unwrap();
    for _ in 0..2 {
        // What is signed anew is tried at once, and once only.
        world.fake.trouble("GET /api/v3/orgs/acme/installation", tokenturn::testing::Trouble::Refuse(401));
    }
    refusal(&provider).await;
    world.clock.advance(Duration::from_secs(1));
    issue(&provider, &["contents=read"]).await.unwrap();
    assert_eq!(world.fake.app_logins(), 2);
}

#[tokio::test]
async fn what_ended_early_by_githubs_clock_is_signed_anew_and_asked_once_more() {
    let world = World::start().await;
    // Five minutes behind: what it signs lives for four minutes at GitHub.
    let ours = VirtualClock::new();
    world.clock.advance(Duration::from_mins(5));
    let builder = world.builder().clock(std::sync::Arc::new(ours.clone()));
    let provider = builder.organization("acme").build().unwrap();
    for _ in 0..2 {
        issue(&provider, &["contents=read"]).await.unwrap();
        for clock in [&world.clock, &ours] {
            clock.advance(Duration::from_mins(7));
        }
    }
    assert_eq!((world.fake.app_logins(), world.fake.app_tokens().len()), (2, 2));
}

#[tokio::test]
async fn an_installation_is_found_by_each_of_its_names() {
    let world = World::start().await;
    world.fake.install_app(APP, 43, "octo", &["dotfiles"], &["contents=read"]);
    let builder = || world.builder();
    for (provider, path) in [
        (builder().installation(INSTALLATION), "app/installations/42"),
        (builder().organization("acme"), "orgs/acme/installation"),
        (builder().repository("acme", "shop"), "repos/acme/shop/installation"),
        (builder().user("octo"), "users/octo/installation"),
    ] {
        issue(&provider.build().unwrap(), &["contents=read"]).await.unwrap();
        assert_eq!(world.sent(&format!("GET /api/v3/{path}")), 1, "{path}");
    }
    let gone = builder().organization("nobody").build().unwrap();
    let error = issue(&gone, &["contents=read"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("install the app there"), "{error}");
}

#[tokio::test]
async fn a_slow_clock_of_github_is_told_by_its_words() {
    // A fake whose clock stands far behind: what is signed ends too far in its future.
    let behind = VirtualClock::new();
    let fake = GitHubFake::start_with_clock(std::sync::Arc::new(behind)).await.unwrap();
    fake.github_app(APP, "deployer", keys::public());
    let ours = VirtualClock::new();
    ours.advance(Duration::from_secs(61));
    let clock = std::sync::Arc::new(ours);
    let provider = GitHub::app(&http(), APP, keys::pkcs8()).server(fake.base()).clock(clock).installation(1).build();
    let error = refusal(&provider.unwrap()).await.to_string();
    assert!(error.contains("do not agree") && error.contains("set this machine's clock right"), "{error}");
}
