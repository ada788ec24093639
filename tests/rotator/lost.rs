//! What a provider is told of the attempt before.

use std::sync::{Arc, Mutex};

use tokenturn::consumer::memory::Fault;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, Revocation};
use tokenturn::rotation::{Decision, OnFailure, Urgency};
use tokenturn::{
    Effect, Error, ErrorKind, Fingerprint, Grant, Label, Predecessor, Result, RetiredToken, Rotator, ScopeModel, Token,
    TokenId,
};

use crate::world::{World, completed, overlap, replace, repo, stuck, swift};

type Ended = (Option<Fingerprint>, [Option<Label>; 2]);

/// Writes down of each request whether the answer before is said to be lost.
#[derive(Debug)]
struct Listening {
    inner: MemoryProvider,
    told: Arc<Mutex<Vec<bool>>>,
    /// Which token each request shows as the one to be replaced.
    shown: Arc<Mutex<Vec<Option<Fingerprint>>>>,
    /// Each token that is to end, its name, and that of the one that took its place.
    ended: Arc<Mutex<Vec<Ended>>>,
    /// How many requests are refused, by a provider that does not say that nothing happened.
    refuses: usize,
}

#[async_trait::async_trait]
impl Provider for Listening {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.inner.capabilities()
    }

    fn scopes(&self) -> ScopeModel {
        self.inner.scopes()
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        self.inner.inspect(token).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        self.told.lock().unwrap().push(request.after_a_lost_answer);
        self.shown.lock().unwrap().push(request.current.map(Token::fingerprint));
        if self.told.lock().unwrap().len() <= self.refuses {
            return Err(Error::new(ErrorKind::Refused, "no").with_effect(Effect::Unknown));
        }
        self.inner.issue(request).await
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.inner.collect(ticket).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let names = [token.label().cloned(), token.successor().cloned()];
        self.ended.lock().unwrap().push((token.fingerprint(), names));
        self.inner.revoke(token).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.inner.status(id).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.inner.find(label).await
    }
}

/// The provider of this world, listened to.
fn listen(world: &World, refuses: usize) -> Listening {
    Listening {
        inner: world.provider.clone(),
        told: Arc::default(),
        shown: Arc::default(),
        ended: Arc::default(),
        refuses,
    }
}

/// The rotator of this world, and whether its provider is told each time that an answer was lost.
fn listening(world: &World, refuses: usize) -> (Rotator, Arc<Mutex<Vec<bool>>>) {
    let provider = listen(world, refuses);
    let told = provider.told.clone();
    (world.by(provider).build().unwrap(), told)
}

/// A rotator that stops where a place fails, and which token its provider is shown each time.
fn shown(world: &World) -> (Rotator, Arc<Mutex<Vec<Option<Fingerprint>>>>) {
    let provider = listen(world, 0);
    let shown = provider.shown.clone();
    (world.by(provider).policy(swift().on_failure(OnFailure::Hold)).build().unwrap(), shown)
}

#[tokio::test]
async fn a_provider_is_told_that_the_answer_before_was_lost_until_one_arrives() {
    for finds in [true, false] {
        let mut can = overlap();
        can.finds_by_label = finds;
        let world = World::of(can);
        world.provider.plan_fault("issue", Fault::LostAfter);
        let (rotator, told) = listening(&world, 0);
        completed(&rotator.rotate(world.held()).await.unwrap());
        completed(&rotator.rotate(tokenturn::Predecessor::Kept).await.unwrap());
        assert_eq!(*told.lock().unwrap(), [false, true, false], "finds by label: {finds}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_provider_is_no_lost_answer() {
    let world = World::new();
    let (rotator, told) = listening(&world, 1);
    // What leaked is dead already, so a refusal does not end the run.
    let run = rotator.emergency(world.held(), Urgency::RevokeFirst).await.unwrap();
    stuck(&run);
    completed(&rotator.resolve(run.id, Decision::Retry).await.unwrap());
    assert_eq!(*told.lock().unwrap(), [false, false]);
}

#[tokio::test]
async fn what_is_replaced_is_the_newest_token_that_lives_because_of_this_run() {
    let world = World::of(replace().reissuing());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let (rotator, shown) = shown(&world);
    stuck(&rotator.rotate(world.held()).await.unwrap());
    let leaked = world.newest();
    let run = rotator.emergency(Predecessor::Held(leaked.clone()), Urgency::ReplaceNow).await.unwrap();
    completed(&run);
    assert!(!world.provider.is_alive(&leaked), "its successor killed it");
    assert_eq!(*shown.lock().unwrap(), [Some(world.old.fingerprint()), Some(leaked.fingerprint())]);
}

#[tokio::test]
async fn a_new_token_that_is_dead_is_not_shown_to_be_replaced() {
    let world = World::of(replace().reissuing());
    world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied));
    let (rotator, shown) = shown(&world);
    let run = rotator.rotate(world.held()).await.unwrap();
    stuck(&run);
    world.provider.kill(&world.newest());
    stuck(&rotator.resolve(run.id.clone(), Decision::Retry).await.unwrap());
    completed(&rotator.resolve(run.id, Decision::Retry).await.unwrap());
    assert_eq!(*shown.lock().unwrap(), [Some(world.old.fingerprint()), None]);
}

#[tokio::test]
async fn a_token_that_was_handed_in_is_not_shown_to_be_replaced() {
    let world = World::of(replace().reissuing());
    (0..2).for_each(|_| world.b.plan_fault("install", Fault::Refused(ErrorKind::PermissionDenied)));
    let (rotator, shown) = shown(&world);
    let given = world.provider.mint("bot", repo());
    stuck(&rotator.adopt(given.clone(), world.held()).await.unwrap());
    // The old one leaked and is ended, and then the one that was handed in leaks.
    stuck(&rotator.emergency(world.held(), Urgency::ReplaceNow).await.unwrap());
    completed(&rotator.emergency(Predecessor::Held(given), Urgency::ReplaceNow).await.unwrap());
    assert_eq!(*shown.lock().unwrap(), [None]);
}

#[tokio::test]
async fn a_provider_is_told_the_names_of_what_ends_and_of_what_took_its_place() {
    let world = World::new();
    let provider = listen(&world, 0);
    let ended = provider.ended.clone();
    let rotator = world.by(provider).build().unwrap();
    completed(&rotator.rotate(world.held()).await.unwrap());
    let issued = world.newest().fingerprint();
    completed(&rotator.rotate(Predecessor::Kept).await.unwrap());
    let ended = ended.lock().unwrap();
    assert_eq!([ended[0].0, ended[1].0], [Some(world.old.fingerprint()), Some(issued)]);
    let [[None, Some(first)], [Some(gone), Some(second)]] = [&ended[0].1, &ended[1].1] else { panic!("{ended:?}") };
    assert_eq!(first, gone);
    assert_ne!(first, second);
}
