//! The Git user token of a runtime: what a write changes, and what can be said of it.

use std::time::Duration;

use tokenturn::consumer::{Consumer, Proof};
use tokenturn::{Answer, Effect, ErrorKind, Token};

use crate::world::{NEW, OLD, RUNTIME, World, assert_error, codefresh, install, quick, token, turn};

#[tokio::test]
async fn the_users_own_token_of_the_named_integration_is_replaced_and_nothing_else() {
    let world = World::start().await;
    let theirs = Token::new("ghp_FAKEtheirs").unwrap();
    world.fake.put_user_token(RUNTIME, "default", "other", &theirs);
    world.fake.put_user_token(RUNTIME, "gitlab", "rotator", &theirs);
    let before = world.fake.runtime_without_tokens(RUNTIME);
    turn(&world.user_token(), NEW).await;
    assert_eq!(world.stored().as_deref(), Some(NEW));
    for (integration, user) in [("default", "other"), ("gitlab", "rotator")] {
        assert_eq!(world.fake.user_token(RUNTIME, integration, user).as_deref(), Some(theirs.expose()));
    }
    assert_eq!(world.fake.runtime_without_tokens(RUNTIME), before);
    turn(&world.user_token().integration("gitlab"), NEW).await;
    assert_eq!(world.fake.user_token(RUNTIME, "gitlab", "rotator").as_deref(), Some(NEW));
}

#[tokio::test]
async fn a_user_who_has_none_yet_gets_the_first() {
    let world = World::start().await;
    let consumer = quick(codefresh(&world.fake, "other").runtime(RUNTIME));
    let slot = consumer.preflight().await.unwrap();
    assert!(slot.warnings[0].contains("will be the first"), "{slot:?}");
    let slot = install(&consumer, NEW, &slot).await.unwrap();
    assert_eq!(world.fake.user_token(RUNTIME, "default", "other").as_deref(), Some(NEW));
    assert_eq!(world.stored().as_deref(), Some(OLD));
    let verification = consumer.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(verification.works, Answer::Proven);
}

#[tokio::test]
async fn installing_twice_is_the_same_as_once_and_the_old_token_can_go_back() {
    let world = World::start().await;
    let consumer = world.user_token();
    let slot = turn(&consumer, NEW).await;
    install(&consumer, NEW, &slot).await.unwrap();
    assert_eq!(world.stored().as_deref(), Some(NEW));
    assert!(consumer.capabilities().restorable);
    turn(&consumer, OLD).await;
    assert_eq!(world.stored().as_deref(), Some(OLD));
}

#[tokio::test]
async fn an_integration_that_was_edited_since_it_was_read_is_left_alone() {
    let world = World::start().await;
    let consumer = world.user_token();
    let slot = consumer.preflight().await.unwrap();
    world.fake.edit_integration(RUNTIME, "default");
    let error = install(&consumer, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::None, "read it again");
    assert_eq!((world.stored().as_deref(), world.fake.writes()), (Some(OLD), 0));
    // That other users come does not matter.
    let slot = consumer.preflight().await.unwrap();
    world.fake.put_user_token(RUNTIME, "default", "other", &Token::new("ghp_FAKEtheirs").unwrap());
    install(&consumer, NEW, &slot).await.unwrap();
}

#[tokio::test]
async fn a_valid_token_works_and_is_never_called_the_new_one() {
    let world = World::start().await;
    let consumer = world.user_token();
    assert_eq!((consumer.capabilities().works, consumer.capabilities().new), (Proof::Always, Proof::Never));
    let slot = consumer.preflight().await.unwrap();
    for secret in [OLD, NEW] {
        let verification = consumer.verify(&token(secret), &slot).await.unwrap();
        assert_eq!((verification.works, verification.new), (Answer::Proven, Answer::Unknown));
    }
}

