//! What each check shows, and what it does not.

use mockito::Matcher;
use secrecy::ExposeSecret;
use tokenturn::consumer::{Consumer, Slot, Verification};
use tokenturn::{Answer, Effect, ErrorKind, JenkinsCredential};

use crate::world::{LOGIN, NEW, OLD, TEXT, World, assert_error, install, jenkins, token, token_at, turn};

/// A GitHub where these tokens live.
async fn github(alive: &[&str], login: &str) -> mockito::ServerGuard {
    let mut server = mockito::Server::new_async().await;
    let resource = "{\"limit\":5000,\"remaining\":4999,\"reset\":4000000000}";
    let limits = format!(
        "{{\"resources\":{{\"core\":{resource},\"search\":{resource},\"graphql\":{resource},\
         \"integration_manifest\":{resource}}}}}"
    );
    for token in alive {
        for (path, body) in
            [("/api/v3/user", format!("{{\"login\":\"{login}\"}}")), ("/api/v3/rate_limit", limits.clone())]
        {
            let mock = server.mock("GET", path).match_header("authorization", format!("token {token}").as_str());
            mock.with_body(body).create_async().await;
        }
    }
    server
}

fn api(server: &mockito::ServerGuard) -> String {
    format!("{}/api/v3/", server.url())
}

fn answers(verification: &Verification) -> (Answer, Answer) {
    (verification.works, verification.new)
}

fn tested(world: &World) -> JenkinsCredential {
    world.fake.grant("admin", "Overall/Administer");
    jenkins(&world.fake, "admin").credential("git-text").test_connection()
}

#[tokio::test]
async fn a_test_connection_shows_that_it_works_and_not_that_it_is_new() {
    let world = World::start().await;
    let server = github(&[OLD, NEW], "build-bot").await;
    let credential = tested(&world);
    let slot = credential.preflight().await.unwrap();
    // The old token is still there, and would pass for the new one.
    let before = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(answers(&before), (Answer::Proven, Answer::Unknown));
    let slot = install(&credential, NEW, &slot).await.unwrap();
    let after = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(answers(&after), (Answer::Proven, Answer::Unknown));
    assert!(after.note.unwrap().contains("token's owner"));
}

#[tokio::test]
async fn once_the_old_token_is_dead_a_test_connection_tells_what_is_stored() {
    let world = World::start().await;
    let server = github(&[NEW], "build-bot").await;
    let credential = tested(&world);
    let slot = credential.preflight().await.unwrap();
    let before = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(answers(&before), (Answer::Refuted, Answer::Unknown));
    let slot = install(&credential, NEW, &slot).await.unwrap();
    let after = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(after.works, Answer::Proven);
}

#[tokio::test]
async fn another_users_token_is_not_the_new_one() {
    let world = World::start().await;
    let server = github(&[OLD], "somebody-else").await;
    let credential = tested(&world);
    let slot = credential.preflight().await.unwrap();
    let verification = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(answers(&verification), (Answer::Proven, Answer::Refuted));
}

#[tokio::test]
async fn without_the_providers_own_address_nothing_is_tested() {
    let world = World::start().await;
    let credential = tested(&world);
    let slot = turn(&credential, NEW).await;
    let verification = credential.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(answers(&verification), (Answer::Unknown, Answer::Unknown));
    assert_eq!(world.count("verifyCredentials"), 0);
}

#[tokio::test]
async fn a_test_that_this_user_may_not_run_names_the_permission() {
    let world = World::start().await;
    let credential = world.jenkins.credential("git-text").test_connection();
    let slot = credential.preflight().await.unwrap();
    let error = credential.verify(&token_at(NEW, "https://api.example.com"), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "rotator lacks the permission Overall/Administer");
}

#[tokio::test]
async fn an_api_that_cannot_be_reached_is_no_proof() {
    let world = World::start().await;
    let credential = tested(&world);
    let slot = turn(&credential, NEW).await;
    let verification = credential.verify(&token_at(NEW, "http://127.0.0.1:9/"), &slot).await.unwrap();
    assert_eq!(verification.works, Answer::Refuted);
}

#[tokio::test]
async fn a_write_that_was_a_lie_is_found_by_the_test() {
    let world = World::start().await;
    let server = github(&[NEW], "build-bot").await;
    let credential = tested(&world);
    let slot = credential.preflight().await.unwrap();
    world.fake.lying(true);
    let slot = install(&credential, NEW, &slot).await.unwrap();
    let verification = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(verification.works, Answer::Refuted);
    assert_eq!(world.fake.secret_of(TEXT).as_deref(), Some(OLD));
}

