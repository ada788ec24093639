//! Whole rotations of installation tokens.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::journal::MemoryJournal;
use tokenturn::rotation::{Death, OldEnd};
use tokenturn::testing::{Boundary, Moment, Power, Powered, TestSealer, Trouble};
use tokenturn::{
    Clock as _, Expiry, InstallationTokens, Outcome, Policy, Predecessor, Provider, Rotator, RotatorBuilder, Run, Token,
};

use crate::places::Place;
use crate::{World, made_before};

const CREATE: &str = "POST /api/v3/app/installations/42/access_tokens";

/// What a rotator works in: its own place, and a journal that outlives it.
struct Rotation {
    world: World,
    place: Place,
    old: Token,
    journal: Arc<MemoryJournal>,
    sealer: Arc<TestSealer>,
}

impl Rotation {
    async fn new() -> Self {
        let world = World::start().await;
        world.fake.stateless_app_tokens();
        let old = made_before(&world).await;
        let place = Place::app("ci", &world.fake, &old);
        let journal = Arc::new(MemoryJournal::pretending_to_be_durable(Arc::new(world.clock.clone())));
        Self { world, place, old, journal, sealer: Arc::new(TestSealer::new()) }
    }

    fn provider(&self) -> InstallationTokens {
        self.world.builder().organization("acme").repositories(["site"]).build().unwrap()
    }

    /// Another process: a provider that remembers nothing, over the same journal.
    fn bot(&self) -> Rotator {
        self.builder(self.provider()).build().unwrap()
    }

    fn builder(&self, provider: impl Provider) -> RotatorBuilder {
        let policy = Policy::default().grace(Duration::from_mins(5)).minimum_life(Duration::from_mins(30));
        Rotator::builder("bot", provider)
            .consumer(self.place.clone())
            .policy(policy)
            .journal(self.journal.clone())
            .sealer(self.sealer.clone())
            .clock(Arc::new(self.world.clock.clone()))
    }

    async fn finish(&self, mut run: Run) -> Run {
        for _ in 0..20 {
            if !matches!(run.outcome, Outcome::Draining { .. } | Outcome::BackingOff { .. } | Outcome::Unfinished) {
                break;
            }
            assert!(self.world.fake.is_app_token_alive(&self.place.holds()), "nobody is left with a dead token");
            self.world.clock.advance(Duration::from_mins(6));
            // Each time by another process.
            run = self.bot().resume(run.id).await.unwrap();
        }
        run
    }

    #[track_caller]
    fn assert_turned_over(&self, run: &Run, left_behind: usize) {
        let Outcome::Completed(done) = &run.outcome else { panic!("not completed: {:?}", run.outcome) };
        let new = self.place.holds();
        assert_eq!((done.old, done.fingerprint), (OldEnd::Dead(Death::Seen), Some(new.fingerprint())));
        assert_eq!(done.orphans.len(), left_behind, "{:?}", done.orphans);
        let live = self.world.fake.app_tokens();
        assert!(live.contains(&new) && !live.contains(&self.old) && live.len() == 1 + left_behind);
    }
}

#[tokio::test]
async fn a_token_is_turned_over_with_an_overlap_by_processes_that_come_and_go() {
    let rotation = Rotation::new().await;
    let run = rotation.bot().rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{:?}", run.outcome);
    assert_eq!(rotation.world.fake.app_tokens().len(), 2, "both live for the time of grace");
    let run = rotation.finish(run).await;
    rotation.assert_turned_over(&run, 0);
    // And again, from what the journal kept, though that has expired meanwhile.
    rotation.world.clock.advance(Duration::from_hours(2));
    let run = rotation.bot().rotate(Predecessor::Kept).await.unwrap();
    let run = rotation.finish(run).await;
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    assert_eq!(rotation.world.fake.app_tokens(), [rotation.place.holds()]);
}

#[tokio::test]
async fn a_lost_answer_leaves_a_token_that_is_reported_with_its_end_and_dies_by_itself() {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502)] {
        let rotation = Rotation::new().await;
        rotation.world.fake.trouble(CREATE, trouble.clone());
        let run = rotation.bot().rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
        let run = rotation.finish(run).await;
        rotation.assert_turned_over(&run, 1);
        let Outcome::Completed(done) = &run.outcome else { unreachable!() };
        let Expiry::At(end) = done.orphans[0].expiry else { panic!("it has an end: {:?}", done.orphans) };
        assert_eq!(done.orphans[0].label, None, "GitHub knows it by no name");
        assert_eq!(rotation.world.sent(CREATE), 3, "the old one, the lost one and the new one");
        let end = rotation.world.clock.now().until(end);
        rotation.world.clock.advance(end);
        assert!(rotation.world.fake.app_tokens().len() <= 1, "it is dead by the time that was told");
    }
}

