//! The fake refuses what a real GraphQL server refuses, in the same words.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use crate::world::{RUNTIME, World};
use crate::yoga::{ONE, server};

const REGISTER: &str =
    "mutation R($args: RegisterToGitIntegrationArgs!) { registerToGitIntegration(args: $args) { name } }";

/// What does not fit the schema of an app-proxy, and what graphql-js says of it.
fn unfit() -> [(&'static str, Value, u16, &'static str); 8] {
    let args = |args: Value| json!({ "args": args });
    [
        (
            "query A { gitIntegrations { name nope } }",
            json!({}),
            200,
            "Cannot query field \"nope\" on type \"GitIntegration\".",
        ),
        (
            REGISTER,
            args(json!({"name": "default"})),
            400,
            "Field \"token\" of required type \"String!\" was not provided.",
        ),
        (
            REGISTER,
            args(json!({"token": "x", "nope": "y"})),
            400,
            "Field \"nope\" is not defined by type \"RegisterToGitIntegrationArgs\".",
        ),
        (
            REGISTER,
            json!({}),
            400,
            "Variable \"$args\" of required type \"RegisterToGitIntegrationArgs!\" was not provided.",
        ),
        ("mutation R { registerToGitIntegration { name } }", json!({}), 200, "is required, but it was not provided."),
        ("query A { gitIntegrations }", json!({}), 200, "must have a selection of subfields."),
        ("query A { gitIntegrations { name { x } } }", json!({}), 200, "Field \"name\" must not have a selection"),
        ("query A { gitIntegrations( { name } }", json!({}), 200, "Syntax Error: "),
    ]
}

async fn refuses(address: Url, key: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (query, variables, status, words) in unfit() {
        let body = json!({"query": query, "variables": variables}).to_string();
        let call = client.post(address.clone()).header("authorization", key).header("content-type", "application/json");
        let answer = call.body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{address} {query}");
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let error = &body["errors"][0];
        assert!(error["message"].as_str().unwrap().contains(words), "{address} {query}: {body}");
        assert_eq!(error["extensions"]["code"].is_string(), status == 200, "{address} {query}: {body}");
        assert_eq!(body.get("data"), None);
    }
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_refused_as_graphql_does_it() {
    let world = World::start().await;
    let key = world.fake.api_key("rotator");
    let path = format!("/runtimes/{RUNTIME}/app-proxy/api/graphql");
    refuses(world.fake.base().join(&path).unwrap(), key.expose_secret()).await;
    assert_eq!(world.stored().as_deref(), Some(crate::world::OLD));
    if let Some(address) = server() {
        refuses(address.join("/app-proxy/api/graphql").unwrap(), ONE).await;
    }
}
