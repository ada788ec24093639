//! A token that replaces itself, with the power cut at every boundary: the family lives, or the run says what was lost.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::journal::MemoryJournal;
use tokenturn::testing::{GitLabFake, Power, Powered, TestSealer, Trouble, VirtualClock};
use tokenturn::{Decision, Outcome, Policy, Predecessor, Rotator, Run, Token};

use crate::places::Place;
use crate::{World, days};

const ROTATE: &str = "POST /api/v4/personal_access_tokens/self/rotate";

struct Family {
    world: World,
    fake: Arc<GitLabFake>,
    clock: VirtualClock,
    disk: MemoryJournal,
    places: [Place; 2],
    old: Token,
}

impl Family {
    async fn new() -> Self {
        let mut world = World::start().await;
        let clock = world.clock.clone();
        let fake = Arc::new(GitLabFake::start_with_clock(Arc::new(clock.clone())).await.unwrap());
        let bot = fake.user("build-bot");
        world.bot = bot;
        let old = fake.personal(bot, "ci", &["read_api", "self_rotate"]);
        let places = ["a", "b"].map(|name| Place::new(name, &fake, &old));
        let disk = MemoryJournal::pretending_to_be_durable(Arc::new(clock.clone()));
        Self { world, fake, clock, disk, places, old }
    }

    /// An engine, as after a start of its process.
    fn rotator(&self, power: &Power) -> Rotator {
        let clock = Arc::new(self.clock.clone());
        let provider = tokenturn::GitLab::personal(&crate::http()).server(self.fake.base()).clock(clock.clone());
        Rotator::builder("bot", Powered::new(provider.build().unwrap(), power))
            .consumers(self.places.clone().map(|place| Powered::new(place, power)))
            .policy(Policy::default().lifetime(days(90)).grace(Duration::ZERO).linger(Duration::from_secs(5)))
            .journal(Arc::new(Powered::new(self.disk.clone(), power)))
            .sealer(Arc::new(TestSealer::new()))
            .accept_unrecoverable(true)
            .clock(clock)
            .build()
            .unwrap()
    }

    /// Goes on as a restarted program would, until the run is over or wants a decision.
    async fn live(&self, power: &Power) -> Option<Run> {
        power.live(Box::pin(self.finish(&self.rotator(power)))).await
    }

    async fn finish(&self, bot: &Rotator) -> Run {
        self.clock.advance(Duration::from_hours(1));
        let mut run = match bot.open_rotations().await.unwrap().into_iter().next() {
            Some(open) => bot.resume(open.id).await.unwrap(),
            None if self.in_use() != self.old => bot.rotate(Predecessor::Kept).await.unwrap(),
            None => bot.rotate(Predecessor::Held(self.old.clone())).await.unwrap(),
        };
        for _ in 0..20 {
            if !matches!(run.outcome, Outcome::BackingOff { .. } | Outcome::Draining { .. } | Outcome::Unfinished) {
                break;
            }
            self.clock.advance(Duration::from_hours(1));
            run = bot.resume(run.id).await.unwrap();
        }
        run
    }

    fn in_use(&self) -> Token {
        self.places[0].holds()
    }

