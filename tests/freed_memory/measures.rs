//! How much is left, measured.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{Consumer, Installation};
use tokenturn::journal::{Key, KeyRing, KeySealer, MemoryJournal};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Issuance, IssueRequest, Provider};
use tokenturn::testing::{CodePipelineFake, VirtualClock, admitted};
use tokenturn::{
    CodePipeline, Codefresh, CredentialName, GitHub, GitLab, Grant, Http, Jenkins, Label, Outcome, Policy, Predecessor,
    Rotator, RotatorBuilder, ScopeSet, Token,
};

use tokio::runtime::Runtime;

use crate::far::{Far, PIPELINE};
use crate::heap::{alone, freed_by, look_for};

const CANARY: &str = "ghp_FAKEq7Rz2Kd9Xw4Lm8Vb3Ns6Yt1Hc5Jg0Pf";

/// The middle of a secret: what writes over its ends does not hide it.
fn middle(secret: &'static str) -> &'static [u8] {
    &secret.as_bytes()[secret.len() / 2 - 6..secret.len() / 2 + 6]
}

/// The middle of what a header says of a user and a key.
fn login(user: &str, key: &str) -> &'static [u8] {
    middle(STANDARD.encode(format!("{user}:{key}")).leak())
}

fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap()
}

#[test]
fn a_copy_that_was_freed_is_found_and_one_that_was_wiped_is_not() {
    let _alone = alone();
    look_for(&[middle(CANARY)]);
    assert_eq!(freed_by(async { drop(CANARY.to_owned()) }).0, 1);
    assert_eq!(freed_by(async { drop(vec![CANARY.to_owned(), CANARY.to_owned()]) }).0, 2);
    assert_eq!(freed_by(async { drop(Token::new(CANARY).unwrap()) }).0, 0);
    let grown = freed_by(async {
        let mut text = CANARY.to_owned();
        text.push_str(&"x".repeat(1000));
        std::mem::forget(text);
    });
    assert_eq!(grown.0, 1, "a block that moves is freed");
}

/// A builder over a durable journal in memory, with a key of its own.
fn sealed(provider: impl Provider) -> RotatorBuilder {
    let clock = Arc::new(VirtualClock::new());
    Rotator::builder("bot", provider)
        .policy(Policy::default().grace(Duration::ZERO).minimum_life(Duration::ZERO))
        .journal(Arc::new(MemoryJournal::pretending_to_be_durable(clock.clone())))
        .sealer(Arc::new(KeySealer::new(&KeyRing::new(Key::generate().unwrap())).unwrap()))
        .clock(clock)
}

#[test]
fn a_whole_rotation_in_memory_leaves_nothing() {
    let _alone = alone();
    look_for(&[b"memory-token-"]);
    let (freed, outcome) = freed_by(async {
        let provider = MemoryProvider::new();
        let old = provider.mint("build-bot", ScopeSet::of(["repo"]));
        let place = MemoryConsumer::new("a", &provider).unwrap();
        let bot = sealed(provider).consumer(place).build().unwrap();
        bot.rotate(Predecessor::Held(old)).await.unwrap().outcome
    });
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(freed, 0);
}

#[test]
fn a_login_is_left_in_one_buffer_of_its_connection_however_often_it_was_sent() {
    let _alone = alone();
    let (_far, [server, _, old, _]) = Far::start("github and jenkins");
    look_for(&[middle(old)]);
    for times in 1..4 {
        let (freed, ()) = freed_by(async {
            let github = GitHub::classic(&http()).server(server.parse().unwrap()).revoke_by_api().build().unwrap();
            let token = Token::new(old).unwrap();
            for _ in 0..times {
                github.inspect(&token).await.map(drop).unwrap();
            }
        });
        assert_eq!(freed, 1, "sent {times} times");
    }
    println!("a token sent as a login: 1 block a connection, in which the transport put the request's head together");
}

