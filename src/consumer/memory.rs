//! A consumer in memory: the reference for others, and the world of tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Consumer, ConsumerCapabilities, Installation, Proof, Slot, Verification};
use crate::error::{Error, ErrorKind, Result};
pub use crate::fault::Fault;
use crate::fault::Faults;
use crate::guide::Guide;
use crate::name::ConsumerName;
use crate::provider::memory::MemoryProvider;
use crate::token::{AdmittedToken, Answer, Fingerprint, ScopeModel, ScopeSet, Token};

/// A place in memory. Clones share what it holds.
///
/// It asks a [`MemoryProvider`] whether what it holds works, and tells old from new; what it should not be able to tell
/// is set by [`with_capabilities`](Self::with_capabilities).
#[derive(Clone, Debug)]
pub struct MemoryConsumer {
    name: ConsumerName,
    provider: MemoryProvider,
    capabilities: ConsumerCapabilities,
    required: Option<ScopeSet>,
    warnings: Vec<String>,
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    faults: Faults,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    token: Option<Token>,
    writes: usize,
}

impl MemoryConsumer {
    /// An empty place of this name, whose tokens come from this provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a name that cannot be one.
    pub fn new(name: &str, provider: &MemoryProvider) -> Result<Self> {
        Ok(Self {
            name: ConsumerName::new(name)?,
            provider: provider.clone(),
            capabilities: ConsumerCapabilities::new("memory").proving(Proof::Always, Proof::Always).versioned(),
            required: Some(ScopeSet::of(["repo"])),
            warnings: Vec::new(),
            inner: Arc::default(),
        })
    }

    /// What it can do, and how it behaves.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: ConsumerCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The scopes that it needs; `None` where it cannot say.
    #[must_use]
    pub fn requiring(mut self, scopes: Option<ScopeSet>) -> Self {
        self.required = scopes;
        self
    }

    /// What it warns of whenever it is read.
    #[must_use]
    pub fn warning(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self
    }

    /// Puts a token there past its interface.
    pub fn put(&self, token: &Token) {
        let mut state = self.lock();
        state.version += 1;
        state.token = Some(token.clone());
    }

    /// What it holds.
    #[must_use]
    pub fn holds(&self) -> Option<Fingerprint> {
        self.lock().token.as_ref().map(Token::fingerprint)
    }

    /// How often it was written through its interface.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// What goes wrong with the next call of this name: `preflight`, `install` or `verify`.
    pub fn plan_fault(&self, call: &'static str, fault: Fault) {
        self.inner.faults.plan(call, fault);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self) -> Slot {
        let slot = Slot::at(self.lock().version.to_string());
        self.warnings.iter().fold(slot, Slot::with_warning)
    }

    fn conflict(&self) -> Error {
        Error::new(ErrorKind::Conflict, "it changed since it was read: read it again").with_subject(self.name.as_str())
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        self.capabilities.clone()
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        self.required.clone()
    }

    async fn preflight(&self) -> Result<Slot> {
        self.inner.faults.around("preflight", self.name(), || Ok(self.slot()), || Ok(Slot::opaque())).await
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        if self.capabilities.by_person {
            return Ok(Installation::Guided(Guide::new(format!("Put {} into {}", token.fingerprint(), self.name))));
        }
        let install = || {
            if self.slot().version != expected.version {
                return Err(self.conflict());
            }
            self.put(token.token());
            self.lock().writes += 1;
            Ok(Installation::Done(self.slot()))
        };
        self.inner.faults.around("install", self.name(), install, || Ok(Installation::Done(self.slot()))).await
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let say = |proof: Proof, yes: bool| match (proof, yes) {
            (Proof::Never, _) => Answer::Unknown,
            (_, true) => Answer::Proven,
            (_, false) => Answer::Refuted,
        };
        let verify = || {
            let held = self.lock().token.clone();
            let works = held.as_ref().is_some_and(|held| self.provider.is_alive(held));
            let new = held.as_ref() == Some(token.token());
            Ok(Verification::new(say(self.capabilities.works, works), say(self.capabilities.new, new)))
        };
        let lie = || Ok(Verification::new(Answer::Proven, Answer::Unknown));
        self.inner.faults.around("verify", self.name(), verify, lie).await
    }
}
