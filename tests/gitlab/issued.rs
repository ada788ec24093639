use tokenturn::provider::{EndedBy, Fate, Liveness, Provider, Revocation};
use tokenturn::testing::{Trouble, retired};
use tokenturn::{Effect, ErrorKind, GitLab, GitLabAccessLevel, Label, TokenId};

use crate::{LABEL, World, days, http, issue, issue_for, secret};

fn label() -> Label {
    Label::new(LABEL).unwrap()
}

#[tokio::test]
async fn a_new_token_lives_beside_the_old_one_with_label_scopes_and_end() {
    let world = World::start().await;
    for provider in world.issued() {
        let can = provider.capabilities();
        assert_eq!((can.fate, can.ending, can.reissues), (Fate::Survives, EndedBy::Api, true));
        let first = issue(&provider, None).await.unwrap().token;
        let candidate = issue(&provider, Some(&first)).await.unwrap();
        let second = candidate.token;
        assert!(world.fake.is_alive(&first) && world.fake.is_alive(&second), "{}", provider.name());
        assert_eq!(candidate.id, world.fake.id_of(&second));
        assert_eq!(world.fake.name_of(&second).as_deref(), Some(LABEL));
        assert_eq!(world.fake.scopes_of(&second).unwrap(), ["read_api", "self_rotate"]);
        assert_eq!(world.fake.end_of(&second).as_deref(), Some("2030-04-01"));
        let [old, new] = [provider.inspect(&first).await.unwrap(), provider.inspect(&second).await.unwrap()];
        assert_eq!(old.owner, new.owner, "{}", provider.name());
    }
    assert_eq!(world.sent("POST /api/v4/personal_access_tokens"), 0, "nothing is ever rotated");
}

#[tokio::test]
async fn a_bot_gets_the_role_that_was_chosen_and_no_higher_one_than_the_key_has() {
    let world = World::start().await;
    let made = issue(&world.of_project(), None).await.unwrap().token;
    assert_eq!(world.fake.level_of(&made), Some(30));
    let maintainer = world.fake.user("maintainer");
    world.fake.add_member("acme/site", maintainer, GitLabAccessLevel::Maintainer);
    let key = world.fake.personal(maintainer, "key", &["api"]);
    let above = GitLab::of_project(&http(), "acme/site", GitLabAccessLevel::Owner, secret(&key));
    let error = issue(&world.built(above), None).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
    assert!(error.to_string().contains("greater than the access level"), "{error}");
}

#[tokio::test]
async fn without_a_life_or_with_one_too_long_nothing_is_sent() {
    let world = World::start().await;
    for provider in world.issued() {
        for life in [None, Some(days(366))] {
            let error = issue_for(&provider, None, life).await.unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
        }
    }
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn the_token_of_a_lost_answer_is_found_by_its_label_and_ended_by_its_number() {
    for before_17_9 in [false, true] {
        let world = World::start().await;
        if before_17_9 {
            world.fake.without_revoked_bots();
        }
        orphans_are_found_and_ended(&world).await;
    }
}

async fn orphans_are_found_and_ended(world: &World) {
    for provider in world.issued() {
        world.fake.trouble("POST", Trouble::DropAfter);
        let error = issue(&provider, None).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown);
        let orphan = world.fake.newest().unwrap();
        let id = world.fake.id_of(&orphan).unwrap();
        let found = provider.find(&label()).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&id), "{}", provider.name());
        assert_eq!(provider.status(&id).await.unwrap(), Liveness::Alive);
        // With its number alone a run ends it as an orphan: see the whole rotations.
        assert_eq!(provider.revoke(&retired(&orphan)).await.unwrap(), Revocation::Done);
        assert_eq!(provider.find(&label()).await.unwrap(), []);
        assert_eq!(provider.status(&id).await.unwrap(), Liveness::Dead);
        assert!(!world.fake.is_alive(&orphan));
    }
    assert_eq!(world.sent("POST"), 4, "each was sent once");
}

#[tokio::test]
async fn ending_twice_is_the_same_as_once_and_a_lost_answer_is_sent_again() {
    for before_17_9 in [false, true] {
        let world = World::start().await;
        if before_17_9 {
            world.fake.without_revoked_bots();
        }
        for provider in world.issued() {
            let token = issue(&provider, None).await.unwrap().token;
            let id = world.fake.id_of(&token).unwrap();
            world.fake.trouble("DELETE", Trouble::DropAfter);
            for _ in 0..2 {
                assert_eq!(provider.revoke(&retired(&token)).await.unwrap(), Revocation::Done, "{}", provider.name());
            }
            assert!(!world.fake.is_alive(&token));
            assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
            assert_eq!(provider.status(&id).await.unwrap(), Liveness::Dead, "before 17.9: {before_17_9}");
        }
    }
}

