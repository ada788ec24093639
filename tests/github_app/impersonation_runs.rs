//! Whole rotations of impersonation tokens.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::journal::MemoryJournal;
use tokenturn::rotation::Urgency;
use tokenturn::testing::{GitHubFake, TestSealer, Trouble, VirtualClock};
use tokenturn::{Outcome, Policy, Predecessor, Rotator, Run, Token};

use crate::impersonation::{PATH, fake, provider};
use crate::places::Place;

struct Rotation {
    fake: Arc<GitHubFake>,
    clock: VirtualClock,
    place: Place,
    old: Token,
    bot: Rotator,
}

impl Rotation {
    async fn new() -> Self {
        let (fake, clock) = (fake().await, VirtualClock::new());
        let old = fake.impersonate("build-bot", &["repo"]);
        let place = Place::user("ci", &fake, &old);
        let shared = Arc::new(clock.clone());
        let bot = Rotator::builder("bot", provider(&fake))
            .consumer(place.clone())
            .policy(Policy::default().grace(Duration::ZERO))
            .journal(Arc::new(MemoryJournal::pretending_to_be_durable(shared.clone())))
            .sealer(Arc::new(TestSealer::new()))
            .clock(shared)
            .build()
            .unwrap();
        Self { fake, clock, place, old, bot }
    }

    async fn rotate(&self, predecessor: Predecessor) -> Run {
        let run = self.bot.rotate(predecessor).await.unwrap();
        self.go_on(run).await
    }

    async fn go_on(&self, mut run: Run) -> Run {
        for _ in 0..20 {
            if !matches!(run.outcome, Outcome::Draining { .. } | Outcome::BackingOff { .. } | Outcome::Unfinished) {
                break;
            }
            self.clock.advance(Duration::from_mins(10));
            run = self.bot.resume(run.id).await.unwrap();
        }
        run
    }

    #[track_caller]
    fn assert_turned_over(&self, run: &Run) {
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
        let new = self.place.holds();
        assert!(self.fake.is_alive(&new) && !self.fake.is_alive(&self.old));
        assert_eq!(self.fake.impersonation_of("build-bot"), Some(new));
        assert_eq!(self.fake.rows("build-bot").len(), 1, "nothing is left behind");
    }
}

#[tokio::test]
async fn a_token_is_replaced_and_replaced_again() {
    let rotation = Rotation::new().await;
    let run = rotation.rotate(Predecessor::Held(rotation.old.clone())).await;
    rotation.assert_turned_over(&run);
    let run = rotation.rotate(Predecessor::Kept).await;
    rotation.assert_turned_over(&run);
}

#[tokio::test]
async fn nothing_is_lost_wherever_an_answer_is() {
    for trouble in [Trouble::DropBefore, Trouble::DropAfter, Trouble::FailAfter(502)] {
        // The first request shows which token lives, the second one deletes it, the third one makes the next.
        for at in 1..=3 {
            let rotation = Rotation::new().await;
            let (posts, deletes) = (format!("POST {PATH}"), format!("DELETE {PATH}"));
            match at {
                1 => rotation.fake.trouble(&posts, trouble.clone()),
                2 => rotation.fake.trouble(&deletes, trouble.clone()),
                _ => {
                    rotation.fake.trouble(&posts, Trouble::Slow(Duration::ZERO));
                    rotation.fake.trouble(&posts, trouble.clone());
                }
            }
            let run = rotation.rotate(Predecessor::Held(rotation.old.clone())).await;
            rotation.assert_turned_over(&run);
            let Outcome::Completed(done) = &run.outcome else { continue };
            assert!(done.orphans.is_empty(), "{trouble:?} at {at}: {:?}", done.orphans);
        }
    }
}

#[tokio::test]
async fn a_move_from_a_token_of_another_kind_makes_nothing_though_an_answer_is_lost() {
    let rotation = Rotation::new().await;
    rotation.fake.end_impersonation("build-bot");
    let classic = rotation.fake.classic("build-bot", "old", &["repo"]);
    rotation.fake.trouble(&format!("POST {PATH}"), Trouble::DropAfter);
    let run = rotation.rotate(Predecessor::Held(classic.clone())).await;
    assert!(format!("{:?}", run.outcome).contains("hand in"), "{:?}", run.outcome);
    assert!(rotation.fake.is_alive(&classic) && rotation.fake.impersonation_of("build-bot").is_none());
}

