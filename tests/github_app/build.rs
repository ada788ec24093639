//! What `build()` finds, of the provider and of the rotator.

use std::time::Duration;

use secrecy::SecretString;
use tokenturn::{ErrorKind, GitHub, InstallationTokensBuilder, Policy, Rotator};

use crate::places::Place;
use crate::{APP, World, http, keys, made_before};

fn app(key: SecretString) -> InstallationTokensBuilder {
    GitHub::app(&http(), APP, key).installation(1)
}

#[track_caller]
fn refused(builder: InstallationTokensBuilder, kind: ErrorKind, part: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
}

#[test]
fn both_formats_of_the_key_are_read() {
    for key in [keys::pkcs1(), keys::pkcs8()] {
        assert!(app(key).build().is_ok());
    }
}

#[test]
fn a_key_that_cannot_be_read_is_refused_with_the_formats_that_can() {
    let der = keys::private();
    let keys = [
        SecretString::from(""),
        SecretString::from("ghp_FAKE"),
        SecretString::from("-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----"),
        keys::pem("PRIVATE KEY", &der[..der.len() / 2]),
        keys::pem("RSA PRIVATE KEY", der),
        keys::pem("EC PRIVATE KEY", der),
        keys::pem("ENCRYPTED PRIVATE KEY", der),
        keys::pem("PUBLIC KEY", keys::public()),
    ];
    for key in keys {
        refused(app(key.clone()), ErrorKind::InvalidInput, "PKCS#1");
        refused(app(key), ErrorKind::InvalidInput, "PKCS#8");
    }
}

#[test]
fn where_the_app_is_installed_must_be_said() {
    refused(GitHub::app(&http(), APP, keys::pkcs8()), ErrorKind::Configuration, "`organization`");
}

#[test]
fn repositories_are_named_without_their_owner_and_there_are_500_at_most() {
    let named = |names: Vec<String>| app(keys::pkcs8()).repositories(names);
    refused(named(vec!["acme/site".into()]), ErrorKind::Configuration, "without its owner");
    refused(named(vec![String::new()]), ErrorKind::Configuration, "without its owner");
    refused(named(Vec::new()), ErrorKind::Configuration, "empty");
    let many = |count: usize| (0..count).map(|at| format!("r{at}")).collect();
    refused(named(many(501)), ErrorKind::Configuration, "500");
    assert!(named(many(500)).build().is_ok());
}

#[test]
fn each_place_of_an_app_has_a_name_of_its_own() {
    use tokenturn::Provider as _;
    let name = |builder: InstallationTokensBuilder| builder.build().unwrap().name().to_owned();
    let builder = || GitHub::app(&http(), APP, keys::pkcs8());
    let resident = "https://acme.ghe.com".parse().unwrap();
    let names = [
        name(builder().installation(42)),
        name(builder().organization("acme")),
        name(builder().repository("acme", "site")),
        name(builder().user("acme")),
        name(builder().user("acme").server(resident)),
        name(GitHub::app(&http(), 2, keys::pkcs8()).user("acme")),
    ];
    assert_eq!(names[0], "installation tokens of the GitHub App 123456 at installation 42 of github.com");
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
}

#[tokio::test]
async fn a_policy_that_an_hour_of_life_cannot_meet_is_refused_before_a_token_is_issued() {
    let world = World::start().await;
    let old = made_before(&world).await;
    let place = Place::app("ci", &world.fake, &old);
    let build =
        |policy: Policy| Rotator::builder("bot", world.provider()).consumer(place.clone()).policy(policy).build();
    let short = Policy::default().minimum_life(Duration::from_mins(10)).grace(Duration::ZERO);
    for (policy, part) in [
        (Policy::default(), "`minimum_life`"),
        // One that lives for an hour has less than that left as soon as it is looked at.
        (short.clone().minimum_life(Duration::from_hours(1)), "`minimum_life`"),
        (short.clone().lifetime(Duration::from_hours(2)), "lower `lifetime`"),
        (short.clone().grace(Duration::from_hours(24)), "shorten `grace`"),
    ] {
        let error = build(policy).unwrap_err();
        assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains("60 minutes"), "{error}");
    }
    assert!(build(short).is_ok());
    assert_eq!(world.fake.app_tokens().len(), 1);
}
