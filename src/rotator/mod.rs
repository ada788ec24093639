//! Composes a provider, consumers, a policy and a journal into rotations.

mod act;
mod audit;
mod begin;
mod builder;
mod check;
mod due;
mod engine;
mod findings;
mod look;
mod plan;
mod policy;
mod predecessor;
mod read;
mod rehearsal;
mod reseal;
mod scrub;
mod session;
mod trips;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::{Audit, AuditPolicy};
use crate::clock::Clock;
use crate::consumer::Consumer;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::guide::Guide;
use crate::journal::{HeadFilter, Journal, Page, Sealer, Seq, Span};
use crate::name::{ConsumerName, CredentialName, Holder, RunId};
use crate::provider::{Candidate, Fate, Issuer, Provider};
use crate::rotation::{
    Compromised, Decision, Fact, OnFailure, Origin, Outcome, Place, Source, State, TokenRef, Urgency,
};
use crate::token::{Fingerprint, ScopePolicy, ScopeSet, Token};

pub use builder::RotatorBuilder;
pub use check::{Check, ConsumerCheck};
pub use plan::{Finding, Plan, PlannedStep, Severity, StepKind};
pub use policy::{Patience, Policy};
pub use predecessor::Predecessor;
pub use reseal::Resealed;

use builder::Observers;
use read::Reading;
use session::Session;

/// The rotations of one credential. Cheap to clone; clones share everything.
///
/// Every call may be cut short, by a crash or because its future was dropped: what was durable is found again, what was
/// under way is looked at. A dropped future does not stop a token that is being issued from becoming durable, as long as
/// the runtime lives.
#[derive(Clone, Debug)]
pub struct Rotator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: CredentialName,
    provider: Arc<dyn Provider>,
    consumers: Vec<Arc<dyn Consumer>>,
    places: Vec<Place>,
    /// What each consumer needs.
    required: BTreeMap<ConsumerName, ScopeSet>,
    /// What all of them need together.
    whole: ScopeSet,
    policy: Policy,
    journal: Arc<dyn Journal>,
    sealer: Arc<dyn Sealer>,
    clock: Arc<dyn Clock>,
    observers: Observers,
    audit: Option<(Arc<dyn Audit>, AuditPolicy)>,
    notes: BTreeMap<String, String>,
    holder: Holder,
    /// One session at a time in this process.
    gate: Arc<tokio::sync::Mutex<()>>,
    /// Set once, when nothing more is to be begun.
    draining: tokio::sync::watch::Sender<bool>,
}

/// A rotation, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Run {
    /// Which.
    pub id: RunId,
    /// How it stands.
    pub outcome: Outcome,
}

impl Rotator {
    /// Begins to put a `Rotator` together for the credential of this name.
    pub fn builder(credential: impl Into<String>, provider: impl Provider) -> RotatorBuilder {
        RotatorBuilder::new(credential.into(), Arc::new(provider))
    }

