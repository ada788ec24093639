//! Workers that are broken on purpose: the laws must find them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::journal::{Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, Page, Seq, Span};
use tokenturn::{AdmittedToken, Answer, CredentialName, Holder, Result, ScopeModel, ScopeSet};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How a worker is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Plant {
    /// Its journal answers before it has stored anything.
    AnswersFirst,
    /// It ends at once when it is told to.
    Hasty,
    /// Its places say that they took what they did not.
    Liar,
}

/// How long the journal that answers first takes its time.
const LATER: Duration = Duration::from_millis(60);

/// A journal that answers before it has stored anything.
#[derive(Debug)]
pub(crate) struct AnswersFirst {
    inner: Arc<dyn Journal>,
    later: mpsc::UnboundedSender<(Instant, Job)>,
}

#[derive(Debug)]
enum Job {
    Append(Lease, Seq, Box<Batch>),
    Release(Lease),
    Tell(oneshot::Sender<()>),
}

impl AnswersFirst {
    pub(crate) fn over(inner: Arc<dyn Journal>) -> Self {
        let (later, mut jobs) = mpsc::unbounded_channel::<(Instant, Job)>();
        let journal = inner.clone();
        tokio::spawn(async move {
            while let Some((due, job)) = jobs.recv().await {
                match job {
                    Job::Append(lease, after, batch) => {
                        tokio::time::sleep_until(due).await;
                        let _ = journal.append(&lease, after, &batch).await;
                    }
                    Job::Release(lease) => drop(journal.release(lease).await),
                    Job::Tell(done) => drop(done.send(())),
                }
            }
        });
        Self { inner, later }
    }

    fn put_off(&self, job: Job) {
        let _ = self.later.send((Instant::now() + LATER, job));
    }

    /// Without a crash nobody notices.
    async fn catch_up(&self) {
        let (done, told) = oneshot::channel();
        self.put_off(Job::Tell(done));
        let _ = told.await;
    }
}

fn same(lease: &Lease) -> Lease {
    Lease::new(lease.credential.clone(), lease.holder.clone(), lease.epoch, lease.ttl)
}

#[async_trait]
impl Journal for AnswersFirst {
    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        self.catch_up().await;
        self.inner.claim(credential, holder, ttl).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        self.catch_up().await;
        self.inner.claim_due(filter, holder, ttl, limit).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        self.put_off(Job::Append(same(lease), after, Box::new(batch.clone())));
        Ok(batch.head.last)
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        self.inner.rehearse(lease, bytes).await
    }

    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        self.inner.rescue(lease, after, batch).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.put_off(Job::Release(lease));
        Ok(())
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        self.catch_up().await;
        self.inner.load(credential, span).await
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        self.inner.heads(filter, page).await
    }
}

/// A place that takes nothing, and says that it did.
#[derive(Debug)]
pub(crate) struct Liar<C>(pub(crate) C);

#[async_trait]
impl<C: Consumer> Consumer for Liar<C> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        self.0.capabilities()
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.0.required_scopes(model)
    }

    async fn preflight(&self) -> Result<Slot> {
        self.0.preflight().await
    }

    async fn install(&self, _: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        Ok(Installation::Done(expected.clone()))
    }

    async fn verify(&self, _: &AdmittedToken, _: &Slot) -> Result<Verification> {
        Ok(Verification::new(Answer::Proven, Answer::Proven))
    }
}