    /// What must hold whatever was cut: whether the new token was lost, as the run said.
    #[track_caller]
    fn judge(&self, run: &Run, when: &str) -> bool {
        assert_eq!(self.fake.families_ended(), 0, "{when}: a dead token was rotated with");
        assert!(self.fake.rotations_with(&self.old) <= 2, "{when}");
        let newest = self.fake.newest().unwrap();
        match &run.outcome {
            Outcome::Completed(done) => {
                assert!(self.places.iter().all(|place| place.holds() == newest), "{when}");
                assert!(self.fake.is_alive(&newest) && !self.fake.is_alive(&self.old), "{when}");
                assert_eq!(done.fingerprint, Some(newest.fingerprint()), "{when}");
                false
            }
            Outcome::NeedsPerson { problems, orphans, .. } => {
                assert!(
                    newest != self.old && self.fake.is_alive(&newest),
                    "{when}: the family lives, and nobody has it"
                );
                assert!(!orphans.is_empty() && !problems.is_empty(), "{when}: it is told: {run:?}");
                let live: Vec<_> = self.fake.live().iter().filter_map(|token| self.fake.name_of(token)).collect();
                for label in orphans.iter().filter_map(|orphan| orphan.label.as_ref()) {
                    assert!(
                        live.iter().any(|name| name == label.as_str()),
                        "{when}: nothing is named {label}: {live:?}"
                    );
                }
                true
            }
            other => panic!("{when}: neither done nor told: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_every_resume_point_the_family_lives_or_the_loss_is_told() {
    let steady = Power::steady();
    let family = Family::new().await;
    let run = family.live(&steady).await.unwrap();
    assert!(!family.judge(&run, "uncut"));
    let boundaries = steady.trail();
    let mut lost = Vec::new();
    for at in 1..=boundaries.len() {
        let family = Family::new().await;
        assert!(family.live(&Power::cut_at(at)).await.is_none(), "cut at {at} of {}", boundaries.len());
        let run = family.live(&Power::steady()).await.unwrap();
        let when = format!("cut {}", boundaries[at - 1]);
        // A run that was over when the power went is followed by the next one.
        if family.judge(&run, &when) {
            lost.push(when);
        }
    }
    // Between GitLab's answer and the record of it, and nowhere else.
    assert_eq!(lost, ["cut after issue", "cut before append", "cut unsynced append"], "{boundaries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_cut_after_one_around_the_rotation_changes_nothing_of_that() {
    let steady = Power::steady();
    Family::new().await.live(&steady).await.unwrap();
    let issue = steady.trail().iter().position(|boundary| boundary.call == "issue").unwrap() + 1;
    for first in issue..issue + 5 {
        for second in 1.. {
            let family = Family::new().await;
            assert!(family.live(&Power::cut_at(first)).await.is_none());
            let uncut = family.live(&Power::cut_at(second)).await;
            let over = uncut.is_some();
            let run = match uncut {
                Some(run) => run,
                None => family.live(&Power::steady()).await.unwrap(),
            };
            family.judge(&run, &format!("cut at {first}, then at {second}"));
            // It was over before it came to that boundary.
            if over {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_told_and_a_token_made_by_hand_goes_on() {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502), Trouble::Flood(9 * 1024 * 1024)] {
        let family = Family::new().await;
        family.fake.trouble(ROTATE, trouble.clone());
        let power = Power::steady();
        let run = family.live(&power).await.unwrap();
        assert!(family.judge(&run, &format!("{trouble:?}")), "{trouble:?}");
        assert_eq!(family.fake.rotations_with(&family.old), 1, "{trouble:?}");
        // Nothing that a person tries presents it again.
        let bot = family.rotator(&power);
        let error = bot.resolve(run.id.clone(), Decision::Retry).await.unwrap_err();
        assert!(error.to_string().contains("lost for ever"), "{error}");
        assert_eq!(bot.resume(run.id.clone()).await.unwrap().outcome, run.outcome);
        assert_eq!((family.fake.rotations_with(&family.old), family.fake.families_ended()), (1, 0));
        let run = bot.resolve(run.id, Decision::Abandon).await.unwrap();
        assert!(run.outcome.is_over());
        let made = family.fake.personal(family.world.bot, "made by hand", &["read_api", "self_rotate"]);
        let run = bot.adopt(made.clone(), Predecessor::Held(family.old.clone())).await.unwrap();
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
        assert!(family.places.iter().all(|place| place.holds() == made));
    }
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again_once_the_old_token_was_seen_alive() {
    for trouble in [Trouble::DropBefore, Trouble::Refuse(503)] {
        let family = Family::new().await;
        family.fake.trouble(ROTATE, trouble.clone());
        let run = family.live(&Power::steady()).await.unwrap();
        assert!(!family.judge(&run, &format!("{trouble:?}")), "{run:?}");
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{trouble:?}: {:?}", run.outcome);
    }
}

#[tokio::test]
async fn a_token_that_somebody_else_rotated_meanwhile_is_not_rotated_with() {
    let family = Family::new().await;
    let power = Power::steady();
    let elsewhere = tokenturn::GitLab::personal(&crate::http()).server(family.fake.base());
    let elsewhere = elsewhere.clock(Arc::new(family.clock.clone())).build().unwrap();
    let theirs = crate::issue(&elsewhere, Some(&family.old)).await.unwrap().token;
    let run = family.rotator(&power).rotate(Predecessor::Held(family.old.clone())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{:?}", run.outcome);
    assert!(family.fake.is_alive(&theirs) && family.fake.families_ended() == 0);
    assert_eq!(family.fake.rotations_with(&family.old), 1);
}
