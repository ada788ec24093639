//! The calls of Bitbucket Data Center: what they ask, and what their answers mean.

use std::time::Duration;

use secrecy::SecretString;
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Liveness, Provider, Revocation};
use tokenturn::testing::{BitbucketDataCenterFake, Trouble, VirtualClock, retired};
use tokenturn::{Access, Answer, Bitbucket, BitbucketDataCenterBuilder, CredentialName, Effect, ErrorKind, Expiry};
use tokenturn::{Label, Result, ScopeSet, Token, TokenId};

use crate::http;

const PASSWORD: &str = "password-FAKE";

async fn fake() -> BitbucketDataCenterFake {
    let fake = BitbucketDataCenterFake::start().await.unwrap();
    fake.user("bot", PASSWORD);
    fake
}

fn builder(fake: &BitbucketDataCenterFake) -> BitbucketDataCenterBuilder {
    Bitbucket::data_center(&http(), fake.base()).login("bot", SecretString::from(PASSWORD))
}

async fn issue(provider: &impl Provider, label: &str, scopes: &[&'static str], days: Option<u64>) -> Result<Candidate> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new(label).unwrap());
    let scopes = ScopeSet::of(scopes.iter().copied());
    let life = days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
    match provider.issue(&IssueRequest::new(&name, &label, &scopes).with_lifetime(life)).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        other => panic!("not minted: {other:?}"),
    }
}

#[tokio::test]
async fn an_issued_token_is_what_was_asked_for_and_always_has_an_end() {
    let fake = fake().await;
    let provider = builder(&fake).build().unwrap();
    let candidate = issue(&provider, "tokenturn-1", &["PROJECT_READ", "REPO_WRITE"], Some(30)).await.unwrap();
    let grant = provider.inspect(&candidate.token).await.unwrap();
    assert_eq!(grant.owner, "bot");
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["PROJECT_READ", "REPO_WRITE"])));
    assert!(matches!(grant.expiry, Expiry::At(_)));
    issue(&provider, "tokenturn-2", &["REPO_READ"], None).await.unwrap();
    let rows = fake.rows("users/bot");
    assert_eq!(rows, [("tokenturn-1".to_owned(), Some(30)), ("tokenturn-2".to_owned(), Some(90))]);
}

#[tokio::test]
async fn tokens_of_projects_and_repositories_go_to_lists_of_their_own() {
    let fake = fake().await;
    fake.administrator("projects/WEB", "bot");
    let of_project = builder(&fake).project("WEB").build().unwrap();
    let of_repository = builder(&fake).repository("WEB/site").build().unwrap();
    let token = issue(&of_project, "p", &["REPO_READ"], None).await.unwrap().token;
    issue(&of_repository, "r", &["REPO_READ"], None).await.unwrap();
    assert_eq!((fake.rows("projects/WEB").len(), fake.rows("projects/WEB/repos/site").len()), (1, 1));
    assert_eq!(of_project.inspect(&token).await.unwrap().owner, "project WEB", "each is a user of its own there");
    let both = builder(&fake).project("WEB").repository("WEB/site").build().unwrap_err();
    assert_eq!(both.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_sent_once_and_found_by_its_label() {
    let fake = fake().await;
    let provider = builder(&fake).build().unwrap();
    for name in ["other", "tokenturn-10", "x"] {
        let _ = fake.token("users/bot", name, &["REPO_READ"]);
    }
    fake.trouble("PUT /bitbucket/rest/access-tokens", Trouble::DropAfter);
    let error = issue(&provider, "tokenturn-1", &["REPO_READ"], None).await.unwrap_err();
    assert_eq!(error.effect(), Effect::Unknown, "{error}");
    let puts = fake.seen().iter().filter(|seen| seen.line.starts_with("PUT")).count();
    assert_eq!(puts, 1);
    let found = provider.find(&Label::new("tokenturn-1").unwrap()).await.unwrap();
    assert_eq!(found.len(), 1, "a name that begins alike is another's, on whichever page: {found:?}");
    assert_eq!(provider.status(&found[0]).await.unwrap(), Liveness::Alive);
}

#[tokio::test]
async fn a_malformed_rest_of_the_answer_does_not_lose_the_token() {
    let mut server = mockito::Server::new_async().await;
    let answer = r#"{"id": 7, "token": "BBDC-FAKEnext", "permissions": 5, "expiryDate": {"at": 1}, "name": []}"#;
    server.mock("PUT", "/rest/access-tokens/latest/users/bot").with_body(answer).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD)).build().unwrap();
    let candidate = issue(&provider, "x", &["REPO_READ"], None).await.unwrap();
    assert_eq!(candidate.token, Token::new("BBDC-FAKEnext").unwrap());
    assert_eq!(candidate.id.unwrap().as_str(), "7");
    for body in [r#"{"id": 7}"#, "{", r#"{"token": "a b"}"#] {
        server.reset();
        server.mock("PUT", "/rest/access-tokens/latest/users/bot").with_body(body).create_async().await;
        let error = issue(&provider, "y", &["REPO_READ"], None).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::Unknown), "{body}");
    }
}

