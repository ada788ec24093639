use tokenturn::provider::Provider;
use tokenturn::{Access, Clock, ErrorKind, Expiry, GitLab, GitLabAccessLevel, ScopeSet, Token};

use crate::{World, http, secret};

#[tokio::test]
async fn a_look_tells_owner_scopes_end_kind_and_the_configured_address() {
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["read_api", "self_rotate"]);
    world.fake.expire_on(&token, "2030-03-01").unwrap();
    let grant = world.rotated().inspect(&token).await.unwrap();
    assert_eq!(grant.owner, format!("user {}", world.bot));
    assert_eq!(grant.access, Access::Scopes(ScopeSet::of(["read_api", "self_rotate"])));
    assert_eq!(grant.expiry, Expiry::At("2030-03-01T00:00:00Z".parse().unwrap()), "as the day begins");
    assert_eq!(grant.kind.as_deref(), Some("personal access token"));
    assert_eq!(grant.api, Some(world.fake.base().join("api/v4/").unwrap()));
    let endless = world.fake.personal(world.bot, "old", &["api"]);
    assert_eq!(world.rotated().inspect(&endless).await.unwrap().expiry, Expiry::Never);
}

#[tokio::test]
async fn a_token_needs_no_scope_to_be_looked_at() {
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "git", &["write_repository"]);
    let access = world.of_user().inspect(&token).await.unwrap().access;
    assert_eq!(access, Access::Scopes(ScopeSet::of(["write_repository"])));
}

#[tokio::test]
async fn revoked_expired_and_unknown_are_told_apart_and_all_are_dead() {
    let world = World::start().await;
    let dead = |name| world.fake.personal(world.bot, name, &["api"]);
    let (revoked, expired) = (dead("revoked"), dead("expired"));
    world.fake.revoke(&revoked);
    world.fake.expire_on(&expired, "2030-01-01").unwrap();
    let unknown = Token::new("glpat-FAKEunknown").unwrap();
    for (token, word) in [(revoked, "was revoked"), (expired, "has expired"), (unknown, "does not know")] {
        for provider in [&world.rotated() as &dyn Provider, &world.of_user(), &world.of_project()] {
            let error = provider.inspect(&token).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
            assert!(error.to_string().contains(word), "{word} not in: {error}");
        }
    }
}

