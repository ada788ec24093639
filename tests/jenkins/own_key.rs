//! The key that handles log in with, as a place that is written.

use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use secrecy::ExposeSecret;
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::testing::{JenkinsFake, admitted};
use tokenturn::{
    AdmittedToken, Answer, Effect, Error, ErrorKind, Grant, Http, Jenkins, JenkinsKey, JenkinsOwnKey, ScopeModel, Token,
};

use crate::world::{World, assert_error, http};

const NEW_KEY: &str = "11fakenewfakenewfakenewfakenewfake";

fn admit(value: &str) -> AdmittedToken {
    let token = Token::new(value).unwrap();
    admitted(&token, Grant::of(&token, "rotator")).unwrap()
}

fn old(fake: &JenkinsFake) -> AdmittedToken {
    admit(fake.api_token("rotator").expose_secret())
}

fn key(fake: &JenkinsFake) -> JenkinsKey {
    JenkinsKey::new("rotator", old(fake).token().clone()).unwrap()
}

fn with(http: &Http, fake: &JenkinsFake, key: &JenkinsKey) -> Jenkins {
    Jenkins::at(http, fake.base()).unwrap().key(key).build().unwrap()
}

async fn install(own_key: &JenkinsOwnKey, token: &AdmittedToken, slot: &Slot) -> Result<Slot, Error> {
    match own_key.install(token, slot).await? {
        Installation::Done(slot) => Ok(slot),
        Installation::Guided(_) => panic!("nobody is needed"),
    }
}

#[tokio::test]
async fn every_handle_of_a_key_logs_in_with_what_was_installed() {
    let world = World::start().await;
    let (http, key) = (http().build().unwrap(), key(&world.fake));
    let (one, two) = (with(&http, &world.fake, &key), with(&http, &world.fake, &key.clone()));
    world.fake.add_api_token("rotator", "second", NEW_KEY);
    let own_key = one.own_key().unwrap();
    let slot = own_key.preflight().await.unwrap();
    install(&own_key, &admit(NEW_KEY), &slot).await.unwrap();
    assert_eq!(key.fingerprint(), admit(NEW_KEY).fingerprint());
    world.fake.revoke_api_token("rotator", "first");
    for jenkins in [&one, &two] {
        jenkins.credential("git-pat").preflight().await.unwrap();
    }
    assert_eq!(world.fake.seen().iter().filter(|seen| seen.status == Some(401)).count(), 0);
}

#[tokio::test]
async fn it_says_what_works_and_knows_what_it_holds() {
    let world = World::start().await;
    let own_key = world.jenkins.own_key().unwrap();
    let (old, new) = (old(&world.fake), admit(NEW_KEY));
    let slot = own_key.preflight().await.unwrap();
    let said = |verification: tokenturn::consumer::Verification| (verification.works, verification.new);
    assert_eq!(said(own_key.verify(&old, &slot).await.unwrap()), (Answer::Proven, Answer::Proven));
    assert_eq!(said(own_key.verify(&new, &slot).await.unwrap()), (Answer::Proven, Answer::Refuted));
    world.fake.revoke_api_token("rotator", "first");
    assert_eq!(said(own_key.verify(&old, &slot).await.unwrap()), (Answer::Refuted, Answer::Proven));
    world.fake.stop();
    assert!(own_key.verify(&old, &slot).await.unwrap_err().is_transient());
    assert!(own_key.preflight().await.is_ok(), "a dead key is to be replaced all the same");
}

#[tokio::test]
async fn a_token_that_does_not_work_never_becomes_the_key() {
    let world = World::start().await;
    let own_key = world.jenkins.own_key().unwrap();
    let slot = own_key.preflight().await.unwrap();
    let error = install(&own_key, &admit(NEW_KEY), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unverified, Effect::None, "stays what it was");
    let foreign = world.fake.api_token("reader");
    let error = install(&own_key, &admit(foreign.expose_secret()), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unverified, Effect::None, "whose token");
    world.jenkins.credential("git-pat").preflight().await.unwrap();
}

#[tokio::test]
async fn twice_is_once_a_stale_slot_is_refused_and_the_old_token_goes_back() {
    let world = World::start().await;
    let (old, new, third) = (old(&world.fake), admit(NEW_KEY), admit("11fakethirdfakethirdfakethirdfakex"));
    for token in [&new, &third] {
        world.fake.add_api_token("rotator", "more", token.token().expose());
    }
    let own_key = world.jenkins.own_key().unwrap();
    let before = own_key.preflight().await.unwrap();
    let slot = install(&own_key, &new, &before).await.unwrap();
    assert_eq!(install(&own_key, &new, &before).await.unwrap(), slot);
    let error = install(&own_key, &third, &before).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::None, "read it again");
    assert_eq!(install(&own_key, &old, &slot).await.unwrap(), before, "the same token is the same version");
}

