//! The device flow, call by call.

use std::time::Duration;

use secrecy::SecretString;
use tokenturn::provider::{Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Provider, Revocation};
use tokenturn::testing::{Trouble, retired};
use tokenturn::{
    Access, AppUserTokens, CredentialName, Effect, ErrorKind, Expiry, GitHub, Guide, Label, Result, ScopeSet,
    Timestamp, Token,
};

use crate::app_world::{APP, POLL, SECRET, World, code_in};
use crate::http;

struct Asked {
    guide: Guide,
    ticket: Token,
    poll_after: Timestamp,
    until: Timestamp,
}

#[track_caller]
fn pending(issuance: Issuance) -> Asked {
    match issuance {
        Issuance::Pending { guide, ticket, poll_after, until, .. } => Asked { guide, ticket, poll_after, until },
        other => panic!("not pending: {other:?}"),
    }
}

#[track_caller]
fn minted(issuance: Issuance) -> Candidate {
    match issuance {
        Issuance::Minted(candidate) => candidate,
        other => panic!("not minted: {other:?}"),
    }
}

async fn ask(provider: &AppUserTokens) -> Result<Issuance> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let scopes = ScopeSet::of(["repo", "workflow"]);
    provider.issue(&IssueRequest::new(&name, &label, &scopes).with_owner(Some("octo-bot"))).await
}

fn device(world: &World) -> AppUserTokens {
    world.device().client_secret(SecretString::from(SECRET)).build().unwrap()
}

/// A GitHub that answers every poll so, and the ticket to poll with.
async fn answering(status: usize, body: &str) -> (mockito::ServerGuard, AppUserTokens, Token) {
    let mut server = mockito::Server::new_async().await;
    let codes = r#"{"device_code": "device-FAKE", "user_code": "WDJB-MJHT", "expires_in": "900", "interval": "5"}"#;
    server.mock("POST", "/login/device/code").with_body(codes).create_async().await;
    let mock = server.mock("POST", "/login/oauth/access_token").with_status(status);
    mock.with_header("content-type", "application/json").with_body(body).expect(1).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = GitHub::device_flow(&http(), APP).server(url).revoke_by_api().build().unwrap();
    let ticket = pending(ask(&provider).await.unwrap()).ticket;
    (server, provider, ticket)
}

#[tokio::test]
async fn a_person_is_told_where_as_whom_for_what_and_until_when_a_code_is_entered() {
    let world = World::start().await;
    let asked = pending(ask(&device(&world)).await.unwrap());
    let text = asked.guide.to_string();
    for part in ["octo-bot", "repo, workflow", APP, "2030-01-01T00:15:00Z", &code_in(&asked.guide)] {
        assert!(text.contains(part), "{part} not in:\n{text}");
    }
    let link = asked.guide.link.unwrap();
    assert_eq!(link, world.github.base().join("login/device").unwrap(), "ours, and not what the answer names");
    assert_eq!(asked.poll_after.to_string(), "2030-01-01T00:00:05Z");
    assert_eq!(asked.until.to_string(), "2030-01-01T01:00:00Z");
}

#[tokio::test]
async fn the_token_comes_once_the_code_was_entered() {
    let world = World::start().await;
    let provider = device(&world);
    let can = provider.capabilities();
    assert_eq!((can.issuer, can.fate, can.ending), (Issuer::Person, Fate::DiesBeyond(10), EndedBy::Api));
    let asked = pending(ask(&provider).await.unwrap());
    world.clock.advance(Duration::from_secs(5));
    let asked = pending(provider.collect(&asked.ticket).await.unwrap());
    world.github.enter_code("octo-bot", &code_in(&asked.guide)).unwrap();
    world.clock.advance(Duration::from_secs(5));
    let candidate = minted(provider.collect(&asked.ticket).await.unwrap());
    assert_eq!(candidate.companion, None);
    let grant = provider.inspect(&candidate.token).await.unwrap();
    assert_eq!((grant.owner.as_str(), grant.expiry), ("octo-bot", Expiry::Never));
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["repo", "workflow"])), "in whatever order they were told");
    assert_eq!(provider.revoke(&retired(&candidate.token)).await.unwrap(), Revocation::Done);
    assert!(!world.github.is_alive(&candidate.token));
}

#[tokio::test]
async fn a_pace_that_github_asked_for_is_kept_by_whoever_polls_next() {
    let world = World::start().await;
    let asked = pending(ask(&device(&world)).await.unwrap());
    let mut ticket = pending(device(&world).collect(&asked.ticket).await.unwrap()).ticket;
    // Too soon, twice.
    for interval in [10, 15] {
        let slower = pending(device(&world).collect(&ticket).await.unwrap());
        let now = tokenturn::Clock::now(&world.clock);
        assert_eq!(now.until(slower.poll_after).as_secs(), interval);
        ticket = slower.ticket;
    }
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(15));
        let asked = pending(device(&world).collect(&ticket).await.unwrap());
        assert_eq!(tokenturn::Clock::now(&world.clock).until(asked.poll_after).as_secs(), 15);
        ticket = asked.ticket;
    }
    assert_eq!(world.github.polls_too_soon(), 2);
}

