//! Errors that come with HTTP 200, and answers that are none.

use std::time::Duration;

use serde_json::{Value, json};
use tokenturn::consumer::Consumer;
use tokenturn::{Codefresh, CodefreshUserToken, Effect, Error, ErrorKind};

use crate::world::{NEW, assert_error, http, install};

const INTEGRATION: &str = r#"{"name":"default","provider":"GITHUB","apiUrl":"https://api.github.com",
    "sharingPolicy":"ALL_USERS_IN_ACCOUNT","users":[{"userId":"u","isValid":true}]}"#;

/// A far side that reads as it should, and answers the registration so.
async fn answering(status: usize, body: &Value) -> Error {
    let mut server = mockito::Server::new_async().await;
    let consumer = consumer(&mut server).await;
    let slot = consumer.preflight().await.unwrap();
    let registration = server.mock("POST", "/app-proxy/api/graphql").match_body(asks("RegisterToGitIntegration"));
    let kind = if body.is_string() { "text/html" } else { "application/json" };
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    registration.with_status(status).with_header("content-type", kind).with_body(text).create_async().await;
    install(&consumer, NEW, &slot).await.unwrap_err()
}

fn asks(operation: &str) -> mockito::Matcher {
    mockito::Matcher::PartialJson(json!({ "operationName": operation }))
}

