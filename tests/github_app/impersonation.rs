//! Impersonation: one token for a user, got or created.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::provider::{Fate, Issuance, IssueRequest, Provider as _, Revocation};
use tokenturn::testing::{GitHubFake, Trouble, retired};
use tokenturn::{CredentialName, Effect, ErrorKind, GitHub, ImpersonationTokens, Label, ScopeSet, Token};

use crate::{http, issue, issue_for};

pub(crate) const PATH: &str = "/api/v3/admin/users/build-bot/authorizations";

pub(crate) async fn fake() -> Arc<GitHubFake> {
    let fake = GitHubFake::start().await.unwrap();
    fake.user("build-bot");
    Arc::new(fake)
}

pub(crate) fn provider(fake: &GitHubFake) -> ImpersonationTokens {
    let key = fake.site_administrator("root", &["site_admin"]);
    built(fake, &key)
}

fn built(fake: &GitHubFake, key: &Token) -> ImpersonationTokens {
    GitHub::impersonation(&http(), fake.base(), "build-bot", SecretString::from(key.expose())).build().unwrap()
}

async fn replaced(provider: &ImpersonationTokens, old: &Token) -> tokenturn::Result<Token> {
    issue_for(provider, &["repo"], Some(old), Some("build-bot")).await.map(|candidate| candidate.token)
}

fn sent(fake: &GitHubFake, method: &str) -> usize {
    let line = format!("{method} {PATH}");
    fake.seen().iter().filter(|seen| seen.line == line).count()
}

#[tokio::test]
async fn the_old_token_is_deleted_and_another_is_made() {
    let fake = fake().await;
    let provider = provider(&fake);
    assert_eq!(provider.capabilities().fate, Fate::Dies);
    let old = fake.impersonate("build-bot", &["repo"]);
    let new = replaced(&provider, &old).await.unwrap();
    assert!(new != old && fake.is_alive(&new) && !fake.is_alive(&old));
    let grant = provider.inspect(&new).await.unwrap();
    assert_eq!((grant.owner.as_str(), grant.kind.as_deref()), ("build-bot", Some("impersonation token")));
    assert_eq!(provider.inspect(&old).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_token_that_is_handed_out_again_is_not_called_new() {
    for hidden in [false, true] {
        let fake = fake().await;
        if hidden {
            fake.hide_standing_impersonation();
        }
        let old = fake.impersonate("build-bot", &["repo"]);
        let error = issue(&provider(&fake), &["repo"]).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Refused, Effect::None));
        assert!(error.to_string().contains("live impersonation token already"), "{error}");
        assert!(fake.is_alive(&old) && sent(&fake, "DELETE") == 0);
    }
}

#[tokio::test]
async fn nothing_is_deleted_where_the_token_in_hand_is_not_the_one_that_lives() {
    let fake = fake().await;
    let provider = provider(&fake);
    let old = fake.impersonate("build-bot", &["repo"]);
    fake.end_impersonation("build-bot");
    let foreign = fake.impersonate("build-bot", &["repo"]);
    let error = replaced(&provider, &old).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Refused, Effect::None), "{error}");
    assert!(fake.is_alive(&foreign) && sent(&fake, "DELETE") == 0);
}

#[tokio::test]
async fn the_last_characters_tell_the_token_where_its_value_is_hidden() {
    let fake = fake().await;
    fake.hide_standing_impersonation();
    let old = fake.impersonate("build-bot", &["repo"]);
    let new = replaced(&provider(&fake), &old).await.unwrap();
    assert!(fake.is_alive(&new) && !fake.is_alive(&old));
}

#[tokio::test]
async fn a_token_of_another_kind_is_not_replaced_and_nothing_is_left_behind() {
    let fake = fake().await;
    let classic = fake.classic("build-bot", "old", &["repo"]);
    let provider = provider(&fake);
    for trouble in [None, Some(Trouble::DropAfter)] {
        if let Some(trouble) = trouble {
            fake.trouble(&format!("POST {PATH}"), trouble);
        }
        let error = replaced(&provider, &classic).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None), "{error}");
        assert!(error.to_string().contains("no impersonation token"), "{error}");
        assert!(fake.is_alive(&classic) && fake.impersonation_of("build-bot").is_none());
        assert_eq!(sent(&fake, "POST"), 0, "it was seen before anything was sent");
    }
}

#[tokio::test]
async fn a_token_of_another_user_or_app_is_not_replaced_and_nothing_is_left_behind() {
    let fake = fake().await;
    let provider = provider(&fake);
    let elses = fake.oauth_token("other-app", "somebody", &["repo"]);
    let error = replaced(&provider, &elses).await.unwrap_err();
    assert_eq!((error.kind(), sent(&fake, "POST")), (ErrorKind::InvalidInput, 0), "{error}");
    let other = fake.oauth_token("other-app", "build-bot", &["repo"]);
    let error = replaced(&provider, &other).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None), "{error}");
    assert!(fake.is_alive(&other) && fake.impersonation_of("build-bot").is_none());
    // Where the server says that there was nothing to delete, what was made may live.
    fake.trouble(&format!("DELETE {PATH}"), Trouble::Refuse(404));
    let error = replaced(&provider, &other).await.unwrap_err();
    assert_eq!(error.effect(), Effect::Unknown, "{error}");
    assert!(fake.impersonation_of("build-bot").is_some());
}

#[tokio::test]
async fn an_old_token_that_died_meanwhile_is_no_obstacle() {
    let fake = fake().await;
    let provider = provider(&fake);
    let old = fake.impersonate("build-bot", &["repo"]);
    fake.end_impersonation("build-bot");
    assert!(fake.is_alive(&replaced(&provider, &old).await.unwrap()));
}