#[tokio::test]
async fn what_is_refused_has_no_effect_and_says_what_to_do() {
    let fake = fake().await;
    fake.most_tokens(1);
    let provider = builder(&fake).build().unwrap();
    assert_eq!(issue(&provider, "a", &[], None).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(fake.seen().is_empty(), "no permission is refused before it is sent");
    let odd = issue(&provider, "a", &["SYS_ADMIN"], None).await.unwrap_err();
    assert!(odd.to_string().contains("not a valid permission"), "{odd}");
    issue(&provider, "a", &["REPO_READ"], None).await.unwrap();
    let full = issue(&provider, "b", &["REPO_READ"], None).await.unwrap_err();
    assert_eq!((full.kind(), full.effect()), (ErrorKind::InvalidInput, Effect::None));
    assert!(full.to_string().contains("delete some"), "{full}");
}

#[tokio::test]
async fn a_wrong_password_is_no_word_on_any_token_and_is_not_tried_on_and_on() {
    let fake = fake().await;
    let (label, id) = (Label::new("a").unwrap(), TokenId::new("100").unwrap());
    let wrong = SecretString::from("wrong");
    let provider = Bitbucket::data_center(&http(), fake.base()).login("bot", wrong.clone()).build().unwrap();
    let error = issue(&provider, "a", &["REPO_READ"], None).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None));
    assert_eq!(fake.seen().len(), 1);
    for _ in 0..4 {
        provider.find(&label).await.unwrap_err();
        provider.status(&id).await.unwrap_err();
        issue(&provider, "a", &["REPO_READ"], None).await.unwrap_err();
    }
    let error = provider.find(&label).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::RateLimited, Effect::None), "{error}");
    assert!(!fake.is_locked("bot"));
}

#[tokio::test]
async fn many_credentials_under_one_changed_password_do_not_lock_its_owner_out() {
    let (fake, http, label) = (fake().await, http(), Label::new("a").unwrap());
    let one = |password: &str| Bitbucket::data_center(&http, fake.base()).login("bot", SecretString::from(password));
    // Each provider on its own, all at once: they share what leaves the process.
    let finds = (0..8).map(|_| {
        let (provider, label) = (one("changed").build().unwrap(), label.clone());
        async move { provider.find(&label).await.unwrap_err() }
    });
    for error in futures_util::future::join_all(finds).await {
        assert!(matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::RateLimited), "{error}");
    }
    assert!(fake.seen().len() < 5 && !fake.is_locked("bot"), "{:?}", fake.seen());
}

#[tokio::test]
async fn a_login_that_is_locked_is_told_how_it_is_unlocked() {
    let fake = fake().await;
    for _ in 0..5 {
        // A person at the login page.
        let wrong = Bitbucket::data_center(&http(), fake.base()).login("bot", SecretString::from("wrong")).build();
        wrong.unwrap().find(&Label::new("a").unwrap()).await.unwrap_err();
    }
    assert!(fake.is_locked("bot"));
    let error = builder(&fake).build().unwrap().find(&Label::new("a").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("CAPTCHA"), "{error}");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_login_system_that_fails_is_neither_a_death_nor_a_wrong_password() {
    let fake = fake().await;
    let provider = builder(&fake).build().unwrap();
    let (token, id) = fake.token("users/bot", "x", &["REPO_READ"]);
    let id = TokenId::new(id.to_string()).unwrap();
    for (exception, expected) in [
        ("AuthenticationSystemException", ErrorKind::Unavailable),
        ("InactiveUserAuthenticationException", ErrorKind::PermissionDenied),
        ("ExpiredPasswordAuthenticationException", ErrorKind::PermissionDenied),
        ("NoAccessAuthenticationException", ErrorKind::PermissionDenied),
        ("ExpiredAuthenticationException", ErrorKind::Protocol),
    ] {
        fake.fail_logins(Some(exception));
        let errors = [
            provider.inspect(&token).await.unwrap_err(),
            provider.status(&id).await.unwrap_err(),
            issue(&provider, "a", &["REPO_READ"], None).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.effect()), (expected, Effect::None), "{exception}: {error}");
            assert!(!error.to_string().contains("does not take the user name"), "{exception}: {error}");
        }
    }
    fake.fail_logins(None);
    provider.inspect(&token).await.unwrap();
    assert_eq!(provider.status(&id).await.unwrap(), Liveness::Alive);
}