/// A token that GitLab makes, over this connection; answers what is left of the token, and of the key.
fn received(http: impl Fn() -> Http, server: &str, key: &'static str, user: &str, number: &mut u64) -> [usize; 2] {
    [0, 1].map(|which| {
        *number += 1;
        // The fake counts, so that its next token is known before it is made.
        let next: &'static str = format!("glpat-FAKE{number:0>16}").leak();
        look_for(&[if which == 0 { next.as_bytes() } else { key.as_bytes() }]);
        let (freed, token) = freed_by(async {
            let gitlab = GitLab::of_user(&http(), user.parse().unwrap(), SecretString::from(key));
            let gitlab = gitlab.server(server.parse().unwrap()).build().unwrap();
            let (name, scopes) = (CredentialName::new("bot").unwrap(), ScopeSet::of(["api"]));
            let label = Label::new(format!("tokenturn-bot-{number}")).unwrap();
            let request = IssueRequest::new(&name, &label, &scopes).with_lifetime(Some(Duration::from_hours(24 * 30)));
            match gitlab.issue(&request).await.unwrap() {
                Issuance::Minted(made) => made.token.fingerprint(),
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(token, Token::new(next).unwrap().fingerprint(), "the fake does not count as it did");
        freed
    })
}

#[test]
fn a_token_that_was_received_leaves_nothing_but_what_tls_opened_it_in() {
    let _alone = alone();
    let (_far, [plain, tls, roots, key, user]) = Far::start("gitlab");
    let mut number = key.strip_prefix("glpat-FAKE").unwrap().parse().unwrap();
    assert_eq!(received(http, plain, key, user, &mut number), [0, 1]);
    let trusting = || Http::builder().root_certificates(roots.replace('|', "\n")).build().unwrap();
    let over_tls = received(trusting, tls, key, user, &mut number);
    // TLS opens a record where it was read, hands it on in a second buffer, and may have moved the first one meanwhile.
    assert!((1..=3).contains(&over_tls[0]) && over_tls[1] == 1, "{over_tls:?}");
    println!("a token received: 0 blocks; over TLS: {}, at most 3, of TLS itself", over_tls[0]);
}

/// Installs and verifies the canary.
async fn install(place: impl Consumer) {
    let token = Token::new(CANARY).unwrap();
    let admitted = admitted(&token, Grant::of(&token, "build-bot")).unwrap();
    let slot = place.preflight().await.unwrap();
    let Installation::Done(slot) = place.install(&admitted, &slot).await.unwrap() else { panic!("by hand") };
    place.verify(&admitted, &slot).await.unwrap();
}

#[test]
fn a_token_that_was_installed_leaves_nothing_and_the_key_one_buffer_of_its_connection() {
    let _alone = alone();
    let (_far, [_, server, _, key]) = Far::start("github and jenkins");
    for (needle, left) in [(middle(CANARY), 0), (middle(key), 0), (login("admin", key), 1)] {
        look_for(&[needle]);
        let (freed, ()) = freed_by(async {
            let jenkins = Jenkins::at(&http(), server.parse().unwrap()).unwrap();
            let jenkins = jenkins.api_token("admin", SecretString::from(key)).build().unwrap();
            install(jenkins.credential("api")).await;
        });
        assert_eq!(freed, left, "Jenkins");
    }
    let (mut far, [server, key]) = Far::start("codefresh");
    far.ask(CANARY);
    let codefresh = || {
        let codefresh = Codefresh::at(&http(), server.parse().unwrap()).unwrap();
        codefresh.api_key(SecretString::from(key)).build().unwrap()
    };
    for (needle, left) in [(middle(CANARY), 0), (middle(key), 1)] {
        look_for(&[needle]);
        let context = freed_by(async { install(codefresh().git_context("github").canary("acme", "site")).await }).0;
        let looking = Duration::from_millis(1);
        let runtime = freed_by(async { install(codefresh().runtime("production").looking(5, looking)).await }).0;
        assert_eq!((context, runtime), (left, left), "Codefresh");
    }
    let (_far, [server]) = Far::start("codepipeline");
    look_for(&[middle(CANARY)]);
    let keys = Runtime::new().unwrap().block_on(async { CodePipelineFake::start().await.unwrap().credentials() });
    let (freed, ()) = freed_by(async {
        let aws = CodePipeline::in_region(&http(), CodePipelineFake::REGION).endpoint(server.parse().unwrap());
        let aws = aws.credentials(keys).build().unwrap();
        install(aws.pipeline(PIPELINE).action("Source", "Ours")).await;
    });
    assert_eq!(freed, 0, "CodePipeline");
    println!("a token installed: 0 blocks; the key as a login: 1 block a connection");
}

#[test]
fn a_whole_rotation_leaves_one_buffer_for_each_connection_and_what_a_parser_resolved_of_an_echo() {
    let _alone = alone();
    // What is said back with escapes in it is put together in a buffer of the JSON parser's own, which grows.
    for (echo, parsed) in [("", 0), ("GET /api/v3/user", 0), ("POST /ci/credentials", 3), ("credentials/revoke", 2)] {
        let (mut far, [github, jenkins, old, key]) = Far::start("github and jenkins");
        let needles = [middle(old), login("admin", key), middle(key)];
        look_for(&needles);
        let (freed, outcome) = freed_by(async {
            let http = http();
            let jenkins = Jenkins::at(&http, jenkins.parse().unwrap()).unwrap();
            let jenkins = jenkins.api_token("admin", SecretString::from(key)).build().unwrap();
            let github = GitHub::classic(&http).server(github.parse().unwrap()).revoke_by_api().build().unwrap();
            let bot = sealed(github).consumer(jenkins.credential("api").test_connection()).build().unwrap();
            let run = bot.rotate(Predecessor::Held(Token::new(old).unwrap())).await.unwrap();
            let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{run:?}") };
            let new = far.ask(&serde_json::to_string(asks[0].guide().unwrap()).unwrap());
            look_for(&[needles[0], needles[1], needles[2], middle(new)]);
            if !echo.is_empty() {
                far.ask(&format!("echo {echo}"));
            }
            bot.supply(run.id, Token::new(new).unwrap()).await.unwrap().outcome
        });
        assert!(!echo.is_empty() || matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        assert_eq!(freed, 2 + parsed, "said back: {echo:?}");
        println!("a whole rotation over 2 connections, said back {echo:?}: {freed} blocks");
    }
}
