//! What is wrong is caught: else "violations 0" would say nothing.

use tokenturn::provider::Provider;
use tokenturn::testing::GitHubFake;
use tokenturn::{GitHub, Token};

use crate::ledger::Ledger;
use crate::oauth_app::{app, reset};
use crate::recorder::Recorder;
use crate::{http, prism};

/// The last thing that is wrong, of so many.
fn last(ledger: &Ledger, of: usize) -> String {
    let violations = ledger.violations();
    assert_eq!(violations.len(), of, "{violations:?}");
    violations.last().unwrap().clone()
}

#[tokio::test]
async fn a_wrong_request_is_caught_and_does_not_arrive() {
    let Some(folder) = prism::folder() else { return };
    let fake = GitHubFake::start().await.unwrap();
    let recorder = Recorder::start(&folder, &fake.base()).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let wrong = [
        ("PATCH", "applications/Iv1.fake/token", r#"{"token": "gho_FAKE"}"#, "required property 'access_token'"),
        ("POST", "credentials/revoke", r#"{"credentials": []}"#, "must NOT have fewer than 1 items"),
        ("POST", "credentials/revoke", r#"{"credentials": "ghp_FAKE"}"#, "must be array"),
        ("POST", "app/installations/42/access_tokens", r#"{"repositories": "site"}"#, "must be array"),
        ("POST", "app/installations/42/access_tokens", r#"{"permissions": {"contents": "own"}}"#, "allowed values"),
        ("GET", "user/tokens", "", "NO_PATH_MATCHED_ERROR"),
        ("PUT", "applications/Iv1.fake/token", r#"{"access_token": "gho_FAKE"}"#, "NO_METHOD_MATCHED_ERROR"),
    ];
    for (at, (method, path, body, said)) in wrong.into_iter().enumerate() {
        let url = recorder.base().join(&format!("api/v3/{path}")).unwrap();
        let request = client.request(method.parse().unwrap(), url).header("user-agent", "tokenturn-test");
        request.header("content-type", "application/json").body(body).send().await.unwrap();
        let violation = last(&recorder.ledger(), at + 1);
        assert!(violation.starts_with(&format!("{method} /{path} 4")) && violation.contains(said), "{violation}");
    }
    assert_eq!(fake.seen(), []);
}

// One test, as each proxy takes its time to start.
#[tokio::test]
async fn a_wrong_answer_and_a_status_that_nothing_names_are_caught() {
    let Some(folder) = prism::folder() else { return };
    let mut upstream = mockito::Server::new_async().await;
    let recorder = Recorder::start(&folder, &upstream.url().parse().unwrap()).await;
    let json = |mock: mockito::Mock, body: &str| mock.with_header("content-type", "application/json").with_body(body);

    let teapot = upstream.mock("GET", "/api/v3/user").with_status(418);
    let teapot = json(teapot, r#"{"message": "tea", "documentation_url": "", "status": "418"}"#).create_async().await;
    let provider = GitHub::classic(&http()).server(recorder.base()).revoke_by_person().build().unwrap();
    provider.inspect(&Token::new("ghp_FAKE").unwrap()).await.unwrap_err();
    teapot.assert_async().await;
    let violation = last(&recorder.ledger(), 1);
    assert!(violation.contains("GET /user 418") && violation.contains("returned status code"), "{violation}");

    let reset_token = upstream.mock("PATCH", "/api/v3/applications/Iv1.fake/token");
    let answer = r#"{"id": 7, "scopes": ["repo"], "user": {"login": "octo-bot"}}"#;
    let reset_token = json(reset_token, answer).create_async().await;
    let token = Token::new("gho_FAKEold").unwrap();
    reset(&app(&recorder.base(), "app-secret-fake"), &token).await.unwrap_err();
    reset_token.assert_async().await;
    let violations = recorder.ledger().violations();
    let lacks = |member: &str| {
        let said = format!("required property '{member}'");
        violations.iter().any(|one| one.starts_with("PATCH") && one.contains("response.body") && one.contains(&said))
    };
    assert!(lacks("token") && lacks("hashed_token") && lacks("url"), "{violations:?}");

    // Left to itself, Prism takes any body for an installation.
    let lookup = json(upstream.mock("GET", "/api/v3/orgs/acme/installation"), r#"{"id": 42}"#).create_async().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(recorder.base().join("api/v3/orgs/acme/installation").unwrap()).send().await.unwrap();
    lookup.assert_async().await;
    let violations = recorder.ledger().violations();
    let of_lookup =
        |one: &String| one.starts_with("GET /orgs/acme/installation") && one.contains("'access_tokens_url'");
    assert!(violations.iter().any(of_lookup), "{violations:?}");
}
