use secrecy::SecretString;
use tokenturn::provider::{Fate, Issuance, IssueRequest, Provider, Revocation};
use tokenturn::testing::{GitHubFake, Trouble, retired};
use tokenturn::{Access, CredentialName, Effect, ErrorKind, GitHub, Label, OAuthAppTokens, ScopeSet, Token};

use crate::{fake, http};

fn app(fake: &GitHubFake, secret: &str) -> OAuthAppTokens {
    fake.oauth_app("Iv1.fake", "app-secret-fake");
    GitHub::oauth_app(&http(), "Iv1.fake", SecretString::from(secret)).server(fake.base()).build().unwrap()
}

async fn reset(provider: &OAuthAppTokens, current: &Token) -> tokenturn::Result<Issuance> {
    let (name, label, scopes) =
        (CredentialName::new("bot").unwrap(), Label::new("tokenturn-0a1b-1").unwrap(), ScopeSet::of(["repo"]));
    provider.issue(&IssueRequest::new(&name, &label, &scopes).with_current(Some(current), None)).await
}

#[tokio::test]
async fn a_reset_replaces_the_token_and_the_old_one_is_dead_at_once() {
    let fake = fake().await;
    let provider = app(&fake, "app-secret-fake");
    assert_eq!(provider.capabilities().fate, Fate::Dies);
    let old = fake.oauth_token("Iv1.fake", "octo-bot", &["repo"]);
    let grant = provider.inspect(&old).await.unwrap();
    assert_eq!((grant.owner.as_str(), &grant.access), ("octo-bot", &Access::Scopes(ScopeSet::of(["repo"]))));
    let Issuance::Minted(candidate) = reset(&provider, &old).await.unwrap() else { panic!("not minted") };
    assert!(fake.is_alive(&candidate.token) && !fake.is_alive(&old));
    assert_eq!(provider.inspect(&old).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert!(!fake.is_locked("octo-bot"));
}

#[tokio::test]
async fn a_lost_answer_to_a_reset_is_unknown_and_never_sent_again() {
    let fake = fake().await;
    let provider = app(&fake, "app-secret-fake");
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502)] {
        let old = fake.oauth_token("Iv1.fake", "octo-bot", &["repo"]);
        fake.trouble("PATCH", trouble);
        let sent = || fake.seen().iter().filter(|seen| seen.line.starts_with("PATCH")).count();
        let before = sent();
        let error = reset(&provider, &old).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{error}");
        assert_eq!(sent(), before + 1);
    }
}

#[tokio::test]
async fn a_refused_key_of_the_app_is_no_word_on_the_token() {
    let fake = fake().await;
    let provider = app(&fake, "wrong-secret");
    let token = fake.oauth_token("Iv1.fake", "octo-bot", &["repo"]);
    let error = provider.inspect(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("client id"), "{error}");
}

#[tokio::test]
async fn a_token_and_its_id_count_however_malformed_the_rest_is() {
    let mut server = mockito::Server::new_async().await;
    let answer = r#"{"id": 7, "token": "gho_FAKEnext", "scopes": 5, "user": [], "expires_at": {"at": 1}}"#;
    server.mock("PATCH", "/api/v3/applications/Iv1.fake/token").with_body(answer).create_async().await;
    let provider = GitHub::oauth_app(&http(), "Iv1.fake", SecretString::from("s"))
        .server(server.url().parse().unwrap())
        .build()
        .unwrap();
    let Issuance::Minted(candidate) = reset(&provider, &Token::new("gho_FAKEold").unwrap()).await.unwrap() else {
        panic!("not minted");
    };
    assert_eq!(candidate.token, Token::new("gho_FAKEnext").unwrap());
    assert_eq!(candidate.id.unwrap().as_str(), "7");
}

#[tokio::test]
async fn an_answer_without_a_token_may_have_done_its_work() {
    for body in [r#"{"id": 7}"#, "{", r#"{"token": "a b"}"#] {
        let mut server = mockito::Server::new_async().await;
        server.mock("PATCH", "/api/v3/applications/Iv1.fake/token").with_body(body).create_async().await;
        let provider = GitHub::oauth_app(&http(), "Iv1.fake", SecretString::from("s"))
            .server(server.url().parse().unwrap())
            .build()
            .unwrap();
        let error = reset(&provider, &Token::new("gho_FAKEold").unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Protocol, Effect::Unknown), "{body}");
    }
}

