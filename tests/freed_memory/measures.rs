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

use crate::far::{Far, PIPELINE};
use crate::heap::{freed_by, look_for};

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
    look_for(&[middle(CANARY)]);
    assert_eq!(freed_by(|| async { drop(CANARY.to_owned()) }).0, 1);
    assert_eq!(freed_by(|| async { drop(vec![CANARY.to_owned(), CANARY.to_owned()]) }).0, 2);
    assert_eq!(freed_by(|| async { drop(Token::new(CANARY).unwrap()) }).0, 0);
    let grown = freed_by(|| async {
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
    look_for(&[b"memory-token-"]);
    let (freed, outcome) = freed_by(|| async {
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
fn a_token_that_was_sent_as_a_login_is_left_in_one_buffer_of_its_connection_however_often() {
    let (_far, [server, _, old, _]) = Far::start("github and jenkins");
    look_for(&[middle(old)]);
    for times in 1..4 {
        let (freed, ()) = freed_by(|| async {
            let github = GitHub::classic(&http()).server(server.parse().unwrap()).revoke_by_api().build().unwrap();
            let token = Token::new(old).unwrap();
            for _ in 0..times {
                github.inspect(&token).await.map(drop).unwrap();
            }
        });
        println!("sent as a login {times} times over one connection: {freed}");
    }
}

#[test]
fn a_token_that_was_received() {
    let (_far, [server, key, user]) = Far::start("gitlab");
    for needle in [&b"glpat-FAKE"[..], middle(key)] {
        look_for(&[needle]);
        let (freed, issued) = freed_by(|| async {
            let gitlab = GitLab::of_user(&http(), user.parse().unwrap(), SecretString::from(key));
            let gitlab = gitlab.server(server.parse().unwrap()).build().unwrap();
            let (name, label, scopes) =
                (CredentialName::new("bot").unwrap(), Label::new("tokenturn-bot-1").unwrap(), ScopeSet::of(["api"]));
            gitlab
                .issue(&IssueRequest::new(&name, &label, &scopes).with_lifetime(Some(Duration::from_hours(24 * 30))))
                .await
                .map(|issued| matches!(issued, Issuance::Minted(_)))
        });
        assert!(issued.unwrap());
        println!("received, needle {}: {freed}", String::from_utf8_lossy(needle));
    }
}

/// Installs and verifies the canary.
async fn install(place: &dyn Consumer) {
    let token = Token::new(CANARY).unwrap();
    let admitted = admitted(&token, Grant::of(&token, "build-bot")).unwrap();
    let slot = place.preflight().await.unwrap();
    let Installation::Done(slot) = place.install(&admitted, &slot).await.unwrap() else { panic!("by hand") };
    place.verify(&admitted, &slot).await.unwrap();
}

#[test]
fn installed() {
    let (_far, [_, server, _, key]) = Far::start("github and jenkins");
    let needles: [&[u8]; 3] = [middle(CANARY), login("admin", key), middle(key)];
    for needle in needles {
        look_for(&[needle]);
        let (freed, ()) = freed_by(|| async {
            let jenkins = Jenkins::at(&http(), server.parse().unwrap()).unwrap();
            let jenkins = jenkins.api_token("admin", SecretString::from(key)).build().unwrap();
            install(&jenkins.credential("api")).await;
        });
        println!("jenkins {freed}");
    }
    let (mut far, [server, key]) = Far::start("codefresh");
    far.ask(CANARY);
    for needle in [middle(CANARY), middle(key)] {
        look_for(&[needle]);
        let (freed, ()) = freed_by(|| async {
            let codefresh = Codefresh::at(&http(), server.parse().unwrap()).unwrap();
            let codefresh = codefresh.api_key(SecretString::from(key)).build().unwrap();
            install(&codefresh.git_context("github").canary("acme", "site")).await;
        });
        println!("codefresh context {freed}");
        let (freed, ()) = freed_by(|| async {
            let codefresh = Codefresh::at(&http(), server.parse().unwrap()).unwrap();
            let codefresh = codefresh.api_key(SecretString::from(key)).build().unwrap();
            install(&codefresh.runtime("production").looking(5, Duration::from_millis(1))).await;
        });
        println!("codefresh runtime {freed}");
    }
    let (_far, [server]) = Far::start("codepipeline");
    look_for(&[middle(CANARY)]);
    let keys = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let keys = keys.block_on(async { CodePipelineFake::start().await.unwrap().credentials() });
    let (freed, ()) = freed_by(|| async {
        let aws = CodePipeline::in_region(&http(), CodePipelineFake::REGION).endpoint(server.parse().unwrap());
        let aws = aws.credentials(keys).build().unwrap();
        install(&aws.pipeline(PIPELINE).action("Source", "Ours")).await;
    });
    println!("codepipeline {freed}");
}

#[test]
fn whole() {
    for echo in ["", "GET /api/v3/user"] {
        let (mut far, [github, jenkins, old, key]) = Far::start("github and jenkins");
        let needles = [middle(old), login("admin", key), middle(key)];
        look_for(&needles);
        let (freed, outcome) = freed_by(|| async {
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
            bot.supply(run.id, Token::new(new).unwrap()).await.map(|run| run.outcome)
        });
        println!("whole, echo {echo:?}: {freed} {outcome:?}");
    }
}