#[tokio::test]
async fn whoever_does_not_administer_a_project_comes_to_none_of_its_tokens() {
    let fake = fake().await;
    let (token, id) = fake.token("projects/WEB", "x", &["REPO_READ"]);
    let id = TokenId::new(id.to_string()).unwrap();
    for builder in [builder(&fake).project("WEB"), builder(&fake).repository("WEB/site")] {
        let provider = builder.build().unwrap();
        let errors = [
            issue(&provider, "a", &["REPO_READ"], None).await.unwrap_err(),
            provider.find(&Label::new("x").unwrap()).await.unwrap_err(),
            provider.status(&id).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None), "{error}");
        }
    }
    assert!(fake.is_alive(&token));
}

#[tokio::test]
async fn a_permission_for_projects_is_asked_for_with_the_one_for_repositories_that_it_wants() {
    let fake = fake().await;
    let provider = builder(&fake).build().unwrap();
    let token = issue(&provider, "a", &["PROJECT_WRITE"], None).await.unwrap().token;
    let access = provider.inspect(&token).await.unwrap().access;
    assert_eq!(access, Access::Scopes(ScopeSet::of(["PROJECT_WRITE", "REPO_WRITE"])));
}

#[tokio::test]
async fn a_listed_token_past_its_end_is_neither_found_nor_alive() {
    let clock = std::sync::Arc::new(VirtualClock::new());
    let fake = BitbucketDataCenterFake::start_with_clock(clock.clone()).await.unwrap();
    fake.user("bot", PASSWORD);
    let provider = builder(&fake).clock(clock.clone()).build().unwrap();
    let id = issue(&provider, "tokenturn-1", &["REPO_READ"], Some(30)).await.unwrap().id.unwrap();
    let label = Label::new("tokenturn-1").unwrap();
    assert_eq!(provider.find(&label).await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(provider.status(&id).await.unwrap(), Liveness::Alive);
    clock.advance(Duration::from_hours(30 * 24));
    assert_eq!(fake.rows("users/bot").len(), 1, "the list still has it");
    assert_eq!(provider.find(&label).await.unwrap(), []);
    assert_eq!(provider.status(&id).await.unwrap(), Liveness::Dead);
}

#[tokio::test]
async fn a_live_token_of_our_name_whose_number_cannot_be_read_is_not_passed_over() {
    let mut server = mockito::Server::new_async().await;
    let page =
        r#"{"values": [{"id": {"odd": 7}, "name": "tokenturn-1"}, {"id": [], "name": "x"}], "isLastPage": true}"#;
    server.mock("GET", mockito::Matcher::Any).with_body(page).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD)).build().unwrap();
    let error = provider.find(&Label::new("tokenturn-1").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "it may live: {error}");
    assert_eq!(provider.find(&Label::new("tokenturn-2").unwrap()).await.unwrap(), [], "others' rows are theirs");
}

