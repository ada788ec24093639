//! One engine's hold on one credential: the lease, the state, and what is not durable yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::Inner;
use super::read::{Reading, born, same_flow, same_provider};
use super::scrub::scrubbed_fact;
use super::values::current;
use crate::clock::Timestamp;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::event::Event;
use crate::journal::{
    Batch, Claim, Current, Head, Lease, Mac, Record, SealContext, SealedValue, Span, Status, ValueId,
};
use crate::name::{Holder, RunId};
use crate::rotation::{Ending, Fact, Outcome, State, TokenRef};
use crate::token::{Redactor, Token};

/// How often an append whose answer was lost is tried.
const TRIES: u32 = 5;

/// One engine's hold on one credential.
pub(super) struct Session {
    pub(super) inner: Arc<Inner>,
    lease: Lease,
    /// When the lease was last asked for.
    leased_at: Duration,
    /// Where the credential stands, with what is pending.
    pub(super) reading: Reading,
    pending: Vec<(Fact, Timestamp)>,
    /// Values that become durable with what is pending.
    pub(super) keep: BTreeMap<ValueId, Token>,
    /// Values that were at hand: nothing that repeats one is written down.
    pub(super) secrets: Mutex<Redactor>,
    /// Events that the audit lacks; nothing where that is not known.
    pub(super) lacking: Option<Vec<Event>>,
    /// Whether a token leaked: no audit holds that up.
    pub(super) urgent: bool,
    /// Whether the audit has failed, and the run went on.
    pub(super) unaudited: bool,
    /// One session of a credential at a time in this process; held until the session is gone.
    _gate: OwnedMutexGuard<()>,
}

impl Session {
    /// Claims the credential and reads where it stands; the audit has everything before anything is done.
    pub(super) async fn open(inner: Arc<Inner>) -> Result<Self> {
        let holder = inner.holder.clone();
        Self::open_as(inner, &holder).await
    }

    /// The same as somebody else: as the one to whom a lease was granted elsewhere.
    pub(super) async fn open_as(inner: Arc<Inner>, holder: &Holder) -> Result<Self> {
        let mut session = Self::claim(inner, holder).await?;
        match session.audit_or_leave().await {
            Ok(()) => Ok(session),
            Err(error) => Err(error.with_effect(Effect::None)),
        }
    }

    /// The same, where something goes before the audit.
    pub(super) async fn open_before_audit(inner: Arc<Inner>) -> Result<Self> {
        let holder = inner.holder.clone();
        Self::claim(inner, &holder).await
    }

    async fn claim(inner: Arc<Inner>, holder: &Holder) -> Result<Self> {
        let gate = inner.gate.clone().lock_owned().await;
        if *inner.draining.borrow() {
            let text = "this rotator was drained and begins nothing more: build another, in this process or the next";
            return Err(Error::new(ErrorKind::Busy, text).with_subject(inner.name.as_str()));
        }
        let leased_at = inner.clock.monotonic();
        let claim = inner.journal.claim(&inner.name, holder, inner.policy.lease).await?;
        let lease = match claim {
            Claim::Granted(lease) => lease,
            Claim::HeldFor(wait) => {
                let text = "another engine is at this credential: let it work, or try again when its lease has run out";
                return Err(Error::new(ErrorKind::Busy, text).with_retry_after(wait).with_subject(inner.name.as_str()));
            }
        };
        match Self::read(&inner).await {
            Ok(reading) => {
                let (pending, keep, secrets) = (Vec::new(), BTreeMap::new(), Mutex::default());
                let (lacking, urgent, unaudited) = (None, false, false);
                let session = Self {
                    inner,
                    lease,
                    leased_at,
                    reading,
                    pending,
                    keep,
                    secrets,
                    lacking,
                    urgent,
                    unaudited,
                    _gate: gate,
                };
                session.beware_of_what_is_kept().await;
                Ok(session)
            }
            Err(error) => {
                // Whoever comes next need not wait for it to run out.
                let _ = inner.journal.release(lease).await;
                Err(error)
            }
        }
    }

    /// Where the credential stands.
    async fn read(inner: &Inner) -> Result<Reading> {
        let reading = Reading::new(inner).await?;
        if let Some(state) =
            reading.state.as_ref().filter(|state| state.ending().is_none() || !reading.values.is_empty())
        {
            same_provider(inner, &state.charter().provider)?;
        }
        if let Some(state) = reading.open_run() {
            same_flow(inner, &state.charter().can)?;
        }
        Ok(reading)
    }

