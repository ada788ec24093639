//! What is asked for, what comes, and what is refused.

use std::time::Duration;

use tokenturn::provider::{IssueRequest, Provider as _};
use tokenturn::testing::Trouble;
use tokenturn::{Access, CredentialName, Effect, ErrorKind, Expiry, Label, ScopeSet};

use crate::{INSTALLATION, World, issue};

const CREATE: &str = "POST /api/v3/app/installations/42/access_tokens";

fn scopes(names: &[&'static str]) -> Access {
    Access::Scopes(ScopeSet::of(names.iter().copied()))
}

#[tokio::test]
async fn a_token_may_what_was_asked_for_and_nothing_else() {
    let world = World::start().await;
    let provider = world.builder().organization("acme").repositories(["site"]).build().unwrap();
    let token = issue(&provider, &["contents=read"]).await.unwrap().token;
    let (permissions, repositories) = world.fake.newest_app_token().unwrap();
    assert_eq!(permissions, ["contents=read", "metadata=read"]);
    assert_eq!(repositories, ["site"]);
    let grant = provider.inspect(&token).await.unwrap();
    assert_eq!(grant.access, scopes(&["contents=read"]), "what comes with every token is no excess");
    assert_eq!(grant.expiry, Expiry::At("2030-01-01T01:00:00Z".parse().unwrap()));
    assert_eq!(grant.owner, "deployer[bot] of acme");
    assert!(grant.kind.unwrap().contains("installation token") && grant.api.unwrap().path() == "/api/v3/");
}

#[tokio::test]
async fn what_comes_with_every_token_is_said_where_it_was_asked_for() {
    let world = World::start().await;
    world.fake.install_app(crate::APP, INSTALLATION, "acme", &["site"], &["contents=read", "metadata=read"]);
    let provider = world.provider();
    let token = issue(&provider, &["contents=read", "metadata=read"]).await.unwrap().token;
    assert_eq!(provider.inspect(&token).await.unwrap().access, scopes(&["contents=read", "metadata=read"]));
}

#[tokio::test]
async fn a_permission_that_the_installation_does_not_have_is_named_as_that() {
    let world = World::start().await;
    for wish in [["issues=write"], ["quantum=read"]] {
        let error = issue(&world.provider(), &wish).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
        assert!(error.to_string().contains("accepted where it is installed"), "{error}");
    }
    assert_eq!(world.fake.app_tokens(), []);
}

#[tokio::test]
async fn a_repository_that_the_installation_does_not_reach_is_named_as_that() {
    let world = World::start().await;
    let provider = world.builder().organization("acme").repositories(["site", "vault"]).build().unwrap();
    let error = issue(&provider, &["contents=read"]).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
    assert!(error.to_string().contains("give the installation access"), "{error}");
}

#[tokio::test]
async fn a_token_that_reaches_more_than_the_named_repositories_says_so() {
    let world = World::start().await;
    world.fake.ignore_named_repositories();
    let provider = world.builder().organization("acme").repositories(["site"]).build().unwrap();
    let token = issue(&provider, &["contents=read"]).await.unwrap().token;
    let grant = provider.inspect(&token).await.unwrap();
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["contents=read", "repositories=all"])));
}

#[tokio::test]
async fn a_suspended_installation_is_found_before_a_token_is_asked_for() {
    let world = World::start().await;
    world.fake.suspend_app(INSTALLATION, true);
    let error = issue(&world.provider(), &["contents=read"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("suspended"), "{error}");
    assert_eq!(world.sent(CREATE), 0);
    world.fake.suspend_app(INSTALLATION, false);
    assert!(issue(&world.provider(), &["contents=read"]).await.is_ok());
}

#[tokio::test]
async fn an_installation_that_was_removed_and_made_again_is_found_under_its_new_number() {
    let world = World::start().await;
    let provider = world.provider();
    issue(&provider, &["contents=read"]).await.unwrap();
    world.fake.uninstall_app(INSTALLATION);
    let error = issue(&provider, &["contents=read"]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("removed"), "{error}");
    world.fake.install_app(crate::APP, 77, "acme", &["site"], &["contents=read"]);
    issue(&provider, &["contents=read"]).await.unwrap();
    assert_eq!(world.sent("POST /api/v3/app/installations/77/"), 1);
}

#[tokio::test]
async fn what_is_no_permission_and_no_permission_at_all_are_refused_before_anything_is_sent() {
    let world = World::start().await;
    for (wish, part) in [(&["repo"][..], "contents=write"), (&["contents="], "contents=write"), (&[], "`requires`")] {
        let error = issue(&world.provider(), wish).await.unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains(part), "{error}");
    }
    let error = issue(&world.provider(), &["contents=own", "contents=read"]).await.unwrap_err();
    assert!(error.to_string().contains("two levels"), "{error}");
    assert_eq!(world.fake.seen(), []);
}

#[tokio::test]
async fn no_other_life_than_an_hour_is_promised() {
    let world = World::start().await;
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let scopes = ScopeSet::of(["contents=read"]);
    for (minutes, taken) in [(30, false), (60, true), (90, false)] {
        let request = IssueRequest::new(&name, &label, &scopes).with_lifetime(Some(Duration::from_mins(minutes)));
        let answer = world.provider().issue(&request).await;
        assert_eq!(answer.is_ok(), taken, "{answer:?}");
    }
}

#[tokio::test]
async fn a_malformed_rest_of_the_answer_does_not_lose_the_token() {
    let world = World::start().await;
    world.fake.odd_app_answers();
    let provider = world.provider();
    let token = issue(&provider, &["contents=read"]).await.unwrap().token;
    let grant = provider.inspect(&token).await.unwrap();
    assert_eq!((grant.access, grant.expiry), (Access::Unknown, Expiry::Unknown));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_is_never_asked_for_twice() {
    let troubles = [Trouble::DropAfter, Trouble::DropBefore, Trouble::FailAfter(502), Trouble::Flood(9 * 1024 * 1024)];
    for trouble in troubles {
        let world = World::start().await;
        world.fake.trouble(CREATE, trouble.clone());
        let error = issue(&world.provider(), &["contents=read"]).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{trouble:?}: {error}");
        assert_eq!(world.sent(CREATE), 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_pause_that_github_asks_for_is_a_pause_and_no_refusal() {
    let world = World::start().await;
    world.fake.trouble(CREATE, Trouble::Wait(90));
    let provider = world.provider();
    let error = issue(&provider, &["contents=read"]).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::RateLimited, Effect::None), "{error}");
    // The limit is the app's, whatever it signs next.
    world.clock.advance(Duration::from_mins(9));
    let error = issue(&provider, &["contents=read"]).await.unwrap_err();
    assert_eq!((error.kind(), world.sent(CREATE)), (ErrorKind::RateLimited, 1), "{error}");
}
