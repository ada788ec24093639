//! API tokens as a provider: what is asked, what is answered, and what Jenkins does not say.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::provider::{Candidate, Issuance, IssueRequest, Revocation};
use tokenturn::testing::{Trouble, VirtualClock, retired};
use tokenturn::{
    Access, CredentialName, Effect, Error, ErrorKind, Expiry, Guide, Jenkins, JenkinsApiTokens, Label, Provider,
    ScopeSet, Token, TokenId,
};

use crate::world::{World, assert_error, assert_silent, at, hasty, http, jenkins};

const LABEL: &str = "tokenturn-0a1b-1";

fn tokens(jenkins: &Jenkins) -> JenkinsApiTokens {
    jenkins.api_tokens().build().unwrap()
}

const WEEK: Option<Duration> = Some(Duration::from_hours(7 * 24));

async fn issue(tokens: &JenkinsApiTokens, lifetime: Option<Duration>) -> Result<Candidate, Error> {
    let (credential, label) = (CredentialName::new("key").unwrap(), Label::new(LABEL).unwrap());
    let scopes = ScopeSet::default();
    match tokens.issue(&IssueRequest::new(&credential, &label, &scopes).with_lifetime(lifetime)).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        other => panic!("nobody is needed: {other:?}"),
    }
}

fn guide(revocation: Revocation) -> Guide {
    match revocation {
        Revocation::Guided(guide) => guide,
        other => panic!("a person is needed: {other:?}"),
    }
}

fn first(world: &World) -> (Token, TokenId) {
    let secret = world.fake.api_token("rotator");
    let (_, uuid) = world.fake.api_tokens("rotator").remove(0);
    (Token::new(secrecy::ExposeSecret::expose_secret(&secret)).unwrap(), TokenId::new(uuid).unwrap())
}

#[tokio::test]
async fn a_token_is_made_beside_the_one_before_and_carries_our_label() {
    let world = World::start().await;
    let tokens = tokens(&world.jenkins);
    let made = issue(&tokens, None).await.unwrap();
    let rows = world.fake.api_tokens("rotator");
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[1].0.as_str(), Some(rows[1].1.as_str())), (LABEL, made.id.as_ref().map(TokenId::as_str)));
    let grant = tokens.inspect(&made.token).await.unwrap();
    assert_eq!((grant.owner.as_str(), grant.access, grant.expiry), ("rotator", Access::Owner, Expiry::Unknown));
    assert!(world.fake.takes("rotator", &first(&world).0), "the one before lives on");
    assert_eq!(tokens.name(), format!("API tokens of rotator at {}/ci", world.fake.base().authority()));
}

#[tokio::test]
async fn a_token_is_made_with_a_password_and_its_crumb_too() {
    let world = World::start().await;
    let http = http().build().unwrap();
    let jenkins = Jenkins::at(&http, world.fake.base()).unwrap();
    let tokens = tokens(&jenkins.password("rotator", world.fake.password("rotator")).build().unwrap());
    let made = issue(&tokens, None).await.unwrap();
    assert_eq!(tokens.revoke(&retired(&made.token)).await.unwrap(), Revocation::Done);
    assert_eq!((world.count("crumbIssuer"), world.fake.api_tokens("rotator").len()), (1, 1));
}

#[tokio::test]
async fn a_wrong_password_asks_for_a_crumb_a_few_times_and_then_no_more() {
    let world = World::start().await;
    let http = http().build().unwrap();
    let wrong = Jenkins::at(&http, world.fake.base()).unwrap().password("rotator", "fake-wrong-password".into());
    let tokens = tokens(&wrong.build().unwrap());
    for _ in 0..5 {
        issue(&tokens, None).await.unwrap_err();
    }
    assert_eq!((world.count("crumbIssuer"), world.fake.seen().len()), (3, 3));
    let error = issue(&tokens, None).await.unwrap_err();
    assert_error(&error, ErrorKind::RateLimited, Effect::None, "might lock it out");
}

