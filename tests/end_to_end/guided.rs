//! What people do, and get wrong.

use tokenturn::rotation::TokenRef;
use tokenturn::{Ask, Decision, ErrorKind, Outcome, Severity, Token};

use crate::world::{OLD_ROW, World, token_guide};

#[tokio::test]
async fn a_rotation_is_one_paste() {
    let world = World::start().await;
    world.github.revoke_after_logins(2);
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let (run, _) = world.paste(&bot, &run).await;
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{:?}", run.outcome);
    assert!(world.github.is_alive(&world.old), "jobs still run with it");
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    assert_eq!(world.github.mails(), ["build-bot"]);
}

#[tokio::test]
async fn the_next_rotation_needs_no_old_token_from_the_caller() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    let first = world.in_use().unwrap();
    let run = bot.rotate(tokenturn::Predecessor::Kept).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    assert!(!world.github.is_alive(&first));
}

#[tokio::test]
async fn the_plan_reads_and_changes_nothing() {
    let world = World::start().await;
    let bot = world.rotator();
    let plan = bot.plan(&world.held()).await.unwrap();
    assert!(!plan.is_blocked(), "{plan}");
    let text = plan.to_string();
    for part in ["mails the owner", "cannot be undone", "a person"] {
        assert!(text.contains(part), "{part} not in:\n{text}");
    }
    let writes = |line: &str| line.starts_with("POST") && !line.contains("descriptorByName");
    let seen = [world.jenkins.seen(), world.github.seen()].concat();
    let written: Vec<_> = seen.iter().filter(|seen| writes(&seen.line)).collect();
    assert!(written.is_empty(), "{written:?}");
    assert!(bot.open_rotations().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_plan_finds_what_would_stop_the_run() {
    let world = World::start().await;
    world.jenkins.remove("system/_/github-api");
    world.github.delete(OLD_ROW).unwrap();
    let plan = world.rotator().plan(&world.held()).await.unwrap();
    assert!(plan.is_blocked(), "{plan}");
    let blocker = plan.findings.iter().find(|finding| finding.severity == Severity::Blocker).unwrap();
    assert_eq!(blocker.subject.as_deref(), Some("text"));
    assert!(plan.to_string().contains("dead"), "{plan}");
}

#[tokio::test]
async fn regenerate_instead_of_generate_is_said_and_the_run_goes_on_without_the_old_token() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let value = world.github.regenerate(OLD_ROW).unwrap();
    let run = bot.supply(run.id, Token::new(&value).unwrap()).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    assert!(world.happened("the old token is dead"));
    assert_eq!(world.github.mails(), Vec::<String>::new(), "there was nothing left to revoke");
}

#[tokio::test]
async fn the_old_token_pasted_again_is_refused_at_the_prompt() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let error = bot.supply(run.id.clone(), world.old.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
}

#[tokio::test]
async fn a_scope_that_was_not_ticked_is_ticked_afterwards_and_the_paste_is_kept() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let token = world.github.classic("build-bot", "by hand", &["repo"]);
    let run = bot.supply(run.id, token.clone()).await.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    let Ask::Cure { refusal, .. } = &asks[0] else { panic!("{asks:?}") };
    assert!(refusal.to_string().contains("admin:repo_hook"), "{refusal}");
    assert_eq!(world.in_use(), Some(world.old.clone()));
    world.github.tick("by hand", "admin:repo_hook").unwrap();
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    assert_eq!(world.in_use(), Some(token));
}

#[tokio::test]
async fn single_sign_on_is_authorised_afterwards_and_the_paste_is_kept() {
    let world = World::start().await;
    world.github.require_sso("acme");
    world.github.authorize("acme", OLD_ROW);
    let bot = world.rotator();
    let (run, guide) = world.begin(&bot).await;
    let (run, token) = world.paste(&bot, &run).await;
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(matches!(&asks[0], Ask::Cure { refusal, .. } if refusal.to_string().contains("Configure SSO")), "{asks:?}");
    let name = guide.title.rsplit(' ').next().unwrap();
    world.github.authorize("acme", name);
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    assert_eq!(world.in_use(), Some(token));
}

#[tokio::test]
async fn another_accounts_token_is_refused_and_left_alive() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let private = world.github.classic("somebody", "my own", &["repo", "admin:repo_hook"]);
    let run = bot.supply(run.id, private.clone()).await.unwrap();
    assert!(world.happened("belongs to somebody"));
    assert_eq!(world.in_use(), Some(world.old.clone()));
    assert!(!matches!(run.outcome, Outcome::Draining { .. }));
    assert!(world.github.is_alive(&private), "it is not ours to revoke");
}

#[tokio::test]
async fn a_server_without_the_interface_has_a_person_delete_the_old_token() {
    let world = World::start().await;
    world.github.without_revocation();
    let bot = world.rotator();
    let (run, guide) = world.begin(&bot).await;
    let (run, _) = world.paste(&bot, &run).await;
    world.clock.advance(std::time::Duration::from_hours(25));
    let run = bot.resume(run.id).await.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    let text = asks[0].guide().unwrap().to_string();
    let name = guide.title.rsplit(' ').next().unwrap();
    assert!(text.contains(&format!("Not the row named {name}")), "{text}");
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
}

#[tokio::test]
async fn the_wrong_row_deleted_is_found_before_anybody_relies_on_it() {
    let world = World::start().await;
    let bot = world.builder(world.provider().revoke_by_person()).build().unwrap();
    let (run, guide) = world.begin(&bot).await;
    let (run, _) = world.paste(&bot, &run).await;
    world.clock.advance(std::time::Duration::from_hours(25));
    let run = bot.resume(run.id).await.unwrap();
    world.github.delete(guide.title.rsplit(' ').next().unwrap()).unwrap();
    let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(matches!(run.outcome, Outcome::NeedsPerson { .. }), "{:?}", run.outcome);
    assert!(world.github.is_alive(&world.old), "the one that is left stays");
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    assert!(token_guide(&run).link.is_some(), "another is made");
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
}

#[tokio::test]
async fn a_plugin_that_keeps_clients_holds_up_the_revocation_until_somebody_saved_it() {
    let world = World::start().await;
    world.jenkins.cached_client_token("github-api").expect("it works with the old token");
    let http = crate::world::http();
    let jenkins = tokenturn::Jenkins::at(&http, world.jenkins.base()).unwrap();
    let jenkins = jenkins.api_token("admin", world.jenkins.api_token("admin")).build().unwrap();
    let bot = tokenturn::Rotator::builder("cached", world.provider().revoke_by_api().build().unwrap())
        .consumer(jenkins.credential("github-api").named("text").test_connection().cached_by_github_plugin())
        .policy(crate::world::policy())
        .clock(std::sync::Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let (run, _) = world.begin(&bot).await;
    let (run, new) = world.paste(&bot, &run).await;
    world.clock.advance(std::time::Duration::from_hours(24 * 30));
    let run = bot.resume(run.id).await.unwrap();
    assert!(world.github.is_alive(&world.old), "the plugin's own client still uses it");
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    let Ask::Confirmation { consumer, .. } = asks[0].clone() else { panic!("{asks:?}") };
    world.jenkins.save_github_configuration();
    let mut run = bot.resolve(run.id, Decision::Confirm(consumer)).await.unwrap();
    if !run.outcome.is_over() {
        run = bot.resume(run.id).await.unwrap();
    }
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    assert_eq!(world.jenkins.cached_client_token("github-api").as_deref(), Some(new.expose()));
    assert!(!world.github.is_alive(&world.old));
}
