//! Single exchanges: what goes over the wire is what came, to the byte.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use mockito::Matcher;
use tokenturn::consumer::Consumer;
use tokenturn::{CodePipeline, Effect, ErrorKind};

use crate::world::{NEW, assert_error, http, install, turn};

const ODD: &str = r#"{ "version" : 7,"x-future":{"a":1.0,"b":1e2,"c":12345678901234567890123,"e":"\u00e9\/é","A":[ ]},
  "name":"site","stages":[{"name":"Source","actions":[{"name":"GitHub","actionTypeId":{"provider":"GitHub","category":"Source",
  "owner":"ThirdParty","version":"1"},"configuration":{"oauthtoken":"kept","OAuthToken" : "****","Repo":"site","Owner":"acme"}}]}]}"#;

fn answer(pipeline: &str) -> String {
    format!(
        "{{\"metadata\":{{\"pipelineArn\":\"arn:aws:codepipeline:x:1:site\",\"updated\":1.5e9}},\"pipeline\":{pipeline}}}"
    )
}

fn target(operation: &str) -> Matcher {
    Matcher::Exact(format!("CodePipeline_20150709.{operation}"))
}

/// Answers what every look asks, and the pipeline: as `before` until an update came, and as `after` from then on.
async fn serve(before: &str, after: &str, version: &str) -> (mockito::ServerGuard, Arc<Mutex<Vec<String>>>) {
    let mut server = mockito::Server::new_async().await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    for (operation, body) in [
        ("GetPipelineState", "{}"),
        ("ListPipelineExecutions", "{}"),
        ("ListTagsForResource", "{}"),
        ("ListActionExecutions", "{}"),
    ] {
        let mock = server.mock("POST", "/").match_header("x-amz-target", target(operation));
        mock.with_header("content-type", "application/x-amz-json-1.1").with_body(body).create_async().await;
    }
    let (before, after, seen) = (answer(before), answer(after), sent.clone());
    let mock = server.mock("POST", "/").match_header("x-amz-target", target("GetPipeline"));
    let pipeline = move |_: &mockito::Request| {
        let text = if seen.lock().unwrap().is_empty() { &before } else { &after };
        text.clone().into_bytes()
    };
    mock.with_body_from_request(pipeline).create_async().await;
    let (seen, answered) = (sent.clone(), format!("{{\"pipeline\":{{\"version\":{version}}}}}"));
    let mock = server.mock("POST", "/").match_header("x-amz-target", target("UpdatePipeline"));
    let update = move |request: &mockito::Request| {
        seen.lock().unwrap().push(request.utf8_lossy_body().unwrap().into_owned());
        answered.clone().into_bytes()
    };
    mock.match_header("content-type", "application/x-amz-json-1.1").with_body_from_request(update).create_async().await;
    (server, sent)
}

fn aws(server: &mockito::ServerGuard) -> CodePipeline {
    let keys = Credentials::new("AKIAFAKE", "fakeSecretAccessKey", None, None, "test");
    let builder = CodePipeline::in_region(&http().build().unwrap(), "eu-central-1").credentials(keys);
    builder.endpoint(server.url().parse().unwrap()).build().unwrap()
}

#[tokio::test]
async fn every_byte_but_those_of_the_token_goes_back_as_it_came() {
    let after = ODD.replace("\"version\" : 7", "\"version\":8");
    let (server, sent) = serve(ODD, &after, "8").await;
    turn(&aws(&server).pipeline("site"), NEW).await;
    let expected = format!("{{\"pipeline\":{}}}", ODD.replace("\"****\"", &format!("\"{NEW}\"")));
    assert_eq!(*sent.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn a_pipeline_that_is_otherwise_after_the_write_is_said_so() {
    let after = ODD.replace("\"version\" : 7", "\"version\":8").replace("\"b\":1e2,", "");
    let (server, _) = serve(ODD, &after, "8").await;
    let site = aws(&server).pipeline("site");
    let slot = site.preflight().await.unwrap();
    let error = install(&site, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Effect::Unknown, "/x-future/b");
}

#[tokio::test]
async fn a_version_that_is_not_new_and_an_answer_without_one_leave_open_what_happened() {
    for version in ["7", "\"eight\"", "null"] {
        let (server, _) = serve(ODD, ODD, version).await;
        let site = aws(&server).pipeline("site");
        let slot = site.preflight().await.unwrap();
        let error = install(&site, NEW, &slot).await.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Effect::Unknown, "");
    }
}

#[tokio::test]
async fn a_token_that_is_shown_in_the_clear_stops_everything() {
    for shown in ["ghp_FAKEold1234567890", "{{resolve:secretsmanager:x}}", ""] {
        let (server, sent) = serve(&ODD.replace("****", shown), ODD, "8").await;
        let error = aws(&server).pipeline("site").preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Effect::None, "not the mask");
        assert!(!error.to_string().contains("resolve"));
        assert!(sent.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_no_pipeline_is_not_taken_for_one() {
    for body in
        ["<html></html>", "[]", "{\"pipeline\":[]}", "{\"pipeline\":{\"version\":1}}", "{\"pipeline\":{\"stages\":[]}}"]
    {
        let mut server = mockito::Server::new_async().await;
        server.mock("POST", "/").with_body(body).create_async().await;
        let error = aws(&server).pipeline("site").preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Effect::None, "see what really answers");
    }
}
