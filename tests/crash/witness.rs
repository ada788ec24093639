//! Stands at the far side and sees what really happens there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{EndedBy, Issuance, IssueRequest, Liveness, ProviderCapabilities, Revocation};
use tokenturn::rotation::Fact;
use tokenturn::{
    AdmittedToken, Consumer, Error, ErrorKind, Grant, Label, Provider, Result, RetiredToken, ScopeModel, ScopeSet,
    Token, TokenId,
};

use crate::laws;
use crate::truth::Truth;

/// The provider, with a witness at its side.
#[derive(Debug)]
pub(crate) struct WitnessedProvider {
    inner: MemoryProvider,
    truth: Arc<Truth>,
}

impl WitnessedProvider {
    pub(crate) fn new(truth: &Arc<Truth>) -> Self {
        Self { inner: truth.provider.clone(), truth: truth.clone() }
    }

    /// What was made meanwhile was made under this name.
    fn made(&self, before: Option<&Token>, label: &str) {
        if let Some(token) = self.inner.newest().filter(|token| Some(token) != before) {
            self.truth.cause(label, &token);
        }
    }
}

#[async_trait]
impl Provider for WitnessedProvider {
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
        let before = self.inner.newest();
        let answer = self.inner.issue(request).await;
        self.made(before.as_ref(), request.label.as_str());
        self.truth.ask(request.label.as_str());
        answer
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        let before = self.inner.newest();
        let answer = self.inner.collect(ticket).await;
        self.made(before.as_ref(), &self.truth.asked());
        answer
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let by_person = self.inner.capabilities().ending == EndedBy::Person;
        let number = token.id().and_then(|id| id.as_str().parse().ok());
        let which = token.value().cloned().or_else(|| number.map(numbered));
        if let (Some(token), false) = (which, by_person) {
            self.truth.ending(&token);
        }
        self.inner.revoke(token).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.inner.status(id).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.inner.find(label).await
    }
}

/// A place, with a witness at its side.
#[derive(Debug)]
pub(crate) struct WitnessedPlace {
    inner: MemoryConsumer,
    truth: Arc<Truth>,
}

impl WitnessedPlace {
    pub(crate) fn new(place: &MemoryConsumer, truth: &Arc<Truth>) -> Self {
        Self { inner: place.clone(), truth: truth.clone() }
    }

    /// Whoever puts the old token back need not look first: it is the same afterwards.
    fn goes_back(&self, token: &AdmittedToken) -> bool {
        let facts = laws::facts(&self.truth);
        let begun = facts.iter().rev().find_map(|fact| match fact {
            Fact::Begun(charter) => Some(charter.predecessor.fingerprint),
            _ => None,
        });
        begun == Some(Some(token.fingerprint()))
    }
}

#[async_trait]
impl Consumer for WitnessedPlace {
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
        if self.truth.is_broken(self.name()) {
            let text = "this place takes no writes now: have it mended, then try again";
            return Err(Error::new(ErrorKind::PermissionDenied, text));
        }
        let alone = !self.truth.rivals.load(Ordering::SeqCst);
        if alone && self.inner.holds() == Some(token.fingerprint()) && !self.goes_back(token) {
            self.truth.violate(format!("I6: {} was written again without a look", self.name()));
        }
        self.inner.install(token, expected).await
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        self.inner.verify(token, slot).await
    }
}

/// The provider's token of this number.
pub(crate) fn numbered(number: u64) -> Token {
    Token::new(&format!("memory-token-{number:08}")).unwrap()
}