    /// Who has the credential.
    pub(super) fn holder(&self) -> &Holder {
        &self.lease.holder
    }

    /// The run, if one is open.
    pub(super) fn open_run(&self) -> Option<&State> {
        self.reading.open_run()
    }

    /// The run that this session drives.
    pub(super) fn state(&self) -> Result<&State> {
        self.reading
            .state
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a session without a run was asked to work"))
    }

    /// What may be shown of the token in use, as far as it is kept.
    pub(super) fn current(&self) -> Option<&Current> {
        self.reading.head.current.as_ref().filter(|_| self.reading.values.contains_key(&current()))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A fact: the state knows it now, the world after the next commit.
    pub(super) fn note(&mut self, fact: Fact) -> Result<()> {
        let fact = scrubbed_fact(fact, &self.secrets())?;
        match (&fact, &mut self.reading.state) {
            (Fact::Begun(charter), state) => {
                *state = Some(State::begin((**charter).clone()));
                self.reading.born.clear();
            }
            (_, Some(state)) => state.apply(&fact)?,
            (_, None) => return Err(Error::new(ErrorKind::Internal, "something happened before a run began")),
        }
        let now = self.now();
        self.reading.born.extend(born(&fact).map(|attempt| (attempt, now)));
        self.pending.push((fact, now));
        Ok(())
    }

    /// A value to be sealed and stored with the next commit.
    pub(super) fn keep(&mut self, id: ValueId, token: Token) {
        self.beware_of(&token);
        self.keep.insert(id, token);
    }

    /// Makes everything that is pending durable, and only then tells it.
    pub(super) async fn commit(&mut self) -> Result<()> {
        if self.pending.is_empty() && self.keep.is_empty() {
            return Ok(());
        }
        let batch = self.batch().await?;
        let asked_at = self.inner.clock.monotonic();
        self.store(&batch).await?;
        self.leased_at = asked_at;
        self.reading.head = batch.head;
        self.reading.mac = batch.records.last().map_or(self.reading.mac, |record| record.mac);
        self.keep.clear();
        self.reading.values.extend(batch.keep.into_iter().map(|value| (value.id.clone(), value)));
        for id in &batch.destroy {
            self.reading.values.remove(id);
        }
        for (record, (fact, at)) in batch.records.into_iter().zip(std::mem::take(&mut self.pending)) {
            let event = Event::new(self.inner.name.clone(), record.run, record.seq, at, fact);
            tracing::info!(credential = %event.credential, run = %event.run, seq = event.seq.get(), "{event:#}");
            self.inner.observers.0.iter().for_each(|observer| observer.notify(&event));
            self.lacking.iter_mut().for_each(|lacking| lacking.push(event.clone()));
        }
        Ok(())
    }

    /// What is pending, sealed and tied.
    async fn batch(&self) -> Result<Batch> {
        let state = self.state()?;
        let run = &state.charter().run;
        let mut batch = Batch::new(self.next_head(state));
        let (mut seq, mut mac) = (self.reading.head.last, self.reading.mac);
        for (fact, at) in &self.pending {
            seq = seq.next();
            let text = serde_json::to_string(fact)
                .map_err(|_| Error::new(ErrorKind::Internal, "a fact could not be written down"))?;
            let mut record = Record::new(seq, self.lease.epoch, run.clone(), *at, text, Mac::GENESIS);
            mac = self.inner.sealer.mac(&mac, &record.message(&self.inner.name))?;
            record.mac = mac;
            batch.records.push(record);
        }
        if self.pending.iter().any(|(fact, _)| matches!(fact, Fact::Begun(_))) {
            batch.head.since = self.reading.head.last.next();
        }
        batch.head.last = seq;
        let wanted = self.wanted()?;
        for (id, token) in self.keep.iter().filter(|(id, _)| wanted.contains(id)) {
            let context = SealContext::new(self.inner.name.clone(), run.clone(), self.lease.epoch, seq, id.clone());
            let sealed = self.inner.sealer.seal(token, &context).await?;
            batch.keep.push(SealedValue::new(id.clone(), context, sealed));
        }
        // What an earlier run left alive stays sealed: this run does not know who holds it.
        let mine = format!("{run}/");
        let ours = |id: &&ValueId| id.as_str().starts_with(&mine) || !id.as_str().contains('/');
        batch.destroy = self.reading.values.keys().filter(ours).filter(|id| !wanted.contains(id)).cloned().collect();
        self.tie(&mut batch, &mac)?;
        Ok(batch)
    }

    /// Ties the head to the last record, and to the values that there are then.
    fn tie(&self, batch: &mut Batch, mac: &Mac) -> Result<()> {
        let gone = |id: &ValueId| batch.destroy.contains(id) || batch.keep.iter().any(|value| value.id == *id);
        let stay = self.reading.values.values().filter(|value| !gone(&value.id));
        let message = batch.head.message(stay.chain(&batch.keep));
        batch.head.tie = self.inner.sealer.mac(mac, &message)?;
        Ok(())
    }

    /// Shows that so many bytes could be sealed and stored now.
    pub(super) async fn rehearse(&self, bytes: usize) -> Result<()> {
        let (name, run) = (self.inner.name.clone(), self.state()?.charter().run.clone());
        let context = SealContext::new(name, run, self.lease.epoch, self.reading.head.last, ValueId::new("rehearsal"));
        self.inner.sealer.seal(&Token::made_up("rehearsal"), &context).await?;
        self.inner.journal.rehearse(&self.lease, bytes).await
    }

    /// Puts what is pending where the journal keeps what it could not append. Whether it is there.
    pub(super) async fn rescue(&self) -> bool {
        let kept = match self.batch().await {
            Ok(batch) => self.inner.journal.rescue(&self.lease, self.reading.head.last, &batch).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &kept {
            tracing::error!(credential = %self.inner.name, %error, "a new token could not be put into the rescue file");
        }
        kept.is_ok()
    }

    /// When whatever is begun now must have arrived at the far side.
    pub(super) fn settled_by(&self) -> Timestamp {
        self.now().plus(self.inner.policy.act_timeout + self.inner.policy.settle)
    }

    /// Seals anew what a replaced key has sealed; of the head only the tie changes. How many values that were.
    pub(super) async fn reseal(&mut self) -> Result<usize> {
        let sealer = &self.inner.sealer;
        let mut batch = Batch::new(self.reading.head.clone());
        for old in self.reading.values.values().filter(|value| !sealer.is_current(&value.sealed)) {
            let token = sealer.open(&old.sealed, &old.context).await?;
            let mut context = old.context.clone();
            (context.epoch, context.seq) = (self.lease.epoch, self.reading.head.last);
            let anew = sealer.seal(&token, &context).await?;
            batch.keep.push(SealedValue::new(old.id.clone(), context, anew));
        }
        let moved = batch.keep.len();
        if moved > 0 {
            self.tie(&mut batch, &self.reading.mac)?;
            self.store(&batch).await?;
        }
        self.reading.head = batch.head;
        self.reading.values.extend(batch.keep.into_iter().map(|value| (value.id.clone(), value)));
        Ok(moved)
    }

    /// Makes sure that the lease outlasts one act with the outside.
    pub(super) async fn renew(&mut self) -> Result<()> {
        if self.lease_left() > self.inner.policy.act_timeout + self.inner.policy.lease / 10 {
            return Ok(());
        }
        let asked_at = self.inner.clock.monotonic();
        self.store(&Batch::new(self.reading.head.clone())).await?;
        self.leased_at = asked_at;
        Ok(())
    }

    /// Appends, and looks where the answer was lost: what is there is neither lost nor written twice.
    async fn store(&self, batch: &Batch) -> Result<()> {
        for n in 0..TRIES {
            let failure = match self.inner.journal.append(&self.lease, self.reading.head.last, batch).await {
                Ok(_) => return Ok(()),
                Err(error) if error.effect() == Effect::Unknown => error,
                Err(error) if error.kind() == ErrorKind::Fenced => error,
                Err(error) => return Err(error),
            };
            let span = Span::From(self.reading.head.last.next());
            let Ok(log) = self.inner.journal.load(&self.inner.name, span).await else {
                // It may be there: whoever takes this for a no would undo what is on record.
                return Err(failure.with_effect(Effect::Unknown));
            };
            match (log.records.first(), batch.records.first()) {
                (Some(there), Some(ours)) if there.mac == ours.mac => return Ok(()),
                (None, _) if n + 1 < TRIES && failure.effect() == Effect::Unknown => {
                    self.inner.clock.sleep(Duration::from_millis(100 << n)).await;
                }
                _ => return Err(failure),
            }
        }
        Err(Error::new(ErrorKind::Internal, "an append was tried no times"))
    }

    /// How long an act that must have arrived by then may take: never past the lease.
    pub(super) fn time_left(&self, settled: Timestamp) -> Duration {
        let late = self.inner.policy.settle;
        self.lease_left().min(self.now().until(settled).saturating_sub(late))
    }

    pub(super) fn lease_left(&self) -> Duration {
        let spent = self.inner.clock.monotonic().saturating_sub(self.leased_at);
        self.inner.policy.lease.saturating_sub(spent)
    }

    /// Commits what is pending, tells the audit, and gives the credential back.
    pub(super) async fn close(mut self) -> Result<()> {
        self.commit().await?;
        let audited = self.audit_at_last().await;
        self.give_back().await;
        audited
    }

    /// Gives the credential back; nothing may be done after that.
    pub(super) async fn give_back(&self) {
        let Lease { credential, holder, epoch, ttl, .. } = &self.lease;
        let lease = Lease::new(credential.clone(), holder.clone(), *epoch, *ttl);
        if let Err(error) = self.inner.journal.release(lease).await {
            // Everything is durable, and the lease runs out by itself.
            tracing::warn!(credential = %self.inner.name, %error, "a lease could not be given back");
        }
    }

    /// Takes the credential back from an engine that came between, where the answer of this attempt is still missing: the
    /// value in this process may be the only one. Whether that was so.
    pub(super) async fn reclaim(&mut self, attempt: u32) -> Result<bool> {
        let run = self.state()?.charter().run.clone();
        let leased_at = self.inner.clock.monotonic();
        let lease = loop {
            match self.inner.journal.claim(&self.inner.name, &self.lease.holder, self.inner.policy.lease).await? {
                Claim::Granted(lease) => break lease,
                Claim::HeldFor(wait) => self.inner.clock.sleep(wait).await,
            }
        };
        let reading = Self::read(&self.inner).await?;
        let misses = |state: &State| state.charter().run == run && state.misses_answer(attempt);
        let missing = reading.open_run().is_some_and(misses);
        (self.lease, self.leased_at) = (lease, leased_at);
        // What the other engine wrote, the audit may lack.
        self.lacking = None;
        if missing {
            let issued = std::mem::take(&mut self.pending);
            self.reading = reading;
            for (fact, _) in issued {
                self.note(fact)?;
            }
        } else {
            // Nothing is to be done here, so nobody is held up.
            self.give_back().await;
        }
        Ok(missing)
    }

    fn next_head(&self, state: &State) -> Head {
        let mut head = self.reading.head.clone();
        head.run = Some(state.charter().run.clone());
        head.wake_at = state.wake_at();
        head.status = match state.outcome(self.now()) {
            Some(outcome) if outcome.is_over() => Status::Idle,
            Some(Outcome::AwaitingPerson { .. }) => Status::AwaitingPerson,
            Some(Outcome::BackingOff { .. }) => Status::BackingOff,
            Some(Outcome::Draining { .. }) => Status::Draining,
            Some(Outcome::NeedsPerson { .. }) => Status::NeedsPerson,
            _ => Status::Running,
        };
        if head.status == Status::Running {
            // An engine that dies now leaves a run that can go on at once.
            head.wake_at = Some(self.now());
        }
        if matches!(state.ending(), Some(Ending::Completed { .. })) {
            let before = head.current.take();
            head.current = self.in_use(state).map(|new| match before {
                // Brought to more places, it is what it was.
                Some(before) if before.fingerprint == new.fingerprint => before,
                _ => new,
            });
        }
        head
    }

    /// The new token as the next run must know it.
    fn in_use(&self, state: &State) -> Option<Current> {
        let token = state.candidate()?;
        let since = match &token {
            TokenRef::New(attempt) => self.reading.born.get(attempt).copied(),
            TokenRef::Old | TokenRef::Found(_) => None,
        };
        let since = since.unwrap_or_else(|| self.now());
        let current = Current::new(state.candidate_fingerprint()?, &state.charter().provider, since);
        Some(current.known_as(state.token_id(&token), state.candidate_label(), state.candidate_expiry()))
    }
}

/// Which run a caller means.
pub(super) fn same_run(state: &State, run: &RunId) -> Result<()> {
    if state.charter().run == *run {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotFound, "this run is not the open one of this credential: it is over, or of another"))
}