    fn assemble(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The credential's name.
    #[must_use]
    pub fn credential(&self) -> &CredentialName {
        &self.inner.name
    }

    /// The name of its provider.
    pub(crate) fn provider_name(&self) -> &str {
        self.inner.provider.name()
    }

    /// Replaces the token everywhere: issues a new one (or asks a person to), checks it, installs it in every consumer,
    /// verifies each, waits, and revokes the old one. With a run open already, goes on with that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] while another engine is at it, [`ErrorKind::Journal`] when the journal fails,
    /// [`ErrorKind::Audit`] when the audit fails and its policy says so. What goes wrong with the provider or a consumer is
    /// no error but an [`Outcome`].
    pub async fn rotate(&self, predecessor: Predecessor) -> Result<Run> {
        self.begin(None, predecessor, &self.inner.places).await
    }

    /// Rolls out a token that was made elsewhere. It is never revoked by us on failure: we did not cause it. With a run
    /// open already that rolls out this token, goes on with that. Keep the value until this has returned. A [`Candidate`]
    /// brings a second secret along, such as a refresh token.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate); [`ErrorKind::InvalidInput`] when it is the very token that it should replace.
    pub async fn adopt(&self, token: impl Into<Candidate>, predecessor: Predecessor) -> Result<Run> {
        let token = token.into();
        if predecessor.value() == Some(&token.token) {
            return Err(Error::new(ErrorKind::InvalidInput, "the new token is the old one: hand in the new one"));
        }
        self.begin(Some(token), predecessor, &self.inner.places).await
    }

    /// Brings the current token to these consumers, which were added since the last run.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate); [`ErrorKind::InvalidInput`] when a name is unknown, or no current token is kept.
    pub async fn spread(&self, consumers: &[&str]) -> Result<Run> {
        let mut places = Vec::new();
        for name in consumers {
            let place = self.inner.places.iter().find(|place| place.name.as_str() == *name);
            places.push(place.cloned().ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "no consumer of this rotator has this name").with_subject(*name)
            })?);
        }
        if places.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "name the consumers that the token is to be brought to"));
        }
        let mut session = Session::open(self.inner.clone()).await?;
        if session.open_run().is_some() {
            session.close().await?;
            return Err(another_open());
        }
        let Some((fingerprint, id)) = session.current().map(|current| (current.fingerprint, current.id.clone())) else {
            session.close().await?;
            return Err(nothing_kept());
        };
        let charter = self.charter(&places)?.with_source(Source::Kept(fingerprint));
        let charter = charter.with_source_known_as(id, session.has(&values::current_companion()));
        session.note(Fact::Begun(Box::new(charter)))?;
        engine::drive(session).await
    }

    /// Hands in the token that a person made. It is checked before it goes anywhere; a refusal is an
    /// [`Outcome::AwaitingPerson`] that says why and asks for another.
    ///
    /// Have the person keep the page open until this has returned: after an error the token may have to be handed in again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is the token that is to be replaced, or one that this run has given up,
    /// [`ErrorKind::Refused`] when no token is asked for, [`ErrorKind::NotFound`] when the run is not open; and as
    /// [`rotate`](Self::rotate).
    pub async fn supply(&self, run: RunId, token: impl Into<Candidate>) -> Result<Run> {
        let Candidate { token, id, companion } = token.into();
        // A page shows it once: it becomes durable before the audit is asked for anything.
        let mut session = Self::at(Session::open_before_audit(self.inner.clone()).await?, &run).await?;
        let state = session.state()?;
        let Some(attempt) = state.asked_attempt() else {
            session.close().await?;
            return Err(Error::new(ErrorKind::Refused, "no token is asked for now: look at the run's outcome"));
        };
        if state.charter().predecessor.fingerprint == Some(token.fingerprint()) {
            session.close().await?;
            let text = "this is the token that is to be replaced: hand in the new one. If the page shows no other, make it \
                        with \"Generate new token\", not \"Regenerate\"";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if state.has_had(token.fingerprint()) {
            session.close().await?;
            let text = "this run has had this token before, and it is on its way out: make another, and hand that in";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        session.note(Fact::Resumed { by: self.inner.holder.clone() })?;
        let fingerprint = token.fingerprint();
        let brought = companion.is_some();
        session.keep_pair(&TokenRef::New(attempt), token, companion)?;
        session.note(Fact::Issued { attempt, origin: Origin::Pasted, fingerprint, id, companion: brought })?;
        if let Err(failure) = session.commit().await {
            // A page shows it once: it is kept if that can be.
            return Err(if session.rescue().await { engine::in_the_rescue_file(&failure) } else { failure });
        }
        engine::drive(session).await
    }

    /// Goes on with a run, after a crash or a wait.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate); [`ErrorKind::NotFound`] when the run is not open.
    pub async fn resume(&self, run: RunId) -> Result<Run> {
        let session = self.open_at(&run).await?;
        engine::resume(session).await
    }

    /// Goes on with the open run, if there is one that can go on without a person by now.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn resume_due(&self) -> Result<Option<Run>> {
        let head = read::load(&self.inner, Span::Head).await?.head;
        let due = head.is_due(self.inner.clock.now());
        match head.run {
            Some(run) if due => match self.resume(run).await {
                // Whoever was at it has ended it meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                resumed => resumed.map(Some),
            },
            _ => Ok(None),
        }
    }

    /// Takes a person's decision, and goes on.
    ///
    /// That the old token was deleted by hand, where nobody can look at it, is not taken for true before the new one was
    /// asked: people delete the wrong row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] with the reason, where the decision would break a promise; whatever the provider says while
    /// that look cannot be had, and nothing was decided then; and as [`rotate`](Self::rotate).
    pub async fn resolve(&self, run: RunId, decision: Decision) -> Result<Run> {
        let mut session = self.open_at(&run).await?;
        if let Err(refused) = session.state()?.permits(&decision) {
            session.close().await?;
            return Err(refused);
        }
        if let Decision::RevokedByHand(token) = &decision {
            match act::before_word_counts(&session, token).await {
                Ok(None) => {}
                Ok(Some(fact)) => {
                    // The word is not taken: it was another token that was deleted.
                    session.note(Fact::Resumed { by: self.inner.holder.clone() })?;
                    session.note(fact)?;
                    return engine::drive(session).await;
                }
                Err(error) => {
                    session.close().await?;
                    return Err(error);
                }
            }
        }
        session.note(Fact::Resumed { by: self.inner.holder.clone() })?;
        session.note(Fact::Decided { decision })?;
        engine::drive(session).await
    }

    /// Shows the token that a person is to put into a consumer by hand. That it was shown is durable first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when nothing is to be put there by hand now; and as [`rotate`](Self::rotate).
    pub async fn reveal(&self, run: RunId, consumer: &str) -> Result<Token> {
        let consumer = ConsumerName::new(consumer)?;
        let mut session = self.open_at(&run).await?;
        let Some(which) = session.state()?.to_reveal(&consumer) else {
            session.close().await?;
            return Err(Error::new(
                ErrorKind::Refused,
                "nothing is to be put there by hand now: look at the run's outcome",
            )
            .with_subject(consumer.as_str()));
        };
        let token = session.token(&which).await?;
        session.note(Fact::Revealed { consumer })?;
        session.close().await?;
        Ok(token)
    }

    /// A token leaked. Takes over the open run, or begins one; which token it is, its value says.
    ///
    /// For that token alone three promises are waived: it is revoked though a consumer may hold it (I1), consumers may be
    /// left without (I3), and a run that is stuck does not keep it alive (I7). An audit that fails does not hold the run up,
    /// whatever its policy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the token is not one of this credential's, [`ErrorKind::Refused`] where revoking
    /// first would leave nothing to issue from; and as [`rotate`](Self::rotate).
    pub async fn emergency(&self, leaked: Predecessor, mode: Urgency) -> Result<Run> {
        let can = self.inner.provider.capabilities();
        let copies = can.fate == Fate::Dies && !can.reissues;
        let mut session = Session::open_before_audit(self.inner.clone()).await?;
        session.urgent = true;
        let compromised = match session.open_run() {
            Some(state) => Self::which(state, &leaked, session.current().map(|current| current.fingerprint)),
            None => (!matches!(leaked, Predecessor::None)).then_some(Compromised::Old),
        };
        let refusal = match compromised {
            None => Some(Error::new(
                ErrorKind::InvalidInput,
                "this is neither the old nor the new token of the open run, or none at all: name the token that leaked, or \
                 revoke it at the provider",
            )),
            Some(Compromised::New) if copies => Some(Error::new(
                ErrorKind::Refused,
                "this provider makes a token only from the one before, which is dead: finish the run, then rotate again",
            )),
            Some(Compromised::Old) if copies && mode == Urgency::RevokeFirst => Some(Error::new(
                ErrorKind::Refused,
                "this provider makes a token only from the one before: revoked first, nothing would be left to issue from; \
                 use ReplaceNow, which ends it in the same step",
            )),
            Some(_) if session.open_run().is_none() => self.forgets(&session, &leaked, None).await?,
            Some(_) => None,
        };
        let (Some(compromised), None) = (compromised, &refusal) else {
            session.close().await?;
            return Err(refusal.unwrap_or_else(nothing_kept));
        };
        if session.open_run().is_some() {
            session.note(Fact::Resumed { by: self.inner.holder.clone() })?;
        } else if let Err(error) = self.begin_in(&mut session, None, leaked, &self.inner.places) {
            session.close().await?;
            return Err(error);
        }
        session.note(Fact::Emergency { compromised, mode })?;
        engine::drive(session).await
    }

    /// Stops in good order: nothing more is begun, what is under way with the outside is finished and written down, and the
    /// lease is given back. The open run waits for the next process. Later calls of this rotator are refused.
    ///
    /// Call it before the runtime ends. A token that is being issued then is received and becomes durable; a runtime that
    /// is dropped instead takes the answer with it, and the run must look for what it left behind when it is resumed.
    /// It takes at most as long as one act, [`Policy::act_timeout`], or as long as patience lasts while the journal refuses a
    /// token that nobody else has.
    ///
    /// Calls that are under way must go on being polled meanwhile: spawn them, and keep their handles. A call that is held
    /// still in a `select!` holds the credential, and `drain` waits for it.
    pub async fn drain(&self) {
        self.inner.draining.send_replace(true);
        // Whoever has it works on; whoever waits for it is refused.
        drop(self.inner.gate.lock().await);
    }

    /// The open run, if there is one, and how it stands; reads only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when the journal cannot be read.
    pub async fn open_rotations(&self) -> Result<Vec<Run>> {
        let reading = Reading::new(&self.inner).await?;
        let open = reading.state.filter(|state| state.ending().is_none());
        let run = |state: State| Run {
            id: state.charter().run.clone(),
            outcome: state.outcome(self.inner.clock.now()).unwrap_or(Outcome::Unfinished),
        };
        Ok(open.into_iter().map(run).collect())
    }

    /// Everything that has happened, from this number on; reads only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when the journal cannot be read.
    pub async fn events(&self, from: Seq) -> Result<Vec<Event>> {
        let log = read::load(&self.inner, Span::From(from)).await?;
        log.records.iter().map(|record| read::event(&self.inner, record)).collect()
    }

    fn which(state: &State, leaked: &Predecessor, current: Option<Fingerprint>) -> Option<Compromised> {
        let old = &state.charter().predecessor;
        let fingerprint = match leaked {
            Predecessor::Held(token) | Predecessor::Renewable { token, .. } => Some(token.fingerprint()),
            Predecessor::Kept => current,
            Predecessor::Known(id) => return (old.id.as_ref() == Some(id)).then_some(Compromised::Old),
            Predecessor::None => None,
        }?;
        if old.fingerprint == Some(fingerprint) {
            return Some(Compromised::Old);
        }
        (state.candidate_fingerprint() == Some(fingerprint)).then_some(Compromised::New)
    }
}

