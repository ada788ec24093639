//! What a provider is told of the attempt before.

use std::sync::{Arc, Mutex};

use tokenturn::consumer::memory::Fault;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, Revocation};
use tokenturn::rotation::{Decision, Urgency};
use tokenturn::{Effect, Error, ErrorKind, Grant, Label, Result, RetiredToken, Rotator, ScopeModel, Token, TokenId};

use crate::world::{World, completed, overlap, stuck, swift};

/// Writes down of each request whether the answer before is said to be lost.
#[derive(Debug)]
struct Listening {
    inner: MemoryProvider,
    told: Arc<Mutex<Vec<bool>>>,
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
        if self.told.lock().unwrap().len() <= self.refuses {
            return Err(Error::new(ErrorKind::Refused, "no").with_effect(Effect::Unknown));
        }
        self.inner.issue(request).await
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.inner.collect(ticket).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        self.inner.revoke(token).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.inner.status(id).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.inner.find(label).await
    }
}

/// The provider of this world, listened to, and what it is told.
fn listening(world: &World, refuses: usize) -> (Rotator, Arc<Mutex<Vec<bool>>>) {
    let told = Arc::default();
    let provider = Listening { inner: world.provider.clone(), told: Arc::clone(&told), refuses };
    let rotator = Rotator::builder("bot", provider)
        .consumer(world.a.clone())
        .consumer(world.b.clone())
        .policy(swift())
        .journal(world.journal.clone())
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    (rotator, told)
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
