//! What is wrong is caught: else "violations 0" would say nothing.

use tokenturn::provider::Provider;
use tokenturn::testing::GitHubFake;
use tokenturn::{ErrorKind, GitHub, Token};

use crate::ledger::Ledger;
use crate::oauth_app::{app, reset};
use crate::recorder::Recorder;
use crate::{http, prism};

/// The one thing that is wrong.
fn only(ledger: &Ledger) -> String {
    let [violation] = &ledger.violations()[..] else { panic!("not one violation:\n{ledger}") };
    violation.clone()
}

#[tokio::test]
async fn a_wrong_request_is_caught_and_does_not_arrive() {
    let Some(folder) = prism::folder() else { return };
    let fake = GitHubFake::start().await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path, body, said) in [
        ("PATCH", "applications/Iv1.fake/token", r#"{"token": "gho_FAKE"}"#, "required property 'access_token'"),
        ("POST", "credentials/revoke", r#"{"credentials": []}"#, "must NOT have fewer than 1 items"),
        ("POST", "credentials/revoke", r#"{"credentials": "ghp_FAKE"}"#, "must be array"),
        ("GET", "user/tokens", "", "NO_PATH_MATCHED_ERROR"),
        ("PUT", "applications/Iv1.fake/token", r#"{"access_token": "gho_FAKE"}"#, "NO_METHOD_MATCHED_ERROR"),
    ] {
        let recorder = Recorder::start(&folder, &fake.base()).await;
        let url = recorder.base().join(&format!("api/v3/{path}")).unwrap();
        let request = client.request(method.parse().unwrap(), url).header("user-agent", "tokenturn-test");
        request.header("content-type", "application/json").body(body).send().await.unwrap();
        let violation = only(&recorder.ledger());
        assert!(violation.starts_with(&format!("{method} /{path} 4")) && violation.contains(said), "{violation}");
    }
    assert_eq!(fake.seen(), []);
}

#[tokio::test]
async fn a_wrong_answer_is_caught() {
    let Some(folder) = prism::folder() else { return };
    let mut upstream = mockito::Server::new_async().await;
    let answer = r#"{"id": 7, "scopes": ["repo"], "user": {"login": "octo-bot"}}"#;
    let mock = upstream.mock("PATCH", "/api/v3/applications/Iv1.fake/token");
    let mock = mock.with_header("content-type", "application/json").with_body(answer).create_async().await;
    let recorder = Recorder::start(&folder, &upstream.url().parse().unwrap()).await;
    let token = Token::new("gho_FAKEold").unwrap();
    reset(&app(&recorder.base(), "app-secret-fake"), &token).await.unwrap_err();
    mock.assert_async().await;
    let violations = recorder.ledger().violations();
    let lacks = |member: &str| {
        let said = format!("required property '{member}'");
        violations.iter().any(|one| one.starts_with("PATCH") && one.contains("response.body") && one.contains(&said))
    };
    assert!(lacks("token") && lacks("hashed_token") && lacks("url"), "{violations:?}");
}

#[tokio::test]
async fn a_status_that_github_does_not_give_is_caught_where_no_exception_names_it() {
    let Some(folder) = prism::folder() else { return };
    let mut upstream = mockito::Server::new_async().await;
    let teapot = upstream.mock("GET", "/api/v3/user").with_status(418);
    let teapot = teapot.with_header("content-type", "application/json").with_body("{}").create_async().await;
    let recorder = Recorder::start(&folder, &upstream.url().parse().unwrap()).await;
    let provider = GitHub::classic(&http()).server(recorder.base()).revoke_by_person().build().unwrap();
    let error = provider.inspect(&Token::new("ghp_FAKE").unwrap()).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Unauthenticated);
    teapot.assert_async().await;
    let violation = only(&recorder.ledger());
    assert!(violation.contains("GET /user 418") && violation.contains("returned status code"), "{violation}");
}
