//! What a look at a token of Bitbucket Cloud tells.

use std::sync::Arc;

use tokenturn::provider::{Issuance, IssueRequest, Provider};
use tokenturn::testing::{BitbucketCloudFake, Trouble, VirtualClock};
use tokenturn::{Access, Answer, Bitbucket, BitbucketCloudTokens, CredentialName, ErrorKind, Expiry, Guide, Label};
use tokenturn::{Result, ScopeSet, Token};

use crate::http;

const BOT: &str = "bot@acme.com";
const SITE: &str = "acme/site";

async fn fake() -> BitbucketCloudFake {
    let fake = BitbucketCloudFake::start_with_clock(Arc::new(VirtualClock::new())).await.unwrap();
    fake.private_repository(SITE, &[BOT]);
    fake
}

fn api(fake: &BitbucketCloudFake) -> BitbucketCloudTokens {
    Bitbucket::api_tokens(&http(), BOT).must_read(SITE).address(fake.base()).build().unwrap()
}

fn of_repository(fake: &BitbucketCloudFake) -> BitbucketCloudTokens {
    Bitbucket::repository_tokens(&http(), SITE).address(fake.base()).build().unwrap()
}

async fn guide(provider: &impl Provider, scopes: &[&'static str], days: Option<u64>) -> Result<Guide> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap());
    let scopes = ScopeSet::of(scopes.iter().copied());
    let life = days.map(|days| std::time::Duration::from_secs(days * 24 * 60 * 60));
    match provider.issue(&IssueRequest::new(&name, &label, &scopes).with_lifetime(life)).await? {
        Issuance::Guided(guide) => Ok(guide),
        other => panic!("not guided: {other:?}"),
    }
}

#[tokio::test]
async fn an_access_token_tells_its_scopes_and_its_kind_and_no_end() {
    let fake = fake().await;
    let token = fake.token(SITE, "ci", &["repository:write", "pullrequest"]);
    let grant = of_repository(&fake).inspect(&token).await.unwrap();
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["repository:write", "pullrequest"])));
    assert_eq!((grant.owner.as_str(), grant.kind.as_deref()), ("repository acme/site", Some("repo_access_token")));
    assert_eq!((grant.expiry, grant.probes[0].answer), (Expiry::Unknown, Answer::Proven));
}

