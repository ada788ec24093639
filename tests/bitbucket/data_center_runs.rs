//! Whole rotations at Bitbucket Data Center.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::rotation::{Death, OldEnd, TokenRef};
use tokenturn::testing::{BitbucketDataCenterFake, Trouble, VirtualClock};
use tokenturn::{
    Ask, Bitbucket, BitbucketDataCenterBuilder, Decision, Outcome, Policy, Predecessor, Rotator, Run, Token,
};

use crate::place::Place;
use crate::{asks, completed, http, stuck};

struct World {
    clock: VirtualClock,
    fake: Arc<BitbucketDataCenterFake>,
    old: Token,
    old_id: u64,
    place: Place,
}

impl World {
    async fn start() -> Self {
        let clock = VirtualClock::new();
        let fake = Arc::new(BitbucketDataCenterFake::start_with_clock(Arc::new(clock.clone())).await.unwrap());
        fake.user("bot", "password-FAKE");
        let (old, old_id) = fake.token("users/bot", "made by hand", &["REPO_WRITE"]);
        let truth = fake.clone();
        let place = Place::holding(&old, move |token| truth.is_alive(token)).requiring(&["REPO_READ"]);
        Self { clock, fake, old, old_id, place }
    }

    fn builder(&self) -> BitbucketDataCenterBuilder {
        Bitbucket::data_center(&http(), self.fake.base())
            .login("bot", SecretString::from("password-FAKE"))
            .clock(Arc::new(self.clock.clone()))
    }

    /// One that knows the number of the old token.
    fn rotator(&self) -> Rotator {
        let id = tokenturn::TokenId::new(self.old_id.to_string()).unwrap();
        self.of(self.builder().known(&self.old, id))
    }

    fn of(&self, provider: BitbucketDataCenterBuilder) -> Rotator {
        Rotator::builder("bot", provider.build().unwrap())
            .consumer(self.place.clone())
            .policy(Policy::default().grace(Duration::ZERO).linger(Duration::from_hours(1)))
            .clock(Arc::new(self.clock.clone()))
            .build()
            .unwrap()
    }

    async fn rotate(&self, bot: &Rotator) -> Run {
        bot.rotate(Predecessor::Held(self.old.clone())).await.unwrap()
    }

    fn rows(&self) -> Vec<String> {
        self.fake.rows("users/bot").into_iter().map(|(name, _)| name).collect()
    }
}

#[tokio::test]
async fn a_rotation_needs_nobody() {
    let world = World::start().await;
    let run = world.rotate(&world.rotator()).await;
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    assert_eq!(world.rows().len(), 1);
    assert!(world.rows()[0].starts_with("tokenturn-"), "{:?}", world.rows());
    assert_ne!(world.place.holds(), Some(world.old.fingerprint()));
}

#[tokio::test]
async fn the_next_rotation_ends_the_first_by_its_number() {
    let world = World::start().await;
    let bot = world.rotator();
    completed(&world.rotate(&bot).await);
    completed(&bot.rotate(Predecessor::Kept).await.unwrap());
    assert_eq!(world.rows().len(), 1);
}

#[tokio::test]
async fn the_answer_lost_leaves_an_orphan_that_is_found_by_its_label_and_ended() {
    let world = World::start().await;
    world.fake.trouble("PUT ", Trouble::DropAfter);
    let run = world.rotate(&world.rotator()).await;
    completed(&run);
    assert_eq!(world.rows().len(), 1, "neither the orphan nor the old one is left: {:?}", world.rows());
    assert!(world.rows()[0].ends_with("-2"), "{:?}", world.rows());
}

#[tokio::test]
async fn the_request_lost_leaves_nothing_and_another_is_made() {
    let world = World::start().await;
    world.fake.trouble("PUT ", Trouble::DropBefore);
    completed(&world.rotate(&world.rotator()).await);
    assert_eq!(world.rows().len(), 1);
}

#[tokio::test]
async fn an_answer_that_failed_after_the_deed_is_looked_into() {
    let world = World::start().await;
    world.fake.trouble("PUT ", Trouble::FailAfter(502));
    world.fake.trouble("DELETE ", Trouble::FailAfter(502));
    completed(&world.rotate(&world.rotator()).await);
    assert_eq!(world.rows().len(), 1);
}

#[tokio::test]
async fn an_account_that_is_full_is_said_so_and_nothing_changes() {
    let world = World::start().await;
    world.fake.most_tokens(1);
    let bot = world.rotator();
    let run = world.rotate(&bot).await;
    let text = match &run.outcome {
        Outcome::NeedsPerson { .. } => stuck(&run),
        other => format!("{other:?}"),
    };
    assert!(text.contains("delete some"), "{text}");
    assert!(world.fake.is_alive(&world.old));
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
}

