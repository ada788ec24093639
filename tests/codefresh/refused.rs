//! What is refused before anything is written.

use secrecy::SecretString;
use serde_json::{Value, json};
use tokenturn::consumer::Consumer;
use tokenturn::{Codefresh, Effect, ErrorKind};

use crate::world::{CONTEXT, OLD, RUNTIME, World, assert_error, context, github, http};

#[tokio::test]
async fn a_place_that_is_not_there_or_takes_no_token_is_refused_before_anything_is_issued() {
    let world = World::start().await;
    world.fake.add_integration(RUNTIME, "gerrit", "GERRIT");
    world.fake.add_runtime("starting");
    world.fake.ready("starting", false);
    let token = || world.user_token();
    for (consumer, kind, words) in [
        (world.codefresh.runtime("nowhere"), ErrorKind::NotFound, "no runtime of this name"),
        (token().integration("none"), ErrorKind::NotFound, "no Git integration of this name"),
        (token().integration("gerrit"), ErrorKind::Unsupported, "not known to work there"),
        (world.codefresh.runtime("starting"), ErrorKind::Unavailable, "503"),
    ] {
        assert_error(&consumer.preflight().await.unwrap_err(), kind, Effect::None, words);
    }
    let error = world.codefresh.git_context("none").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "does not exist");
    assert_eq!(world.fake.writes(), 0);
}

#[tokio::test]
async fn a_context_that_a_write_would_convert_or_damage_is_refused() {
    let world = World::start().await;
    let with = |path: &str, value: Value| {
        let mut whole = github(OLD);
        let (parent, name) = path.rsplit_once('/').unwrap();
        whole.pointer_mut(parent).unwrap()[name] = value;
        whole
    };
    let auth = |kind: &str| json!({"type": kind, "password": OLD});
    let expression = "${{secrets.vault.github}}";
    for (whole, words) in [
        (context("git.github", &auth("oauth")), "would convert it"),
        (context("git.github", &auth("oauth2")), "would convert it"),
        (context("git.github", &json!({"password": OLD})), "might convert it"),
        (with("/spec/data/auth", Value::Null), "might convert it"),
        (context("git.github-app", &auth("basic")), "GitHub App"),
        (context("secret", &auth("basic")), "no git context"),
        (with("/metadata/system", json!(true)), "Codefresh itself"),
        (github(expression), "secret store"),
        (with("/spec/data/auth/username", json!(expression)), "secret store"),
        (with("/spec/data/secretStoreReferences", json!([{"name": "vault"}])), "secretStoreReferences"),
        (with("/spec/data/sshKey", json!("-----BEGIN")), "store the mask"),
        (with("/spec/data/auth/refreshToken", json!("r")), "store the mask"),
        (with("/spec/data/anything", json!(["a", {"b": "********"}])), "store the mask"),
        (with("/spec/data/anything", json!("$$$crypto$$$00ff")), "store the mask"),
        (with("/metadata/note", json!("[REDACTED]")), "store the mask"),
        (with("/metadata/note", json!("ab***yz")), "store the mask"),
        (with("/spec/data/apiKey", json!("k")), "store the mask"),
        (with("/spec/data/auth/api_key", json!("k")), "store the mask"),
        (with("/spec/data/accessKeyId", json!("k")), "store the mask"),
        (with("/spec/data/aws_access_key", json!("k")), "store the mask"),
        (with("/spec/data/auth/gitCredentials", json!({"a": "k"})), "store the mask"),
        (context("git.bitbucket", &auth("basic")), "no username"),
    ] {
        world.fake.put_context(CONTEXT, whole.clone());
        let error = world.context().preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Unsupported, Effect::None, words);
        assert_eq!(world.fake.context(CONTEXT), Some(whole));
    }
    assert_eq!(world.fake.writes(), 0);
}

#[tokio::test]
async fn a_context_of_another_user_is_refused() {
    let world = World::start().await;
    let auth = json!({"type": "basic", "username": "build-bot", "password": OLD});
    world.fake.put_context(CONTEXT, context("git.bitbucket", &auth));
    let error = world.context().username("another").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "another user");
    world.context().username("build-bot").preflight().await.unwrap();
}

#[tokio::test]
async fn a_context_that_answers_to_another_name_is_not_written() {
    let world = World::start().await;
    let mut whole = github(OLD);
    whole["metadata"]["name"] = json!("another");
    world.fake.put_context(CONTEXT, whole);
    let error = world.context().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Effect::None, "not the context of this name");
}

#[test]
fn mistakes_in_the_handle_are_found_when_it_is_built() {
    let at = |address: &str| Codefresh::at(&http().build().unwrap(), address.parse().unwrap());
    assert_eq!(at("http://g.codefresh.io").unwrap_err().kind(), ErrorKind::Configuration);
    let build = |key: Option<&str>, host: &str| {
        let mut builder = Codefresh::cloud(&http().build().unwrap()).unwrap().allow_host(host);
        if let Some(key) = key {
            builder = builder.api_key(SecretString::from(key));
        }
        builder.build().map(drop).map_err(|error| error.kind())
    };
    let key = Some("5fFAKE.FAKEapikey");
    assert_eq!(build(key, "proxy.example.com"), Ok(()));
    assert_eq!(build(None, "proxy.example.com"), Err(ErrorKind::Configuration));
    assert_eq!(build(Some(""), "proxy.example.com"), Err(ErrorKind::Configuration));
    assert_eq!(build(Some("Bearer 5fFAKE"), "proxy.example.com"), Err(ErrorKind::InvalidInput));
    assert_eq!(build(key, "https://proxy.example.com/path"), Err(ErrorKind::Configuration));
}
