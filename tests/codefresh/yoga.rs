//! The same against a server that does GraphQL for real, with a schema from the published shapes: `tests/servers/codefresh`.
//!
//! `TOKENTURN_CODEFRESH_URL` says where it is. `TOKENTURN_REQUIRE_SERVERS=1` makes these tests fail where it does not.

use std::env;
use std::io::Write as _;

use serde_json::{Value, json};
use tokenturn::consumer::Consumer;
use tokenturn::{Answer, Codefresh, Effect, ErrorKind};
use url::Url;

use crate::world::{NEW, OLD, assert_error, http, install, quick, token, turn};

pub(crate) const ONE: &str = "5fFAKEyoga.FAKEapikeyone";
const TWO: &str = "5fFAKEyoga.FAKEapikeytwo";

/// Where the server is; nothing where there is none and none is required.
pub(crate) fn server() -> Option<Url> {
    const NAME: &str = "TOKENTURN_CODEFRESH_URL";
    if let Ok(address) = env::var(NAME) {
        return Some(address.parse().unwrap());
    }
    assert_ne!(env::var("TOKENTURN_REQUIRE_SERVERS").as_deref(), Ok("1"), "{NAME} is not set");
    std::io::stdout().write_all(format!("skipped: {NAME} is not set\n").as_bytes()).unwrap();
    None
}

fn codefresh(address: &Url, key: &str) -> Codefresh {
    Codefresh::at(&http().build().unwrap(), address.clone()).unwrap().api_key(key.into()).build().unwrap()
}

/// What is stored there, past the interface.
async fn stored(address: &Url) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = client.get(address.join("/stored").unwrap()).send().await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn edit(address: &Url, sharing: &str) {
    let query = "mutation Edit($args: EditGitIntegrationArgs!) { editGitIntegration(args: $args) { name } }";
    let body = json!({"query": query, "variables": {"args": {"name": "gitlab", "sharingPolicy": sharing}}});
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = client.post(address.join("/app-proxy/api/graphql").unwrap()).header("authorization", TWO);
    let call = call.header("content-type", "application/json").body(body.to_string());
    let answer = call.send().await.unwrap().bytes().await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("errors"), "{answer:?}");
}

// One test, for they share what is stored there.
#[tokio::test]
async fn a_real_graphql_server_takes_every_operation_and_its_refusals_are_understood() {
    let Some(address) = server() else { return };
    let handle = codefresh(&address, ONE);
    assert_eq!(handle.list_runtimes().await.unwrap(), ["production"]);
    let consumer = || quick(handle.runtime("production"));

    // A token that is dead there, then one that is not, held back for three questions.
    let slot = turn(&consumer(), "ghp_FAKEdead").await;
    assert_eq!(consumer().verify(&token("ghp_FAKEdead"), &slot).await.unwrap().works, Answer::Refuted);
    let slot = install(&consumer(), NEW, &slot).await.unwrap();
    assert_eq!(stored(&address).await["default"]["user-one"], NEW);
    let verification = consumer().verify(&token(NEW), &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Proven, Answer::Unknown));
    install(&consumer(), NEW, &slot).await.unwrap();
    install(&consumer(), OLD, &slot).await.unwrap();
    assert_eq!(stored(&address).await["default"]["user-one"], OLD);

    // Another user, another integration, and an edit between reading and writing.
    let other = quick(codefresh(&address, TWO).runtime("production").integration("gitlab").username("build-bot"));
    edit(&address, "ALL_USERS_IN_ACCOUNT").await;
    let slot = other.preflight().await.unwrap();
    edit(&address, "ACCOUNT_ADMINS").await;
    let error = install(&other, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::None, "read it again");
    turn(&other, NEW).await;
    let all = stored(&address).await;
    assert_eq!(all, json!({"default": {"user-one": OLD}, "gitlab": {"user-two": NEW}}));

    // What it refuses.
    let slot = consumer().preflight().await.unwrap();
    let error = install(&consumer(), "ghp_FAKErefused", &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::Unknown, "invalid git token");
    let error = handle.runtime("nowhere").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "no runtime of this name");
    let error = codefresh(&address, "5fFAKEyoga.FAKEapikeynone").runtime("production").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "make another");
    assert_eq!(stored(&address).await, all);
}