#[tokio::test]
async fn a_key_goes_to_one_jenkins_alone() {
    let (world, other) = (World::start().await, World::start().await);
    let (http, key) = (http().build().unwrap(), key(&world.fake));
    with(&http, &world.fake, &key);
    let error = Jenkins::at(&http, other.fake.base()).unwrap().key(&key).build().unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "another address");
    assert!(other.fake.seen().is_empty());
}

#[tokio::test]
async fn mistakes_are_found_before_anything_is_sent() {
    let world = World::start().await;
    let token = || old(&world.fake).token().clone();
    assert_eq!(JenkinsKey::new("", token()).unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(JenkinsKey::new("a:b", token()).unwrap_err().kind(), ErrorKind::InvalidInput);
    let http = http().build().unwrap();
    let by_password = Jenkins::at(&http, world.fake.base()).unwrap().password("rotator", "fake-word".into());
    let error = by_password.build().unwrap().own_key().unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "no API token replaces");
    let own_key = world.jenkins.own_key().unwrap();
    assert!(own_key.refuses(ScopeModel::GITHUB_CLASSIC).unwrap().contains("its own API tokens"));
    assert!(own_key.refuses(ScopeModel::NONE).is_none() && own_key.capabilities().own_key);
    assert!(own_key.name().ends_with("/ci:key of rotator") && own_key.named("mine").name() == "mine");
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_dead_key_is_sent_a_few_times_and_then_no_more() {
    let world = World::start().await;
    world.fake.revoke_api_token("rotator", "first");
    let credential = world.jenkins.credential("git-pat");
    for _ in 0..3 {
        let error = credential.preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "make a new API token");
    }
    let sent = world.fake.seen().len();
    let error = credential.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::RateLimited, Effect::None, "no request was sent");
    assert_eq!((sent, world.fake.seen().len()), (3, 3));
}

fn basic(token: &AdmittedToken) -> String {
    let pair = format!("rotator:{}", token.token().expose());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[tokio::test]
async fn a_request_that_is_refused_while_the_key_is_replaced_is_sent_with_the_new_one() {
    let (old, new) = (admit("11fakeoldfakeoldfakeoldfakeoldfake"), admit(NEW_KEY));
    let mut server = mockito::Server::new_async().await;
    let who = "{\"anonymous\":false,\"name\":\"rotator\"}";
    for token in [&old, &new] {
        let mock = server.mock("GET", "/whoAmI/api/json").match_header("authorization", basic(token).as_str());
        mock.with_body(who).create_async().await;
    }
    let (arrived, has_arrived) = tokio::sync::oneshot::channel();
    let (answer, may_answer) = mpsc::channel::<()>();
    let waits = std::sync::Mutex::new((Some(arrived), may_answer));
    // The store is asked for with the old key, which is refused only once it was replaced.
    let store = mockito::Matcher::Regex("^/credentials/store/system/api/json.*".into());
    let refused =
        server.mock("GET", store.clone()).match_header("authorization", basic(&old).as_str()).with_status(401);
    let refused = refused.with_header("WWW-Authenticate", "Basic realm=\"Jenkins\"").with_chunked_body(move |_| {
        let mut waits = waits.lock().unwrap();
        waits.0.take().map(|arrived| arrived.send(()));
        waits.1.recv().map_err(std::io::Error::other)
    });
    let refused = refused.expect(1).create_async().await;
    let taken = server.mock("GET", store).match_header("authorization", basic(&new).as_str()).with_status(404);
    let taken = taken.with_header("X-Jenkins", "2.460").expect(1).create_async().await;

    let http = Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap();
    let key = JenkinsKey::new("rotator", old.token().clone()).unwrap();
    let jenkins = Jenkins::at(&http, server.url().parse().unwrap()).unwrap().key(&key).build().unwrap();
    let credential = jenkins.credential("x");
    let asking = tokio::spawn(async move { credential.preflight().await });
    has_arrived.await.unwrap();
    let own_key = jenkins.own_key().unwrap();
    let slot = own_key.preflight().await.unwrap();
    install(&own_key, &new, &slot).await.unwrap();
    answer.send(()).unwrap();
    let error = asking.await.unwrap().unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "Jenkins answered 404");
    refused.assert_async().await;
    taken.assert_async().await;
}

#[tokio::test]
async fn nothing_shows_what_a_key_holds() {
    let world = World::start().await;
    let (http, key) = (http().build().unwrap(), key(&world.fake));
    let builder = Jenkins::at(&http, world.fake.base()).unwrap().key(&key);
    let shown = format!("{builder:?}");
    let jenkins = builder.build().unwrap();
    let shown = format!("{shown} {key:?} {jenkins:?} {:?} {:?}", jenkins.own_key(), jenkins.api_tokens());
    crate::world::assert_silent(&world.fake, &shown);
    assert!(shown.contains(&key.fingerprint().to_string()), "{shown}");
}