#[tokio::test]
async fn a_key_that_may_not_end_a_bots_token_is_told_so_and_the_token_lives() {
    let world = World::start().await;
    let developer = world.fake.user("developer");
    let token = world.fake.project_token("acme/site", "ci", &["read_api"], GitLabAccessLevel::Developer);
    world.fake.add_member("acme/site", developer, GitLabAccessLevel::Developer);
    let key = secret(&world.fake.personal(developer, "key", &["api"]));
    let provider = world.built(GitLab::of_project(&http(), "acme/site", GitLabAccessLevel::Guest, key));
    let error = provider.revoke(&retired(&token)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None), "{error}");
    assert!(error.to_string().contains("our own key at GitLab"), "{error}");
    assert!(world.fake.is_alive(&token));
}

#[tokio::test]
async fn a_row_that_does_not_say_whose_it_is_may_be_ours_and_is_not_passed_over() {
    let mut server = mockito::Server::new_async().await;
    let row = format!(r#"{{"id": 9, "name": "{LABEL}"}}"#);
    server.mock("GET", mockito::Matcher::Regex(r"tokens\?".into())).with_body(format!("[{row}]")).create_async().await;
    server.mock("GET", mockito::Matcher::Regex(r"tokens/9$".into())).with_body(&row).create_async().await;
    let (key, url) = (secret(&tokenturn::Token::new("glpat-FAKEkey").unwrap()), server.url());
    let id = TokenId::new("9").unwrap();
    for builder in
        [GitLab::of_user(&http(), 7, key.clone()), GitLab::of_service_account(&http(), "acme", 7, key.clone())]
    {
        let provider = builder.server(url.parse().unwrap()).build().unwrap();
        for error in [provider.find(&label()).await.unwrap_err(), provider.status(&id).await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
            assert!(error.to_string().contains("whose token it is"), "{error}");
        }
    }
    let of_project = GitLab::of_project(&http(), "acme/site", GitLabAccessLevel::Guest, key);
    let of_project = of_project.server(url.parse().unwrap()).build().unwrap();
    assert_eq!(of_project.find(&label()).await.unwrap(), [id], "each of its bots has a number of its own");
}

#[tokio::test]
async fn a_value_from_elsewhere_that_is_to_end_does_end() {
    let world = World::start().await;
    let token = world.fake.group_token("acme", "ci", &["api"], GitLabAccessLevel::Guest);
    assert_eq!(world.of_project().revoke(&retired(&token)).await.unwrap(), Revocation::Done);
    assert!(!world.fake.is_alive(&token));
}

#[tokio::test]
async fn only_the_live_tokens_of_exactly_this_name_are_found_whatever_the_search_finds() {
    let world = World::start().await;
    for searching in [true, false] {
        if !searching {
            world.fake.without_search();
        }
        let longer = world.fake.personal(world.bot, &format!("{LABEL}0"), &["api"]);
        let dead = world.fake.personal(world.bot, LABEL, &["api"]);
        world.fake.revoke(&dead);
        let somebody = world.fake.user("somebody");
        let foreign = world.fake.personal(somebody, LABEL, &["api"]);
        assert_eq!(world.of_user().find(&label()).await.unwrap(), [], "searching: {searching}");
        let mine = world.fake.personal(world.bot, LABEL, &["api"]);
        assert_eq!(world.of_user().find(&label()).await.unwrap(), [world.fake.id_of(&mine).unwrap()]);
        assert!(world.fake.is_alive(&longer) && world.fake.is_alive(&foreign));
        world.fake.revoke(&mine);
    }
}

#[tokio::test]
async fn pages_are_counted_and_a_link_to_elsewhere_is_not_followed() {
    let world = World::start().await;
    let mut elsewhere = mockito::Server::new_async().await;
    let never = elsewhere.mock("GET", mockito::Matcher::Any).expect(0).create_async().await;
    world.fake.pages_point_to(&format!("{}/next", elsewhere.url()));
    world.fake.without_search();
    let oldest = world.fake.personal(world.bot, LABEL, &["api"]);
    for number in 0..250 {
        let _ = world.fake.personal(world.bot, &format!("other {number}"), &["api"]);
    }
    assert_eq!(world.of_user().find(&label()).await.unwrap(), [world.fake.id_of(&oldest).unwrap()]);
    assert_eq!(world.sent("GET /api/v4/personal_access_tokens?"), 3);
    never.assert_async().await;
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error_and_not_an_endless_read() {
    let mut server = mockito::Server::new_async().await;
    let rows: Vec<_> = (0..100).map(|id| serde_json::json!({"id": id, "user_id": 7, "name": "other"})).collect();
    let body = serde_json::Value::Array(rows).to_string();
    let mock = server.mock("GET", mockito::Matcher::Any).with_body(body).expect(50).create_async().await;
    let key = secret(&tokenturn::Token::new("glpat-FAKEkey").unwrap());
    let provider = GitLab::of_user(&http(), 7, key).server(server.url().parse().unwrap()).build().unwrap();
    let error = provider.find(&label()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "nothing is concluded from it: {error}");
    mock.assert_async().await;
}

#[tokio::test]
async fn an_administrators_key_touches_no_token_of_anybody_else() {
    let world = World::start().await;
    let provider = world.of_user();
    let admin = world.fake.id_of(&world.admin).unwrap();
    let error = provider.status(&admin).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    for odd in ["self", "1/../2", "12x"] {
        let error = provider.status(&TokenId::new(odd).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{odd}: {error}");
    }
    let unknown = TokenId::new("999999").unwrap();
    assert_eq!(provider.status(&unknown).await.unwrap(), Liveness::Dead);
    assert!(world.fake.is_alive(&world.admin));
}

#[tokio::test]
async fn a_hidden_project_is_no_dead_token() {
    let world = World::start().await;
    let token = world.fake.project_token("acme/site", "ci", &["read_api"], GitLabAccessLevel::Developer);
    let id = world.fake.id_of(&token).unwrap();
    let stranger = world.fake.user("stranger");
    let key = world.fake.personal(stranger, "key", &["api"]);
    let provider = world.built(GitLab::of_project(&http(), "acme/site", GitLabAccessLevel::Developer, secret(&key)));
    assert_eq!(provider.status(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(provider.inspect(&token).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(provider.revoke(&retired(&token)).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(world.fake.is_alive(&token));
}

#[tokio::test]
async fn a_key_without_the_role_or_the_scope_is_refused_before_anything_happens() {
    let world = World::start().await;
    let developer = world.fake.user("developer");
    for path in ["acme/site", "acme"] {
        world.fake.add_member(path, developer, GitLabAccessLevel::Developer);
    }
    let weak = secret(&world.fake.personal(developer, "key", &["api"]));
    let narrow = secret(&world.fake.personal(developer, "narrow", &["read_api"]));
    let before = world.fake.live().len();
    for key in [weak, narrow] {
        let role = GitLabAccessLevel::Guest;
        for builder in [
            GitLab::of_user(&http(), world.bot, key.clone()),
            GitLab::of_project(&http(), "acme/site", role, key.clone()),
            GitLab::of_group(&http(), "acme", role, key.clone()),
            GitLab::of_service_account(&http(), "acme", world.account, key.clone()),
        ] {
            let provider = world.built(builder);
            let error = issue(&provider, None).await.unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::PermissionDenied, Effect::None), "{error}");
            assert!(error.to_string().contains("our own key at GitLab"), "it is no right of a token's: {error}");
        }
    }
    assert_eq!(world.fake.live().len(), before);
}

#[tokio::test]
async fn a_projects_token_makes_no_other() {
    let world = World::start().await;
    let key = world.fake.project_token("acme/site", "key", &["api"], GitLabAccessLevel::Maintainer);
    let role = GitLabAccessLevel::Developer;
    let provider = world.built(GitLab::of_project(&http(), "acme/site", role, secret(&key)));
    let error = issue(&provider, None).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidInput, Effect::None));
    assert!(error.to_string().contains("does not have permission"), "{error}");
}

#[tokio::test]
async fn a_project_is_known_by_its_number_too() {
    let world = World::start().await;
    let number = world.fake.project("acme/app");
    let key = secret(&world.admin);
    let builder = GitLab::of_project(&http(), number.to_string(), GitLabAccessLevel::Guest, key);
    let provider = world.built(builder);
    let token = issue(&provider, None).await.unwrap().token;
    assert_eq!(provider.inspect(&token).await.unwrap().owner, format!("project {number}"));
}
