//! A provider, a consumer or a journal that stands and falls with the power.

use std::time::Duration;

use async_trait::async_trait;

use super::power::{Boundary, Moment, Power};
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Slot, Verification};
use crate::error::Result;
use crate::journal::{Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, Page, Seq, Span};
use crate::name::{CredentialName, Holder, Label, TokenId};
use crate::provider::{Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, ProviderTrips, Revocation};
use crate::token::{AdmittedToken, Grant, RetiredToken, ScopeModel, ScopeSet, Token};

/// A provider, a consumer or a journal, as one life of a process sees it: each call crosses a [`Boundary`] before it is
/// sent, and another when it has happened and before its answer arrives.
///
/// A journal's writes cross a third one in between, when their bytes are written and not synced. Nothing of them reaches
/// the journal inside before that one is behind: cut there, they are gone, as bytes are that lay in a cache. What the
/// journal inside has is what was synced, and the next life reads it. Writes go one after the other, and readers wait for
/// the one under way, so nobody sees what is not answered yet.
#[derive(Debug)]
pub struct Powered<T> {
    inner: T,
    power: Power,
    /// One writer at a time, as with a file.
    writer: tokio::sync::Mutex<()>,
}

impl<T> Powered<T> {
    /// What is inside, powered so.
    pub fn new(inner: T, power: &Power) -> Self {
        Self { inner, power: power.clone(), writer: tokio::sync::Mutex::default() }
    }

    async fn at(&self, call: &'static str, moment: Moment) {
        self.power.cross(Boundary { call, moment }).await;
    }

    /// A call over the line.
    async fn send<A>(&self, call: &'static str, act: impl Future<Output = A>) -> A {
        self.at(call, Moment::Before).await;
        let answer = act.await;
        self.at(call, Moment::After).await;
        answer
    }

    /// A write to the disk, which is `sync` alone: until then the bytes are in a cache.
    async fn write<A>(&self, call: &'static str, sync: impl Future<Output = A>) -> A {
        self.at(call, Moment::Before).await;
        let _one_at_a_time = self.writer.lock().await;
        self.at(call, Moment::Written).await;
        let answer = sync.await;
        self.at(call, Moment::After).await;
        answer
    }

    async fn read<A>(&self, look: impl Future<Output = A>) -> A {
        self.power.flow().await;
        let _not_while_written = self.writer.lock().await;
        look.await
    }
}

#[async_trait]
impl<P: Provider> Provider for Powered<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.inner.capabilities()
    }

    fn scopes(&self) -> ScopeModel {
        self.inner.scopes()
    }

    fn trips(&self) -> ProviderTrips {
        self.inner.trips()
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        self.send("inspect", self.inner.inspect(token)).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        self.send("issue", self.inner.issue(request)).await
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.send("collect", self.inner.collect(ticket)).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        self.send("revoke", self.inner.revoke(token)).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.send("status", self.inner.status(id)).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.send("find", self.inner.find(label)).await
    }
}

#[async_trait]
impl<C: Consumer> Consumer for Powered<C> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        self.inner.capabilities()
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.inner.required_scopes(model)
    }

    fn refuses(&self, model: ScopeModel) -> Option<String> {
        self.inner.refuses(model)
    }

    fn trips(&self) -> ConsumerTrips {
        self.inner.trips()
    }

    async fn preflight(&self) -> Result<Slot> {
        self.send("preflight", self.inner.preflight()).await
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        self.send("install", self.inner.install(token, expected)).await
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        self.send("verify", self.inner.verify(token, slot)).await
    }
}

#[async_trait]
impl<J: Journal> Journal for Powered<J> {
    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        self.write("claim", self.inner.claim(credential, holder, ttl)).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        self.write("claim_due", self.inner.claim_due(filter, holder, ttl, limit)).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        self.write("append", self.inner.append(lease, after, batch)).await
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        self.write("rehearse", self.inner.rehearse(lease, bytes)).await
    }

    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        self.write("rescue", self.inner.rescue(lease, after, batch)).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.write("release", self.inner.release(lease)).await
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        self.read(self.inner.load(credential, span)).await
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        self.read(self.inner.heads(filter, page)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::journal::{Mac, MemoryJournal, Record};
    use crate::name::RunId;
    use crate::testing::VirtualClock;

    fn bot() -> CredentialName {
        CredentialName::new("bot").unwrap()
    }

    fn platter() -> MemoryJournal {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        MemoryJournal::pretending_to_be_durable(clock)
    }

    /// Claims and appends one record, with power up to this boundary.
    async fn write(platter: &MemoryJournal, cut_at: usize) -> Power {
        let power = Power::cut_at(cut_at);
        let journal = Powered::new(platter.clone(), &power);
        let life = async {
            let holder = Holder::new("one").unwrap();
            let Claim::Granted(lease) = journal.claim(&bot(), &holder, Duration::from_mins(1)).await.unwrap() else {
                panic!("nobody else is there");
            };
            let mut batch = Batch::new(Head::new(bot()));
            let (run, at) = (RunId::new("run").unwrap(), VirtualClock::new().now());
            batch.records.push(Record::new(Seq::new(1), lease.epoch, run, at, "{}".into(), Mac::GENESIS));
            batch.head.last = Seq::new(1);
            journal.append(&lease, Seq::ZERO, &batch).await.unwrap();
        };
        power.live(life).await;
        power
    }

    #[tokio::test]
    async fn what_was_written_and_not_synced_is_gone_and_what_was_synced_lasts_whoever_was_told() {
        let before_sync = platter();
        assert_eq!(write(&before_sync, 5).await.trail()[4], Boundary { call: "append", moment: Moment::Written });
        assert_eq!(before_sync.reboot().synced(&bot(), Span::From(Seq::ZERO)).records, []);
        let after_sync = platter();
        assert_eq!(write(&after_sync, 6).await.trail()[5], Boundary { call: "append", moment: Moment::After });
        assert_eq!(after_sync.reboot().synced(&bot(), Span::From(Seq::ZERO)).records.len(), 1);
    }

    #[tokio::test]
    async fn a_lease_lasts_as_what_was_written_does() {
        let journal = platter();
        write(&journal, 4).await;
        let next = journal.reboot();
        let other = Holder::new("two").unwrap();
        assert!(matches!(next.claim(&bot(), &other, Duration::from_mins(1)).await, Ok(Claim::HeldFor(_))));
        let never = platter();
        write(&never, 2).await;
        assert!(matches!(never.reboot().claim(&bot(), &other, Duration::from_mins(1)).await, Ok(Claim::Granted(_))));
    }

    #[tokio::test]
    async fn a_life_that_is_over_changes_nothing_in_the_next() {
        let journal = platter();
        let next = journal.reboot();
        write(&journal, usize::MAX).await;
        assert_eq!(next.synced(&bot(), Span::From(Seq::ZERO)).records, []);
    }
}
