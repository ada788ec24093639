//! A place whose checks are told in other words.

use std::fmt;

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::{AdmittedToken, Result, ScopeModel, ScopeSet};

/// What becomes of what a check has seen.
type Retelling = dyn Fn(&MemoryConsumer, Result<Verification>) -> Result<Verification> + Send + Sync;

pub(crate) struct Retold {
    inner: MemoryConsumer,
    retell: Box<Retelling>,
}

impl Retold {
    pub(crate) fn new(
        place: &MemoryConsumer,
        retell: impl Fn(&MemoryConsumer, Result<Verification>) -> Result<Verification> + Send + Sync + 'static,
    ) -> Self {
        Self { inner: place.clone(), retell: Box::new(retell) }
    }
}

impl fmt::Debug for Retold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Retold({:?})", self.inner)
    }
}

#[async_trait::async_trait]
impl Consumer for Retold {
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
        assert!(self.inner.writes() < 5000, "it is written for ever");
        self.inner.install(token, expected).await
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        (self.retell)(&self.inner, self.inner.verify(token, slot).await)
    }
}
