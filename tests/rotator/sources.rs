//! Tokens made elsewhere, brought to added places, or the first of all.

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, Revocation};
use tokenturn::rotation::{Fact, OldEnd, Outcome};
use tokenturn::{ErrorKind, Grant, Label, Predecessor, Result, RetiredToken, ScopeModel, ScopeSet, Token, TokenId};

use crate::world::{World, completed, repo, swift};

#[tokio::test]
async fn a_token_made_elsewhere_is_rolled_out_and_becomes_the_current_one() {
    let world = World::new();
    let given = world.provider.mint("bot", repo());
    completed(&world.rotator().adopt(given.clone(), world.held()).await.unwrap());
    assert!(world.all_hold(&given) && !world.provider.is_alive(&world.old));
    assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 0);
    assert_eq!(world.rotator().check(&Predecessor::Kept).await.unwrap().fingerprint, Some(given.fingerprint()));
}

#[tokio::test]
async fn a_token_made_elsewhere_is_never_revoked_by_us_on_failure() {
    let world = World::new();
    let given = world.provider.mint("bot", repo());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = world.rotator().adopt(given.clone(), world.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{run:?}");
    assert!(world.all_hold(&world.old) && world.provider.is_alive(&given));
    assert!(world.kept().await.is_empty(), "its value is the caller's: {:?}", world.kept().await);
}

#[tokio::test]
async fn a_token_made_elsewhere_that_lacks_something_stops_or_is_cured() {
    let world = World::new();
    let run = world.rotator().adopt(world.provider.mint("eve", repo()), world.held()).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::Stopped { because, .. } if because.text.contains("belongs to eve")));
    let run = world.rotator().adopt(world.provider.mint("bot", ScopeSet::of(["gist"])), world.held()).await.unwrap();
    assert!(matches!(crate::world::asks(&run), [tokenturn::rotation::Ask::Cure { .. }]));
}

