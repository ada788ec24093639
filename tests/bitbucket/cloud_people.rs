//! Whole rotations at Bitbucket Cloud, with people who err.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::rotation::{Death, OldEnd, TokenRef};
use tokenturn::testing::{BitbucketCloudFake, VirtualClock};
use tokenturn::{Ask, Bitbucket, BitbucketCloudBuilder, Clock, Decision, Policy, Predecessor, Rotator, Run, Token};

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
        Self::of(Bitbucket::repository_tokens(&http(), SITE), SITE, &["repository:write"]).await
    }

    /// Tokens of whoever this is, who sees the repository.
    async fn of(builder: BitbucketCloudBuilder, owner: &str, scopes: &[&'static str]) -> Self {
        let clock = VirtualClock::new();
        let fake = Arc::new(BitbucketCloudFake::start_with_clock(Arc::new(clock.clone())).await.unwrap());
        fake.private_repository(SITE, &[owner]);
        let old = fake.token(owner, OLD_ROW, scopes);
        let truth = fake.clone();
        let place = Place::holding(&old, move |token| truth.is_alive(token)).requiring(scopes);
        let provider = builder.address(fake.base()).clock(Arc::new(clock.clone()));
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

/// What is said of a paste while another is asked for.
#[track_caller]
fn refused(run: &Run) -> String {
    match asks(run) {
        [Ask::Token { refusal: Some(refusal), .. }] => refusal.to_string(),
        other => panic!("no other is asked for: {other:?}"),
    }
}

/// The person does as the guide says, and ends the old one.
async fn done_right(world: &World, owner: &str, run: Run) {
    let new = world.fake.create(owner, &guide(&run)).unwrap();
    let run = world.supply(run, &new).await;
    world.fake.revoke(owner, OLD_ROW).unwrap();
    let run = world.bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::Dead(Death::Seen));
    assert_eq!(world.place.holds(), Some(Token::new(&new).unwrap().fingerprint()));
}

#[tokio::test]
async fn a_token_with_too_few_scopes_goes_nowhere_and_another_is_asked_for() {
    let world = World::start().await;
    let run = world.begin().await;
    // One lacks what the place needs, the other even what it is tried with.
    for scopes in [&["repository"], &["issue"]] {
        let narrow = world.fake.token(SITE, "narrow", scopes);
        let run = world.supply(run.clone(), narrow.expose()).await;
        let said = refused(&run);
        assert!(said.contains("repository:write; they cannot be added"), "{said}");
        assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
        assert!(world.fake.is_alive(&narrow), "it is not ours to end");
    }
    let run = world.bot.resume(run.id).await.unwrap();
    done_right(&world, SITE, run).await;
}

#[tokio::test]
async fn a_token_of_the_wrong_repository_goes_nowhere_and_another_is_asked_for() {
    for frank in [false, true] {
        let world = World::start().await;
        world.fake.private_repository("acme/other", &[]);
        if frank {
            world.fake.frank_refusals();
        }
        let run = world.begin().await;
        let theirs = world.fake.create("acme/other", &guide(&run)).unwrap();
        let run = world.supply(run, &theirs).await;
        let said = refused(&run);
        assert!(said.contains("repository"), "{said}");
        assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
        assert!(world.fake.is_alive(&Token::new(&theirs).unwrap()), "it is not ours to end");
        done_right(&world, SITE, run).await;
    }
}

#[tokio::test]
async fn a_token_of_the_wrong_account_goes_nowhere_and_another_is_asked_for() {
    let (owner, scopes) = ("bot@acme.com", ["read:repository:bitbucket"]);
    let world = World::of(Bitbucket::api_tokens(&http(), owner).must_read(SITE), owner, &scopes).await;
    let run = world.begin().await;
    let theirs = world.fake.create("eve@acme.com", &guide(&run)).unwrap();
    let run = world.supply(run, &theirs).await;
    assert!(refused(&run).contains("does not know this token"), "{run:?}");
    assert!(world.fake.is_alive(&Token::new(&theirs).unwrap()), "it is not ours to end");
    done_right(&world, owner, run).await;
}

#[tokio::test]
async fn tokens_of_accounts_projects_and_workspaces_are_turned_over_too() {
    let email = "bot@acme.com";
    for (builder, owner, scope) in [
        (Bitbucket::api_tokens(&http(), email), email, "read:repository:bitbucket"),
        (Bitbucket::project_tokens(&http(), "acme", "WEB"), "acme/projects/WEB", "repository:write"),
        (Bitbucket::workspace_tokens(&http(), "acme"), "acme", "repository:write"),
    ] {
        let world = World::of(builder.must_read(SITE), owner, &[scope]).await;
        let run = world.begin().await;
        done_right(&world, owner, run).await;
        assert_eq!(world.fake.rows(owner).len(), 1, "{owner}");
    }
}

#[tokio::test]
async fn nobody_comes_and_place_and_tokens_stay_as_they_are_until_somebody_does() {
    let world = World::start().await;
    let run = world.begin().await;
    world.clock.advance(Duration::from_hours(20 * 24));
    let run = world.bot.resume(run.id).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Token { refusal: None, .. }]), "{run:?}");
    assert_eq!((world.place.holds(), world.fake.rows(SITE).len()), (Some(world.old.fingerprint()), 1));
    done_right(&world, SITE, run).await;
}

#[tokio::test]
async fn a_person_who_made_a_token_and_never_returns_leaves_the_old_one_in_use() {
    let world = World::start().await;
    let run = world.begin().await;
    let made = world.fake.create(SITE, &guide(&run)).unwrap();
    world.clock.advance(Duration::from_hours(20 * 24));
    let run = world.bot.resume(run.id).await.unwrap();
    assert!(matches!(asks(&run), [Ask::Token { .. }]), "{run:?}");
    assert_eq!(world.place.holds(), Some(world.old.fingerprint()));
    assert!(world.fake.is_alive(&world.old) && world.fake.is_alive(&Token::new(&made).unwrap()));
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
