//! A person agrees elsewhere, and the provider is asked now and then.

use tokenturn::consumer::memory::Fault;
use tokenturn::rotation::{Ask, Fact, Outcome, State};
use tokenturn::{ErrorKind, Rotator, Run};

use crate::world::{World, asks, completed, overlap, seconds};

async fn pending() -> (World, Rotator, Run) {
    let mut can = overlap();
    can.issuer = tokenturn::provider::Issuer::Person;
    let world = World::of(can).with_provider(tokenturn::provider::memory::MemoryProvider::polled);
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    (world, rotator, run)
}

#[tokio::test]
async fn the_token_is_collected_once_the_person_has_agreed() {
    let (world, rotator, run) = pending().await;
    assert!(matches!(asks(&run), [Ask::Token { polled: Some(_), .. }]));
    assert_eq!(rotator.resume_due().await.unwrap(), None, "it is too early to ask");
    world.clock.advance(seconds(5));
    let run = rotator.resume_due().await.unwrap().unwrap();
    assert!(matches!(asks(&run), [Ask::Token { polled: Some(_), .. }]), "nobody has agreed yet");
    world.provider.agree();
    world.clock.advance(seconds(5));
    completed(&rotator.resume_due().await.unwrap().unwrap());
    assert!(world.all_hold(&world.newest()));
    assert_eq!(world.kept().await, ["current"], "the ticket is gone");
}

#[tokio::test]
async fn the_ticket_survives_a_restart() {
    let (world, _, run) = pending().await;
    assert!(world.kept().await.iter().any(|value| value.contains("ticket")));
    world.provider.agree();
    world.clock.advance(seconds(5));
    completed(&world.rotator().resume(run.id).await.unwrap());
}

#[tokio::test]
async fn nothing_is_to_be_pasted() {
    let (world, rotator, run) = pending().await;
    let error = rotator.supply(run.id, world.provider.mint("bot", crate::world::repo())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_found_and_revoked() {
    let (world, rotator, _) = pending().await;
    world.provider.agree();
    world.provider.plan_fault("collect", Fault::LostAfter);
    world.clock.advance(seconds(5));
    rotator.resume_due().await.unwrap();
    world.clock.advance(seconds(5));
    let run = rotator.resume_due().await.unwrap().unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{run:?}");
    assert_eq!(world.provider.live(), 1, "the old one alone lives");
    assert_eq!(world.count(|fact| matches!(fact, Fact::OrphansFound { ids, .. } if ids.len() == 1)), 1);
}

#[tokio::test]
async fn a_poll_that_never_arrived_is_sent_again() {
    let (world, rotator, _) = pending().await;
    world.provider.agree();
    world.provider.plan_fault("collect", Fault::LostBefore);
    world.clock.advance(seconds(5));
    let run = rotator.resume_due().await.unwrap().unwrap();
    assert!(matches!(asks(&run), [Ask::Token { .. }]));
    world.clock.advance(seconds(5));
    completed(&rotator.resume_due().await.unwrap().unwrap());
}

#[tokio::test]
async fn a_poll_is_on_record_before_it_is_sent_and_its_answer_clears_it() {
    let (world, rotator, _) = pending().await;
    world.clock.advance(seconds(5));
    rotator.resume_due().await.unwrap();
    let facts = world.facts();
    let [.., before, last] = &facts[..] else { panic!("{facts:?}") };
    assert!(matches!(before, Fact::Collecting { attempt: 1, .. }), "{before:?}");
    assert!(matches!(last, Fact::IssuePending { open: true, .. }), "{last:?}");
    assert_eq!(State::replay(&facts).unwrap().orphans().len(), 0);
    assert_eq!(State::replay(&facts[..facts.len() - 1]).unwrap().orphans().len(), 1, "it may have made a token");
}

#[tokio::test]
async fn a_run_that_wrote_no_polls_down_is_still_read() {
    let (world, rotator, _) = pending().await;
    world.provider.plan_fault("collect", Fault::LostBefore);
    for _ in 0..2 {
        world.clock.advance(seconds(5));
        rotator.resume_due().await.unwrap();
    }
    let old: Vec<Fact> = world
        .facts()
        .iter()
        .filter(|fact| !matches!(fact, Fact::Collecting { .. }))
        .map(|fact| {
            let mut record = serde_json::to_value(fact).unwrap();
            record.as_object_mut().unwrap().remove("open");
            serde_json::from_value(record).unwrap()
        })
        .collect();
    let lost = old.iter().position(|fact| matches!(fact, Fact::Stumbled { .. })).unwrap();
    let doubts = |facts: &[Fact]| State::replay(facts).unwrap().orphans().len();
    assert_eq!((doubts(&old[..lost]), doubts(&old[..=lost]), doubts(&old)), (0, 1, 1));
}

#[tokio::test]
async fn after_a_code_that_was_never_had_the_next_one_is_asked_with() {
    let mut can = overlap();
    can.issuer = tokenturn::provider::Issuer::Person;
    let world = World::of(can).with_provider(tokenturn::provider::memory::MemoryProvider::polled);
    world.provider.plan_fault("issue", Fault::LostBefore);
    let rotator = world.rotator();
    let run = rotator.rotate(world.held()).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Token { polled: Some(_), .. }]));
    assert!(world.count(|fact| matches!(fact, Fact::Issuing { attempt: 2, .. })) > 0, "{:?}", world.facts());
    world.provider.agree();
    world.clock.advance(seconds(5));
    completed(&rotator.resume_due().await.unwrap().unwrap());
    assert!(world.all_hold(&world.newest()));
}
