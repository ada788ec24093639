//! The rules of the HTTP layer, seen through a provider that uses it.
#![expect(clippy::format_collect, reason = "a few bytes, and plain to read")]

mod limits;

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokenturn::provider::{IssueRequest, Provider};
use tokenturn::testing::{GitHubFake, Trouble, retired};
use tokenturn::{
    CredentialName, Effect, Error, ErrorKind, GitHub, Http, HttpBuilder, Label, OAuthAppTokens, PersonalTokens,
    ScopeSet, Token,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "ghp_FAKEsecretVALUE0123456789abcdefghij";

fn loopback() -> HttpBuilder {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_millis(500))
}

fn provider(http: &Http, base: url::Url) -> PersonalTokens {
    GitHub::classic(http).server(base).revoke_by_api().build().unwrap()
}

fn token() -> Token {
    Token::new(SECRET).unwrap()
}

struct World {
    fake: GitHubFake,
    provider: PersonalTokens,
    token: Token,
}

async fn world(http: HttpBuilder) -> World {
    let fake = GitHubFake::start().await.unwrap();
    let provider = provider(&http.build().unwrap(), fake.base());
    let token = fake.classic("build-bot", "ci", &["repo"]);
    World { fake, provider, token }
}

impl World {
    async fn refused(&self) -> Error {
        self.provider.inspect(&self.token).await.unwrap_err()
    }

    fn sent(&self) -> usize {
        self.fake.seen().len()
    }
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_secret_goes_there() {
    let world = world(loopback()).await;
    let mut elsewhere = mockito::Server::new_async().await;
    let trap = elsewhere.mock("GET", mockito::Matcher::Any).expect(0).create_async().await;
    world.fake.trouble("GET", Trouble::Redirect(format!("{}/login?from=x", elsewhere.url())));
    let error = world.refused().await;
    assert_eq!(error.kind(), ErrorKind::Redirected);
    assert!(error.to_string().contains("127.0.0.1") && !error.to_string().contains("from=x"), "{error}");
    trap.assert_async().await;
}

#[tokio::test]
async fn what_only_reads_is_sent_again_and_not_for_ever() {
    let world = world(loopback()).await;
    world.fake.trouble("GET", Trouble::DropBefore);
    world.fake.trouble("GET", Trouble::FailAfter(502));
    world.provider.inspect(&world.token).await.unwrap();
    assert_eq!(world.sent(), 3);
    for _ in 0..5 {
        world.fake.trouble("GET", Trouble::FailAfter(503));
    }
    assert_eq!(world.refused().await.kind(), ErrorKind::Unavailable);
    assert_eq!(world.sent(), 6);
}

#[tokio::test]
async fn silence_and_drip_feed_end_with_the_time_that_was_given() {
    let world = world(loopback()).await;
    for trouble in [Trouble::Silence, Trouble::Slow(Duration::from_millis(100))] {
        world.fake.trouble("GET", trouble);
        let began = Instant::now();
        let error = world.refused().await;
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::None), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "it hangs");
    }
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let world = world(loopback().body_limit(10_000)).await;
    world.fake.trouble("GET", Trouble::Flood(20_000));
    let error = world.refused().await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("10000 bytes"), "{error}");
}

#[tokio::test]
async fn a_pause_is_kept_without_asking_again_and_clamped_to_an_hour() {
    let world = world(loopback()).await;
    world.fake.trouble("GET", Trouble::Wait(7 * 24 * 60 * 60));
    let error = world.refused().await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert_eq!(world.refused().await.kind(), ErrorKind::RateLimited);
    assert_eq!(world.sent(), 1);
}

#[tokio::test]
async fn a_short_pause_is_waited_for() {
    let world = world(loopback()).await;
    world.fake.trouble("GET", Trouble::Wait(1));
    let began = Instant::now();
    world.provider.inspect(&world.token).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(900), "it did not wait");
}