#[tokio::test]
async fn a_no_is_asked_again_until_the_runtime_looks_anew() {
    let world = World::start().await;
    let consumer = world.user_token();
    // What stood there before was dead, and the runtime goes on saying so for three questions.
    world.fake.kill(&Token::new(OLD).unwrap());
    let slot = consumer.preflight().await.unwrap();
    assert_eq!(consumer.verify(&token(OLD), &slot).await.unwrap().works, Answer::Refuted);
    let slot = install(&consumer, NEW, &slot).await.unwrap();
    let asked = world.count("GitIntegrations");
    let verification = consumer.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Proven, Answer::Unknown));
    assert_eq!(world.count("GitIntegrations") - asked, 4);
    // And not for ever.
    world.fake.kill(&Token::new(NEW).unwrap());
    let asked = world.count("GitIntegrations");
    let verification = consumer.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(verification.works, Answer::Refuted);
    assert_eq!(world.count("GitIntegrations") - asked, 5);
    let once = consumer.looking(0, Duration::ZERO).verify(&token(NEW), &slot).await.unwrap();
    assert_eq!(once.works, Answer::Refuted);
    assert_eq!(world.count("GitIntegrations") - asked, 6);
}

#[tokio::test]
async fn after_a_write_a_yes_that_may_be_about_the_token_before_is_not_believed() {
    let world = World::start().await;
    let consumer = world.user_token();
    let slot = turn(&consumer, NEW).await;
    // It dies at once, while the runtime goes on calling the one before valid.
    world.fake.kill(&Token::new(NEW).unwrap());
    assert_eq!(consumer.verify(&token(NEW), &slot).await.unwrap().works, Answer::Refuted);
    world.fake.accept(&Token::new(NEW).unwrap());
    assert_eq!(consumer.verify(&token(NEW), &slot).await.unwrap().works, Answer::Proven);
    // Where nothing was written, the first yes is enough.
    let slot = consumer.preflight().await.unwrap();
    let asked = world.count("GitIntegrations");
    assert_eq!(consumer.verify(&token(NEW), &slot).await.unwrap().works, Answer::Proven);
    assert_eq!(world.count("GitIntegrations") - asked, 1);
}

#[tokio::test]
async fn a_user_without_a_token_is_refuted() {
    let world = World::start().await;
    let consumer = quick(codefresh(&world.fake, "other").runtime(RUNTIME));
    let slot = consumer.preflight().await.unwrap();
    let verification = consumer.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Refuted, Answer::Unknown));
    assert!(verification.note.unwrap().contains("no token of this user"));
}

#[tokio::test]
async fn an_app_proxy_that_cannot_say_what_is_valid_is_refused_unless_it_is_said_that_nothing_is_shown() {
    let world = World::start().await;
    world.fake.outdated(RUNTIME);
    for error in [
        world.user_token().preflight().await.unwrap_err(),
        world.codefresh.oauth_runtime(RUNTIME).preflight().await.unwrap_err(),
    ] {
        assert_error(&error, ErrorKind::Unsupported, Effect::None, "update the runtime");
    }
    let consumer = world.user_token().unvalidated();
    let slot = consumer.preflight().await.unwrap();
    assert_eq!(slot.warnings, Vec::<String>::new());
    let slot = install(&consumer, NEW, &slot).await.unwrap();
    let verification = consumer.verify(&token(NEW), &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Unknown, Answer::Unknown));
}

#[tokio::test]
async fn a_runtime_that_validates_nothing_proves_nothing_where_that_is_said() {
    let world = World::start().await;
    world.fake.validating(RUNTIME, false);
    let wrong = "ghp_FAKEofNobody";
    // Unsaid, its word is taken: nothing shows that it is worth nothing.
    let slot = turn(&world.user_token(), wrong).await;
    assert_eq!(world.user_token().verify(&token(wrong), &slot).await.unwrap().works, Answer::Proven);
    let consumer = world.user_token().unvalidated();
    assert_eq!((consumer.capabilities().works, consumer.capabilities().new), (Proof::Never, Proof::Never));
    let slot = turn(&consumer, wrong).await;
    let verification = consumer.verify(&token(wrong), &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Unknown, Answer::Unknown));
}