/// The password was changed while its session went on.
#[tokio::test]
async fn a_post_that_is_refused_its_password_is_sent_a_few_times_and_then_no_more() {
    let mut server = mockito::Server::new_async().await;
    server.mock("GET", "/crumbIssuer/api/json").with_status(404).create_async().await;
    let posts = server.mock("POST", mockito::Matcher::Any).with_status(401).expect(3);
    let posts = posts.with_header("www-authenticate", "Basic realm=\"Jenkins\"").create_async().await;
    let http = http().build().unwrap();
    let jenkins = Jenkins::at(&http, server.url().parse().unwrap()).unwrap().password("rotator", "fake".into());
    let tokens = tokens(&jenkins.build().unwrap());
    for _ in 0..5 {
        issue(&tokens, None).await.unwrap_err();
    }
    posts.assert_async().await;
}

#[tokio::test]
async fn a_legacy_token_and_one_of_any_other_form_are_taken_for_what_they_are() {
    let world = World::start().await;
    let tokens = tokens(&world.jenkins);
    for value in ["0fake0fake0fake0fake0fake0fake00", "12fake-of-a-form-that-is-yet-to-come"] {
        world.fake.add_api_token("rotator", "legacy", value);
        assert_eq!(tokens.inspect(&Token::new(value).unwrap()).await.unwrap().owner, "rotator");
    }
}

#[tokio::test]
async fn an_end_is_asked_of_a_jenkins_that_knows_ends_and_comes_no_sooner_than_asked() {
    let (world, clock) = (World::start().await, VirtualClock::new());
    world.fake.use_clock(Arc::new(clock.clone()));
    world.fake.version(2, 548);
    let tokens = tokens(&world.jenkins);
    let made = issue(&tokens, WEEK).await.unwrap();
    assert_eq!(tokens.inspect(&made.token).await.unwrap().expiry, Expiry::Unknown, "what was asked for stands");
    clock.advance(Duration::from_hours(7 * 24));
    assert!(tokens.inspect(&made.token).await.is_ok());
    clock.advance(Duration::from_hours(24));
    let error = tokens.inspect(&made.token).await.unwrap_err();
    assert_error(&error, ErrorKind::Unauthenticated, Effect::None, "make a new API token");
}

#[tokio::test]
async fn a_jenkins_that_would_pass_over_the_end_is_asked_for_no_token() {
    let world = World::start().await;
    let tokens = tokens(&world.jenkins);
    let error = issue(&tokens, WEEK).await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "2.548");
    world.fake.version(2, 541);
    assert!(issue(&tokens, WEEK).await.is_err());
    assert_eq!(world.count("generateNewToken"), 0);
}

/// A Jenkins of which only one answer to `generateNewToken` is known.
async fn answering(body: &str) -> (mockito::ServerGuard, JenkinsApiTokens) {
    let mut server = mockito::Server::new_async().await;
    let who = "{\"anonymous\":false,\"name\":\"rotator\"}";
    server.mock("GET", "/whoAmI/api/json").with_header("X-Jenkins", "2.560").with_body(who).create_async().await;
    let post = server.mock("POST", "/user/rotator/descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken");
    post.with_header("content-type", "application/json").with_body(body).expect(1).create_async().await;
    let tokens = tokens(&at(&server.url()));
    (server, tokens)
}

#[tokio::test]
async fn a_token_without_the_end_that_was_asked_for_is_kept_and_told_so() {
    let body = "{\"status\":\"ok\",\"data\":{\"tokenValue\":\"11fakemade\",\"tokenUuid\":\"u-1\"}}";
    let (_server, tokens) = answering(body).await;
    let made = issue(&tokens, WEEK).await.unwrap();
    let grant = tokens.inspect(&made.token).await.unwrap();
    assert_eq!(grant.expiry, Expiry::Never);
    assert!(grant.kind.unwrap().contains("without the end"));
}

