//! Journals that are behind the world, and writes that are late.

use std::time::Duration;

use async_trait::async_trait;
use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::provider::ProviderCapabilities;
use tokenturn::rotation::{Fact, OnFailure, Outcome};
use tokenturn::{
    AdmittedToken, Answer, Clock as _, ConsumerName, Decision, ErrorKind, Event, Expiry, Patience, Policy, Result,
    Rotator, Run, ScopeModel, ScopeSet,
};

use crate::world::{World, completed, overlap, place, replace, seconds, stuck, swift};

/// Goes back where a place fails, after ten seconds.
fn hurried() -> Policy {
    let patience = Patience::new(seconds(1), seconds(1), seconds(10));
    swift().on_failure(OnFailure::RollBack).patience(patience)
}

fn revoked_new(world: &World) -> usize {
    world.count(|fact| matches!(fact, Fact::Revoking { token, .. } if *token != tokenturn::rotation::TokenRef::Old))
}

/// A run whose first attempt is lost, so that what it made is found again as an orphan; and what the places really hold.
fn orphan_in_use(can: ProviderCapabilities, new: Proof) -> World {
    let world = World::of(can).with_a(place().proving(Proof::Always, new)).with_b(place().proving(Proof::Always, new));
    world.provider.plan_fault("issue", Fault::LostAfter);
    // The journal is an old copy: it knows of the attempt, and not that its token went everywhere.
    world.a.plan_fault("preflight", Fault::Late(seconds(1)));
    world
}

#[tokio::test(start_paused = true)]
async fn what_is_found_of_a_lost_attempt_may_be_in_use_and_goes_last() {
    for new in [Proof::Always, Proof::Never] {
        let world = orphan_in_use(overlap(), new);
        let bot = world.with_policy(swift().linger(seconds(0)));
        // It stops where the lost attempt is to be looked for.
        assert!(matches!(bot.rotate(world.held()).await.unwrap().outcome, Outcome::BackingOff { .. }));
        let in_use = world.newest();
        world.a.put(&in_use);
        world.b.put(&in_use);
        world.clock.advance(seconds(3600));
        let run = world.rotator().resume_due().await.unwrap().unwrap();
        completed(&run);
        let facts = world.facts();
        let at = |is: &dyn Fn(&Fact) -> bool| facts.iter().rposition(is).unwrap();
        let orphan = at(&|fact| matches!(fact, Fact::Revoking { token: tokenturn::rotation::TokenRef::Found(_), .. }));
        assert!(at(&|fact| matches!(fact, Fact::Verified { .. })) < orphan, "{new:?}");
        assert_eq!(world.provider.live(), 1);
        assert!(world.all_hold(&world.newest()));
    }
}

#[tokio::test]
async fn an_orphan_goes_at_once_where_the_places_show_that_they_hold_the_old_token() {
    let world = World::new();
    world.provider.plan_fault("issue", Fault::LostAfter);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let facts = world.facts();
    let orphan = facts.iter().position(|fact| matches!(fact, Fact::Revoked { .. })).unwrap();
    let installing = facts.iter().position(|fact| matches!(fact, Fact::Installing { .. })).unwrap();
    assert!(orphan < installing);
    assert_eq!(world.provider.live(), 1);
}

/// A run that stands before `b`, whose journal is put back later: in the world it went on, and `b` has the new token.
async fn put_back_before_b(world: &World, bot: &Rotator) {
    world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
    let run = bot.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
    world.b.put(&world.newest());
    world.clock.advance(seconds(3600));
}

#[track_caller]
fn went_back(world: &World, run: &Run) {
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    assert!(world.all_hold(&world.old) && world.provider.is_alive(&world.old));
    assert!(!world.provider.is_alive(&world.newest()));
}

#[tokio::test]
async fn a_roll_back_after_a_restart_looks_at_places_that_it_never_touched() {
    let world = World::new();
    put_back_before_b(&world, &world.with_policy(hurried().linger(seconds(0)))).await;
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    went_back(&world, &world.with_policy(hurried()).resume_due().await.unwrap().unwrap());
}

/// A place that cannot tell the new token from the old one, and of which nothing that it shows moves when its token does.
#[derive(Debug)]
struct Still(MemoryConsumer);