#[tokio::test]
async fn what_fails_after_the_deletion_is_never_said_to_have_changed_nothing() {
    let fake = fake().await;
    let provider = provider(&fake);
    let old = fake.impersonate("build-bot", &["repo"]);
    fake.trouble(&format!("DELETE {PATH}"), Trouble::DropAfter);
    let error = replaced(&provider, &old).await.unwrap_err();
    assert_eq!((error.effect(), sent(&fake, "DELETE")), (Effect::Unknown, 1), "a late one would end the next: {error}");
    assert!(!fake.is_alive(&old));
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_handed_out_to_who_asks_again() {
    let fake = fake().await;
    let provider = provider(&fake);
    let lost = fake.impersonate("build-bot", &["repo"]);
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-2").unwrap());
    let scopes = ScopeSet::of(["repo"]);
    // The old one was seen alive in this run, and is dead: so it is not handed in, and its owner is known.
    let request = IssueRequest::new(&name, &label, &scopes).with_owner(Some("build-bot"));
    let error = provider.issue(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "no answer was lost, so it is somebody's: {error}");
    let error = provider.issue(&request.clone().with_owner(None).after_a_lost_answer(true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "it may have lived before: {error}");
    let again = provider.issue(&request.clone().after_a_lost_answer(true)).await.unwrap();
    assert!(matches!(again, Issuance::Minted(again) if again.token == lost));
    fake.hide_standing_impersonation();
    let error = provider.issue(&request.after_a_lost_answer(true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "its value cannot be had: {error}");
}

#[tokio::test]
async fn a_key_that_may_not_do_this_is_told_from_a_dead_token() {
    let fake = fake().await;
    let weak = fake.site_administrator("root", &["repo"]);
    let error = issue(&built(&fake, &weak), &["repo"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("`site_admin`"), "{error}");
    let dead = Token::new("ghp_FAKEdead").unwrap();
    let error = issue(&built(&fake, &dead), &["repo"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("administrator"), "{error}");
}

#[tokio::test]
async fn a_token_is_revoked_only_where_it_is_the_one_that_the_server_keeps() {
    let fake = fake().await;
    let provider = provider(&fake);
    let old = fake.impersonate("build-bot", &["repo"]);
    for _ in 0..2 {
        assert_eq!(provider.revoke(&retired(&old)).await.unwrap(), Revocation::Done);
    }
    assert!(!fake.is_alive(&old));
    let successor = fake.impersonate("build-bot", &["repo"]);
    assert_eq!(provider.revoke(&retired(&old)).await.unwrap(), Revocation::Done, "gone already");
    let classic = fake.classic("build-bot", "other", &["repo"]);
    let error = provider.revoke(&retired(&classic)).await.unwrap_err();
    assert_eq!((error.kind(), fake.is_alive(&successor)), (ErrorKind::Unsupported, true), "{error}");
    fake.end_impersonation("build-bot");
    let error = provider.revoke(&retired(&classic)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && fake.impersonation_of("build-bot").is_none(), "{error}");
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_looked_at_once_it_must_have_arrived() {
    let fake = fake().await;
    let provider = provider(&fake);
    for trouble in [Trouble::DropAfter, Trouble::DropBefore, Trouble::FailAfter(502)] {
        let old = fake.impersonate("build-bot", &["repo"]);
        provider.inspect(&old).await.unwrap();
        fake.trouble(&format!("DELETE {PATH}"), trouble);
        let answer = provider.revoke(&retired(&old)).await.unwrap();
        let Revocation::Accepted { look_after } = answer else { panic!("{answer:?}") };
        assert!(look_after > Duration::from_secs(65), "longer than a request may take: {look_after:?}");
        fake.end_impersonation("build-bot");
    }
}

#[tokio::test]
async fn what_a_revocation_made_to_see_which_token_lives_is_deleted_by_the_next() {
    let fake = fake().await;
    let provider = provider(&fake);
    let classic = fake.classic("build-bot", "other", &["repo"]);
    assert_eq!(provider.revoke(&retired(&classic)).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(sent(&fake, "POST"), 0, "it shows by itself that it is none");
    let other = fake.oauth_token("other-app", "build-bot", &["repo"]);
    fake.trouble(&format!("POST {PATH}"), Trouble::DropAfter);
    assert_eq!(provider.revoke(&retired(&other)).await.unwrap_err().effect(), Effect::Unknown);
    assert!(fake.impersonation_of("build-bot").is_some());
    assert_eq!(provider.revoke(&retired(&other)).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(fake.impersonation_of("build-bot").is_none() && fake.is_alive(&other));
    // Only what may be its own goes.
    let foreign = fake.impersonate("build-bot", &["repo"]);
    assert_eq!(provider.revoke(&retired(&other)).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(fake.is_alive(&foreign));
}

#[tokio::test]
async fn only_an_enterprise_server_makes_them() {
    let key = || SecretString::from("ghp_FAKEadmin");
    for server in ["https://github.com", "https://acme.ghe.com", "http://ghe.example.com"] {
        let built = GitHub::impersonation(&http(), server.parse().unwrap(), "build-bot", key()).build();
        assert_eq!(built.unwrap_err().kind(), ErrorKind::Configuration, "{server}");
    }
    let nobody = GitHub::impersonation(&http(), "https://ghe.example.com".parse().unwrap(), "", key()).build();
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::InvalidInput);
}