#[tokio::test]
async fn an_answer_that_never_arrived_at_github_is_reported_as_well() {
    let rotation = Rotation::new().await;
    rotation.world.fake.trouble(CREATE, Trouble::DropBefore);
    let run = rotation.bot().rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
    let run = rotation.finish(run).await;
    let Outcome::Completed(done) = &run.outcome else { panic!("not completed: {:?}", run.outcome) };
    assert_eq!(done.orphans.len(), 1, "nobody can know");
    assert_eq!(rotation.world.fake.app_tokens(), [rotation.place.holds()]);
}

#[tokio::test]
async fn a_restart_between_birth_and_admission_ends_that_token_and_the_next_run_makes_another() {
    let rotation = Rotation::new().await;
    let life = async |rotation: &Rotation, power: &Power| {
        let bot = rotation.builder(Powered::new(rotation.provider(), power)).build().unwrap();
        power.live(Box::pin(bot.rotate(Predecessor::Held(rotation.old.clone())))).await
    };
    // Where a run asks what the new token is, another run shows.
    let steady = Power::steady();
    assert!(life(&Rotation::new().await, &steady).await.is_some());
    let trail = steady.trail();
    let born = trail.iter().position(|at| *at == Boundary { call: "issue", moment: Moment::After }).unwrap();
    let looked = trail.iter().skip(born).position(|at| at.call == "inspect").unwrap();
    assert!(life(&rotation, &Power::cut_at(born + looked + 1)).await.is_none());
    assert_eq!(rotation.world.fake.app_tokens().len(), 2);
    rotation.world.clock.advance(Duration::from_mins(11));
    let open = rotation.bot().open_rotations().await.unwrap();
    let run = rotation.bot().resume(open[0].id.clone()).await.unwrap();
    let Outcome::RolledBack { because, .. } = &run.outcome else { panic!("not gone back: {:?}", run.outcome) };
    assert!(because.text.contains("does not say what it may do"), "{because}");
    assert_eq!(
        (rotation.world.fake.app_tokens(), rotation.place.holds()),
        (vec![rotation.old.clone()], rotation.old.clone())
    );
    let run = rotation.bot().rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
    let run = rotation.finish(run).await;
    rotation.assert_turned_over(&run, 0);
}

#[tokio::test]
async fn a_token_with_an_answer_that_makes_no_sense_goes_nowhere_and_is_ended() {
    let rotation = Rotation::new().await;
    rotation.world.fake.odd_app_answers();
    let run = rotation.bot().rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{:?}", run.outcome);
    assert_eq!(
        (rotation.world.fake.app_tokens(), rotation.place.holds()),
        (vec![rotation.old.clone()], rotation.old.clone())
    );
}

#[tokio::test]
async fn a_plan_says_that_a_lost_token_can_be_neither_found_nor_ended() {
    let rotation = Rotation::new().await;
    let plan = rotation.bot().plan(&Predecessor::Held(rotation.old.clone())).await.unwrap();
    assert!(!plan.is_blocked(), "{plan}");
    let plan = plan.to_string();
    assert!(plan.contains("dies by itself within the hour") && plan.contains("contents=write"), "{plan}");
}

#[tokio::test]
async fn a_suspended_installation_changes_nothing() {
    let rotation = Rotation::new().await;
    rotation.world.fake.suspend_app(crate::INSTALLATION, true);
    let run = rotation.bot().rotate(Predecessor::Held(rotation.old.clone())).await.unwrap();
    assert!(!matches!(run.outcome, Outcome::Completed(_)));
    assert!(format!("{:?}", run.outcome).contains("suspended"), "{:?}", run.outcome);
    rotation.world.fake.suspend_app(crate::INSTALLATION, false);
    assert_eq!(
        (rotation.world.fake.app_tokens(), rotation.place.holds()),
        (vec![rotation.old.clone()], rotation.old.clone())
    );
}
