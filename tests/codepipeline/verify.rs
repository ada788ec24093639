//! What is proven, and what is not.

use std::time::Duration;

use tokenturn::consumer::{Consumer, Proof, Slot, Verification};
use tokenturn::testing::CodePipelineFake;
use tokenturn::{Answer, CodePipelineSources, Effect, ErrorKind, ScopeModel, ScopeSet};

use crate::world::{BRANCH, NEW, OLD, OTHER, World, assert_error, install, token, turn};

async fn look(sources: &CodePipelineSources, secret: &str, slot: &Slot) -> Verification {
    sources.verify(&token(secret), slot).await.unwrap()
}

fn answers(verification: &Verification) -> (Answer, Answer) {
    (verification.works, verification.new)
}

fn soon(sources: CodePipelineSources) -> CodePipelineSources {
    sources.start_execution_within(Duration::from_millis(200))
}

/// GitHub takes these alone.
fn takes(fake: &CodePipelineFake, tokens: &[&str]) {
    for token in tokens {
        fake.accept_token(token);
    }
}

#[tokio::test]
async fn the_version_that_was_written_proves_the_token_and_only_that_one() {
    let world = World::start().await;
    let site = world.site();
    let slot = turn(&site, NEW).await;
    assert_eq!(answers(&look(&site, NEW, &slot).await), (Answer::Unknown, Answer::Proven));
    assert_eq!(look(&site, OLD, &slot).await.new, Answer::Refuted);
    let unwritten = site.preflight().await.unwrap();
    assert_eq!(look(&site, NEW, &unwritten).await.new, Answer::Unknown, "a look tells nothing of a masked value");
    world.fake.edit("site", BRANCH, "dev".into());
    for secret in [NEW, OLD] {
        assert_eq!(
            look(&site, secret, &slot).await.new,
            Answer::Unknown,
            "whoever edited it may have changed the token"
        );
    }
}

#[tokio::test]
async fn a_run_of_the_new_version_proves_that_it_works_and_one_from_before_does_not() {
    let world = World::start().await;
    let site = world.site();
    takes(&world.fake, &[OLD, NEW, OTHER]);
    world.fake.run("site").unwrap();
    let before = site.preflight().await.unwrap();
    assert_eq!(
        answers(&look(&site, OLD, &before).await),
        (Answer::Unknown, Answer::Unknown),
        "it says nothing of today"
    );
    let slot = install(&site, NEW, &before).await.unwrap();
    assert_eq!(look(&site, NEW, &slot).await.works, Answer::Unknown, "nothing ran since");
    world.fake.run("site").unwrap();
    let seen = look(&site, NEW, &slot).await;
    assert_eq!(answers(&seen), (Answer::Proven, Answer::Proven));
    assert!(seen.note.unwrap().contains("Source/GitHub succeeded since"));
    world.fake.edit("site", BRANCH, "dev".into());
    assert_eq!(look(&site, NEW, &slot).await.works, Answer::Unknown, "it ran as it no longer is");
}

#[tokio::test]
async fn a_token_that_github_refuses_is_refuted_in_githubs_words() {
    let world = World::start().await;
    let site = world.site();
    takes(&world.fake, &[OLD, OTHER]);
    let slot = turn(&site, NEW).await;
    world.fake.run("site").unwrap();
    let seen = look(&site, NEW, &slot).await;
    assert_eq!(answers(&seen), (Answer::Refuted, Answer::Proven));
    assert!(seen.note.unwrap().contains("might be invalid or has been revoked"));
    let old = site.preflight().await.unwrap();
    assert_eq!(look(&site, OLD, &old).await.works, Answer::Refuted, "what it holds does not work now");
}

#[tokio::test]
async fn a_source_that_fails_for_another_reason_shows_nothing_of_the_token() {
    let world = World::start().await;
    let site = world.site();
    let slot = turn(&site, NEW).await;
    world.fake.run("site").unwrap();
    let why = "The service role does not have the permissions required to access the Amazon S3 bucket";
    world.fake.fail_sources("site", "PermissionError", why);
    let seen = look(&site, NEW, &slot).await;
    assert_eq!(seen.works, Answer::Unknown);
    assert!(seen.note.unwrap().contains("S3 bucket"));
}