#[async_trait]
impl Consumer for Still {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        place().proving(Proof::Always, Proof::Sometimes)
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.0.required_scopes(model)
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::opaque())
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        self.0.install(token, &self.0.preflight().await?).await?;
        Ok(Installation::Done(Slot::opaque()))
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        Ok(Verification::new(self.0.verify(token, slot).await?.works, Answer::Unknown))
    }
}

#[tokio::test]
async fn on_the_way_back_after_a_restart_not_to_know_is_not_a_no() {
    let world = World::new();
    let bot = |policy: Policy| {
        world.bare().consumer(world.a.clone()).consumer(Still(world.b.clone())).policy(policy).build().unwrap()
    };
    put_back_before_b(&world, &bot(hurried().linger(seconds(0)))).await;
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    went_back(&world, &bot(hurried()).resume_due().await.unwrap().unwrap());
}

/// A place that cannot tell the new token from the old one, and whose version moves with every write.
fn counting() -> ConsumerCapabilities {
    place().proving(Proof::Always, Proof::Never).versioned()
}

#[tokio::test]
async fn a_place_whose_version_has_not_moved_is_left_alone_on_the_way_back() {
    for (can, writes) in [(counting(), 0), (place().proving(Proof::Always, Proof::Never), 1)] {
        let world = World::new().with_b(can);
        world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
        let bot = world.with_policy(hurried().linger(seconds(0)));
        assert!(matches!(bot.rotate(world.held()).await.unwrap().outcome, Outcome::BackingOff { .. }));
        world.clock.advance(seconds(3600));
        world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
        went_back(&world, &world.with_policy(hurried()).resume_due().await.unwrap().unwrap());
        assert_eq!(world.b.writes(), writes);
    }
}

#[tokio::test]
async fn a_place_whose_version_has_moved_gets_the_old_token_back() {
    let world = World::new().with_b(counting());
    put_back_before_b(&world, &world.with_policy(hurried().linger(seconds(0)))).await;
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    went_back(&world, &world.with_policy(hurried()).resume_due().await.unwrap().unwrap());
    assert_eq!(world.b.writes(), 1);
}

#[tokio::test]
async fn a_place_that_is_first_read_on_the_way_back_gets_the_old_token_back_where_its_version_has_moved() {
    for moved in [true, false] {
        let world = World::new().with_b(counting());
        world.b.plan_fault("install", Fault::Refused(ErrorKind::Busy));
        let bot = world.with_policy(hurried().linger(seconds(0)));
        assert!(matches!(bot.rotate(world.held()).await.unwrap().outcome, Outcome::BackingOff { .. }));
        if moved {
            world.b.put(&world.newest());
        }
        world.clock.advance(seconds(3600));
        // The way forward ends before it was read.
        world.b.plan_fault("preflight", Fault::Refused(ErrorKind::PermissionDenied));
        went_back(&world, &world.with_policy(hurried()).resume_due().await.unwrap().unwrap());
        assert_eq!(world.b.writes(), usize::from(moved));
    }
}

#[tokio::test]
async fn a_place_that_shows_no_version_is_not_taken_for_one_that_has_not_moved() {
    let world = World::new().with_b(counting());
    put_back_before_b(&world, &world.with_policy(hurried().linger(seconds(0)))).await;
    // The first read on the way is without a version.
    world.b.plan_fault("preflight", Fault::Lied);
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    went_back(&world, &world.with_policy(hurried()).resume_due().await.unwrap().unwrap());
}

