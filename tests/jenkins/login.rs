//! Who asks, and how.

use secrecy::SecretString;
use tokenturn::consumer::Consumer;
use tokenturn::testing::{JenkinsFake, Trouble};
use tokenturn::{Effect, ErrorKind, Http, Jenkins};

use crate::world::{
    DOCUMENT, LOGIN, NEW, OLD, TEXT, World, assert_error, assert_silent, http, install, mock_credential, text_document,
    turn,
};

fn by_password(fake: &JenkinsFake) -> Jenkins {
    let http = http().build().unwrap();
    Jenkins::at(&http, fake.base()).unwrap().password("rotator", fake.password("rotator")).build().unwrap()
}

#[tokio::test]
async fn an_api_token_needs_no_crumb() {
    let world = World::start().await;
    turn(&world.jenkins.credential("git-pat"), NEW).await;
    assert_eq!(world.count("crumbIssuer"), 0);
}

#[tokio::test]
async fn a_password_goes_with_a_crumb_and_its_session_fetched_once() {
    let world = World::start().await;
    let jenkins = by_password(&world.fake);
    turn(&jenkins.credential("git-pat"), NEW).await;
    turn(&jenkins.credential("git-text"), NEW).await;
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
    assert_eq!(world.fake.secret_of(TEXT).as_deref(), Some(NEW));
    assert_eq!(world.count("crumbIssuer"), 1);
}

#[tokio::test]
async fn what_is_sent_in_a_session_waits_for_nothing_else_that_is() {
    let world = World::start().await;
    world.fake.grant("rotator", "Item/Read");
    world.fake.add_folder("team");
    world.fake.put("team/folder/_", &text_document("x", "text")).unwrap();
    let jenkins = by_password(&world.fake);
    let (stuck, other) = (jenkins.credential("git-pat"), jenkins.credential("x").in_folder("team"));
    let slots = (stuck.preflight().await.unwrap(), other.preflight().await.unwrap());
    world.fake.trouble("POST /ci/credentials/store/system", Trouble::Silence);
    tokio::select! {
        biased;
        written = install(&stuck, NEW, &slots.0) => panic!("it was never answered: {written:?}"),
        written = install(&other, NEW, &slots.1) => drop(written.unwrap()),
    }
    assert_eq!(world.fake.secret_of("team/folder/_/x").as_deref(), Some(NEW));
    assert_eq!(world.count("crumbIssuer"), 1);
}

#[tokio::test]
async fn a_crumb_that_is_refused_is_fetched_once_more() {
    let world = World::start().await;
    let credential = by_password(&world.fake).credential("git-pat");
    turn(&credential, OLD).await;
    world.fake.end_sessions();
    let slot = credential.preflight().await.unwrap();
    install(&credential, NEW, &slot).await.unwrap();
    assert_eq!((world.count("crumbIssuer"), world.fake.secret_of(LOGIN).as_deref()), (2, Some(NEW)));
}

#[tokio::test]
async fn a_crumb_that_is_always_refused_is_an_error_without_effect() {
    let mut server = mockito::Server::new_async().await;
    mock_credential(&mut server, None, |_| DOCUMENT.into());
    let crumb = "{\"crumb\":\"dead-fake-crumb\",\"crumbRequestField\":\"Jenkins-Crumb\"}";
    let crumbs = server.mock("GET", "/crumbIssuer/api/json").with_body(crumb).expect(2).create_async().await;
    let posts =
        server.mock("POST", mockito::Matcher::Any).match_header("jenkins-crumb", "dead-fake-crumb").with_status(403);
    let posts = posts.with_body("<title>Error 403 No valid crumb dead-fake-crumb</title>").expect(2);
    let posts = posts.create_async().await;
    let http = http().build().unwrap();
    let jenkins =
        Jenkins::at(&http, server.url().parse().unwrap()).unwrap().password("rotator", "fake-password".into());
    let error = jenkins.build().unwrap().credential("x").ask_for_update_permission().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "crumb");
    assert!(!format!("{error:?}").contains("dead-fake"), "{error:?}");
    crumbs.assert_async().await;
    posts.assert_async().await;
}