#[tokio::test]
async fn a_malformed_rest_of_the_answer_does_not_lose_the_token() {
    for (rest, id) in [
        ("\"tokenUuid\":7,\"expirationDate\":[{}]", None),
        ("\"tokenUuid\":\"u-1\",\"tokenName\":null,\"aboutToExpire\":\"?\"", Some("u-1")),
        ("\"tokenUuid\":\"\"", None),
    ] {
        let (_server, tokens) = answering(&format!("{{\"data\":{{\"tokenValue\":\"11fakemade\",{rest}}}}}")).await;
        let made = issue(&tokens, None).await.unwrap();
        assert_eq!((made.token.expose(), made.id.as_ref().map(TokenId::as_str)), ("11fakemade", id), "{rest}");
    }
}

#[tokio::test]
async fn an_error_under_http_200_is_an_error_in_its_own_words() {
    let refusal = "{\"status\":\"error\",\"message\":\"The expiration date must be in the future\"}";
    let (_server, tokens) = answering(refusal).await;
    let error = issue(&tokens, WEEK).await.unwrap_err();
    assert_error(&error, ErrorKind::InvalidInput, Effect::None, "must be in the future");
    for page in ["<html>log in</html>", "{\"status\":\"ok\"}", "{\"status\":\"ok\",\"data\":{\"tokenValue\":\"a b\"}}"]
    {
        let (_server, tokens) = answering(page).await;
        let error = issue(&tokens, None).await.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Effect::Unknown, "not understood");
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_nothing_is_sent_twice() {
    let world = World::start().await;
    let (tokens, hasty) = (tokens(&world.jenkins), tokens(&hasty(&world.fake)));
    for trouble in [Trouble::DropAfter, Trouble::SilenceAfter, Trouble::FailAfter(502), Trouble::Flood(9_000_000)] {
        let before = world.count("generateNewToken");
        world.fake.trouble("generateNewToken", trouble.clone());
        let asked = if trouble == Trouble::SilenceAfter { &hasty } else { &tokens };
        let error = issue(asked, None).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{trouble:?}: {error}");
        assert_eq!(world.count("generateNewToken"), before + 1, "{trouble:?}");
    }
    assert!(tokens.find(&Label::new(LABEL).unwrap()).await.is_err() && !tokens.capabilities().finds_by_label);
    let guide = tokens.guide_to_delete(&Label::new(LABEL).unwrap()).to_string();
    assert!(guide.contains(LABEL) && guide.contains("/ci/user/rotator") && guide.contains("Security"), "{guide}");
}

#[tokio::test]
async fn an_administrator_is_told_that_users_make_their_own_tokens() {
    let world = World::start().await;
    let tokens = jenkins(&world.fake, "admin").api_tokens().of_user("rotator").build().unwrap();
    let error = issue(&tokens, None).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "log in as rotator");
    world.fake.administrators_make_tokens(true);
    let made = issue(&tokens, None).await.unwrap();
    assert_eq!(tokens.inspect(&made.token).await.unwrap().owner, "rotator");
    world.fake.administrators_make_tokens(false);
    assert_eq!(tokens.revoke(&retired(&made.token)).await.unwrap(), Revocation::Done, "ending them is allowed");
}