#[tokio::test]
async fn a_place_that_somebody_wrote_to_meanwhile_is_written_again_before_the_old_token_goes() {
    let world = World::new().with_b(counting());
    let bot = world.with_policy(swift().grace(seconds(86_400)));
    let run = bot.rotate(world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    // A template puts its own token back, and its check passes as long as that lives.
    world.b.put(&world.old);
    world.clock.advance(seconds(90_000));
    let mut run = bot.resume(run.id).await.unwrap();
    for _ in 0..5 {
        if run.outcome.is_over() {
            break;
        }
        world.clock.advance(seconds(90_000));
        run = bot.resume(run.id).await.unwrap();
    }
    completed(&run);
    assert!(world.all_hold(&world.newest()));
    let facts = world.facts();
    let at = |is: &dyn Fn(&Fact) -> bool| facts.iter().position(is).unwrap();
    let relapsed = at(&|fact| matches!(fact, Fact::Relapsed { .. }));
    assert!(relapsed < at(&|fact| matches!(fact, Fact::Revoking { .. })), "{facts:?}");
}

#[tokio::test]
async fn where_nobody_can_look_both_tokens_live_and_what_is_forgotten_unseen_keeps_the_new_one() {
    let world = World::new();
    put_back_before_b(&world, &world.with_policy(hurried().linger(seconds(0)))).await;
    (0..40).for_each(|_| world.b.plan_fault("preflight", Fault::Refused(ErrorKind::PermissionDenied)));
    let bot = world.with_policy(hurried());
    let run = bot.resume_due().await.unwrap().unwrap();
    stuck(&run);
    assert!(world.provider.is_alive(&world.old) && world.provider.is_alive(&world.newest()));

    let run = bot.resolve(run.id, Decision::Forget(ConsumerName::new("b").unwrap())).await.unwrap();
    let Outcome::RolledBack { orphans, .. } = &run.outcome else { panic!("{run:?}") };
    assert_eq!(orphans.len(), 1, "what lives on is reported");
    assert_eq!(revoked_new(&world), 0);
    assert_eq!(world.b.holds(), Some(world.newest().fingerprint()));
    assert!(world.provider.is_alive(&world.newest()));
}

/// How long after its beginning a run writes the old token into `a` again, where a request may take 60 seconds and be 7 late.
async fn waited_before_going_back(faults: impl IntoIterator<Item = Fault>) -> Duration {
    let world = World::new();
    faults.into_iter().for_each(|fault| world.a.plan_fault("install", fault));
    let began = world.clock.now();
    let run =
        world.with_policy(hurried().act_timeout(seconds(60)).settle(seconds(7))).rotate(world.held()).await.unwrap();
    went_back(&world, &run);
    let back = |event: &&Event| matches!(&event.fact, Fact::Restoring { consumer, .. } if consumer.as_str() == "a");
    let told = world.told.lock().unwrap();
    began.until(told.iter().find(back).expect("it goes back").at)
}

#[tokio::test(start_paused = true)]
async fn no_other_token_is_written_where_a_write_may_still_arrive() {
    assert!(waited_before_going_back(std::iter::repeat_n(Fault::LostBefore, 11)).await >= seconds(67));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_never_answered_is_waited_for_though_a_later_one_was() {
    let faults = [Fault::LostBefore, Fault::Refused(ErrorKind::PermissionDenied)];
    assert!(waited_before_going_back(faults).await >= seconds(67));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_refused_is_not_waited_for() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let began = world.clock.now();
    went_back(&world, &world.with_policy(hurried()).rotate(world.held()).await.unwrap());
    assert_eq!(began.until(world.clock.now()), Duration::ZERO);
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_reported_with_its_end() {
    let world = World::of(replace());
    world.provider.plan_fault("issue", Fault::LostAfter);
    let (began, life) = (world.clock.now(), seconds(90 * 86_400));
    let run = world.with_policy(swift().lifetime(life)).rotate(world.held()).await.unwrap();
    let Outcome::NeedsPerson { orphans, .. } = &run.outcome else { panic!("{run:?}") };
    let Expiry::At(end) = orphans[0].expiry else { panic!("{orphans:?}") };
    assert!(end > began.plus(life), "it lives for that long from when it is made, which may be late: {end}");
}

#[tokio::test]
async fn the_new_token_is_not_taken_back_when_the_old_one_died_meanwhile() {
    let world = World::new();
    (0..40).for_each(|_| world.a.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied)));
    let bot = world.with_policy(hurried().on_failure(OnFailure::Hold));
    let run = bot.rotate(world.held()).await.unwrap();
    stuck(&run);
    world.provider.kill(&world.old);
    let run = bot.resolve(run.id, tokenturn::Decision::RollBack).await.unwrap();
    assert!(world.provider.is_alive(&world.newest()), "the only token that is left: {run:?}");
}