#[tokio::test]
async fn a_revoked_token_that_is_taken_for_a_while_is_waited_for() {
    let world = World::start().await;
    world.fake.revoke_after_looks(2);
    let run = world.rotate(&world.rotator()).await;
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
}

#[tokio::test]
async fn an_old_token_of_unknown_number_is_revoked_by_a_person() {
    let world = World::start().await;
    let bot = world.of(world.builder());
    let run = world.rotate(&bot).await;
    let guide = asks(&run)[0].guide().unwrap().to_string();
    assert!(guide.contains("Not the row named tokenturn-"), "{guide}");
    world.fake.delete(world.old_id);
    let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
}

#[tokio::test]
async fn the_row_of_the_new_token_revoked_by_mistake_is_found() {
    let world = World::start().await;
    let bot = world.of(world.builder());
    let run = world.rotate(&bot).await;
    asks(&run);
    // Numbers count up.
    world.fake.delete(world.old_id + 1);
    assert_eq!(world.rows(), ["made by hand"]);
    let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    assert!(world.fake.is_alive(&world.old));
}

#[tokio::test]
async fn an_issued_token_whose_owner_lacks_a_right_waits_beside_the_old_one_until_somebody_grants_it() {
    let world = World::start().await;
    world.fake.repository("WEB/site", false, &[]);
    let id = tokenturn::TokenId::new(world.old_id.to_string()).unwrap();
    let bot = world.of(world.builder().known(&world.old, id).must_read("WEB/site"));
    let run = world.rotate(&bot).await;
    let [Ask::Cure { refusal, .. }] = asks(&run) else { panic!("{run:?}") };
    assert!(refusal.to_string().contains("read WEB/site"), "{refusal}");
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
    let rows = world.rows();
    assert_eq!(rows.len(), 2, "the new one is of use as soon as its owner has the right, so it lives: {rows:?}");
    world.fake.repository("WEB/site", false, &["bot"]);
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    assert_eq!(world.rows(), rows[1..], "no other was made");
}

#[tokio::test]
async fn an_issued_token_that_waits_for_a_right_is_ended_where_a_person_goes_back() {
    let world = World::start().await;
    world.fake.repository("WEB/site", false, &[]);
    let bot = world.of(world.builder().must_read("WEB/site"));
    let run = world.rotate(&bot).await;
    let run = bot.resolve(run.id, Decision::RollBack).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    assert_eq!(world.rows(), ["made by hand"]);
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
}

/// A run whose process was lost between the making of its token and the look at it, gone on with by the next process, which
/// knows nothing of what the one before it made.
async fn cut_after_issuing(world: &World, policy: Policy) -> Run {
    world.fake.repository("WEB/site", false, &["bot"]);
    let journal = Arc::new(tokenturn::journal::MemoryJournal::with_clock(Arc::new(world.clock.clone())));
    let sealer = Arc::new(tokenturn::testing::TestSealer::new());
    let process = || {
        let provider = world.builder().must_read("WEB/site").build().unwrap();
        Rotator::builder("bot", provider)
            .consumer(world.place.clone())
            .policy(policy.clone().grace(Duration::from_hours(24)).linger(Duration::ZERO))
            .journal(journal.clone())
            .sealer(sealer.clone())
            .clock(Arc::new(world.clock.clone()))
            .build()
            .unwrap()
    };
    // The look at the new token fails, so that the next process admits it.
    for _ in 0..3 {
        world.fake.trouble("/rest/access-tokens/latest/users/bot/", Trouble::Refuse(503));
    }
    let run = world.rotate(&process()).await;
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
    assert_eq!(world.rows().len(), 2, "{:?}", world.rows());
    world.clock.advance(Duration::from_mins(1));
    process().resume(run.id).await.unwrap()
}

#[tokio::test]
async fn a_run_that_was_cut_after_issuing_is_gone_on_with_by_what_was_tried() {
    let world = World::start().await;
    let policy = Policy::default().unknown_access(tokenturn::UnknownAccess::AcceptProbed);
    let run = Box::pin(cut_after_issuing(&world, policy)).await;
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    assert_ne!(world.place.holds(), Some(world.old.fingerprint()));
    assert_eq!(world.rows().len(), 2, "old and new, and no third: {:?}", world.rows());
}

#[tokio::test]
async fn a_run_that_was_cut_after_issuing_ends_its_token_where_the_policy_wants_to_know_what_that_may_do() {
    let world = World::start().await;
    let run = Box::pin(cut_after_issuing(&world, Policy::default())).await;
    let Outcome::RolledBack { because, orphans, .. } = &run.outcome else { panic!("{run:?}") };
    assert!(because.to_string().contains("does not say what it may do"), "{because}");
    assert_eq!((world.rows(), orphans.len()), (vec!["made by hand".to_owned()], 0));
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
    assert!(world.fake.is_alive(&world.old));
}
