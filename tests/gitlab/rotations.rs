//! Whole rotations of each kind that is made with a key.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::journal::MemoryJournal;
use tokenturn::rotation::{Death, OldEnd};
use tokenturn::testing::{GitLabFake, TestSealer, Trouble, VirtualClock};
use tokenturn::{
    GitLab, GitLabAccessLevel, GitLabTokens, Outcome, Policy, Predecessor, Provider as _, Rotator, Run, Token,
};

use crate::places::Place;
use crate::{World, days, http, secret};

const SCOPES: &[&str] = &["read_api"];

/// One kind of token: what makes it, the old one, and where a new one is asked for.
struct Kind {
    provider: GitLabTokens,
    old: Token,
    creates: &'static str,
    lists: &'static str,
}

fn kinds(world: &World) -> [Kind; 4] {
    let fake = &world.fake;
    let role = GitLabAccessLevel::Developer;
    [
        Kind {
            provider: world.of_user(),
            old: fake.personal(world.bot, "old", SCOPES),
            creates: "POST /api/v4/users/",
            lists: "GET /api/v4/personal_access_tokens?",
        },
        Kind {
            provider: world.of_project(),
            old: fake.project_token("acme/site", "old", SCOPES, role),
            creates: "POST /api/v4/projects/acme%2Fsite/access_tokens",
            lists: "GET /api/v4/projects/acme%2Fsite/access_tokens?",
        },
        Kind {
            provider: world.of_group(),
            old: fake.group_token("acme", "old", SCOPES, role),
            creates: "POST /api/v4/groups/acme/access_tokens",
            lists: "GET /api/v4/groups/acme/access_tokens?",
        },
        Kind {
            provider: world.of_service_account(),
            old: fake.personal(world.account, "old", SCOPES),
            creates: "POST /api/v4/groups/acme/service_accounts/",
            lists: "GET /api/v4/groups/acme/service_accounts/",
        },
    ]
}

/// What a rotator works in: its own place, and a journal of its own.
struct Rotation {
    fake: Arc<GitLabFake>,
    clock: VirtualClock,
    place: Place,
    old: Token,
    bot: Rotator,
}

impl Rotation {
    fn new(world: World, kind: usize) -> Self {
        let Kind { provider, old, .. } = kinds(&world).into_iter().nth(kind).unwrap();
        let (fake, clock) = (Arc::new(world.fake), world.clock);
        let place = Place::new("ci", &fake, &old);
        let shared = Arc::new(clock.clone());
        let bot = Rotator::builder("bot", provider)
            .consumer(place.clone())
            .policy(Policy::default().grace(Duration::from_hours(24)).lifetime(days(90)))
            .journal(Arc::new(MemoryJournal::pretending_to_be_durable(shared.clone())))
            .sealer(Arc::new(TestSealer::new()))
            .clock(shared)
            .build()
            .unwrap();
        Self { fake, clock, place, old, bot }
    }

    async fn rotate(&self) -> Run {
        let run = self.bot.rotate(Predecessor::Held(self.old.clone())).await.unwrap();
        self.finish(run).await
    }

    async fn finish(&self, mut run: Run) -> Run {
        for _ in 0..20 {
            if !matches!(run.outcome, Outcome::Draining { .. } | Outcome::BackingOff { .. } | Outcome::Unfinished) {
                break;
            }
            assert!(self.fake.is_alive(&self.place.holds()), "nobody is left with a dead token");
            self.clock.advance(Duration::from_hours(25));
            run = self.bot.resume(run.id).await.unwrap();
        }
        run
    }

    #[track_caller]
    fn assert_turned_over(&self, run: &Run, before: usize) {
        let Outcome::Completed(done) = &run.outcome else { panic!("not completed: {:?}", run.outcome) };
        let new = self.place.holds();
        assert_eq!((done.old, done.fingerprint), (OldEnd::Dead(Death::Seen), Some(new.fingerprint())));
        assert!(self.fake.is_alive(&new) && !self.fake.is_alive(&self.old));
        assert_eq!(done.orphans, []);
        assert_eq!(self.fake.live().len(), before, "one for one: nothing was left behind");
        assert_eq!(self.fake.families_ended(), 0);
        assert!(self.fake.seen().iter().all(|seen| !seen.line.contains("rotate")), "no rotating path is ever used");
    }
}

#[tokio::test]
async fn each_kind_is_turned_over_with_an_overlap() {
    for kind in 0..4 {
        let rotation = Rotation::new(World::start().await, kind);
        let before = rotation.fake.live().len();
        let run = rotation.rotate().await;
        rotation.assert_turned_over(&run, before);
        // And again, from what the journal kept.
        let run = rotation.bot.rotate(Predecessor::Kept).await.unwrap();
        let run = rotation.finish(run).await;
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
        assert_eq!(rotation.fake.live().len(), before);
    }
}

