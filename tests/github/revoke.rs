use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokenturn::provider::{Provider, Revocation};
use tokenturn::testing::{GitHubFake, Trouble, retired};
use tokenturn::{Effect, ErrorKind, PersonalTokens, RetiredToken, Token};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::{classic, fake, provider};

#[tokio::test]
async fn a_revocation_is_asked_by_nobody_and_promised_before_it_happens() {
    let fake = fake().await;
    fake.revoke_after_logins(1);
    let token = fake.classic("build-bot", "ci", &[]);
    let provider = provider(&fake);
    provider.inspect(&token).await.unwrap();
    assert!(matches!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Accepted { .. }));
    assert!(fake.is_alive(&token), "202 is a promise");
    provider.inspect(&token).await.unwrap();
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(fake.mails(), ["build-bot"]);
    assert!(fake.seen().iter().all(|seen| !seen.line.contains("ghp_")), "no token in an address");
}

#[tokio::test]
async fn revoking_twice_is_the_same_as_once() {
    let fake = fake().await;
    let token = fake.classic("build-bot", "ci", &[]);
    let provider = provider(&fake);
    fake.trouble("POST /api/v3/credentials/revoke", Trouble::DropAfter);
    assert!(matches!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Accepted { .. }));
    assert!(!fake.is_alive(&token));
    assert_eq!(fake.mails(), ["build-bot"]);
}

#[tokio::test]
async fn a_server_without_the_interface_leaves_it_to_a_person() {
    let fake = fake().await;
    fake.without_revocation();
    let token = fake.classic("build-bot", "ci", &[]);
    let Revocation::Guided(guide) = provider(&fake).revoke(&retired(&token)).await.unwrap() else {
        panic!("not guided");
    };
    assert_eq!(guide.link.unwrap(), fake.base().join("settings/tokens").unwrap(), "the same server's page");
    assert!(fake.is_alive(&token));
}

#[tokio::test]
async fn by_person_means_that_nothing_is_sent() {
    let fake = fake().await;
    let token = fake.classic("build-bot", "ci", &[]);
    let provider = classic(&fake).revoke_by_person().build().unwrap();
    assert!(matches!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Guided(_)));
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_kind_that_the_interface_does_not_take_is_left_to_a_person() {
    let fake = fake().await;
    let odd = Token::new("0123456789abcdef0123456789abcdef01234567").unwrap();
    assert!(matches!(provider(&fake).revoke(&retired(&odd)).await.unwrap(), Revocation::Guided(_)));
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_spent_budget_of_anonymous_callers_does_not_hold_up_those_with_a_token() {
    let fake = fake().await;
    fake.spend_anonymous_budget();
    let token = fake.classic("build-bot", "ci", &[]);
    let provider = provider(&fake);
    let error = provider.revoke(&retired(&token)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::RateLimited, Effect::None));
    let wait = error.retry_after().unwrap().as_secs();
    assert!((1700..=1800).contains(&wait), "{wait}");
    let before = fake.seen().len();
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(fake.seen().len(), before, "it asked for a pause, and got it");
    provider.inspect(&token).await.unwrap();
}

const TOGETHER: &str = "POST /api/v3/credentials/revoke";

fn together(fake: &GitHubFake) -> PersonalTokens {
    classic(fake).revoke_together(Duration::from_millis(50)).build().unwrap()
}

/// Five live tokens, and the same as they are handed over to be ended.
fn five(fake: &GitHubFake) -> (Vec<Token>, Vec<RetiredToken>) {
    let tokens: Vec<Token> = ["a", "b", "c", "d", "e"].map(|name| fake.classic("build-bot", name, &[])).into();
    let retired = tokens.iter().map(retired).collect();
    (tokens, retired)
}

fn calls(fake: &GitHubFake) -> usize {
    fake.seen().iter().filter(|seen| seen.line.contains(TOGETHER)).count()
}

#[tokio::test]
async fn what_is_to_be_ended_at_one_time_goes_in_one_call_where_that_was_asked_for() {
    let fake = fake().await;
    let (tokens, old) = five(&fake);
    let in_use = fake.classic("build-bot", "in use", &[]);
    let provider = together(&fake);
    for ended in join_all(old.iter().map(|old| provider.revoke(old))).await {
        assert!(matches!(ended.unwrap(), Revocation::Accepted { .. }));
    }
    assert!(calls(&fake) == 1 && !tokens.iter().any(|token| fake.is_alive(token)) && fake.is_alive(&in_use));
    let (_, old) = five(&fake);
    let one_by_one = self::provider(&fake);
    join_all(old.iter().map(|old| one_by_one.revoke(old))).await;
    assert_eq!(calls(&fake), 6);
}