#[tokio::test]
async fn the_fingerprint_proves_only_what_it_can() {
    let world = World::start().await;
    let credential = world.jenkins.credential("git-pat");
    world.fake.use_credential(LOGIN);
    let slot = credential.preflight().await.unwrap();
    let before = slot.detail("fingerprint").unwrap().to_owned();
    let ask = async |slot: &Slot| credential.verify(&token(NEW), slot).await.unwrap().new;
    assert_eq!(ask(&slot).await, Answer::Unknown, "nothing is known of an installation");
    let slot = install(&credential, NEW, &slot).await.unwrap();
    assert_eq!(slot.detail("replaced_fingerprint"), Some(before.as_str()));
    assert_eq!(ask(&slot).await, Answer::Unknown, "without a fingerprint another write would not show");
    world.fake.use_credential(LOGIN);
    assert_eq!(ask(&slot).await, Answer::Unknown, "it was used, or written and used");
    // A build used it between the write and the read after it.
    let used = credential.preflight().await.unwrap().detail("fingerprint").unwrap().to_owned();
    let slot = slot.with_detail("fingerprint", &used);
    assert_eq!(ask(&slot).await, Answer::Proven);
    let other = credential.verify(&token(OLD), &slot).await.unwrap();
    assert_eq!(other.new, Answer::Unknown, "what was installed was another token");
    // What stood there before is back, as after a restored backup.
    assert_eq!(ask(&slot.clone().with_detail("replaced_fingerprint", &used)).await, Answer::Refuted);
    world.fake.put("system/_", &crate::world::login_document("git-pat", "edited")).unwrap();
    let verification = credential.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(verification.new, Answer::Unknown);
    assert!(verification.note.unwrap().contains("edited"));
}

#[tokio::test]
async fn the_check_of_a_repository_shows_that_the_login_works() {
    let world = World::start().await;
    world.fake.add_job("probe");
    let mut server = mockito::Server::new_async().await;
    let listing = "/repo.git/info/refs?service=git-upload-pack";
    server.mock("GET", listing).with_status(401).create_async().await;
    let basic = |secret: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("build-bot:{secret}")))
    };
    server
        .mock("GET", listing)
        .match_header("authorization", basic(NEW).as_str())
        .with_body("refs")
        .create_async()
        .await;
    let repository = format!("{}/repo.git", server.url());
    let credential =
        jenkins(&world.fake, "admin").credential("git-pat").test_repository(repository.parse().unwrap(), "probe");
    let slot = credential.preflight().await.unwrap();
    let before = credential.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(answers(&before), (Answer::Refuted, Answer::Unknown));
    let slot = install(&credential, NEW, &slot).await.unwrap();
    let after = credential.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(answers(&after), (Answer::Proven, Answer::Unknown));
    server.reset();
    server.mock("GET", Matcher::Any).with_status(503).create_async().await;
    let down = credential.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(down.works, Answer::Unknown, "nobody was reached");
    server.reset();
    server.mock("GET", Matcher::Any).with_body("refs").create_async().await;
    let public = credential.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(public.works, Answer::Unknown, "it would pass without a login");
    let error = credential.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "private repository");
}

#[tokio::test]
async fn a_check_of_a_repository_that_is_skipped_shows_nothing() {
    let world = World::start().await;
    world.fake.add_job("probe");
    world.fake.grant("rotator", "Item/Read");
    let check =
        |address: &str, job: &str| world.jenkins.credential("git-pat").test_repository(address.parse().unwrap(), job);
    let without_the_right = check("http://127.0.0.1:9/repo.git", "probe").preflight().await.unwrap_err();
    assert_error(&without_the_right, ErrorKind::Configuration, Effect::None, "Credentials/UseItem");
    let dollar = check("https://git.example.com/$x.git", "probe").preflight().await.unwrap_err();
    assert_error(&dollar, ErrorKind::Configuration, Effect::None, "no $");
    let no_job = check("https://git.example.com/x.git", "nope").preflight().await.unwrap_err();
    assert_error(&no_job, ErrorKind::Unsupported, Effect::None, "job is not there");
}

#[tokio::test]
async fn a_plugin_that_keeps_clients_goes_on_with_the_old_token_until_it_is_saved() {
    let world = World::start().await;
    let server = github(&[NEW], "build-bot").await;
    assert_eq!(world.fake.cached_client_token("git-text").as_deref(), Some(OLD));
    let credential = tested(&world).cached_by_github_plugin();
    let slot = turn(&credential, NEW).await;
    let verification = credential.verify(&token_at(NEW, &api(&server)), &slot).await.unwrap();
    assert_eq!(verification.works, Answer::Proven, "the test makes a client of its own");
    assert_eq!(world.fake.cached_client_token("git-text").as_deref(), Some(OLD), "which is why a person confirms");
    world.fake.save_github_configuration();
    assert_eq!(world.fake.cached_client_token("git-text").as_deref(), Some(NEW));
    assert!(!world.fake.api_token("admin").expose_secret().is_empty());
}
