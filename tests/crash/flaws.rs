//! Parts that break their promises on purpose, to show that the laws would notice.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::journal::{
    Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, MemoryJournal, Page, Seq, Span,
};
use tokenturn::provider::{Issuance, IssueRequest, Liveness, ProviderCapabilities, Revocation};
use tokenturn::{
    AdmittedToken, Answer, Consumer, CredentialName, Grant, Holder, Label, Provider, Result, RetiredToken, ScopeModel,
    ScopeSet, Token, TokenId,
};

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The journal answers an append, and syncs it with the next one.
    AnswersBeforeSync,
    /// The journal keeps records and forgets new values.
    ForgetsValues,
    /// The provider finds no token by its name, whatever there is.
    FindsNothing,
    /// The provider issues two tokens where one was asked for.
    IssuesTwice,
    /// The places say of every token that it works and is the new one.
    SaysYes,
    /// The places show a secret of somebody else's. What the engine itself knows it would withhold.
    ShowsSecret,
}

/// A journal with a flaw, over what is really synced.
#[derive(Debug)]
pub(crate) struct FlawedJournal {
    flaw: Flaw,
    disk: MemoryJournal,
    /// What whoever asks is shown.
    cache: MemoryJournal,
    late: Mutex<Option<(Lease, Seq, Batch)>>,
}

impl FlawedJournal {
    pub(crate) fn new(flaw: Flaw, disk: MemoryJournal) -> Self {
        let cache = if flaw == Flaw::AnswersBeforeSync { disk.reboot() } else { disk.clone() };
        Self { flaw, disk, cache, late: Mutex::default() }
    }

    fn is_hasty(&self) -> bool {
        self.flaw == Flaw::AnswersBeforeSync
    }
}

#[async_trait]
impl Journal for FlawedJournal {
    fn durability(&self) -> Durability {
        self.cache.durability()
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        if self.is_hasty() {
            self.disk.claim(credential, holder, ttl).await?;
        }
        self.cache.claim(credential, holder, ttl).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        self.cache.claim_due(filter, holder, ttl, limit).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        let mut batch = batch.clone();
        if self.flaw == Flaw::ForgetsValues {
            batch.keep.retain(|value| !value.id.as_str().contains("/new-"));
        }
        if self.is_hasty() {
            let copy = Lease::new(lease.credential.clone(), lease.holder.clone(), lease.epoch, lease.ttl);
            let late = self.late.lock().unwrap().replace((copy, after, batch.clone()));
            if let Some((lease, after, batch)) = late {
                self.disk.append(&lease, after, &batch).await?;
            }
        }
        self.cache.append(lease, after, &batch).await
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        self.cache.rehearse(lease, bytes).await
    }

    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        self.cache.rescue(lease, after, batch).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.cache.release(lease).await
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        self.cache.load(credential, span).await
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        self.cache.heads(filter, page).await
    }
}

/// A provider with a flaw.
#[derive(Debug)]
pub(crate) struct FlawedProvider<P>(pub(crate) Flaw, pub(crate) P);

#[async_trait]
impl<P: Provider> Provider for FlawedProvider<P> {
    fn name(&self) -> &str {
        self.1.name()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.1.capabilities()
    }

    fn scopes(&self) -> ScopeModel {
        self.1.scopes()
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        self.1.inspect(token).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if self.0 == Flaw::IssuesTwice {
            self.1.issue(request).await?;
        }
        self.1.issue(request).await
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.1.collect(ticket).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        self.1.revoke(token).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.1.status(id).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        if self.0 == Flaw::FindsNothing {
            return Ok(Vec::new());
        }
        self.1.find(label).await
    }
}

/// A place with a flaw.
#[derive(Debug)]
pub(crate) struct FlawedPlace<C>(pub(crate) Flaw, pub(crate) C);

#[async_trait]
impl<C: Consumer> Consumer for FlawedPlace<C> {
    fn name(&self) -> &str {
        self.1.name()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        self.1.capabilities()
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.1.required_scopes(model)
    }

    async fn preflight(&self) -> Result<Slot> {
        let slot = self.1.preflight().await?;
        Ok(if self.0 == Flaw::ShowsSecret { slot.with_detail("secret", "memory-token-99999999") } else { slot })
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        self.1.install(token, expected).await
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        if self.0 == Flaw::SaysYes {
            return Ok(Verification::new(Answer::Proven, Answer::Proven));
        }
        self.1.verify(token, slot).await
    }
}