#[tokio::test]
async fn slow_down_without_a_number_means_five_seconds_more() {
    let (_server, provider, ticket) = answering(200, r#"{"error": "slow_down"}"#).await;
    let before = std::time::SystemTime::now();
    let asked = pending(provider.collect(&ticket).await.unwrap());
    assert!(Timestamp::from(before).until(asked.poll_after).as_secs() >= 9);
}

#[tokio::test]
async fn a_code_that_counts_no_more_is_followed_by_another_until_the_time_is_over() {
    for other_word in [false, true] {
        let world = World::start().await;
        if other_word {
            world.github.expired_by_the_other_word();
        }
        let provider = device(&world);
        let first = pending(ask(&provider).await.unwrap());
        world.clock.advance(Duration::from_mins(16));
        let second = pending(provider.collect(&first.ticket).await.unwrap());
        assert_ne!(code_in(&first.guide), code_in(&second.guide));
        assert_eq!(first.until, second.until, "the person is not asked for longer than was said");
        assert!(second.guide.deadline > first.guide.deadline && second.guide.to_string().contains("octo-bot"));
        assert!(second.guide.to_string().contains("then another stands here"));
        world.clock.advance(Duration::from_mins(45));
        let error = provider.collect(&second.ticket).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Refused, Effect::None));
        assert_eq!(world.github.codes_given(), 2);
    }
}

#[tokio::test]
async fn the_last_code_promises_no_more_time_than_the_run_has() {
    let world = World::start().await;
    let provider = device(&world);
    let mut asked = pending(ask(&provider).await.unwrap());
    for _ in 0..3 {
        world.clock.advance(Duration::from_mins(16));
        asked = pending(provider.collect(&asked.ticket).await.unwrap());
    }
    let text = asked.guide.to_string();
    assert!(text.contains("until 2030-01-01T01:00:00Z; then the time to agree is over"), "{text}");
    assert_eq!(asked.guide.deadline, Some(asked.until));
}

#[tokio::test]
async fn each_refusal_is_permanent_and_says_what_to_do() {
    let refusals = [
        ("access_denied", ErrorKind::PermissionDenied, Effect::None, "Cancel"),
        ("device_flow_disabled", ErrorKind::PermissionDenied, Effect::None, "Enable Device Flow"),
        ("incorrect_client_credentials", ErrorKind::PermissionDenied, Effect::None, "client id"),
        ("unsupported_grant_type", ErrorKind::Unsupported, Effect::None, "version"),
        ("incorrect_device_code", ErrorKind::Unauthenticated, Effect::Unknown, "begin again"),
        ("some_new_reason", ErrorKind::Protocol, Effect::None, "some_new_reason"),
    ];
    for (code, kind, effect, part) in refusals {
        // GitHub answers 200, and RFC 6749 wants 400.
        for status in [200, 400] {
            let (_server, provider, ticket) = answering(status, &format!(r#"{{"error": "{code}"}}"#)).await;
            let error = provider.collect(&ticket).await.unwrap_err();
            assert_eq!((error.kind(), error.effect()), (kind, effect), "{code}: {error}");
            assert!(!error.is_transient() && error.to_string().contains(part), "{code}: {error}");
        }
    }
}

#[tokio::test]
async fn an_app_without_the_device_flow_or_without_a_name_here_is_said_so() {
    let world = World::start().await;
    world.github.disable_device_flow(APP);
    let error = ask(&device(&world)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None));
    assert!(error.to_string().contains("Enable Device Flow"), "{error}");
    let unknown =
        GitHub::device_flow(&http(), "Iv1.other").server(world.github.base()).revoke_by_api().build().unwrap();
    let error = ask(&unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("client id"), "{error}");
}

#[tokio::test]
async fn the_answer_that_carries_the_token_is_asked_for_once_and_its_loss_is_unknown() {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502)] {
        let world = World::start().await;
        let provider = device(&world);
        let asked = pending(ask(&provider).await.unwrap());
        world.github.enter_code("octo-bot", &code_in(&asked.guide)).unwrap();
        world.github.trouble(POLL, trouble);
        let error = provider.collect(&asked.ticket).await.unwrap_err();
        assert_eq!((error.effect(), world.sent(POLL)), (Effect::Unknown, 1));
        assert!(error.retry_after().unwrap() >= Duration::from_secs(10), "slower than the pace: RFC 8628 3.5");
        assert_eq!(world.github.tokens_of(APP).len(), 1, "it lives, and nobody has it");
        world.clock.advance(Duration::from_secs(5));
        let error = provider.collect(&asked.ticket).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unauthenticated, Effect::Unknown));
    }
}

#[tokio::test]
async fn a_request_for_a_code_is_repeated_as_it_makes_no_token() {
    let world = World::start().await;
    world.github.trouble("POST /login/device/code", Trouble::DropAfter);
    pending(ask(&device(&world)).await.unwrap());
    assert_eq!(world.github.codes_given(), 2);
}

