//! Whole rotations at Bitbucket Cloud, with people who err.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::rotation::{Death, OldEnd, TokenRef};
use tokenturn::testing::{BitbucketCloudFake, VirtualClock};
use tokenturn::{Ask, Bitbucket, Clock, Decision, Policy, Predecessor, Rotator, Run, Token};

use crate::place::Place;
use crate::{asks, completed, guide, http, stuck};

const SITE: &str = "acme/site";
const OLD_ROW: &str = "made by hand";

struct World {
    fake: Arc<BitbucketCloudFake>,
    clock: VirtualClock,
    old: Token,
    place: Place,
    bot: Rotator,
}

impl World {
    async fn start() -> Self {
        let clock = VirtualClock::new();
        let fake = Arc::new(BitbucketCloudFake::start_with_clock(Arc::new(clock.clone())).await.unwrap());
        fake.private_repository(SITE, &[]);
        let old = fake.token(SITE, OLD_ROW, &["repository:write"]);
        let truth = fake.clone();
        let place = Place::holding(&old, move |token| truth.is_alive(token)).requiring(&["repository:write"]);
        let provider = Bitbucket::repository_tokens(&http(), SITE).address(fake.base()).clock(Arc::new(clock.clone()));
        let bot = Rotator::builder("bot", provider.build().unwrap())
            .consumer(place.clone())
            .policy(
                Policy::default()
                    .grace(Duration::ZERO)
                    .linger(Duration::from_mins(10))
                    .lifetime(Duration::from_hours(60 * 24)),
            )
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        Self { fake, clock, old, place, bot }
    }

    async fn begin(&self) -> Run {
        self.bot.rotate(Predecessor::Held(self.old.clone())).await.unwrap()
    }

    async fn supply(&self, run: Run, value: &str) -> Run {
        self.bot.supply(run.id, Token::new(value).unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn a_rotation_is_one_paste_and_one_revocation() {
    let world = World::start().await;
    let run = world.begin().await;
    let new = world.fake.create(SITE, &guide(&run)).unwrap();
    let run = world.supply(run, &new).await;
    assert!(guide(&run).to_string().contains("Revoke"), "{run:?}");
    world.fake.revoke(SITE, OLD_ROW).unwrap();
    let run = world.bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    assert_eq!(world.place.holds(), Some(Token::new(&new).unwrap().fingerprint()));
    let due = world.bot.next_due(world.clock.now()).await.unwrap().unwrap();
    assert!(due.latest < world.clock.now().plus(Duration::from_hours(60 * 24)), "{due}");
}

#[tokio::test]
async fn the_wrong_row_revoked_is_found() {
    let world = World::start().await;
    let run = world.begin().await;
    let guide_of_new = guide(&run);
    let new = world.fake.create(SITE, &guide_of_new).unwrap();
    let run = world.supply(run, &new).await;
    world.fake.revoke(SITE, guide_of_new.title.rsplit(' ').next().unwrap()).unwrap();
    let run = world.bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(stuck(&run).contains("wrong row"), "{run:?}");
    assert!(world.fake.is_alive(&world.old));
}

#[tokio::test]
async fn a_token_with_too_few_scopes_goes_nowhere() {
    let world = World::start().await;
    let run = world.begin().await;
    let narrow = world.fake.token(SITE, "narrow", &["repository"]);
    let run = world.supply(run, narrow.expose()).await;
    let Ask::Cure { refusal, .. } = &asks(&run)[0] else { panic!("{run:?}") };
    assert!(refusal.to_string().contains("repository:write"), "{refusal}");
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
    assert!(world.fake.is_alive(&narrow), "it is not ours to end");
}

#[tokio::test]
async fn a_token_revoked_that_is_taken_for_a_while_is_not_called_dead() {
    let world = World::start().await;
    world.fake.revoke_after_looks(1);
    let run = world.begin().await;
    let new = world.fake.create(SITE, &guide(&run)).unwrap();
    let run = world.supply(run, &new).await;
    world.fake.revoke(SITE, OLD_ROW).unwrap();
    let run = world.bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Deletion { .. }]), "{run:?}");
    let run = world.bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    completed(&run);
    assert_eq!(world.fake.rows(SITE).len(), 1);
}