#[tokio::test]
async fn a_token_is_dead_from_the_first_instant_of_its_day() {
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    world.fake.expire_on(&token, "2030-01-02").unwrap();
    let provider = world.rotated();
    world.clock.advance(std::time::Duration::from_hours(24) - std::time::Duration::from_secs(1));
    let grant = provider.inspect(&token).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(grant.expiry, Expiry::At(world.clock.now()), "said to the second");
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn looking_at_a_dead_token_ends_no_family() {
    let world = World::start().await;
    let old = world.fake.personal(world.bot, "ci", &["self_rotate"]);
    let provider = world.rotated();
    let new = crate::issue(&provider, Some(&old)).await.unwrap().token;
    for _ in 0..3 {
        assert_eq!(provider.inspect(&old).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    assert!(world.fake.is_alive(&new) && world.fake.families_ended() == 0);
}

#[tokio::test]
async fn a_bots_token_belongs_to_its_project_whatever_number_the_bot_has() {
    let world = World::start().await;
    let token = |name| world.fake.project_token("acme/site", name, &["read_api"], GitLabAccessLevel::Developer);
    let provider = world.of_project();
    let (one, two) = (provider.inspect(&token("one")).await.unwrap(), provider.inspect(&token("two")).await.unwrap());
    assert_eq!((one.owner.as_str(), two.owner.as_str()), ("project acme/site", "project acme/site"));
    assert_eq!(one.kind.as_deref(), Some("project access token with access level 30"));
    let group = world.fake.group_token("acme", "ci", &["read_api"], GitLabAccessLevel::Guest);
    assert_eq!(world.of_group().inspect(&group).await.unwrap().owner, "group acme");
    let foreign = provider.inspect(&group).await.unwrap();
    assert!(foreign.owner.starts_with("user "), "a token from elsewhere is not the project's: {}", foreign.owner);
}

#[tokio::test]
async fn a_look_is_a_use_so_the_last_use_is_told_and_not_relied_upon() {
    let world = World::start().await;
    let token = world.fake.personal(world.bot, "ci", &["api"]);
    let provider = world.rotated();
    assert_eq!(provider.inspect(&token).await.unwrap().last_used, Some(world.clock.now()));
    world.clock.advance(std::time::Duration::from_mins(9));
    assert!(provider.inspect(&token).await.unwrap().last_used < Some(world.clock.now()), "every ten minutes at most");
    assert!(!provider.capabilities().tells_last_use);
    assert!(world.issued().iter().all(|provider| !provider.capabilities().tells_last_use));
}

#[tokio::test]
async fn our_own_keys_death_is_no_word_on_the_token() {
    let world = World::start().await;
    let token = world.fake.project_token("acme/site", "ci", &["read_api"], GitLabAccessLevel::Developer);
    world.fake.revoke(&world.owner);
    let error = world.of_project().inspect(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("our own key") && error.to_string().contains("was revoked"), "{error}");
}

#[tokio::test]
async fn a_fine_grained_token_and_a_sparse_answer_leave_the_rest_unknown() {
    for (body, access) in [
        (
            r#"{"id": 7, "user_id": 1, "granular": true, "scopes": ["granular"], "expires_at": {"at": 1}}"#,
            Access::Unknown,
        ),
        (r#"{"id": 7, "user_id": 1}"#, Access::Unknown),
        (r#"{"id": 7, "user_id": 1, "scopes": [], "new": [1]}"#, Access::Scopes(ScopeSet::new())),
    ] {
        let mut server = mockito::Server::new_async().await;
        let path = "/gitlab/api/v4/personal_access_tokens/self";
        let mock = server.mock("GET", path).match_header("private-token", "glpat-FAKE").with_body(body);
        let mock = mock.create_async().await;
        let address = format!("{}/gitlab", server.url()).parse().unwrap();
        let provider = GitLab::personal(&http()).server(address).build().unwrap();
        let grant = provider.inspect(&Token::new("glpat-FAKE").unwrap()).await.unwrap();
        assert_eq!((grant.access, grant.expiry), (access, Expiry::Unknown), "{body}");
        mock.assert_async().await;
    }
}

#[tokio::test]
async fn an_answer_that_says_not_active_is_a_death_and_one_without_an_owner_makes_no_sense() {
    for (body, kind) in [
        (r#"{"id": 7, "user_id": 1, "active": false}"#, ErrorKind::Unauthenticated),
        (r#"{"id": 7, "user_id": 1, "revoked": true}"#, ErrorKind::Unauthenticated),
        (r#"{"id": 7}"#, ErrorKind::Protocol),
        ("<html>welcome</html>", ErrorKind::Protocol),
    ] {
        let mut server = mockito::Server::new_async().await;
        server.mock("GET", "/api/v4/personal_access_tokens/self").with_body(body).create_async().await;
        let provider = GitLab::personal(&http()).server(server.url().parse().unwrap()).build().unwrap();
        let error = provider.inspect(&Token::new("glpat-FAKE").unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
    }
}

#[test]
fn what_cannot_be_is_found_by_build() {
    let key = || secret(&Token::new("glpat-FAKEkey").unwrap());
    let kind = |built: tokenturn::Result<tokenturn::GitLabTokens>| built.unwrap_err().kind();
    assert_eq!(kind(GitLab::of_user(&http(), 7, key()).build()), ErrorKind::Configuration, "gitlab.com makes none");
    let role = GitLabAccessLevel::Developer;
    assert_eq!(kind(GitLab::of_project(&http(), "", role, key()).build()), ErrorKind::Configuration);
    assert_eq!(kind(GitLab::of_group(&http(), "acme", role, "two words".into()).build()), ErrorKind::InvalidInput);
    assert_eq!(kind(GitLab::of_group(&http(), "a", role, key()).longest_life(401).build()), ErrorKind::Configuration);
    let plain = GitLab::personal(&http()).server("http://gitlab.example.com".parse().unwrap()).build();
    assert_eq!(plain.unwrap_err().kind(), ErrorKind::Configuration);
    let names = [
        GitLab::personal(&http()).build().unwrap().name().to_owned(),
        GitLab::of_project(&http(), "acme/site", role, key()).build().unwrap().name().to_owned(),
    ];
    assert_eq!(names, ["personal access tokens of gitlab.com", "access tokens of project acme/site of gitlab.com"]);
}