#[tokio::test]
async fn a_missing_permission_is_named_to_a_password_too() {
    let world = World::start().await;
    world.fake.deny("rotator", "Credentials/Update");
    let error =
        by_password(&world.fake).credential("git-pat").ask_for_update_permission().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "rotator lacks the permission Credentials/Update");
    assert_eq!(world.count("crumbIssuer"), 1);
}

#[tokio::test]
async fn protection_that_is_off_needs_no_crumb() {
    let world = World::start().await;
    world.fake.without_crumbs(true);
    turn(&by_password(&world.fake).credential("git-pat"), NEW).await;
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
}

#[tokio::test]
async fn a_wrong_login_and_a_stripped_one_are_told_apart() {
    let world = World::start().await;
    let http = http().build().unwrap();
    let wrong = Jenkins::at(&http, world.fake.base()).unwrap();
    let wrong = wrong.api_token("rotator", "11fake0fake0fake".into()).build().unwrap();
    let error = wrong.credential("git-pat").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "API token");
    let credential = world.jenkins.credential("git-pat");
    let slot = credential.preflight().await.unwrap();
    world.fake.login_stripped(true);
    let error = credential.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "Authorization header");
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "no login reached Jenkins");
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_on_and_on() {
    let world = World::start().await;
    let http = http().build().unwrap();
    let wrong = || Jenkins::at(&http, world.fake.base()).unwrap().password("rotator", "fake-wrong-password".into());
    for _ in 0..3 {
        // Each handle on its own: they share what leaves the process.
        let error = wrong().build().unwrap().credential("git-pat").preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "correct the login");
    }
    let sent = world.fake.seen().len();
    let error = wrong().build().unwrap().credential("git-text").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::RateLimited, Effect::None, "wrong passwords of this account");
    assert_eq!(world.fake.seen().len(), sent, "nothing was sent");
}

#[tokio::test]
async fn a_password_that_is_taken_waits_for_no_other() {
    let world = World::start().await;
    let http = http().build().unwrap();
    let by = |password| Jenkins::at(&http, world.fake.base()).unwrap().password("rotator", password).build().unwrap();
    let (right, wrong) = (by(world.fake.password("rotator")), by("fake-wrong-password".into()));
    turn(&right.credential("git-pat"), OLD).await;
    for _ in 0..4 {
        wrong.credential("git-pat").preflight().await.unwrap_err();
    }
    turn(&right.credential("git-pat"), NEW).await;
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
}

#[tokio::test]
async fn mistakes_are_found_when_the_handle_is_built() {
    let http = Http::builder().build().unwrap();
    let at = |address: &str| Jenkins::at(&http, address.parse().unwrap());
    for bad in ["http://ci.example.com", "https://user@ci.example.com", "https://ci.example.com/?a=b"] {
        assert_eq!(at(bad).unwrap_err().kind(), ErrorKind::Configuration, "{bad}");
    }
    let builder = || at("https://ci.example.com/jenkins").unwrap();
    let empty = SecretString::from("");
    assert_eq!(builder().build().unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(builder().api_token("a", empty).build().unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(builder().password("", "x".into()).build().unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(builder().password("a:b", "x".into()).build().unwrap_err().kind(), ErrorKind::InvalidInput);
    let jenkins = builder().password("a", "fake-secret-word".into());
    assert!(!format!("{jenkins:?}").contains("fake-secret-word"));
    let credential = jenkins.build().unwrap().credential("x");
    assert!(!format!("{credential:?}").contains("fake-secret-word"));
    assert_eq!(credential.name(), "jenkins:ci.example.com/jenkins:system/_/x");
}

#[tokio::test]
async fn no_error_tells_a_password_or_an_api_token() {
    let world = World::start().await;
    for status in [400, 401, 403, 404, 409, 500, 503] {
        for jenkins in [world.jenkins.clone(), by_password(&world.fake)] {
            world.fake.trouble("POST", tokenturn::testing::Trouble::Refuse(status));
            if let Err(error) = jenkins.credential("git-pat").preflight().await {
                assert_silent(&world.fake, &format!("{error} {error:?}"));
            }
        }
    }
}
