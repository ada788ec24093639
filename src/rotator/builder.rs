//! Puts a `Rotator` together, and finds what does not fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Policy, Rotator};
use crate::audit::{Audit, AuditPolicy};
use crate::clock::{Clock, SystemClock};
use crate::consumer::{Consumer, Proof};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Observer;
use crate::journal::{Durability, InProcess, Journal, MemoryJournal, Sealer};
use crate::name::{ConsumerName, CredentialName, Holder};
use crate::provider::{Fate, Issuer, Provider};
use crate::rotation::{Floor, Place};
use crate::token::{ScopeModel, ScopeSet};

/// Puts a [`Rotator`] together. Mistakes are found by [`build`](Self::build), not in the middle of a run.
#[derive(Debug)]
#[must_use]
pub struct RotatorBuilder {
    name: String,
    provider: Arc<dyn Provider>,
    consumers: Vec<Arc<dyn Consumer>>,
    policy: Policy,
    journal: Option<Arc<dyn Journal>>,
    sealer: Option<Arc<dyn Sealer>>,
    clock: Arc<dyn Clock>,
    observers: Observers,
    audit: Option<(Arc<dyn Audit>, AuditPolicy)>,
    required: BTreeMap<String, ScopeSet>,
    floors: BTreeMap<String, Floor>,
    canary: Option<String>,
    notes: BTreeMap<String, String>,
    unrecoverable: bool,
}

/// Those who listen.
#[derive(Clone, Default)]
pub(super) struct Observers(pub(super) Vec<Arc<dyn Observer>>);

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}

impl RotatorBuilder {
    pub(super) fn new(name: String, provider: Arc<dyn Provider>) -> Self {
        Self {
            name,
            provider,
            consumers: Vec::new(),
            policy: Policy::default(),
            journal: None,
            sealer: None,
            clock: Arc::new(SystemClock::new()),
            observers: Observers::default(),
            audit: None,
            required: BTreeMap::new(),
            floors: BTreeMap::new(),
            canary: None,
            notes: BTreeMap::new(),
            unrecoverable: false,
        }
    }

    /// One more place where the token is used.
    pub fn consumer(mut self, consumer: impl Consumer) -> Self {
        self.consumers.push(Arc::new(consumer));
        self
    }

    /// More places where the token is used, as a listing hands them out.
    pub fn consumers<C: Consumer>(mut self, consumers: impl IntoIterator<Item = C>) -> Self {
        self.consumers.extend(consumers.into_iter().map(|consumer| Arc::new(consumer) as Arc<dyn Consumer>));
        self
    }