#[tokio::test]
async fn where_nothing_listens_nothing_happened() {
    let world = world(loopback()).await;
    world.fake.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = world.provider.revoke(&retired(&world.token)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::None), "{error}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_may_have_happened() {
    let world = world(loopback()).await;
    let lost = [Trouble::SilenceAfter, Trouble::Silence];
    for trouble in lost {
        world.fake.trouble("POST", trouble);
        let error = world.provider.revoke(&retired(&world.token)).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::Unknown), "{error}");
    }
    assert!(!world.fake.is_alive(&world.token));
    world.fake.trouble("POST", Trouble::Refuse(422));
    assert_eq!(world.provider.revoke(&retired(&world.token)).await.unwrap_err().effect(), Effect::None);
}

#[tokio::test]
async fn what_a_far_side_says_back_is_not_quoted_where_it_holds_a_secret() {
    let spoken = [
        SECRET.to_owned(),
        format!("no such token: {}...", &SECRET[..20]),
        "Z2hwX0ZBS0VzZWNyZXRWQUxVRTAxMjM0NTY3ODlhYmNkZWZnaGlq".to_owned(),
        SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for words in spoken {
        for status in [400, 403, 404, 409, 422, 500] {
            let mut server = mockito::Server::new_async().await;
            let body = serde_json::json!({ "message": words }).to_string();
            let mock = server.mock("GET", mockito::Matcher::Any).with_status(status);
            mock.with_header("content-type", "application/json").with_body(body).create_async().await;
            let provider = provider(&loopback().build().unwrap(), server.url().parse().unwrap());
            let error = provider.inspect(&token()).await.unwrap_err();
            for text in [error.to_string(), format!("{error:?}"), serde_json::to_string(&error.problem()).unwrap()] {
                assert!(!text.contains("FAKEsecret") && !text.contains(&words), "{text}");
                assert!(text.contains("not quoted"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn harmless_words_of_the_far_side_are_passed_on() {
    let mut server = mockito::Server::new_async().await;
    let mock =
        server.mock("GET", mockito::Matcher::Any).with_status(403).with_header("content-type", "application/json");
    mock.with_body(r#"{"message": "Sorry. Your account was suspended."}"#).create_async().await;
    let provider = provider(&loopback().build().unwrap(), server.url().parse().unwrap());
    let error = provider.inspect(&token()).await.unwrap_err();
    assert!(error.to_string().contains("Your account was suspended"), "{error}");
}

#[tokio::test]
async fn every_request_says_who_sends_it() {
    let mut server = mockito::Server::new_async().await;
    let mock = server
        .mock("GET", "/api/v3/user")
        .match_header("user-agent", "acme/1")
        .match_header("cookie", mockito::Matcher::Missing)
        .with_body(r#"{"login": "build-bot"}"#)
        .expect(1)
        .create_async()
        .await;
    let http = loopback().user_agent("acme/1").build().unwrap();
    provider(&http, server.url().parse().unwrap()).inspect(&token()).await.unwrap();
    mock.assert_async().await;
}

#[tokio::test]
async fn what_has_no_tls_never_leaves_this_machine_through_a_proxy() {
    let mut proxy = mockito::Server::new_async().await;
    let trap = proxy.mock("GET", mockito::Matcher::Any).expect(0).create_async().await;
    let world = world(loopback().proxy(proxy.url().parse().unwrap())).await;
    let looked = world.provider.inspect(&world.token).await;
    trap.assert_async().await;
    looked.unwrap();
    // Nothing listens there: only the proxy could answer.
    for address in ["http://[::1]:9", "http://localhost:9", "http://127.9.9.9:9"] {
        let http = loopback().proxy(proxy.url().parse().unwrap()).build().unwrap();
        provider(&http, address.parse().unwrap()).inspect(&world.token).await.unwrap_err();
    }
    trap.assert_async().await;
}

#[tokio::test]
async fn a_refused_second_try_does_not_undo_a_first_that_may_have_worked() {
    let world = world(loopback()).await;
    world.fake.trouble("POST", Trouble::DropAfter);
    world.fake.trouble("POST", Trouble::Wait(600));
    let error = world.provider.revoke(&retired(&world.token)).await.unwrap_err();
    assert!(!world.fake.is_alive(&world.token));
    assert_eq!((error.kind(), error.effect()), (ErrorKind::RateLimited, Effect::Unknown), "{error}");
}

#[tokio::test]
async fn where_a_redirect_points_is_not_quoted_where_it_holds_a_secret() {
    // A host is written small; the secret shows all the same.
    let host = format!("{}.example.com", SECRET["ghp_".len()..].to_lowercase());
    let mut server = mockito::Server::new_async().await;
    let mock = server.mock("GET", mockito::Matcher::Any).with_status(302);
    mock.with_header("location", &format!("https://{host}/")).create_async().await;
    let provider = provider(&loopback().build().unwrap(), server.url().parse().unwrap());
    let error = provider.inspect(&token()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirected);
    assert!(!error.to_string().contains("fakesecretvalue"), "{error}");
}

#[tokio::test]
async fn a_named_proxy_is_asked_for_a_tunnel_and_told_nothing() {
    let proxy = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        String::from_utf8(head[..length].to_vec()).unwrap()
    });
    let http = Http::builder().proxy(address.parse().unwrap()).build().unwrap();
    let (token, provider) = (token(), provider(&http, "https://github.example.com".parse().unwrap()));
    let (error, head) = tokio::join!(provider.inspect(&token), asked);
    let (error, head) = (error.unwrap_err(), head.unwrap());
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::None), "{error}");
    assert!(head.starts_with("CONNECT github.example.com:443 ") && !head.contains("Bearer"), "{head}");
}

#[tokio::test]
async fn two_tokens_of_one_program_do_not_share_a_pause() {
    let world = world(loopback()).await;
    let other = world.fake.classic("other-bot", "other", &[]);
    world.fake.trouble("GET", Trouble::Wait(600));
    assert_eq!(world.refused().await.kind(), ErrorKind::RateLimited);
    world.provider.inspect(&other).await.unwrap();
}

#[tokio::test]
async fn one_far_side_gets_so_many_requests_at_a_time() {
    let world = world(loopback().concurrency(1).timeout(Duration::from_mins(1))).await;
    world.fake.trouble("GET", Trouble::Slow(Duration::from_millis(1)));
    let looks = (0..3).map(|_| world.provider.inspect(&world.token));
    let grants = futures_util::future::join_all(looks).await;
    assert!(grants.iter().all(Result::is_ok));
    assert_eq!(world.fake.most_at_once(), 1);
}

#[tokio::test]
async fn a_token_with_a_line_break_never_becomes_a_header() {
    assert!(Token::new("ghp_FAKE\r\nX-Evil: 1").is_err());
    let http = loopback().build().unwrap();
    let bad = GitHub::oauth_app(&http, "Iv1:fake", SecretString::from("s")).build();
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_must_not_be_sent_twice_is_not() {
    let fake = GitHubFake::start().await.unwrap();
    fake.oauth_app("Iv1.fake", "s");
    let app: OAuthAppTokens = GitHub::oauth_app(&loopback().build().unwrap(), "Iv1.fake", SecretString::from("s"))
        .server(fake.base())
        .build()
        .unwrap();
    let old = fake.oauth_token("Iv1.fake", "octo-bot", &[]);
    fake.trouble("PATCH", Trouble::DropBefore);
    let (name, label, scopes) = (CredentialName::new("bot").unwrap(), Label::new("l").unwrap(), ScopeSet::new());
    let request = IssueRequest::new(&name, &label, &scopes).with_current(Some(&old), None);
    assert_eq!(app.issue(&request).await.unwrap_err().effect(), Effect::Unknown);
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn what_cannot_be_used_is_found_when_it_is_built() {
    let wrong = [
        Http::builder().timeout(Duration::ZERO),
        Http::builder().body_limit(0),
        Http::builder().concurrency(0),
        Http::builder().concurrency_in_total(0),
        Http::builder().concurrency_per_identity(0),
        Http::builder().root_certificates("not a certificate"),
        Http::builder().client_certificate(SecretString::from("not a certificate")),
        Http::builder().user_agent("a\nb"),
    ];
    for builder in wrong {
        let text = format!("{builder:?}");
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Configuration, "{text}");
    }
}

#[test]
fn a_proxys_login_does_not_show() {
    let builder = Http::builder().proxy("http://user:s3cr3tFAKE@proxy.example:3128".parse().unwrap());
    assert!(!format!("{builder:?}").contains("s3cr3tFAKE"));
    assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Configuration);
}