#[tokio::test]
async fn bitbucket_gets_the_username_and_is_not_written_without() {
    let world = World::start().await;
    world.fake.add_integration(RUNTIME, "bitbucket", "BITBUCKET");
    let consumer = world.user_token().integration("bitbucket");
    let error = consumer.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "`username`");
    turn(&consumer.username("build-bot"), NEW).await;
    assert_eq!(world.fake.username(RUNTIME, "bitbucket", "rotator").as_deref(), Some("build-bot"));
}

#[tokio::test]
async fn one_token_serves_several_runtimes_and_each_is_a_consumer() {
    let world = World::start().await;
    world.fake.add_runtime("staging");
    assert_eq!(world.codefresh.list_runtimes().await.unwrap(), [RUNTIME, "staging"]);
    let consumers = world.codefresh.runtimes(world.codefresh.list_runtimes().await.unwrap());
    let place = format!("codefresh:127.0.0.1:{}", world.fake.base().port().unwrap());
    let names: Vec<_> = consumers.iter().map(Consumer::name).collect();
    assert_eq!(names, [format!("{place}:production/default"), format!("{place}:staging/default")]);
    for consumer in consumers {
        turn(&consumer, NEW).await;
    }
    for runtime in [RUNTIME, "staging"] {
        assert_eq!(world.fake.user_token(runtime, "default", "rotator").as_deref(), Some(NEW), "{runtime}");
    }
    assert_eq!(world.user_token().named("mine").name(), "mine");
    world.fake.list_in_parts();
    let error = world.codefresh.list_runtimes().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "name them");
}

#[tokio::test]
async fn a_place_that_is_pinned_to_a_user_is_not_written_with_the_key_of_another() {
    let world = World::start().await;
    let (own, other) = (world.fake.user_id("rotator"), world.fake.user_id("other"));
    let slot = turn(&world.user_token().user(&own), NEW).await;
    assert_eq!(slot.detail("user"), Some(own.as_str()));
    let theirs = world.user_token().user(&other);
    let by_person = world.codefresh.oauth_runtime(RUNTIME).user(&other);
    for error in [
        theirs.preflight().await.unwrap_err(),
        install(&theirs, OLD, &slot).await.unwrap_err(),
        theirs.verify(&token(NEW), &slot).await.unwrap_err(),
        by_person.preflight().await.unwrap_err(),
        by_person.install(&token(OLD), &slot).await.unwrap_err(),
        by_person.verify(&token(NEW), &slot).await.unwrap_err(),
    ] {
        assert_error(&error, ErrorKind::Configuration, Effect::None, "hand in an API key of that user");
    }
    assert_eq!((world.fake.writes(), world.stored().as_deref()), (1, Some(NEW)));
    let slot = world.codefresh.oauth_runtime(RUNTIME).user(&own).preflight().await.unwrap();
    assert_eq!(slot.detail("user"), Some(own.as_str()));
}

#[tokio::test]
async fn two_writes_to_one_place_go_one_after_the_other_by_whichever_way_it_is_found() {
    let world = World::start().await;
    world.fake.add_runtime("alias");
    let address = world.fake.base().join(&format!("runtimes/{RUNTIME}/")).unwrap();
    let one = world.user_token();
    let two = quick(world.codefresh.runtime("alias")).app_proxy(address);
    let slots = (one.preflight().await.unwrap(), two.preflight().await.unwrap());
    let before = world.fake.seen().len();
    let (first, second) = tokio::join!(install(&one, NEW, &slots.0), install(&two, NEW, &slots.1));
    first.unwrap();
    second.unwrap();
    let lines = world.fake.seen().into_iter().skip(before).map(|seen| seen.line);
    let proxied: Vec<_> = lines.filter(|line| line.contains("/runtimes/")).collect();
    let reads: Vec<_> = proxied.iter().map(|line| line.ends_with("GitIntegrations")).collect();
    assert_eq!(reads, [true, false, true, false], "{proxied:?}");
}