#[tokio::test]
async fn an_api_token_logs_in_with_its_accounts_email_address_and_no_other() {
    let fake = fake().await;
    let token = fake.token(BOT, "ci", &["read:repository:bitbucket"]);
    let grant = api(&fake).inspect(&token).await.unwrap();
    assert_eq!(grant.owner, BOT);
    let theirs = fake.token("eve@acme.com", "hers", &["read:repository:bitbucket"]);
    assert_eq!(api(&fake).inspect(&theirs).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn without_the_header_access_is_unknown_and_what_was_tried_is_told() {
    let fake = fake().await;
    fake.without_headers();
    let token = fake.token(BOT, "ci", &["read:repository:bitbucket"]);
    let grant = api(&fake).inspect(&token).await.unwrap();
    assert_eq!((grant.access, grant.probes[0].answer), (Access::Unknown, Answer::Proven));
}

#[tokio::test]
async fn scopes_in_the_words_of_another_kind_are_no_answer() {
    let fake = fake().await;
    let mut server = mockito::Server::new_async().await;
    let mock = server.mock("GET", "/2.0/repositories/acme/site").with_header("x-oauth-scopes", "repository, account");
    mock.with_body(r#"{"is_private": true}"#).create_async().await;
    let provider = Bitbucket::api_tokens(&http(), BOT).must_read(SITE).address(server.url().parse().unwrap());
    let grant = provider.build().unwrap().inspect(&Token::new("ATATTFAKE").unwrap()).await.unwrap();
    assert_eq!(grant.access, Access::Unknown);
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_token_without_the_scope_lives_and_its_scopes_are_those_that_were_granted() {
    let fake = fake().await;
    let token = fake.token(BOT, "ci", &["read:pullrequest:bitbucket"]);
    let grant = api(&fake).inspect(&token).await.unwrap();
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["read:pullrequest:bitbucket"])));
    assert!(grant.probes[0].answer == Answer::Refuted && grant.probes[0].for_good, "no scope can be added to it");
}

#[tokio::test]
async fn a_dead_token_is_unauthenticated_and_nothing_else_is() {
    let fake = fake().await;
    let token = fake.token(SITE, "ci", &["repository"]);
    let provider = of_repository(&fake);
    for (trouble, expected) in [
        (Trouble::Refuse(401), ErrorKind::Protocol),
        (Trouble::Refuse(403), ErrorKind::PermissionDenied),
        (Trouble::Refuse(404), ErrorKind::NotFound),
        (Trouble::Refuse(410), ErrorKind::NotFound),
    ] {
        fake.trouble("GET /2.0", trouble.clone());
        let error = provider.inspect(&token).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{trouble:?}: {error}");
    }
    fake.revoke(SITE, "ci").unwrap();
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_repository_that_is_hidden_says_nothing_of_the_token() {
    let fake = fake().await;
    let token = fake.token("acme/other", "theirs", &["repository"]);
    let error = of_repository(&fake).inspect(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_refusal_that_says_what_the_token_may_do_knows_the_token() {
    let fake = fake().await;
    fake.frank_refusals();
    let other = fake.token("acme/other", "theirs", &["repository"]);
    let grant = of_repository(&fake).inspect(&other).await.unwrap();
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["repository"])));
    assert!(grant.probes[0].answer == Answer::Refuted && grant.probes[0].for_good, "it is another repository's");
    // Its account is the one whose address logged in, and access can be given to that.
    fake.private_repository(SITE, &[]);
    let token = fake.token(BOT, "ci", &["read:repository:bitbucket"]);
    let grant = api(&fake).inspect(&token).await.unwrap();
    assert!(grant.probes[0].answer == Answer::Refuted && !grant.probes[0].for_good, "{grant:?}");
}

#[tokio::test]
async fn an_empty_list_of_scopes_is_no_answer() {
    let mut server = mockito::Server::new_async().await;
    let mock = server.mock("GET", "/2.0/repositories/acme/site").with_header("x-oauth-scopes", "");
    mock.with_body(r#"{"is_private": true}"#).create_async().await;
    let provider = Bitbucket::repository_tokens(&http(), SITE).address(server.url().parse().unwrap()).build().unwrap();
    let grant = provider.inspect(&Token::new("ATCTTFAKE").unwrap()).await.unwrap();
    assert_eq!((grant.access, grant.probes[0].answer), (Access::Unknown, Answer::Proven), "it has just read");
}

#[tokio::test]
async fn a_public_repository_shows_neither_a_right_nor_a_life() {
    let fake = fake().await;
    fake.public_repository("acme/open");
    let token = fake.token("acme/open", "ci", &["repository"]);
    let provider = Bitbucket::repository_tokens(&http(), "acme/open").address(fake.base()).build().unwrap();
    assert_eq!(provider.inspect(&token).await.unwrap().probes[0].answer, Answer::Unknown);
    fake.without_headers();
    let error = provider.inspect(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
}

#[tokio::test]
async fn an_app_password_is_told_its_successor() {
    let fake = fake().await;
    let error = api(&fake).inspect(&Token::new("ATBBFAKE").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("API token with scopes"), "{error}");
    let guide = guide(&api(&fake), &["read:repository:bitbucket"], None).await.unwrap();
    assert!(guide.to_string().contains("app passwords are gone"), "{guide}");
}

#[tokio::test]
async fn the_guide_leads_to_the_page_and_says_what_to_fill_in() {
    let fake = fake().await;
    let guide_of_account = guide(&api(&fake), &["read:repository:bitbucket"], Some(90)).await.unwrap();
    let link = guide_of_account.link.clone().unwrap();
    assert_eq!(link.as_str(), "https://id.atlassian.com/manage-profile/security/api-tokens");
    let text = guide_of_account.to_string();
    for part in ["as bot@acme.com", "Name: tokenturn-0a1b-1", "Scopes: read:repository:bitbucket.", "Expires: 20"] {
        assert!(text.contains(part), "{part} not in:\n{text}");
    }
    let of_repository = guide(&of_repository(&fake), &["repository"], None).await.unwrap();
    assert_eq!(of_repository.link.unwrap().as_str(), "https://bitbucket.org/acme/site/admin/access-tokens");
    for builder in [Bitbucket::project_tokens(&http(), "acme", "WEB"), Bitbucket::workspace_tokens(&http(), "acme")] {
        let provider = builder.must_read(SITE).build().unwrap();
        let guide = guide(&provider, &["repository"], None).await.unwrap();
        assert!(guide.link.is_none() && guide.to_string().contains("Access tokens"), "{guide}");
        assert!(provider.capabilities().cautions.iter().any(|caution| caution.contains("Premium")));
    }
}

#[tokio::test]
async fn that_another_accounts_token_looks_dead_is_told_beforehand() {
    let fake = fake().await;
    let others = Bitbucket::api_tokens(&http(), "other@acme.com").must_read(SITE).address(fake.base()).build().unwrap();
    let old = fake.token(BOT, "before", &["read:repository:bitbucket"]);
    assert_eq!(others.inspect(&old).await.unwrap_err().kind(), ErrorKind::Unauthenticated, "alive as it is");
    let warns = |provider: BitbucketCloudTokens| {
        provider.capabilities().cautions.iter().any(|caution| caution.contains("another account"))
    };
    assert!(warns(others) && !warns(of_repository(&fake)), "an access token needs no name beside it");
}

#[tokio::test]
async fn more_than_a_year_is_not_asked_for() {
    let fake = fake().await;
    let error = guide(&api(&fake), &["read:repository:bitbucket"], Some(366)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    guide(&api(&fake), &["read:repository:bitbucket"], Some(365)).await.unwrap();
    guide(&of_repository(&fake), &["repository"], Some(366)).await.unwrap();
}

#[tokio::test]
async fn a_provider_without_a_repository_is_not_built() {
    let without = [Bitbucket::api_tokens(&http(), BOT), Bitbucket::repository_tokens(&http(), "site")];
    for builder in without {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Configuration);
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_token_is_not_quoted_in_any_form() {
    use base64::Engine as _;
    let (value, mut server) = ("ATATTFAKE-0123456789", mockito::Server::new_async().await);
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{BOT}:{value}"));
    for said in [value.to_owned(), login] {
        let body = format!(r#"{{"type": "error", "error": {{"message": "bad {said}"}}}}"#);
        let mock = server.mock("GET", mockito::Matcher::Any).with_status(403);
        mock.with_header("content-type", "application/json").with_body(body).create_async().await;
        let provider = Bitbucket::api_tokens(&http(), BOT).must_read(SITE).address(server.url().parse().unwrap());
        let error = provider.build().unwrap().inspect(&Token::new(value).unwrap()).await.unwrap_err();
        assert!(!format!("{error:?}").contains(&said), "{error:?}");
    }
}