#[tokio::test]
async fn an_orphan_of_a_lost_answer_is_revoked_by_its_label() {
    for kind in 0..4 {
        for trouble in [Trouble::DropAfter, Trouble::FailAfter(502)] {
            let world = World::start().await;
            let Kind { creates, .. } = kinds(&world).into_iter().nth(kind).unwrap();
            let rotation = Rotation::new(world, kind);
            rotation.fake.trouble(creates, trouble.clone());
            let before = rotation.fake.live().len();
            let run = rotation.rotate().await;
            rotation.assert_turned_over(&run, before);
            let created = rotation.fake.seen().iter().filter(|seen| seen.line.starts_with(creates)).count();
            assert_eq!(created, 2, "kind {kind}, {trouble:?}");
        }
    }
}

#[tokio::test]
async fn the_token_of_an_answer_that_makes_no_sense_is_revoked_and_the_run_stops() {
    for kind in 0..4 {
        let world = World::start().await;
        let Kind { creates, .. } = kinds(&world).into_iter().nth(kind).unwrap();
        let rotation = Rotation::new(world, kind);
        rotation.fake.trouble(creates, Trouble::Flood(9 * 1024 * 1024));
        let before = rotation.fake.live();
        let run = rotation.rotate().await;
        assert!(matches!(run.outcome, Outcome::Stopped { .. }), "{:?}", run.outcome);
        assert_eq!((rotation.fake.live(), rotation.place.holds()), (before, rotation.old.clone()));
    }
}

#[tokio::test]
async fn a_look_for_orphans_that_fails_concludes_nothing() {
    for kind in 0..4 {
        let world = World::start().await;
        let Kind { creates, lists, .. } = kinds(&world).into_iter().nth(kind).unwrap();
        let rotation = Rotation::new(world, kind);
        rotation.fake.trouble(creates, Trouble::DropAfter);
        for _ in 0..4 {
            rotation.fake.trouble(lists, Trouble::Wait(60));
        }
        let before = rotation.fake.live().len();
        let run = rotation.rotate().await;
        // The budget of the HTTP layer counts by the machine's clock: what it holds back is still held back.
        assert!(matches!(run.outcome, Outcome::NeedsPerson { .. } | Outcome::BackingOff { .. }), "{:?}", run.outcome);
        assert_eq!(rotation.fake.live().len(), before + 1, "the orphan is not forgotten, and no other was made");
    }
}

#[tokio::test]
async fn a_token_of_another_place_is_refused_as_the_old_one() {
    let world = World::start().await;
    let foreign = world.fake.group_token("acme", "ci", SCOPES, GitLabAccessLevel::Guest);
    let grant = world.of_project().inspect(&foreign).await.unwrap();
    assert!(grant.kind.unwrap().contains("another project"));
}

#[tokio::test]
async fn a_life_that_the_instance_does_not_allow_changes_nothing() {
    let world = World::start().await;
    let rotation = Rotation::new(world, 1);
    rotation.fake.longest_life(30);
    let before = rotation.fake.live();
    let run = rotation.rotate().await;
    assert!(!matches!(run.outcome, Outcome::Completed(_)));
    assert!(format!("{:?}", run.outcome).contains("must be before"), "{:?}", run.outcome);
    assert_eq!((rotation.fake.live(), rotation.place.holds()), (before, rotation.old.clone()));
}

#[tokio::test]
async fn a_key_that_lost_its_role_stops_the_run_before_anything_is_changed() {
    let world = World::start().await;
    let guest = world.fake.user("guest");
    world.fake.add_member("acme/site", guest, GitLabAccessLevel::Guest);
    let key = world.fake.personal(guest, "key", &["api"]);
    let provider = world.built(GitLab::of_project(&http(), "acme/site", GitLabAccessLevel::Guest, secret(&key)));
    let old = world.fake.project_token("acme/site", "old", SCOPES, GitLabAccessLevel::Guest);
    let fake = Arc::new(world.fake);
    let place = Place::new("ci", &fake, &old);
    let policy = Policy::default().lifetime(days(90));
    let bot = Rotator::builder("bot", provider).consumer(place.clone()).policy(policy).build().unwrap();
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    assert!(!matches!(run.outcome, Outcome::Completed(_)));
    assert!(format!("{:?}", run.outcome).contains("our own key"), "{:?}", run.outcome);
    assert!(fake.is_alive(&old) && place.holds() == old);
}
