//! What a token is, and its end.

use std::time::Duration;

use tokenturn::provider::{Provider as _, Revocation};
use tokenturn::testing::{Trouble, retired};
use tokenturn::{Access, Effect, ErrorKind, Expiry, TokenId};

use crate::{INSTALLATION, World, issue, made_before};

const LIST: &str = "GET /api/v3/installation/repositories";
const END: &str = "DELETE /api/v3/installation/token";

#[tokio::test]
async fn a_token_of_another_process_lives_and_nobody_knows_what_it_may_do() {
    let world = World::start().await;
    let token = made_before(&world).await;
    let grant = world.provider().inspect(&token).await.unwrap();
    assert_eq!((grant.access, grant.expiry), (Access::Unknown, Expiry::Unknown));
    assert_eq!(grant.owner, "deployer[bot] of acme", "the same as in the process that asked for it");
}

#[tokio::test]
async fn a_token_is_dead_after_an_hour() {
    let world = World::start().await;
    let provider = world.provider();
    let token = issue(&provider, &["contents=read"]).await.unwrap().token;
    world.clock.advance(Duration::from_mins(59));
    assert!(provider.inspect(&token).await.is_ok());
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn the_long_format_passes_everywhere() {
    let world = World::start().await;
    world.fake.stateless_app_tokens();
    let provider = world.provider();
    let token = issue(&provider, &["contents=read"]).await.unwrap().token;
    let value = token.expose();
    assert!((480..600).contains(&value.len()) && value.matches('.').count() == 2, "{}", value.len());
    assert!(value.contains('-') && value.contains('_'));
    assert_eq!((token.format(), token.hints()), (Some(tokenturn::Format::GitHubInstallation), vec![]));
    assert_eq!(tokenturn::Token::from_paste(&format!(" {value}\n")).unwrap().0, token);
    assert!(provider.inspect(&token).await.is_ok());
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_refusal_is_the_death_of_a_token_only_where_github_says_so() {
    let world = World::start().await;
    let provider = world.provider();
    let token = issue(&provider, &["contents=read"]).await.unwrap().token;
    for status in [401, 403, 404] {
        world.fake.trouble(LIST, Trouble::Refuse(status));
        assert_ne!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated, "{status}");
        world.fake.trouble(END, Trouble::Refuse(status));
        assert!(provider.revoke(&retired(&token)).await.is_err(), "{status}");
    }
    world.fake.trouble(LIST, Trouble::Flood(8));
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Protocol, "no proof of life either");
    world.fake.suspend_app(INSTALLATION, true);
    let error = provider.inspect(&token).await.unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("suspended"), "{error}");
}

#[tokio::test]
async fn a_token_of_another_kind_is_told_so() {
    let world = World::start().await;
    let classic = world.fake.classic("build-bot", "old", &["repo"]);
    let error = world.provider().inspect(&classic).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("no installation token"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_of_another_account_is_nobody_we_know() {
    let world = World::start().await;
    world.fake.install_app(crate::APP, 43, "octo", &["dotfiles"], &["contents=read"]);
    let octos = world.builder().organization("octo").build().unwrap();
    let token = issue(&octos, &["contents=read"]).await.unwrap().token;
    assert_eq!(world.provider().inspect(&token).await.unwrap().owner, "an app of octo");
}

#[tokio::test]
async fn a_long_token_of_another_app_is_told_by_the_number_in_it() {
    let world = World::start().await;
    world.fake.stateless_app_tokens();
    world.fake.github_app(777, "other", crate::keys::public());
    world.fake.install_app(777, 44, "acme", &["site"], &["contents=read"]);
    let clock = std::sync::Arc::new(world.clock.clone());
    let other =
        tokenturn::GitHub::app(&crate::http(), 777, crate::keys::pkcs8()).server(world.fake.base()).clock(clock);
    let token = issue(&other.installation(44).build().unwrap(), &["contents=read"]).await.unwrap().token;
    assert_eq!(world.provider().inspect(&token).await.unwrap().owner, "another app (777)");
    let ours = made_before(&world).await;
    assert_eq!(world.provider().inspect(&ours).await.unwrap().owner, "deployer[bot] of acme");
}

#[tokio::test]
async fn a_token_ends_itself_and_twice_is_the_same_as_once() {
    let world = World::start().await;
    let provider = world.provider();
    let (token, other) = (made_before(&world).await, made_before(&world).await);
    for _ in 0..2 {
        assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    }
    assert_eq!(world.fake.app_tokens(), [other]);
}

#[tokio::test]
async fn one_whose_answer_was_lost_is_ended_all_the_same() {
    let world = World::start().await;
    let token = made_before(&world).await;
    world.fake.trouble(END, Trouble::DropAfter);
    assert_eq!(world.provider().revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    let token = made_before(&world).await;
    for _ in 0..3 {
        world.fake.trouble(END, Trouble::FailAfter(502));
    }
    let error = world.provider().revoke(&retired(&token)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::Unknown));
}

#[tokio::test]
async fn dead_tokens_are_presented_sparingly() {
    let world = World::start().await;
    let provider = world.provider();
    for _ in 0..3 {
        let token = made_before(&world).await;
        provider.revoke(&retired(&token)).await.unwrap();
        assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    let token = made_before(&world).await;
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::RateLimited, "one more may be too many");
}

#[tokio::test]
async fn nothing_is_claimed_that_github_does_not_have() {
    let world = World::start().await;
    let (provider, id) = (world.provider(), TokenId::new("1").unwrap());
    let can = provider.capabilities();
    assert!(!can.ends_by_id && !can.finds_by_label && !can.status_by_id && can.reissues);
    assert_eq!(can.longest_life, Some(Duration::from_hours(1)));
    assert!(can.cautions.iter().any(|caution| caution.contains("neither found nor ended")), "{can:?}");
    assert_eq!(provider.status(&id).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