#[tokio::test]
async fn the_old_token_cannot_be_adopted() {
    let world = World::new();
    let error = world.rotator().adopt(world.old.clone(), world.held()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let error = world.rotator().adopt(world.newest(), Predecessor::Kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn to_adopt_twice_is_to_go_on() {
    let world = World::new();
    let given = world.provider.mint("bot", repo());
    let rotator = world.with_policy(swift().grace(crate::world::seconds(3600)).linger(crate::world::seconds(0)));
    let first = rotator.adopt(given.clone(), world.held()).await.unwrap();
    assert_eq!(rotator.adopt(given, world.held()).await.unwrap(), first);
    let other = world.provider.mint("bot", repo());
    assert_eq!(rotator.adopt(other, world.held()).await.unwrap_err().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn the_current_token_is_brought_to_an_added_place() {
    let world = World::new();
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let c = MemoryConsumer::new("c", &world.provider).unwrap();
    let rotator = world.builder().consumer(c.clone()).build().unwrap();
    let run = rotator.spread(&["c"]).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::None);
    assert_eq!(c.holds(), Some(world.newest().fingerprint()));
    assert_eq!((world.a.writes(), world.provider.live()), (1, 1));
    assert_eq!(world.kept().await, ["current"]);
    completed(&rotator.rotate(Predecessor::Kept).await.unwrap());
    assert_eq!(c.holds(), Some(world.newest().fingerprint()));
}

#[tokio::test]
async fn a_failed_spread_leaves_the_current_token_alone() {
    let world = World::new();
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let c = MemoryConsumer::new("c", &world.provider).unwrap();
    c.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let rotator = world.builder().consumer(c.clone()).build().unwrap();
    let run = rotator.spread(&["c"]).await.unwrap();
    assert!(run.outcome.is_over(), "{run:?}");
    assert!(world.provider.is_alive(&world.newest()));
    assert_eq!(world.kept().await, ["current"]);
}

#[tokio::test]
async fn what_cannot_be_spread_is_said() {
    let world = World::new();
    let rotator = world.rotator();
    let error = rotator.spread(&["a"]).await.unwrap_err();
    assert!(error.to_string().contains("no current token is kept"), "{error}");
    assert_eq!(rotator.spread(&["x"]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(rotator.spread(&[]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_first_installation_has_nothing_to_revoke() {
    let world = World::new();
    let run = world.rotator().rotate(Predecessor::None).await.unwrap();
    assert_eq!(completed(&run).old, OldEnd::None);
    assert!(world.all_hold(&world.newest()) && world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn a_first_installation_that_fails_halfway_does_not_end_the_only_token_of_a_place() {
    let world = World::new();
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let run = world.rotator().rotate(Predecessor::None).await.unwrap();
    crate::world::stuck(&run);
    assert!(world.provider.is_alive(&world.newest()));
}

#[tokio::test]
async fn a_kept_token_that_is_not_there_is_asked_for() {
    let error = World::new().rotator().rotate(Predecessor::Kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_token_that_another_credential_uses_is_not_revoked_under_it() {
    let world = World::new();
    let c = MemoryConsumer::new("c", &world.provider).unwrap();
    let other = tokenturn::Rotator::builder("other", world.provider.clone())
        .consumer(c.clone())
        .policy(swift())
        .journal(world.journal.clone())
        .build()
        .unwrap();
    completed(&other.adopt(world.old.clone(), Predecessor::None).await.unwrap());
    let error = world.rotator().rotate(world.held()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("the credential other uses this token too"), "{error}");
    assert!(world.rotator().plan(&world.held()).await.unwrap().is_blocked());
    // To part the two, the old token stays.
    let parting = world.with_policy(swift().old(tokenturn::rotation::OldPolicy::Keep));
    completed(&parting.rotate(world.held()).await.unwrap());
    assert!(world.all_hold(&world.newest()) && world.provider.is_alive(&world.old));
}

#[tokio::test]
async fn an_unknown_token_handed_in_as_the_old_one_counts_as_dead() {
    let world = World::new();
    let run = world.rotator().rotate(Predecessor::Held(Token::new("never-was").unwrap())).await.unwrap();
    assert!(matches!(completed(&run).old, OldEnd::Dead(_)));
    assert!(world.provider.is_alive(&world.old), "nobody said that this one was to go");
}

#[tokio::test]
async fn a_live_token_that_we_keep_is_not_forgotten_for_another() {
    let world = World::new();
    let rotator = world.rotator();
    completed(&rotator.rotate(world.held()).await.unwrap());
    let kept = world.newest();
    let made = world.provider.mint("bot", repo());
    for predecessor in [Predecessor::Held(made.clone()), Predecessor::None] {
        assert_eq!(rotator.rotate(predecessor.clone()).await.unwrap_err().kind(), ErrorKind::Refused);
        let given = world.provider.mint("bot", repo());
        assert_eq!(rotator.adopt(given, predecessor).await.unwrap_err().kind(), ErrorKind::Refused);
    }
    let urgency = tokenturn::rotation::Urgency::RevokeFirst;
    assert_eq!(
        rotator.emergency(Predecessor::Held(made.clone()), urgency).await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    // To adopt the kept one again forgets nothing, nor does going on without one that is dead.
    completed(&rotator.adopt(kept.clone(), Predecessor::Held(world.old.clone())).await.unwrap());
    world.provider.kill(&kept);
    completed(&rotator.rotate(Predecessor::Held(made.clone())).await.unwrap());
    assert!(!world.provider.is_alive(&made) && world.all_hold(&world.newest()));
}

/// A world whose tokens come with a second secret, after the first installation.
async fn with_companions() -> World {
    let world = World::new().with_provider(tokenturn::provider::memory::MemoryProvider::with_companions);
    completed(&world.rotator().rotate(Predecessor::None).await.unwrap());
    world
}

#[tokio::test]
async fn the_secret_that_came_with_a_token_is_kept_and_used_for_the_next() {
    let world = with_companions().await;
    assert_eq!(world.kept().await, ["current", "current+"]);
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    completed(&world.rotator().rotate(Predecessor::Kept).await.unwrap());
    assert_eq!(world.kept().await, ["current", "current+"]);
}

#[tokio::test]
async fn the_secret_of_a_token_that_is_gone_is_not_taken_for_that_of_another() {
    let world = with_companions().await;
    let given = world.provider.mint("bot", repo());
    completed(&world.rotator().adopt(given, Predecessor::Kept).await.unwrap());
    assert_eq!(world.kept().await, ["current"]);
}

#[tokio::test]
async fn a_spread_leaves_the_secret_of_the_current_token_alone() {
    let world = with_companions().await;
    completed(&world.rotator().spread(&["b"]).await.unwrap());
    assert_eq!(world.kept().await, ["current", "current+"]);
}

#[tokio::test]
async fn a_token_of_one_provider_is_never_shown_to_another() {
    let world = World::of(crate::world::guided());
    let run = world.rotator().rotate(world.held()).await.unwrap();
    let elsewhere = Elsewhere { inner: MemoryProvider::new().with_capabilities(crate::world::guided()) };
    let rotator = tokenturn::Rotator::builder("bot", elsewhere)
        .consumer(world.a.clone())
        .consumer(world.b.clone())
        .policy(swift())
        .journal(world.journal.clone())
        .clock(std::sync::Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let error = rotator.supply(run.id, world.provider.mint("bot", repo())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
}

/// Another provider, which no token of this world may reach.
#[derive(Debug)]
struct Elsewhere {
    inner: MemoryProvider,
}

#[async_trait::async_trait]
impl Provider for Elsewhere {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "elsewhere"
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.inner.capabilities()
    }

    fn scopes(&self) -> ScopeModel {
        self.inner.scopes()
    }

    async fn inspect(&self, _: &Token) -> Result<Grant> {
        panic!("a token was sent to another provider");
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        self.inner.issue(request).await
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.inner.collect(ticket).await
    }

    async fn revoke(&self, _: &RetiredToken) -> Result<Revocation> {
        panic!("a token was sent to another provider");
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.inner.status(id).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.inner.find(label).await
    }
}