#[tokio::test]
async fn one_value_that_is_refused_keeps_no_other_alive() {
    let fake = fake().await;
    let (tokens, old) = five(&fake);
    fake.refuse_to_revoke(&tokens[3]);
    let provider = together(&fake);
    let ended = join_all(old.iter().map(|old| provider.revoke(old))).await;
    for (at, (ended, token)) in ended.into_iter().zip(&tokens).enumerate() {
        match ended {
            Ok(_) => assert!(at != 3 && !fake.is_alive(token)),
            Err(error) => {
                assert_eq!((at, error.kind(), error.effect()), (3, ErrorKind::InvalidInput, Effect::None), "{error}");
                assert!(fake.is_alive(token));
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_for_all_that_were_in_the_call() {
    let fake = fake().await;
    let (tokens, old) = five(&fake);
    for _ in 0..3 {
        fake.trouble(TOGETHER, Trouble::DropAfter);
    }
    let provider = together(&fake);
    for ended in join_all(old.iter().map(|old| provider.revoke(old))).await {
        let error = ended.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::Unknown), "{error}");
    }
    assert!(!tokens.iter().any(|token| fake.is_alive(token)));
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_is_unknown_all_the_same() {
    let fake = fake().await;
    let (tokens, old) = five(&fake);
    fake.trouble(TOGETHER, Trouble::DropAfter);
    fake.refuse_to_revoke(&tokens[0]);
    let provider = together(&fake);
    let ended = join_all(old.iter().map(|old| provider.revoke(old))).await;
    assert_eq!(ended[0].as_ref().unwrap_err().effect(), Effect::Unknown);
    assert!(ended[1..].iter().all(Result::is_ok));
}

#[tokio::test]
async fn who_gives_up_before_the_call_has_nothing_ended() {
    let fake = fake().await;
    let (tokens, old) = five(&fake);
    let provider = together(&fake);
    assert!(provider.revoke(&old[0]).now_or_never().is_none());
    provider.revoke(&old[1]).await.unwrap();
    assert!(fake.is_alive(&tokens[0]) && !fake.is_alive(&tokens[1]) && calls(&fake) == 1);
}

#[tokio::test]
async fn a_server_without_the_interface_leaves_all_of_them_to_people() {
    let fake = fake().await;
    fake.without_revocation();
    let (_, old) = five(&fake);
    let provider = together(&fake);
    for ended in join_all(old.iter().map(|old| provider.revoke(old))).await {
        assert!(matches!(ended.unwrap(), Revocation::Guided(_)));
    }
}

#[tokio::test]
async fn nobody_waits_for_others_for_ever() {
    let fake = fake().await;
    for wait in [Duration::ZERO, Duration::from_mins(1)] {
        let error = classic(&fake).revoke_together(wait).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

#[test]
fn a_runtime_that_ends_takes_nobody_elses_revocations_with_it() {
    let (runtime, short) = (runtime(), runtime());
    let fake = runtime.block_on(fake());
    let (tokens, old) = five(&fake);
    let provider = together(&fake);
    let mut gone = Box::pin(provider.revoke(&old[0]));
    short.block_on(async { assert!(gone.as_mut().now_or_never().is_none(), "it is to send for all") });
    drop(gone);
    let mut waits = Box::pin(provider.revoke(&old[1]));
    runtime.block_on(async { assert!(waits.as_mut().now_or_never().is_none(), "another sends") });
    drop(short);
    let within =
        |asked| runtime.block_on(async { timeout(Duration::from_secs(20), asked).await.expect("nobody sends") });
    let error = within(waits).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::Unknown), "{error}");
    assert!(matches!(within(Box::pin(provider.revoke(&old[1]))).unwrap(), Revocation::Accepted { .. }));
    assert!(fake.is_alive(&tokens[0]) && !fake.is_alive(&tokens[1]) && calls(&fake) == 1);
}

/// One that works only while it is asked to.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
