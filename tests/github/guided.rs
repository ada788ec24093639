use tokenturn::{ErrorKind, GitHub};

use crate::{classic, fake, guide, http};

#[tokio::test]
async fn the_link_is_filled_in_and_the_steps_work_without_it() {
    let fake = fake().await;
    let provider = classic(&fake).revoke_by_api().account("build-bot").build().unwrap();
    let guide = guide(&provider, &["repo", "admin:repo_hook"], Some(90)).await.unwrap();
    let link = guide.link.as_ref().unwrap();
    assert_eq!(link.path(), "/settings/tokens/new");
    let query: Vec<_> = link.query_pairs().into_owned().collect();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        query,
        [
            pair("description", "tokenturn-0a1b-1"),
            pair("scopes", "admin:repo_hook,repo"),
            pair("default_expires_at", "90")
        ]
    );
    let text = guide.to_string();
    for part in
        ["build-bot", "tokenturn-0a1b-1", "admin:repo_hook, repo", "90 days", "Generate new token", "one-time code"]
    {
        assert!(text.contains(part), "{part} not in:\n{text}");
    }
}

#[tokio::test]
async fn the_first_step_says_that_the_token_is_shown_once_and_where_it_goes() {
    let fake = fake().await;
    let guide = guide(&classic(&fake).revoke_by_api().build().unwrap(), &["repo"], None).await.unwrap();
    let first = &guide.steps[0].text;
    for part in ["once", "straight into the prompt", "leave the page open"] {
        assert!(first.contains(part), "{part} not in: {first}");
    }
    let open = guide.steps.iter().find(|step| step.key == "open").unwrap();
    assert!(open.text.contains("Never \"Regenerate\""));
}

#[tokio::test]
async fn a_life_that_the_page_does_not_offer_is_written_out() {
    let fake = fake().await;
    let guide = guide(&classic(&fake).revoke_by_api().build().unwrap(), &[], Some(45)).await.unwrap();
    assert!(guide.link.unwrap().query().unwrap().contains("default_expires_at=custom"));
    assert!(guide.steps.iter().any(|step| step.text.contains("45 days")));
}

#[tokio::test]
async fn a_fine_grained_link_carries_permissions_owner_and_life() {
    let fake = fake().await;
    let provider = GitHub::fine_grained(&http())
        .server(fake.base())
        .organization("acme")
        .must_read("acme/site")
        .revoke_by_person()
        .build()
        .unwrap();
    let guide = guide(&provider, &["contents=write", "repository_hooks=write"], Some(30)).await.unwrap();
    let query = guide.link.as_ref().unwrap().query().unwrap().to_owned();
    assert_eq!(query, "name=tokenturn-0a1b-1&target_name=acme&expires_in=30&contents=write&repository_hooks=write");
    assert!(guide.to_string().contains("acme/site"), "repositories cannot be filled in, so a step names them");
    let too_long = crate::guide(&provider, &[], Some(400)).await.unwrap_err();
    assert_eq!(too_long.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_a_person_makes_by_the_link_is_what_was_asked_for() {
    let fake = fake().await;
    let provider = classic(&fake).revoke_by_api().build().unwrap();
    let guide = guide(&provider, &["repo", "admin:repo_hook"], Some(90)).await.unwrap();
    let paste = fake.generate("build-bot", &guide).unwrap();
    let token = tokenturn::Token::new(&paste).unwrap();
    assert!(fake.is_alive(&token));
    assert_eq!(fake.rows("build-bot"), ["tokenturn-0a1b-1"]);
}

#[test]
fn how_old_tokens_end_must_be_said() {
    let error = GitHub::classic(&http()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("revoke_by_person"), "{error}");
    let error = GitHub::classic(&http()).revoke_by_api().must_read("site").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let plain = "http://github.example.com".parse().unwrap();
    assert_eq!(
        GitHub::classic(&http()).server(plain).revoke_by_api().build().unwrap_err().kind(),
        ErrorKind::Configuration
    );
}
