//! How much is left, measured.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::{InProcess, Key, KeyRing, KeySealer, MemoryJournal};
use tokenturn::provider::Provider;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::testing::VirtualClock;
use tokenturn::{GitHub, Http, Jenkins, Outcome, Policy, Predecessor, Rotator, ScopeSet, Token};

use crate::far::Far;
use crate::heap::{freed_by, look_for};

const CANARY: &str = "ghp_FAKEq7Rz2Kd9Xw4Lm8Vb3Ns6Yt1Hc5Jg0Pf";

/// The middle of a secret: what wrote over an end of it does not hide it.
fn middle(secret: &'static str) -> &'static [u8] {
    &secret.as_bytes()[secret.len() / 2 - 6..secret.len() / 2 + 6]
}

#[tokio::test]
async fn all() {
    a_copy_that_was_freed_is_found_and_one_that_was_wiped_is_not().await;
    looks().await;
    memory().await;
    whole().await;
}

async fn a_copy_that_was_freed_is_found_and_one_that_was_wiped_is_not() {
    look_for(&[middle(CANARY)]);
    assert_eq!(freed_by(async { drop(CANARY.to_owned()) }).await.0, 1);
    assert_eq!(freed_by(async { drop(vec![CANARY.to_owned(), CANARY.to_owned()]) }).await.0, 2);
    assert_eq!(freed_by(async { drop(Token::new(CANARY).unwrap()) }).await.0, 0);
    let grown = freed_by(async {
        let mut text = CANARY.to_owned();
        text.push_str(&"x".repeat(1000));
        std::mem::forget(text);
    });
    assert_eq!(grown.await.0, 1, "a block that moves is freed");
}

fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn looks() {
    let far = Far::start();
    let http = http();
    let github = GitHub::classic(&http).server(far.github.clone()).revoke_by_api().build().unwrap();
    look_for(&[middle(far.old)]);
    for _ in 0..3 {
        let (freed, grant) = freed_by(async { github.inspect(&Token::new(far.old).unwrap()).await.map(drop) }).await;
        grant.unwrap();
        println!("a look over HTTP: {freed}");
    }
}

async fn memory() {
    let provider = MemoryProvider::new();
    let old = provider.mint("build-bot", ScopeSet::of(["repo"]));
    let (freed, ()) = freed_by(async {
        let place = MemoryConsumer::new("a", &provider).unwrap();
        let bot = Rotator::builder("bot", provider.clone()).consumer(place).build().unwrap();
        bot.rotate(Predecessor::Held(old)).await.unwrap();
    })
    .await;
    println!("in memory: {freed}");
}

async fn whole() {
    let mut far = Far::start();
    let clock = VirtualClock::new();
    let http = http();
    let key = SecretString::from(far.key);
    let jenkins = Jenkins::at(&http, far.jenkins.clone()).unwrap().api_token("admin", key).build().unwrap();
    let key = Key::generate().unwrap();
    let bot =
        Rotator::builder("bot", GitHub::classic(&http).server(far.github.clone()).revoke_by_api().build().unwrap())
            .consumer(jenkins.credential("api").test_connection())
            .policy(Policy::default().grace(Duration::ZERO).minimum_life(Duration::ZERO))
            .journal(Arc::new(MemoryJournal::pretending_to_be_durable(Arc::new(clock.clone()))))
            .sealer(Arc::new(KeySealer::new(&KeyRing::new(key)).unwrap()))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
    let _ = InProcess::new();
    look_for(&[middle(far.old)]);
    let held = Predecessor::Held(Token::new(far.old).unwrap());
    let (freed, run) = freed_by(bot.rotate(held)).await;
    println!("begun: {freed}");
    let run = run.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{run:?}") };
    let new = far.follow(asks[0].guide().unwrap());
    look_for(&[middle(far.old), middle(new)]);
    let (freed, run) = freed_by(bot.supply(run.id, Token::new(new).unwrap())).await;
    println!("supplied: {freed}");
    println!("{:?}", run.unwrap().outcome);
}
