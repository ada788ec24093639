use tokenturn::provider::{Provider, Revocation};
use tokenturn::testing::{Trouble, retired};
use tokenturn::{Effect, ErrorKind, Token};

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
