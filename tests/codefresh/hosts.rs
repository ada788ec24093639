//! To which hosts the API key goes, and to which it does not.

use tokenturn::consumer::Consumer;
use tokenturn::testing::CodefreshFake;
use tokenturn::{Codefresh, Effect, ErrorKind};

use crate::world::{NEW, RUNTIME, World, assert_error, http, install, quick, token, turn};

/// A second far side, which sees what reaches it.
async fn elsewhere() -> (CodefreshFake, String) {
    let fake = CodefreshFake::start().await.unwrap();
    fake.add_runtime(RUNTIME);
    let host = format!("{}runtimes/{RUNTIME}", fake.base());
    (fake, host)
}

#[tokio::test]
async fn the_key_does_not_go_to_a_host_that_only_an_answer_named() {
    let world = World::start().await;
    let slot = world.user_token().preflight().await.unwrap();
    let (elsewhere, host) = elsewhere().await;
    let named = format!("127.0.0.1:{}", elsewhere.base().port().unwrap());
    world.fake.move_runtime(RUNTIME, Some(&host));
    let consumer = world.user_token();
    let words = format!("`allow_host(\"{named}\")`");
    let refused = |error| assert_error(&error, ErrorKind::Refused, Effect::None, &words);
    refused(consumer.preflight().await.unwrap_err());
    refused(install(&consumer, NEW, &slot).await.unwrap_err());
    refused(consumer.verify(&token(NEW), &slot).await.unwrap_err());
    let by_person = world.codefresh.oauth_runtime(RUNTIME);
    refused(by_person.preflight().await.unwrap_err());
    refused(by_person.install(&token(NEW), &slot).await.unwrap_err());
    assert_eq!(elsewhere.seen(), []);
}

#[tokio::test]
async fn the_key_goes_to_a_host_that_was_allowed_or_given_and_to_no_other_port_of_it() {
    let world = World::start().await;
    let (elsewhere, host) = elsewhere().await;
    world.fake.move_runtime(RUNTIME, Some(&host));
    let port = elsewhere.base().port().unwrap();
    let handle = |rule: String| {
        let builder = Codefresh::at(&http().build().unwrap(), world.fake.base()).unwrap();
        builder.api_key(world.fake.api_key("rotator")).allow_host(rule).build().unwrap()
    };
    let other = handle(format!("127.0.0.1:{}", port ^ 1));
    assert_eq!(other.runtime(RUNTIME).preflight().await.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(elsewhere.seen(), []);
    handle(format!("127.0.0.1:{port}")).runtime(RUNTIME).preflight().await.unwrap();
    assert_eq!(elsewhere.seen().len(), 2);
    world.user_token().app_proxy(host.parse().unwrap()).preflight().await.unwrap();
    assert_eq!(elsewhere.seen().len(), 4);
}

#[tokio::test]
async fn an_address_without_tls_or_without_sense_is_refused() {
    let world = World::start().await;
    for (host, kind, words) in [
        (Some("http://runtimes.example.com"), ErrorKind::Refused, "not allowed"),
        (Some("https://0-production.tunnels.cf-cd.com"), ErrorKind::Refused, "not allowed"),
        (Some("http://plain.example.com"), ErrorKind::Configuration, "no TLS"),
        (Some("runtimes.example.com"), ErrorKind::Protocol, "no address"),
        (Some("javascript:alert(1)"), ErrorKind::Protocol, "no address"),
        (Some(""), ErrorKind::NotFound, "`app_proxy`"),
        (None, ErrorKind::NotFound, "`app_proxy`"),
    ] {
        world.fake.move_runtime(RUNTIME, host);
        let builder = Codefresh::at(&http().build().unwrap(), world.fake.base()).unwrap();
        let builder = builder.api_key(world.fake.api_key("rotator")).allow_host("plain.example.com:80");
        let error = builder.build().unwrap().runtime(RUNTIME).preflight().await.unwrap_err();
        assert_error(&error, kind, Effect::None, words);
    }
    world.fake.tunnelled(RUNTIME);
    let error = world.user_token().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "<account id>-<runtime>.tunnels.cf-cd.com");
}

#[tokio::test]
async fn the_internal_host_is_taken_by_choice_alone_and_must_be_allowed_too() {
    let world = World::start().await;
    let (elsewhere, host) = elsewhere().await;
    let error = world.user_token().internal_host().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "no internal host");
    world.fake.internal_host(RUNTIME, &host);
    turn(&world.user_token(), NEW).await;
    let error = world.user_token().internal_host().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Refused, Effect::None, "not allowed");
    assert_eq!(elsewhere.seen(), []);
}

#[tokio::test]
async fn each_runtime_gets_the_token_at_its_own_app_proxy() {
    let world = World::start().await;
    world.fake.add_runtime("staging");
    turn(&quick(world.codefresh.runtime("staging")), NEW).await;
    let lines: Vec<_> = world.fake.seen().into_iter().map(|seen| seen.line).collect();
    assert!(lines.iter().all(|line| !line.contains("/runtimes/production")), "{lines:?}");
    assert_eq!(world.fake.user_token("staging", "default", "rotator").as_deref(), Some(NEW));
}

#[tokio::test]
async fn a_runtime_that_the_platform_does_not_know_is_refused_wherever_its_app_proxy_is() {
    let world = World::start().await;
    let (elsewhere, host) = elsewhere().await;
    let error = world.codefresh.runtime("nowhere").app_proxy(host.parse().unwrap()).preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "no runtime of this name");
    let by_person = world.codefresh.oauth_runtime("nowhere").app_proxy(host.parse().unwrap());
    assert_error(&by_person.preflight().await.unwrap_err(), ErrorKind::NotFound, Effect::None, "no runtime");
    assert_eq!(elsewhere.seen(), []);
}