#[tokio::test]
async fn ending_a_token_that_is_gone_is_a_success() {
    let fake = fake().await;
    let provider = app(&fake, "app-secret-fake");
    let token = fake.oauth_token("Iv1.fake", "octo-bot", &["repo"]);
    fake.trouble("DELETE", Trouble::DropAfter);
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    assert!(!fake.is_alive(&token));
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done);
}

#[tokio::test]
async fn a_404_that_is_not_githubs_is_no_death() {
    let mut server = mockito::Server::new_async().await;
    for method in ["POST", "DELETE"] {
        let mock = server.mock(method, "/api/v3/applications/Iv1.fake/token").with_status(404);
        mock.with_header("content-type", "text/html").with_body("<html>down</html>").create_async().await;
    }
    let provider = GitHub::oauth_app(&http(), "Iv1.fake", SecretString::from("s"))
        .server(server.url().parse().unwrap())
        .build()
        .unwrap();
    let token = Token::new("gho_FAKE").unwrap();
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::NotFound);
    provider.revoke(&retired(&token)).await.unwrap_err();
}

#[tokio::test]
async fn a_token_of_another_kind_is_refused_and_not_taken_for_dead() {
    let fake = fake().await;
    let provider = app(&fake, "app-secret-fake");
    let personal = fake.classic("octo-bot", "before", &["repo"]);
    assert_eq!(provider.inspect(&personal).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(provider.revoke(&retired(&personal)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(fake.is_alive(&personal));
}

#[tokio::test]
async fn a_token_of_another_app_is_not_taken_for_dead() {
    let fake = fake().await;
    let provider = app(&fake, "app-secret-fake");
    fake.oauth_app("Iv1.other", "other-secret-fake");
    let other = fake.oauth_token("Iv1.other", "octo-bot", &["repo"]);
    let grant = provider.inspect(&other).await.unwrap();
    assert_eq!((grant.owner.as_str(), &grant.access), ("octo-bot", &Access::Scopes(ScopeSet::of(["repo"]))));
    let Revocation::Guided(guide) = provider.revoke(&retired(&other)).await.unwrap() else { panic!("not guided") };
    assert!(guide.to_string().contains("none of this app's"), "{guide}");
    assert!(fake.is_alive(&other));
    let error = reset(&provider, &other).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::NotFound, Effect::None), "{error}");
    assert!(fake.is_alive(&other));
}

#[tokio::test]
async fn a_token_that_the_app_knew_is_asked_of_the_app_alone() {
    let fake = fake().await;
    let provider = app(&fake, "app-secret-fake");
    let seen = fake.oauth_token("Iv1.fake", "octo-bot", &["repo"]);
    provider.inspect(&seen).await.unwrap();
    let Issuance::Minted(made) = reset(&provider, &seen).await.unwrap() else { panic!("not minted") };
    assert_eq!(provider.revoke(&retired(&made.token)).await.unwrap(), Revocation::Done);
    for dead in [&seen, &made.token] {
        assert_eq!(provider.inspect(dead).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    assert!(fake.seen().iter().all(|seen| !seen.line.contains("/user")), "{:?}", fake.seen());
}

#[tokio::test]
async fn an_app_that_is_not_told_the_scopes_of_a_token_does_not_know_them() {
    for scopes in [r#""scopes": null,"#, ""] {
        let mut server = mockito::Server::new_async().await;
        let body = format!(r#"{{{scopes} "user": {{"login": "octo-bot"}}}}"#);
        server.mock("POST", "/api/v3/applications/Iv1.fake/token").with_body(body).create_async().await;
        let provider = GitHub::oauth_app(&http(), "Iv1.fake", SecretString::from("s"))
            .server(server.url().parse().unwrap())
            .build()
            .unwrap();
        let grant = provider.inspect(&Token::new("gho_FAKE").unwrap()).await.unwrap();
        assert_eq!((grant.owner.as_str(), grant.access), ("octo-bot", Access::Unknown));
    }
}
