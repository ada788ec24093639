//! What must be proven at a place before the old token may go.

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::{AdmittedToken, Answer, Floor, Result, ScopeModel, ScopeSet};

use crate::world::{World, completed};

/// A place that can always prove both, and does not say one of them of the new token.
#[derive(Debug)]
struct Unsure {
    inner: MemoryConsumer,
    of_the_new: Verification,
}

#[async_trait::async_trait]
impl Consumer for Unsure {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        self.inner.capabilities()
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.inner.required_scopes(model)
    }

    async fn preflight(&self) -> Result<Slot> {
        self.inner.preflight().await
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        self.inner.install(token, expected).await
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let seen = self.inner.verify(token, slot).await?;
        let whole = seen.works == Answer::Proven && seen.new == Answer::Proven;
        Ok(if whole && self.inner.writes() == 1 { self.of_the_new.clone() } else { seen })
    }
}

fn unsure(world: &World, works: Answer, new: Answer) -> Unsure {
    Unsure { inner: world.b.clone(), of_the_new: Verification::new(works, new) }
}

#[tokio::test]
async fn what_a_place_can_always_prove_must_be_proven_before_the_old_token_goes() {
    for (works, new) in [(Answer::Unknown, Answer::Proven), (Answer::Proven, Answer::Unknown)] {
        let world = World::new();
        let rotator = world.bare().consumer(unsure(&world, works, new)).build().unwrap();
        let run = rotator.rotate(world.held()).await.unwrap();
        assert!(!matches!(run.outcome, tokenturn::Outcome::Completed(_)), "{run:?}");
        assert!(world.provider.is_alive(&world.old), "{works:?} {new:?}");
    }
}

#[tokio::test]
async fn a_place_of_which_less_is_asked_may_say_less() {
    for (works, new) in [(Answer::Unknown, Answer::Proven), (Answer::Proven, Answer::Unknown)] {
        let world = World::new();
        let floor = Floor { works: works == Answer::Proven, new: new == Answer::Proven };
        let rotator = world.bare().consumer(unsure(&world, works, new)).floor("b", floor).build().unwrap();
        completed(&rotator.rotate(world.held()).await.unwrap());
        assert!(!world.provider.is_alive(&world.old) && world.b.holds() == Some(world.newest().fingerprint()));
    }
}
