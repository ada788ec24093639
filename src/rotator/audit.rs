//! Tells the audit what became durable, before anything else is done outside. It is never asked between a token and its record.

use std::sync::Arc;

use super::read;
use super::scrub::scrubbed_error;
use super::session::Session;
use crate::audit::{Audit, AuditPolicy};
use crate::error::{Effect, Error, ErrorKind, Problem, Result};
use crate::event::Event;
use crate::journal::{Seq, Span};
use crate::rotation::{Act, State};

impl Session {
    /// Appends what the audit lacks, or stops here: whoever comes next need not wait for the lease.
    pub(super) async fn audit_or_leave(&mut self) -> Result<()> {
        let audited = self.audit().await;
        if audited.is_err() {
            self.give_back().await;
        }
        audited
    }

    /// Appends what is about to be done, as the journal has it. Where the audit fails, nothing is done, and the journal says
    /// so: nobody needs to look for what never was.
    pub(super) async fn audit_before(&mut self, acts: impl IntoIterator<Item = &Act>) -> Result<()> {
        let Err(error) = self.audit().await else { return Ok(()) };
        let now = self.now();
        for act in acts.into_iter().filter(|act| act.changes_something()) {
            let problem = Problem::new(ErrorKind::Audit, "it was not begun, as the audit failed");
            let since = self.state()?.failing_since(act).unwrap_or(now);
            self.note(State::failure(act.clone(), problem, since, Some(now)))?;
        }
        if let Err(error) = self.commit().await {
            tracing::warn!(credential = %self.inner.name, %error, "that nothing was begun could not be written down");
        }
        self.give_back().await;
        Err(error)
    }

    /// Appends what the audit lacks at the end of a call, also where it has failed before.
    pub(super) async fn audit_at_last(&mut self) -> Result<()> {
        self.unaudited = false;
        self.audit().await
    }

    async fn audit(&mut self) -> Result<()> {
        let Some((audit, policy)) = self.inner.audit.clone() else { return Ok(()) };
        if self.unaudited || self.lacking.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let filled = tokio::time::timeout(self.inner.policy.act_timeout / 4, self.fill(audit));
        let failure = match filled.await {
            Ok(Ok(())) => {
                self.lacking = Some(Vec::new());
                return Ok(());
            }
            Ok(Err(error)) => scrubbed_error(error, &self.secrets()),
            Err(_) => Error::new(ErrorKind::Audit, "it did not answer in a quarter of the time that the policy gives"),
        };
        // What of it arrived is not known.
        self.lacking = None;
        self.urgent |= self.open_run().is_some_and(State::is_emergency);
        if policy == AuditPolicy::Continue || self.urgent {
            self.unaudited = true;
            tracing::warn!(credential = %self.inner.name, error = %failure, "the audit lacks events, and the run goes on");
            return Ok(());
        }
        let text = format!(
            "the audit failed ({failure}), and by its policy nothing more is done; all that happened is in the journal: mend the \
             audit, then resume the open run, if there is one"
        );
        let failure = Error::new(ErrorKind::Audit, text).with_source(failure).with_subject(self.inner.name.as_str());
        Err(failure.with_effect(Effect::Unknown))
    }

    /// Appends what is lacking: what this session has told, or, where that may not be all, what the journal has.
    async fn fill(&self, audit: Arc<dyn Audit>) -> Result<()> {
        if let Some(lacking) = &self.lacking {
            return audit.append_all(lacking).await;
        }
        let there = audit.last(&self.inner.name).await?;
        let (from, last) = (there.unwrap_or(Seq::ZERO).next(), self.reading.head.last);
        if from > last.next() {
            let text = format!(
                "it has event {} and the journal ends with {last}: the journal is an old copy, or the audit is another \
                 journal's; restore the newer journal, or begin another audit",
                from.before()
            );
            return Err(Error::new(ErrorKind::Audit, text));
        }
        if from == last.next() {
            return Ok(());
        }
        audit.append_all(&self.events_from(from, there.is_none()).await?).await
    }

    /// What the journal has from this number on. Where all is wanted and older runs were tied with a key that is gone, those
    /// of the newest run.
    async fn events_from(&self, from: Seq, all: bool) -> Result<Vec<Event>> {
        let inner = &self.inner;
        let (log, since) = match read::load(inner, Span::From(from)).await {
            Err(error) if all && error.kind() == ErrorKind::Journal => {
                let text = "the audit begins with the newest run: what was before cannot be read";
                tracing::warn!(credential = %inner.name, %error, text);
                let log = read::load(inner, Span::NewestRun).await?;
                let since = log.head.since;
                (log, since)
            }
            log => (log?, from),
        };
        log.records.iter().filter(|record| record.seq >= since).map(|record| read::event(inner, record)).collect()
    }
}
