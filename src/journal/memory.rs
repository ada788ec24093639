//! A journal in memory: the reference for others, and enough for runs that need not survive the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, Page, Record, SealedValue, Seq, Span, ValueId,
};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{CredentialName, Holder};

/// A journal in memory. It is [`Durability::Volatile`]: what it knows is gone with the process, so a `Rotator` refuses it
/// for providers whose answer cannot be had twice.
#[derive(Clone, Debug)]
pub struct MemoryJournal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    durability: Durability,
    credentials: Mutex<BTreeMap<CredentialName, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    head: Head,
    records: Vec<Record>,
    values: BTreeMap<ValueId, SealedValue>,
    epoch: u64,
    /// Who has the lease, and until when by the journal's clock.
    lease: Option<(Holder, Duration)>,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty journal whose leases run by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::make(clock, Durability::Volatile)
    }

    fn make(clock: Arc<dyn Clock>, durability: Durability) -> Self {
        Self { inner: Arc::new(Inner { clock, durability, credentials: Mutex::default() }) }
    }

    /// A journal that says it is durable, for tests of what only durable journals may be used for.
    #[cfg(feature = "testing")]
    pub fn pretending_to_be_durable(clock: Arc<dyn Clock>) -> Self {
        Self::make(clock, Durability::Durable)
    }

    /// A journal over a copy of what this one has, as after a restart: leases run on by the same clock, and nothing that
    /// the old one still does reaches the new one. Kept aside, it is a backup.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn reboot(&self) -> Self {
        let Inner { clock, durability, .. } = &*self.inner;
        let credentials = Mutex::new(self.lock().clone());
        Self { inner: Arc::new(Inner { clock: clock.clone(), durability: *durability, credentials }) }
    }

    /// What it has of a credential, for those who judge and cannot wait.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn synced(&self, credential: &CredentialName, span: Span) -> Log {
        self.read(credential, span)
    }

    fn read(&self, credential: &CredentialName, span: Span) -> Log {
        let all = self.lock();
        let Some(entry) = all.get(credential) else {
            return Log::new(Head::new(credential.clone()), Vec::new(), Vec::new());
        };
        let first = span.first(&entry.head);
        let records = entry.records.iter().filter(|record| record.seq >= first).cloned().collect();
        Log::new(entry.head.clone(), records, entry.values.values().cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Entry>> {
        // Every change below is made at once, so what a panicking thread left is whole.
        self.inner.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.inner.clock.monotonic()
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    fn new(credential: CredentialName) -> Self {
        Self { head: Head::new(credential), records: Vec::new(), values: BTreeMap::new(), epoch: 0, lease: None }
    }

    /// How long somebody else still has it.
    fn held_for(&self, holder: &Holder, now: Duration) -> Option<Duration> {
        let (by, until) = self.lease.as_ref()?;
        (by != holder).then(|| until.checked_sub(now)).flatten().filter(|left| !left.is_zero())
    }

    fn grant(&mut self, holder: &Holder, now: Duration, ttl: Duration) -> Lease {
        self.epoch += 1;
        self.lease = Some((holder.clone(), now + ttl));
        Lease::new(self.head.credential.clone(), holder.clone(), self.epoch, ttl)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn durability(&self) -> Durability {
        self.inner.durability
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        let now = self.now();
        let mut all = self.lock();
        let entry = all.entry(credential.clone()).or_insert_with(|| Entry::new(credential.clone()));
        Ok(match entry.held_for(holder, now) {
            Some(wait) => Claim::HeldFor(wait),
            None => Claim::Granted(entry.grant(holder, now, ttl)),
        })
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        let (now, due) = (self.now(), filter.clone().due(self.inner.clock.now()));
        let mut all = self.lock();
        let free = all.values_mut().filter(|entry| due.admits(&entry.head) && entry.held_for(holder, now).is_none());
        let mut ready: Vec<&mut Entry> = free.collect();
        ready.sort_by_key(|entry| entry.head.wake_at);
        Ok(ready.into_iter().take(limit).map(|entry| entry.grant(holder, now, ttl)).collect())
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        let now = self.now();
        let mut all = self.lock();
        let Some(entry) = all.get_mut(&lease.credential).filter(|entry| entry.epoch == lease.epoch) else {
            return Err(fenced());
        };
        if entry.head.last != after {
            return Err(Error::new(ErrorKind::Fenced, "the log went on without this engine: stop, and load it again"));
        }
        entry.lease = Some((lease.holder.clone(), now + lease.ttl));
        entry.records.extend(batch.records.iter().cloned());
        entry.values.extend(batch.keep.iter().map(|value| (value.id.clone(), value.clone())));
        for id in &batch.destroy {
            entry.values.remove(id);
        }
        entry.head = batch.head.clone();
        Ok(entry.head.last)
    }

    async fn rehearse(&self, lease: &Lease, _: usize) -> Result<()> {
        match self.lock().get(&lease.credential) {
            Some(entry) if entry.epoch == lease.epoch => Ok(()),
            _ => Err(fenced()),
        }
    }

    async fn rescue(&self, _: &Lease, _: Seq, _: &Batch) -> Result<()> {
        Err(Error::new(ErrorKind::Journal, "a journal in memory has no other place to keep anything"))
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        let mut all = self.lock();
        if let Some(entry) = all.get_mut(&lease.credential).filter(|entry| entry.epoch == lease.epoch) {
            entry.lease = None;
        }
        Ok(())
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        Ok(self.read(credential, span))
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        let all = self.lock();
        let after = page.after.as_ref();
        let heads =
            all.iter().filter(|(name, _)| after.is_none_or(|after| *name > after)).map(|(_, entry)| &entry.head);
        Ok(heads.filter(|head| filter.admits(head)).take(page.limit).cloned().collect())
    }
}

fn fenced() -> Error {
    Error::new(ErrorKind::Fenced, "another engine has taken this credential over: stop, it goes on from the journal")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> CredentialName {
        CredentialName::new(text).unwrap()
    }

    async fn granted(journal: &MemoryJournal, holder: &str) -> Option<Lease> {
        let holder = Holder::new(holder).unwrap();
        match journal.claim(&name("bot"), &holder, Duration::from_mins(1)).await.unwrap() {
            Claim::Granted(lease) => Some(lease),
            Claim::HeldFor(_) => None,
        }
    }

    #[tokio::test]
    async fn only_the_newest_lease_writes() {
        let journal = MemoryJournal::new();
        let first = granted(&journal, "a").await.unwrap();
        assert!(granted(&journal, "b").await.is_none(), "it is held");
        let again = granted(&journal, "a").await.unwrap();
        assert!(again.epoch > first.epoch);
        let batch = Batch::new(Head::new(name("bot")));
        assert_eq!(journal.append(&first, Seq::ZERO, &batch).await.unwrap_err().kind(), ErrorKind::Fenced);
        journal.append(&again, Seq::ZERO, &batch).await.unwrap();
        journal.release(again).await.unwrap();
        assert!(granted(&journal, "b").await.is_some());
    }

    #[tokio::test]
    async fn a_writer_that_missed_something_is_fenced() {
        let journal = MemoryJournal::new();
        let lease = granted(&journal, "a").await.unwrap();
        let batch = Batch::new(Head::new(name("bot")));
        assert_eq!(journal.append(&lease, Seq::new(7), &batch).await.unwrap_err().kind(), ErrorKind::Fenced);
    }
}