#[tokio::test]
async fn a_revoked_token_is_gone_when_jenkins_refuses_it_and_twice_is_once() {
    let world = World::start().await;
    let tokens = tokens(&world.jenkins);
    let made = issue(&tokens, None).await.unwrap();
    for _ in 0..2 {
        assert_eq!(tokens.revoke(&retired(&made.token)).await.unwrap(), Revocation::Done);
    }
    assert!(!world.fake.takes("rotator", &made.token));
    assert_eq!(tokens.inspect(&made.token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_200_for_a_uuid_that_nobody_has_is_not_called_done() {
    let world = World::start().await;
    let other = Token::new("11fakefakefakefakefakefakefakefake").unwrap();
    world.fake.add_api_token("rotator", "other", other.expose());
    let wrong = TokenId::new("00000000-fake-4000-8000-000000000000").unwrap();
    let tokens = world.jenkins.api_tokens().known(&other, wrong).build().unwrap();
    let text = guide(tokens.revoke(&retired(&other)).await.unwrap()).to_string();
    assert!(text.contains("still works"), "{text}");
    assert!(world.fake.takes("rotator", &other));
}

#[tokio::test]
async fn a_token_whose_uuid_nobody_knows_is_revoked_by_a_person_unless_it_is_gone() {
    let world = World::start().await;
    let other = Token::new("11fakefakefakefakefakefakefakefake").unwrap();
    world.fake.add_api_token("rotator", "other", other.expose());
    let tokens = tokens(&world.jenkins);
    let text = guide(tokens.revoke(&retired(&other)).await.unwrap()).to_string();
    assert!(text.contains("uuid is not known") && !text.contains(other.expose()), "{text}");
    world.fake.revoke_api_token("rotator", "other");
    assert_eq!(tokens.revoke(&retired(&other)).await.unwrap(), Revocation::Done);
}

#[tokio::test]
async fn the_key_in_use_is_never_revoked_with_itself() {
    let world = World::start().await;
    let (old, uuid) = first(&world);
    let tokens = world.jenkins.api_tokens().known(&old, uuid).build().unwrap();
    let error = tokens.revoke(&retired(&old)).await.unwrap_err();
    assert_error(&error, ErrorKind::Refused, Effect::None, "replace it first");
    assert_eq!(world.count("revoke"), 0);
}

#[tokio::test]
async fn only_the_word_of_jenkins_itself_is_a_dead_token() {
    let world = World::start().await;
    let (old, _) = first(&world);
    let tokens = tokens(&world.jenkins);
    world.fake.login_stripped(true);
    let error = tokens.inspect(&old).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "takes this login for nobody");
    world.fake.login_stripped(false);
    world.fake.trouble("whoAmI", Trouble::Refuse(401));
    let error = tokens.inspect(&old).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "something in front of Jenkins");
    let (_server, foreign) = answering("").await;
    let foreign = foreign.inspect(&old).await;
    assert!(foreign.is_ok(), "the control: this server takes everybody for rotator");
    let (server, _) = answering("").await;
    let others = at(&server.url()).api_tokens().of_user("bot").build().unwrap();
    let error = others.inspect(&old).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "another user");
}

#[tokio::test]
async fn that_another_users_token_looks_dead_is_told_beforehand() {
    let world = World::start().await;
    world.fake.grant("somebody", "Item/Read");
    let others = Token::new(secrecy::ExposeSecret::expose_secret(&world.fake.api_token("somebody"))).unwrap();
    let tokens = tokens(&world.jenkins);
    assert_eq!(tokens.inspect(&others).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert!(world.fake.takes("somebody", &others), "alive as it is");
    assert!(tokens.capabilities().cautions.iter().any(|caution| caution.contains("another user")));
}

#[tokio::test]
async fn our_own_refused_login_is_no_word_on_a_token() {
    let world = World::start().await;
    let tokens = tokens(&world.jenkins);
    let made = issue(&tokens, None).await.unwrap();
    world.fake.revoke_api_token("rotator", "first");
    let error = tokens.revoke(&retired(&made.token)).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "our own login");
    let error = issue(&tokens, None).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "our own login");
    assert!(world.fake.takes("rotator", &made.token));
}

#[tokio::test]
async fn no_error_tells_a_token() {
    let world = World::start().await;
    let (old, uuid) = first(&world);
    let tokens = jenkins(&world.fake, "admin").api_tokens().of_user("rotator").known(&old, uuid).build().unwrap();
    let mut said = format!("{tokens:?}");
    for status in [400, 401, 403, 404, 409, 500, 503] {
        for path in ["generateNewToken", "revoke", "whoAmI", "whoAmI", "whoAmI"] {
            world.fake.trouble(path, Trouble::Echo(status));
        }
        let made = issue(&tokens, None).await.map(|_| ());
        let _ = write!(said, "{made:?} {:?} {:?}", tokens.revoke(&retired(&old)).await, tokens.inspect(&old).await);
    }
    assert_silent(&world.fake, &said);
}
