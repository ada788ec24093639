//! What goes wrong between the machines.

use tokenturn::testing::Trouble;
use tokenturn::{Decision, Outcome};

use crate::world::{LOGIN, TEXT, World};

const UPDATE: &str = "POST /ci/job/team/credentials/store/folder/domain/_/credential/git-pat/config.xml";

#[tokio::test]
async fn whatever_becomes_of_one_write_to_jenkins_the_run_ends_well() {
    for trouble in [
        Trouble::DropBefore,
        Trouble::DropAfter,
        Trouble::FailAfter(502),
        Trouble::Refuse(503),
        Trouble::Silence,
        Trouble::SilenceAfter,
        Trouble::Wait(2),
    ] {
        let world = World::start().await;
        let bot = world.rotator();
        let (run, _) = world.begin(&bot).await;
        world.jenkins.trouble(UPDATE, trouble.clone());
        let run = world.finish(&bot, run).await;
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{trouble:?}: {:?}", run.outcome);
        world.assert_turned_over(&run);
    }
}

#[tokio::test]
async fn whatever_becomes_of_one_revocation_the_run_ends_well() {
    for trouble in
        [Trouble::DropBefore, Trouble::DropAfter, Trouble::FailAfter(500), Trouble::SilenceAfter, Trouble::Wait(2)]
    {
        let world = World::start().await;
        let bot = world.rotator();
        let (run, _) = world.begin(&bot).await;
        world.github.trouble("POST /api/v3/credentials/revoke", trouble.clone());
        let run = world.finish(&bot, run).await;
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{trouble:?}: {:?}", run.outcome);
        world.assert_turned_over(&run);
    }
}

#[tokio::test]
async fn a_jenkins_that_says_yes_and_writes_nothing_never_costs_the_old_token() {
    let world = World::start().await;
    // Builds have used both, so Jenkins keeps fingerprints: what was not written shows.
    world.jenkins.use_credential(TEXT);
    world.jenkins.use_credential(LOGIN);
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    world.jenkins.lying(true);
    let (mut run, new) = world.paste(&bot, &run).await;
    for _ in 0..3 {
        world.clock.advance(std::time::Duration::from_hours(25));
        if !matches!(run.outcome, Outcome::NeedsPerson { .. }) {
            run = bot.resume(run.id).await.unwrap();
        }
    }
    assert!(matches!(run.outcome, Outcome::NeedsPerson { .. }), "{:?}", run.outcome);
    assert_eq!(world.in_use(), Some(world.old.clone()));
    assert!(world.github.is_alive(&world.old) && world.github.is_alive(&new));
    world.jenkins.lying(false);
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
}

#[tokio::test]
async fn a_lie_that_nothing_can_show_while_both_tokens_live_is_found_and_mended_when_the_old_one_is_dead() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    world.jenkins.lying(true);
    let (run, new) = world.paste(&bot, &run).await;
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "every test passes with the old token: {:?}", run.outcome);
    world.jenkins.lying(false);
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    assert_eq!(world.in_use(), Some(new));
}

#[tokio::test]
async fn a_right_that_is_missing_holds_the_run_with_both_tokens_alive_and_is_named() {
    let world = World::start().await;
    let http = crate::world::http();
    let jenkins = tokenturn::Jenkins::at(&http, world.jenkins.base()).unwrap();
    let jenkins = jenkins.api_token("rotator", world.jenkins.api_token("rotator")).build().unwrap();
    let bot = tokenturn::Rotator::builder("rights", world.provider().revoke_by_api().build().unwrap())
        .consumer(jenkins.credential("git-pat").in_folder("team").named("login"))
        .policy(crate::world::policy())
        .clock(std::sync::Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    world.jenkins.grant("rotator", "Item/Read");
    world.jenkins.deny("rotator", "Credentials/Update");
    let (run, _) = world.begin(&bot).await;
    let (run, new) = world.paste(&bot, &run).await;
    let Outcome::NeedsPerson { problems, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(problems[0].text.contains("Credentials/Update"), "{problems:?}");
    assert!(world.github.is_alive(&world.old) && world.github.is_alive(&new));
    world.jenkins.grant("rotator", "Credentials/Update");
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let run = world.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    assert_eq!(world.jenkins.secret_of(LOGIN).as_deref(), Some(new.expose()));
}

#[tokio::test]
async fn a_roll_back_puts_the_old_token_back_and_revokes_the_new_one() {
    let world = World::start().await;
    let bot = world.builder(world.provider().revoke_by_api());
    let bot = bot.policy(crate::world::policy().on_failure(tokenturn::OnFailure::RollBack)).build().unwrap();
    let (run, _) = world.begin(&bot).await;
    world.jenkins.trouble(UPDATE, Trouble::Refuse(403));
    let (run, new) = world.paste(&bot, &run).await;
    let run = world.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{:?}", run.outcome);
    assert_eq!(world.in_use(), Some(world.old.clone()));
    assert!(world.github.is_alive(&world.old) && !world.github.is_alive(&new));
    world.assert_siblings_kept();
}

#[tokio::test]
async fn configuration_as_code_that_puts_the_old_token_back_is_caught_before_it_dies_or_mended_after() {
    let world = World::start().await;
    world.jenkins.manage_by_code();
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    assert!(world.happened("Configuration as Code is installed"));
    let (run, _) = world.paste(&bot, &run).await;
    world.jenkins.reload_from_code();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
}

#[tokio::test]
async fn a_whole_rotation_takes_few_requests() {
    let world = World::start().await;
    let bot = world.rotator();
    let (run, _) = world.begin(&bot).await;
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run);
    let of_bot = |line: &str| !line.contains("info/refs") && !line.contains("rate_limit");
    let github = world.github.seen().iter().filter(|seen| of_bot(&seen.line)).count();
    let jenkins = world.jenkins.seen().len();
    crate::world::say(&format!(
        "requests of a rotation with two credentials: {github} to GitHub, {jenkins} to Jenkins"
    ));
    assert!(github <= 40 && jenkins <= 80, "{github} to GitHub, {jenkins} to Jenkins");
}