#[tokio::test]
async fn every_chosen_source_must_work() {
    let world = World::start().await;
    let both = world.aws.pipeline("site");
    let slot = turn(&both, NEW).await;
    takes(&world.fake, &[NEW]);
    world.fake.run("site").unwrap();
    assert_eq!(look(&both, NEW, &slot).await.works, Answer::Proven);
    // One source has another token now, which GitHub does not take.
    let lib = world.aws.pipeline("site").action("Source", "Lib");
    turn(&lib, OTHER).await;
    world.fake.run("site").unwrap();
    assert_eq!(look(&both, NEW, &slot).await.works, Answer::Refuted);
}

#[tokio::test]
async fn without_the_right_to_see_runs_nothing_is_proven_and_the_right_is_named() {
    let world = World::start().await;
    let site = world.site();
    let slot = turn(&site, NEW).await;
    world.fake.run("site").unwrap();
    world.fake.deny("codepipeline:ListActionExecutions");
    let seen = look(&site, NEW, &slot).await;
    assert_eq!(answers(&seen), (Answer::Unknown, Answer::Proven));
    assert!(seen.note.unwrap().contains("grant codepipeline:ListActionExecutions"));
    let error = soon(site).verify(&token(NEW), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "codepipeline:ListActionExecutions");
    assert_eq!(world.count("StartPipelineExecution"), 0, "what cannot be seen is not begun");
}

#[tokio::test]
async fn what_it_can_prove_is_what_it_claims() {
    let world = World::start().await;
    let claims = |sources: &CodePipelineSources| (sources.capabilities().works, sources.capabilities().new);
    assert_eq!(claims(&world.site()), (Proof::Sometimes, Proof::Sometimes));
    assert_eq!(claims(&world.site().start_execution()), (Proof::Always, Proof::Always));
    assert!(world.site().capabilities().disruptive && world.site().capabilities().restorable);
    let scopes = |sources: &CodePipelineSources, model| sources.required_scopes(model);
    let documented = Some(ScopeSet::of(["repo", "admin:repo_hook"]));
    assert_eq!(scopes(&world.site(), ScopeModel::GITHUB_CLASSIC), documented);
    assert_eq!(scopes(&world.site(), ScopeModel::NONE), None);
    let own = world.site().requiring(["public_repo"]);
    assert_eq!(scopes(&own, ScopeModel::GITHUB_CLASSIC), Some(ScopeSet::of(["public_repo"])));
}

#[tokio::test]
async fn an_execution_is_started_once_and_proves_both() {
    let world = World::start().await;
    takes(&world.fake, &[OLD, NEW, OTHER]);
    let site = soon(world.site());
    let before = site.preflight().await.unwrap();
    look(&site, OLD, &before).await;
    assert_eq!(world.fake.executions_of("site"), 0, "nothing is started to look at what was not installed");
    world.fake.sources_take(3);
    let slot = install(&site, NEW, &before).await.unwrap();
    for _ in 0..2 {
        assert_eq!(answers(&look(&site, NEW, &slot).await), (Answer::Proven, Answer::Proven));
    }
    assert_eq!((world.fake.executions_of("site"), world.count("StartPipelineExecution")), (1, 1));
}

#[tokio::test]
async fn somebody_elses_run_is_taken_instead_of_one_of_ours() {
    let world = World::start().await;
    let site = soon(world.site());
    let slot = turn(&site, NEW).await;
    world.fake.sources_take(2);
    world.fake.run("site").unwrap();
    assert_eq!(look(&site, NEW, &slot).await.works, Answer::Proven);
    assert_eq!(world.count("StartPipelineExecution"), 0);
}

#[tokio::test]
async fn an_execution_that_takes_long_is_looked_at_again_and_not_started_twice() {
    let world = World::start().await;
    let site = soon(world.site());
    let slot = turn(&site, NEW).await;
    world.fake.sources_take(1_000);
    let error = site.verify(&token(NEW), &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Busy, Effect::None, "looked at again later");
    let error = site.verify(&token(NEW), &slot).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(world.fake.executions_of("site"), 1);
}