#[tokio::test]
async fn a_token_in_the_place_of_the_password_is_told_why_it_makes_none() {
    let fake = fake().await;
    let (token, _) = fake.token("users/bot", "x", &["PROJECT_ADMIN"]);
    let secret = SecretString::from(token.expose());
    let provider = Bitbucket::data_center(&http(), fake.base()).login("bot", secret).build().unwrap();
    let error = issue(&provider, "a", &["REPO_READ"], None).await.unwrap_err();
    assert!(error.to_string().contains("cannot make tokens"), "{error}");
    assert_eq!(Bitbucket::data_center(&http(), fake.base()).build().unwrap_err().kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_refused_login_is_a_death_and_a_missing_right_is_none() {
    let fake = fake().await;
    let provider = builder(&fake).build().unwrap();
    let (token, id) = fake.token("users/bot", "x", &["REPO_READ"]);
    provider.inspect(&token).await.unwrap();
    fake.trouble("GET /bitbucket/rest/api", Trouble::Refuse(401));
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Protocol, "it does not say which");
    fake.delete(id);
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    let mut server = mockito::Server::new_async().await;
    let denied =
        r#"{"errors": [{"message": "no", "exceptionName": "com.atlassian.bitbucket.AuthorisationException"}]}"#;
    server.mock("GET", mockito::Matcher::Any).with_status(401).with_body(denied).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD)).build().unwrap();
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn an_answer_to_nobody_is_no_sign_of_life() {
    let mut server = mockito::Server::new_async().await;
    server.mock("GET", mockito::Matcher::Any).with_body(r#"{"values": []}"#).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD)).build().unwrap();
    let error = provider.inspect(&Token::new("BBDC-FAKE").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[tokio::test]
async fn ending_a_token_twice_is_a_success_and_a_missing_account_is_none() {
    let fake = fake().await;
    let provider = builder(&fake).build().unwrap();
    let candidate = issue(&provider, "a", &["REPO_READ"], None).await.unwrap();
    fake.trouble("DELETE", Trouble::DropAfter);
    assert_eq!(provider.revoke(&retired(&candidate.token)).await.unwrap(), Revocation::Done);
    assert!(!fake.is_alive(&candidate.token));
    let before = fake.seen().len();
    assert_eq!(provider.revoke(&retired(&candidate.token)).await.unwrap(), Revocation::Done);
    assert_eq!(fake.seen().len(), before + 2, "one request, and one look into the list");
    assert_eq!(provider.status(&candidate.id.unwrap()).await.unwrap(), Liveness::Dead);
    let stranger = builder(&fake).user_slug("somebody").build().unwrap();
    let error = stranger.status(&TokenId::new("100").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn a_404_is_a_death_only_where_the_list_confirms_it() {
    let mut server = mockito::Server::new_async().await;
    server.mock("GET", mockito::Matcher::Any).with_status(404).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD)).build().unwrap();
    assert_eq!(provider.status(&TokenId::new("7").unwrap()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_list_that_goes_in_circles_ends() {
    let mut server = mockito::Server::new_async().await;
    let page = r#"{"values": [], "isLastPage": false, "nextPageStart": 0}"#;
    server.mock("GET", mockito::Matcher::Any).with_body(page).create_async().await;
    let url = server.url().parse().unwrap();
    let provider = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD)).build().unwrap();
    let error = provider.find(&Label::new("a").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn of_a_token_whose_number_nobody_knows_nothing_is_guessed() {
    let fake = fake().await;
    let (token, id) = fake.token("users/bot", "x", &["REPO_ADMIN"]);
    let provider = builder(&fake).build().unwrap();
    let grant = provider.inspect(&token).await.unwrap();
    assert_eq!((grant.access, grant.expiry), (Access::Unknown, Expiry::Unknown));
    let Revocation::Guided(guide) = provider.revoke(&retired(&token)).await.unwrap() else { panic!("not guided") };
    assert!(guide.to_string().contains("HTTP access tokens"), "{guide}");
    assert!(fake.is_alive(&token));
    let told = builder(&fake).known(&token, TokenId::new(id.to_string()).unwrap()).build().unwrap();
    let grant = told.inspect(&token).await.unwrap();
    assert_eq!((grant.access, grant.expiry), (Access::Scopes(ScopeSet::of(["REPO_ADMIN"])), Expiry::Never));
    assert_eq!(grant.kind.unwrap(), "HTTP access token without an end");
    assert_eq!(told.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    assert!(!fake.is_alive(&token));
}

#[tokio::test]
async fn an_end_that_cannot_be_read_is_not_taken_for_none() {
    for (end, expected) in [("", Expiry::Never), (r#", "expiryDate": "soon""#, Expiry::Unknown)] {
        let mut server = mockito::Server::new_async().await;
        let who = server.mock("GET", "/rest/api/latest/projects").match_query(mockito::Matcher::Any);
        who.with_header("x-ausername", "bot").with_body(r#"{"values": []}"#).create_async().await;
        let row = format!(r#"{{"id": "7", "name": "x", "permissions": ["REPO_READ"]{end}}}"#);
        server.mock("GET", "/rest/access-tokens/latest/users/bot/7").with_body(row).create_async().await;
        let (token, url) = (Token::new("BBDC-FAKE").unwrap(), server.url().parse().unwrap());
        let builder = Bitbucket::data_center(&http(), url).login("bot", SecretString::from(PASSWORD));
        let provider = builder.known(&token, TokenId::new("7").unwrap()).build().unwrap();
        assert_eq!(provider.inspect(&token).await.unwrap().expiry, expected, "{end}");
    }
}

#[tokio::test]
async fn permissions_are_not_rights_so_a_named_repository_is_tried() {
    let fake = fake().await;
    fake.repository("WEB/site", false, &["bot"]);
    fake.repository("WEB/hidden", false, &[]);
    fake.repository("WEB/open", true, &[]);
    let (reader, _) = fake.token("users/bot", "x", &["REPO_READ"]);
    let (admin, _) = fake.token("users/bot", "y", &["REPO_ADMIN"]);
    let provider = builder(&fake)
        .must_read("WEB/site")
        .must_administer("WEB/site")
        .must_read("WEB/hidden")
        .must_read("WEB/open")
        .build()
        .unwrap();
    let answers = |grant: tokenturn::Grant| grant.probes.iter().map(|probe| probe.answer).collect::<Vec<_>>();
    let (yes, no) = (Answer::Proven, Answer::Refuted);
    assert_eq!(answers(provider.inspect(&reader).await.unwrap()), [yes, no, no, Answer::Unknown]);
    assert_eq!(answers(provider.inspect(&admin).await.unwrap()), [yes, yes, no, Answer::Unknown]);
}