#[tokio::test]
async fn what_was_made_beside_an_old_token_that_lives_is_never_silent() {
    let rotation = Rotation::new().await;
    rotation.fake.end_impersonation("build-bot");
    // Nothing but the server tells it from an impersonation token.
    let other = rotation.fake.oauth_token("other-app", "build-bot", &["repo"]);
    rotation.fake.trouble(&format!("POST {PATH}"), Trouble::DropAfter);
    let run = rotation.rotate(Predecessor::Held(other.clone())).await;
    assert!(rotation.fake.impersonation_of("build-bot").is_some(), "its answer was lost");
    let orphans = match &run.outcome {
        Outcome::Stopped { orphans, .. } | Outcome::NeedsPerson { orphans, .. } => orphans,
        other => panic!("{other:?}"),
    };
    assert!(!orphans.is_empty() && orphans.iter().all(|orphan| orphan.label.is_none()), "{orphans:?}");
}

#[tokio::test]
async fn a_new_token_that_leaked_is_replaced() {
    a_leak(None).await;
}

#[tokio::test]
async fn a_new_token_that_leaked_is_replaced_though_an_answer_is_lost() {
    for trouble in [Trouble::DropBefore, Trouble::DropAfter] {
        a_leak(Some(trouble)).await;
    }
}

/// The trouble meets the request that makes the next token.
async fn a_leak(trouble: Option<Trouble>) {
    let rotation = Rotation::new().await;
    rotation.place.doubt_once();
    let run = rotation.bot.rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
    assert!(!matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    let leaked = rotation.fake.impersonation_of("build-bot").unwrap();
    assert_eq!(rotation.place.holds(), leaked);
    if let Some(trouble) = trouble {
        let posts = format!("POST {PATH}");
        rotation.fake.trouble(&posts, Trouble::Slow(Duration::ZERO));
        rotation.fake.trouble(&posts, trouble);
    }
    let run = rotation.bot.emergency(Predecessor::Held(leaked.clone()), Urgency::ReplaceNow).await.unwrap();
    let run = rotation.go_on(run).await;
    rotation.assert_turned_over(&run);
    assert!(!rotation.fake.is_alive(&leaked) && rotation.place.holds() != leaked);
}

#[tokio::test]
async fn what_somebody_else_made_after_the_deletion_is_not_adopted() {
    let rotation = Rotation::new().await;
    rotation.fake.contest_impersonation("build-bot");
    let run = rotation.rotate(Predecessor::Held(rotation.old.clone())).await;
    assert!(!matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    let foreign = rotation.fake.impersonation_of("build-bot").unwrap();
    let run = rotation.rotate(Predecessor::Held(rotation.old.clone())).await;
    assert!(!matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    assert!(rotation.fake.is_alive(&foreign) && rotation.place.holds() != foreign);
}

#[tokio::test]
async fn without_an_old_token_a_token_that_lives_is_left_alone() {
    let rotation = Rotation::new().await;
    let run = rotation.rotate(Predecessor::None).await;
    assert!(!matches!(run.outcome, Outcome::Completed(_)));
    assert!(format!("{:?}", run.outcome).contains("live impersonation token already"), "{:?}", run.outcome);
    assert!(rotation.fake.is_alive(&rotation.old) && rotation.place.holds() == rotation.old);
}

#[tokio::test]
async fn a_token_that_somebody_else_made_stops_the_run_and_lives() {
    let rotation = Rotation::new().await;
    rotation.fake.end_impersonation("build-bot");
    let foreign = rotation.fake.impersonate("build-bot", &["repo"]);
    let run = rotation.rotate(Predecessor::Held(rotation.old.clone())).await;
    assert!(!matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    assert!(rotation.fake.is_alive(&foreign));
}
