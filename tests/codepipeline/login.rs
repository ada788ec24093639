//! Who asks AWS.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use tokenturn::consumer::Consumer;
use tokenturn::testing::CodePipelineFake;
use tokenturn::{CodePipeline, CodePipelineBuilder, Effect, ErrorKind, Http};

use crate::world::{NEW, World, assert_error, http, install, turn};

/// Gives what it was told to give, one after the other, and the last of it again and again.
#[derive(Debug)]
struct Provider {
    next: Mutex<Vec<Credentials>>,
    asked: AtomicUsize,
}

impl ProvideCredentials for &'static Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut next = self.next.lock().unwrap();
        let given: provider::Result = match next.len() {
            0 => Err(CredentialsError::not_loaded("of the secret fakeSecretPlace")),
            1 => Ok(next[0].clone()),
            _ => Ok(next.remove(0)),
        };
        future::ProvideCredentials::ready(given)
    }
}

fn provider(credentials: impl IntoIterator<Item = Credentials>) -> &'static Provider {
    // Its name outlives the test, as a provider must.
    Box::leak(Box::new(Provider { next: Mutex::new(credentials.into_iter().collect()), asked: AtomicUsize::new(0) }))
}

fn builder(fake: &CodePipelineFake) -> CodePipelineBuilder {
    let http = http().build().unwrap();
    CodePipeline::in_region(&http, CodePipelineFake::REGION).endpoint(fake.base())
}

#[tokio::test]
async fn the_keys_of_a_session_are_kept_and_renewed_when_they_are_over() {
    let world = World::start().await;
    let (first, second) = (world.fake.session(), world.fake.session());
    let provider = provider([first, second]);
    let site = builder(&world.fake).credentials(provider).build().unwrap().pipeline("site");
    turn(&site, NEW).await;
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1, "they are kept");
    world.fake.end_sessions();
    let error = site.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "provide fresh ones");
    let before = provider.asked.load(Ordering::SeqCst);
    provider.next.lock().unwrap().insert(0, world.fake.session());
    site.preflight().await.unwrap();
    assert!(provider.asked.load(Ordering::SeqCst) > before);
}

#[tokio::test]
async fn keys_that_are_refused_in_the_middle_are_renewed_without_the_caller() {
    let world = World::start().await;
    let first = world.fake.session();
    let provider = provider([first]);
    let site = builder(&world.fake).credentials(provider).build().unwrap().pipeline("site");
    let slot = site.preflight().await.unwrap();
    world.fake.end_sessions();
    *provider.next.lock().unwrap() = vec![world.fake.session()];
    install(&site, NEW, &slot).await.unwrap();
    assert_eq!(world.fake.version_of("site"), Some(2), "written once");
}

#[tokio::test]
async fn a_refused_login_is_permanent_and_has_no_effect() {
    let world = World::start().await;
    let site = world.site();
    let slot = site.preflight().await.unwrap();
    world.fake.refuse_login(true);
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "does not know the key");
    assert!(!error.is_transient());
    world.fake.refuse_login(false);
    world.fake.out_of_time(true);
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "check the clock of this machine");
    assert_eq!(world.fake.version_of("site"), Some(1));
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_region_are_found_out_by_the_signature() {
    let world = World::start().await;
    let good = world.fake.credentials();
    let wrong = Credentials::new(good.access_key_id(), "fakeSecretAccessKey/wrong", None, None, "test");
    let site = builder(&world.fake).credentials(wrong).build().unwrap().pipeline("site");
    let error = site.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "check the secret key, the region");
    let elsewhere = CodePipeline::in_region(&http().build().unwrap(), "us-east-1").credentials(good);
    let elsewhere = elsewhere.endpoint(world.fake.base()).build().unwrap();
    assert_eq!(elsewhere.pipeline("site").preflight().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn what_a_provider_says_of_its_failure_is_not_quoted() {
    let world = World::start().await;
    let site = builder(&world.fake).credentials(provider([])).build().unwrap().pipeline("site");
    let error = site.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "no AWS credentials");
    assert!(world.fake.seen().is_empty());
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let http = Http::builder().build().unwrap();
    let keys = || Credentials::new("AKIAFAKE", "fakeSecret", None, None, "test");
    let kind = |builder: CodePipelineBuilder| builder.build().unwrap_err().kind();
    let at = |region: &str| CodePipeline::in_region(&http, region);
    assert_eq!(kind(at("eu-central-1")), ErrorKind::Configuration, "nobody asks");
    assert_eq!(kind(at("eu central 1").credentials(keys())), ErrorKind::InvalidInput);
    assert_eq!(kind(at("us-iso-east-1").credentials(keys())), ErrorKind::Configuration);
    let plain = at("eu-central-1").credentials(keys()).endpoint("http://127.0.0.1:1/".parse().unwrap());
    assert_eq!(kind(plain), ErrorKind::Configuration);
    let given = at("us-iso-east-1").credentials(keys()).endpoint("https://codepipeline.example.com/".parse().unwrap());
    let built = given.build().unwrap();
    assert!(!format!("{built:?}").contains("fakeSecret"));
    assert!(at("cn-north-1").credentials(keys()).build().is_ok());
}
