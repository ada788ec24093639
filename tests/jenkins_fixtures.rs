//! The fake answers what a Jenkins 2.460 answered.
//!
//! `data/jenkins-2.460.json` holds 55 exchanges with a real one, in order. Their state adds up, so the fake is asked the
//! same in the same order. What differs by nature is left out of the comparison: of HTML pages all but the title (or the
//! words that matter), dates, themes and lengths of answers, and the addresses of the machines.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it where it cannot go on")]

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde::Deserialize;
use tokenturn::testing::JenkinsFake;

const RECORDED: &str = include_str!("data/jenkins-2.460.json");

#[derive(Deserialize)]
struct Exchange {
    name: String,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    user: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    title: Option<String>,
    contains: Option<String>,
}

/// A GitHub that knows the token which the exchanges have stored by then.
async fn github() -> mockito::ServerGuard {
    let mut server = mockito::Server::new_async().await;
    let resource = |left: u64| format!("{{\"limit\":5000,\"remaining\":{left},\"reset\":4000000000}}");
    let limits = format!(
        "{{\"resources\":{{\"core\":{0},\"search\":{0},\"graphql\":{0},\"integration_manifest\":{0}}}}}",
        resource(4999)
    );
    for (path, body) in [("/user", "{\"login\":\"build-bot\"}".to_owned()), ("/rate_limit", limits)] {
        let path = server.mock("GET", path).match_header("authorization", "token ghp_FAKEnew").with_body(body);
        path.create_async().await;
    }
    server
}

async fn ask(fake: &JenkinsFake, github: &str, exchange: &Exchange) -> reqwest::Response {
    let Exchange { name, request, .. } = exchange;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut url = fake.base();
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    url.set_path(path);
    url.set_query((!query.is_empty()).then_some(query));
    let mut call = client.request(request.method.parse().unwrap(), url);
    if let Some(user) = &request.user {
        let secret = match name.as_str() {
            "bad token" => "11deadfakedeadfakedeadfakedeadfake".to_owned(),
            name if name.starts_with("password auth") => fake.password(user).expose_secret().to_owned(),
            _ => fake.api_token(user).expose_secret().to_owned(),
        };
        call = call.basic_auth(user, Some(secret));
    }
    for (name, value) in &request.headers {
        call = call.header(name, value);
    }
    if let Some(body) = &request.body {
        let github: String = url::form_urlencoded::byte_serialize(github.as_bytes()).collect();
        call = call.body(body.replace("http%3A%2F%2F127.0.0.1%3A18090", &github));
    }
    call.send().await.unwrap()
}

/// Text in the charset that the answer names; ISO-8859-1 where it names none.
fn text(kind: &str, body: &[u8]) -> String {
    if kind.to_ascii_lowercase().contains("utf-8") {
        String::from_utf8(body.to_vec()).unwrap()
    } else {
        body.iter().copied().map(char::from).collect()
    }
}

#[tokio::test]
async fn every_recorded_exchange_is_answered_as_the_real_jenkins_answered_it() {
    let exchanges: Vec<Exchange> = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(exchanges.len(), 55);
    let (fake, github) = (JenkinsFake::start().await.unwrap(), github().await);
    for exchange in &exchanges {
        let Exchange { name, response: expected, .. } = exchange;
        match name.as_str() {
            "VIEW only get" => fake.grant("reader", "Credentials/View"),
            "trailing path without config.xml" => fake.deny("reader", "Credentials/View"),
            _ => {}
        }
        let answer = ask(&fake, &github.url(), exchange).await;
        assert_eq!(answer.status().as_u16(), expected.status, "{name}");
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        for (key, value) in &expected.headers {
            let here = fake.base().origin().ascii_serialization();
            let value = value.replace("http://127.0.0.1:18080", &here);
            assert_eq!(header(key).as_deref(), Some(value.as_str()), "{name}: {key}");
        }
        let kind = header("content-type").unwrap_or_default();
        let body = text(&kind, &answer.bytes().await.unwrap());
        if let Some(title) = &expected.title {
            assert!(body.contains(&format!("<title>{title}</title>")), "{name}: {body}");
        }
        if let Some(words) = &expected.contains {
            assert!(body.contains(words), "{name}: {body}");
        }
        if let Some(expected) = &expected.body {
            assert_eq!(&body, expected, "{name}");
        }
    }
}