impl Inner {
    /// What a token must be, given whose the old one is.
    fn scope_policy(&self, owner: Option<&str>) -> ScopePolicy {
        let mut policy = ScopePolicy::requiring(self.whole.clone());
        policy.excess = self.policy.excess;
        policy.unknown = self.policy.unknown;
        policy.owners = owner.map(str::to_owned).into_iter().chain(self.policy.owners.iter().cloned()).collect();
        policy.minimum_life = self.policy.minimum_life;
        policy
    }

    /// What to do when a place fails for good.
    fn on_failure(&self) -> OnFailure {
        self.policy.on_failure.unwrap_or(match self.provider.capabilities().issuer {
            Issuer::Person => OnFailure::Hold,
            Issuer::Api => OnFailure::RollBack,
        })
    }

    /// A guide with the organisation's notes, and until when it should be done.
    fn annotated(&self, mut guide: Guide) -> Guide {
        guide.deadline.get_or_insert_with(|| self.clock.now().plus(self.policy.answer_within));
        guide.with_notes(&self.notes)
    }

    /// Which other credential uses this token.
    async fn other_holder(&self, fingerprint: Fingerprint) -> Result<Option<CredentialName>> {
        let heads = self.journal.heads(&HeadFilter::holding(fingerprint), Page::first(2)).await?;
        Ok(heads.into_iter().map(|head| head.credential).find(|name| *name != self.name))
    }

    fn consumer(&self, name: &ConsumerName) -> Result<&Arc<dyn Consumer>> {
        self.consumers.iter().find(|consumer| consumer.name() == name.as_str()).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "the open run has a consumer that this rotator does not: build it with the consumers that the run began \
                 with, or `Forget` this one",
            )
            .with_subject(name.as_str())
        })
    }
}

fn nothing_kept() -> Error {
    Error::new(ErrorKind::InvalidInput, "no current token is kept for this credential: hand in its value")
}

fn another_open() -> Error {
    Error::new(
        ErrorKind::Refused,
        "another rotation of this credential is open: resume it, or end it with a decision, before the next one",
    )
}