    /// What the caller chooses.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where facts become durable. Without one, a journal in memory of its own.
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// What seals token values. A durable journal needs one with a key.
    pub fn sealer(mut self, sealer: Arc<dyn Sealer>) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Who is told what happens, after it became durable.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.observers.0.push(Arc::new(observer));
        self
    }

    /// What every event is appended to, after it became durable and before anything else is done, and what becomes of a run
    /// while that fails.
    pub fn audit(mut self, audit: Arc<dyn Audit>, policy: AuditPolicy) -> Self {
        self.audit = Some((audit, policy));
        self
    }

    /// The scopes that a consumer needs, in place of what it says itself.
    pub fn requires(mut self, consumer: impl Into<String>, scopes: ScopeSet) -> Self {
        self.required.insert(consumer.into(), scopes);
        self
    }

    /// What must be proven at a consumer before the old token may go, in place of all that it can always prove.
    pub fn floor(mut self, consumer: impl Into<String>, floor: Floor) -> Self {
        self.floors.insert(consumer.into(), floor);
        self
    }

    /// The consumer that goes before all others.
    pub fn canary(mut self, consumer: impl Into<String>) -> Self {
        self.canary = Some(consumer.into());
        self
    }

    /// The organisation's own note on a step of every guide: on `sign-in`, which account; on `copy`, where to paste.
    pub fn note(mut self, step: impl Into<String>, text: impl Into<String>) -> Self {
        self.notes.insert(step.into(), text.into());
        self
    }

    /// Accepts that the token is lost for good when the answer to a replacement is: the provider can issue no other
    /// without the one that is dead then.
    pub fn accept_unrecoverable(mut self, accept: bool) -> Self {
        self.unrecoverable = accept;
        self
    }

    /// The `Rotator`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] or [`ErrorKind::InvalidInput`] with what does not fit and how to mend it.
    pub fn build(self) -> Result<Rotator> {
        let name = CredentialName::new(&self.name)?;
        self.policy.check()?;
        self.policy.check_against(&self.provider.capabilities())?;
        let model = self.provider.scopes();
        let mut places = Vec::new();
        let mut required = BTreeMap::new();
        for consumer in &self.consumers {
            let place = self.place(&**consumer)?;
            if places.iter().any(|other: &Place| other.name == place.name) {
                let text = "two consumers have this name: give one of them another";
                return Err(Error::new(ErrorKind::Configuration, text).with_subject(consumer.name()));
            }
            required.insert(place.name.clone(), self.required_by(&**consumer, model)?);
            places.push(place);
        }
        if places.is_empty() {
            return Err(wrong("there is no consumer: a token that nobody uses need not be rotated"));
        }
        self.check_names(&places)?;
        let journal = self.journal.clone().unwrap_or_else(|| Arc::new(MemoryJournal::with_clock(self.clock.clone())));
        let sealer = self.sealer.clone().unwrap_or_else(|| Arc::new(InProcess::new()));
        self.check_journal(&*journal, &*sealer)?;
        let whole = required.values().fold(ScopeSet::new(), |all, scopes| all.union(scopes));
        Ok(Rotator::assemble(super::Inner {
            name,
            provider: self.provider,
            consumers: self.consumers,
            places,
            required,
            whole,
            policy: self.policy,
            journal,
            sealer,
            clock: self.clock,
            observers: self.observers,
            audit: self.audit,
            notes: self.notes,
            holder: Holder::random()?,
            gate: Arc::default(),
            draining: tokio::sync::watch::Sender::new(false),
        }))
    }

    fn place(&self, consumer: &dyn Consumer) -> Result<Place> {
        let can = consumer.capabilities();
        let mut place = Place::new(ConsumerName::new(consumer.name())?, can);
        if let Some(floor) = self.floors.get(consumer.name()) {
            let unreachable =
                (floor.works && place.can.works == Proof::Never) || (floor.new && place.can.new == Proof::Never);
            if unreachable {
                let text = "it can never prove what its floor asks for, so the old token could never go: lower the floor, or \
                            give this consumer a check";
                return Err(wrong(text).with_subject(consumer.name()));
            }
            place = place.with_floor(*floor);
        }
        Ok(if self.canary.as_deref() == Some(consumer.name()) { place.canary() } else { place })
    }

    fn required_by(&self, consumer: &dyn Consumer, model: ScopeModel) -> Result<ScopeSet> {
        if let Some(why) = consumer.refuses(model) {
            let text = format!("no token of {} ({}) can work here: {why}", self.provider.name(), model.name());
            return Err(Error::new(ErrorKind::Configuration, text).with_subject(consumer.name()));
        }
        if model == ScopeModel::NONE {
            return Ok(ScopeSet::new());
        }
        let own = || consumer.required_scopes(model);
        self.required.get(consumer.name()).cloned().or_else(own).ok_or_else(|| {
            let text = format!(
                "which scopes a token of {} ({}) needs here is not documented: name them with `requires`",
                self.provider.name(),
                model.name()
            );
            Error::new(ErrorKind::Configuration, text).with_subject(consumer.name())
        })
    }

    fn check_names(&self, places: &[Place]) -> Result<()> {
        let named = self.required.keys().chain(self.floors.keys()).chain(self.canary.iter());
        for name in named {
            if places.iter().all(|place| place.name.as_str() != name) {
                let text = "no consumer has this name: correct `requires`, `floor` or `canary`";
                return Err(wrong(text).with_subject(name));
            }
        }
        Ok(())
    }

    fn check_journal(&self, journal: &dyn Journal, sealer: &dyn Sealer) -> Result<()> {
        let can = self.provider.capabilities();
        let renewable = can.fate == Fate::Dies && !can.reissues && can.issuer == Issuer::Api;
        if can.renews && !renewable {
            return Err(wrong(
                "a second secret is presented once, and here a lost answer would not show whether it was: let a provider that \
                 renews claim `Fate::Dies` and no `reissues`, and issue by an interface",
            ));
        }
        if journal.durability() == Durability::Durable && !sealer.is_persistent() {
            return Err(wrong(
                "a durable journal holds token values, and they must be sealed with a key: give the builder a `sealer`, as by \
                 `.sealer(Arc::new(KeySealer::new(&KeyFile::at(\"tokenturn.key\"))?))` with the feature `seal`",
            ));
        }
        if can.fate != Fate::Dies {
            return Ok(());
        }
        if journal.durability() == Durability::Volatile {
            return Err(wrong(
                "issuing ends the old token at once, and this journal forgets the new one with the process: use a durable \
                 journal",
            ));
        }
        if !can.reissues && !self.unrecoverable {
            return Err(wrong(
                "issuing ends the old token at once, and when the answer is lost no other can be issued: choose a provider \
                 where old and new overlap, or accept that with `accept_unrecoverable(true)`",
            ));
        }
        Ok(())
    }
}

fn wrong(text: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, text)
}