#[tokio::test]
async fn an_answer_in_a_form_is_not_understood_and_says_why() {
    let world = World::start().await;
    let provider = device(&world);
    let asked = pending(ask(&provider).await.unwrap());
    world.github.answers_in_forms();
    let error = ask(&provider).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::None));
    assert!(error.to_string().contains("`Accept` header"), "{error}");
    let error = provider.collect(&asked.ticket).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::Unknown), "a token may have been in it");
}

#[tokio::test]
async fn a_token_counts_however_malformed_the_rest_is() {
    let bodies = [
        r#"{"access_token": "gho_FAKEnext", "scope": {}, "expires_in": [], "refresh_token": 7, "error": []}"#,
        r#"{"error": "access_denied", "access_token": "gho_FAKEnext", "refresh_token": "a b"}"#,
    ];
    for body in bodies {
        let (_server, provider, ticket) = answering(200, body).await;
        let candidate = minted(provider.collect(&ticket).await.unwrap());
        assert_eq!((candidate.token, candidate.companion), (Token::new("gho_FAKEnext").unwrap(), None));
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_may_have_carried_a_token() {
    for body in ["{}", "{", "[]", r#"{"access_token": "a b"}"#, "<html>down</html>"] {
        let (_server, provider, ticket) = answering(200, body).await;
        let error = provider.collect(&ticket).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::Unknown), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_code_is_shown_to_nobody() {
    for code in ["", "<script>", "enter your password", "WDJB MJHT"] {
        let mut server = mockito::Server::new_async().await;
        let body = format!(r#"{{"device_code": "device-FAKE", "user_code": "{code}"}}"#);
        server.mock("POST", "/login/device/code").with_body(body).create_async().await;
        let url = server.url().parse().unwrap();
        let provider = GitHub::device_flow(&http(), APP).server(url).revoke_by_api().build().unwrap();
        assert_eq!(ask(&provider).await.unwrap_err().kind(), ErrorKind::Protocol, "{code}");
    }
}

#[tokio::test]
async fn without_the_apps_secret_a_token_is_looked_at_with_itself_and_ended_as_exposed() {
    let world = World::expiring().await;
    world.github.is_github_app(APP);
    let provider = world.device().revoke_by_api().build().unwrap();
    let asked = pending(ask(&provider).await.unwrap());
    world.github.enter_code("octo-bot", &code_in(&asked.guide)).unwrap();
    let candidate = minted(provider.collect(&asked.ticket).await.unwrap());
    assert!(candidate.companion.is_some());
    let grant = provider.inspect(&candidate.token).await.unwrap();
    assert_eq!((grant.owner.as_str(), &grant.access), ("octo-bot", &Access::Unknown), "it has no scopes");
    assert_eq!(grant.expiry, Expiry::At("2030-01-01T08:00:00Z".parse().unwrap()), "as the answer said");
    let revoked = provider.revoke(&retired(&candidate.token)).await.unwrap();
    assert!(matches!(revoked, Revocation::Accepted { .. }), "{revoked:?}");
    assert!(!world.github.is_alive(&candidate.token));
    // Of a token that another process obtained the end is unknown, and nothing is made up.
    let (other, _) = world.github.user_token(APP, "octo-bot", "", true);
    let grant = world.device().revoke_by_person().build().unwrap().inspect(&other).await.unwrap();
    assert_eq!(grant.expiry, Expiry::Unknown);
}

#[tokio::test]
async fn a_person_who_ends_a_token_is_warned_of_the_button_that_ends_all() {
    let world = World::start().await;
    world.github.without_revocation();
    let (token, _) = world.github.user_token(APP, "octo-bot", "repo", true);
    for provider in [world.device().revoke_by_person(), world.device().revoke_by_api()] {
        let revoked = provider.build().unwrap().revoke(&retired(&token)).await.unwrap();
        let Revocation::Guided(guide) = revoked else { panic!("not guided: {revoked:?}") };
        let text = guide.to_string();
        assert!(text.contains("Do not press \"Revoke\"") && text.contains("the one in use too"), "{text}");
        assert!(text.contains(&token.fingerprint().to_string()) && !text.contains(token.expose()), "{text}");
    }
}

#[tokio::test]
async fn a_ticket_of_another_provider_is_refused() {
    let world = World::start().await;
    let error = device(&world).collect(&Token::new("memory-ticket").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(world.sent(POLL), 0);
}

#[test]
fn how_old_tokens_end_must_be_said_and_nothing_secret_is_shown() {
    let error = GitHub::device_flow(&http(), APP).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("client_secret(..)"), "{error}");
    for id in ["", "Iv1 fake"] {
        let error = GitHub::device_flow(&http(), id).revoke_by_api().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id}");
    }
    let builder = GitHub::refreshed(&http(), APP).client_secret(SecretString::from(SECRET));
    assert!(!format!("{builder:?}").contains(SECRET));
    assert!(!format!("{:?}", builder.build().unwrap()).contains(SECRET));
    let bad = GitHub::refreshed(&http(), APP).client_secret(SecretString::from("two words")).build().unwrap_err();
    assert!(bad.kind() == ErrorKind::InvalidInput && bad.to_string().contains("client secret"), "{bad}");
}