async fn consumer(server: &mut mockito::ServerGuard) -> CodefreshUserToken {
    let me = json!({"data": {"me": {"id": "u", "name": "bot", "activeAccount": {"id": "a", "name": "acme"}}}});
    let platform = server.mock("POST", "/2.0/api/graphql").match_body(asks("Me"));
    platform.with_body(me.to_string()).create_async().await;
    let runtime = json!({"data": {"runtime": {"metadata": {"name": "r"}}}});
    let platform = server.mock("POST", "/2.0/api/graphql").match_body(asks("GetRuntime"));
    platform.with_body(runtime.to_string()).create_async().await;
    let integrations = format!(r#"{{"data":{{"gitIntegrations":[{INTEGRATION}]}}}}"#);
    let proxy = server.mock("POST", "/app-proxy/api/graphql").match_body(asks("GitIntegrations"));
    proxy.with_body(integrations).create_async().await;
    server.mock("GET", "/app-proxy/api/readyz").with_body("OK").create_async().await;
    let address: url::Url = server.url().parse().unwrap();
    let builder = Codefresh::at(&http().build().unwrap(), address.clone()).unwrap();
    builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap().runtime("r").app_proxy(address)
}

fn error(message: &str, code: Option<&str>) -> Value {
    let extensions = code.map_or(json!({}), |code| json!({ "code": code }));
    json!({"message": message, "extensions": extensions})
}

#[tokio::test]
async fn errors_under_http_200_are_errors_of_their_kind() {
    let null = json!({"registerToGitIntegration": null});
    let none = Value::Null;
    let done = json!({"registerToGitIntegration": {"name": "default"}});
    let at = |mut error: Value| {
        error["path"] = json!(["registerToGitIntegration"]);
        error
    };
    for (errors, data, kind, effect) in [
        (error("no", Some("UNAUTHENTICATED")), &none, ErrorKind::Unauthenticated, Effect::None),
        (error("no", Some("FORBIDDEN")), &none, ErrorKind::PermissionDenied, Effect::None),
        (error("no", Some("FORBIDDEN")), &null, ErrorKind::PermissionDenied, Effect::Unknown),
        (at(error("no", Some("FORBIDDEN"))), &none, ErrorKind::PermissionDenied, Effect::Unknown),
        (error("no", Some("UNAUTHENTICATED")), &json!({}), ErrorKind::Unauthenticated, Effect::Unknown),
        (error("no", Some("FORBIDDEN")), &done, ErrorKind::Unavailable, Effect::Unknown),
        (error("x", Some("GRAPHQL_VALIDATION_FAILED")), &none, ErrorKind::Unsupported, Effect::None),
        (error("Cannot query field \"a\" on type \"M\".", None), &none, ErrorKind::Unsupported, Effect::None),
        (error("broken", Some("INTERNAL_SERVER_ERROR")), &none, ErrorKind::Unavailable, Effect::Unknown),
        (
            error("Variable \"$args\" was lost", Some("INTERNAL_SERVER_ERROR")),
            &none,
            ErrorKind::Unavailable,
            Effect::Unknown,
        ),
        (error("whatever", None), &none, ErrorKind::Unavailable, Effect::Unknown),
        (error("whatever", None), &null, ErrorKind::Unavailable, Effect::Unknown),
        (error("whatever", Some("MADE_UP")), &done, ErrorKind::Unavailable, Effect::Unknown),
    ] {
        let found = answering(200, &json!({"data": data, "errors": [errors.clone()]})).await;
        assert_error(&found, kind, effect, errors["message"].as_str().unwrap());
        // What may be a refused token is not shown to the Git provider again and again.
        let pause = (kind == ErrorKind::Unavailable).then(|| Duration::from_mins(5));
        assert_eq!((found.retry_after(), found.is_transient()), (pause, pause.is_some()), "{found}");
    }
    let mixed = json!([error("no", Some("FORBIDDEN")), error("broken", None)]);
    assert_error(&answering(200, &json!({"errors": mixed})).await, ErrorKind::Unavailable, Effect::Unknown, "broken");
    let refused = json!({"errors": [error("Variable \"$args\" got invalid value", None)]});
    assert_error(&answering(400, &refused).await, ErrorKind::Unsupported, Effect::None, "got invalid value");
}

#[tokio::test]
async fn a_secret_in_an_error_is_not_repeated() {
    let errors = json!([error(&format!("bad token {NEW}"), None)]);
    let found = answering(200, &json!({"data": null, "errors": errors})).await;
    assert_error(&found, ErrorKind::Unavailable, Effect::Unknown, "not quoted");
}

#[tokio::test]
async fn an_answer_that_is_none_is_not_taken_for_one() {
    for body in [
        json!({}),
        json!({"data": null}),
        json!({"data": {}}),
        json!({"data": {"registerToGitIntegration": null}}),
        json!({"data": {"registerToGitIntegration": {"name": "another"}}}),
        json!({"data": {"registerToGitIntegration": {"name": "default"}, "x": 1}, "errors": [{}]}),
        json!([]),
        json!("<html>Please log in</html>"),
    ] {
        let found = answering(200, &body).await;
        assert_eq!(found.effect(), Effect::Unknown, "{body}: {found}");
        assert!(matches!(found.kind(), ErrorKind::Protocol | ErrorKind::Unavailable), "{body}: {found}");
    }
    assert_error(&answering(400, &json!("<html>")).await, ErrorKind::InvalidInput, Effect::None, "400");
}

#[tokio::test]
async fn a_question_that_fails_may_be_asked_again_later() {
    let mut server = mockito::Server::new_async().await;
    let body = json!({"data": null, "errors": [error("upstream is away", None)]});
    let mock = server.mock("POST", "/2.0/api/graphql").with_body(body.to_string()).create_async().await;
    let builder = Codefresh::at(&http().build().unwrap(), server.url().parse().unwrap()).unwrap();
    let consumer = builder.api_key("5fFAKE.FAKEapikey".into()).build().unwrap().runtime("r");
    let found = consumer.preflight().await.unwrap_err();
    assert_error(&found, ErrorKind::Unavailable, Effect::None, "upstream is away");
    assert!(found.is_transient());
    mock.remove_async().await;
    server.mock("POST", "/2.0/api/graphql").with_body(r#"{"data":{"me":null}}"#).create_async().await;
    let found = consumer.preflight().await.unwrap_err();
    assert_error(&found, ErrorKind::Unauthenticated, Effect::None, "knows nobody");
}
