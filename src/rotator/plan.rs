//! The dry run: what a rotation will do, what cannot be undone, and what a person must do.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::look::{self, Books, Look};
use super::rehearsal::rehearse;
use super::trips::{Costs, Trips};
use super::{Predecessor, Rotator, act, findings};
use crate::error::{ErrorKind, Result};
use crate::name::{ConsumerName, CredentialName};
use crate::provider::Liveness;
use crate::rotation::Standing;
use crate::token::{AdmittedToken, ScopeSet};

/// What a rotation will do. Nothing was changed or written down to find out.
///
/// `Display` prints it for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// For which credential.
    pub credential: CredentialName,
    /// Where the new token comes from.
    pub provider: String,
    /// The scopes that the consumers need together, without those that others contain.
    pub required: ScopeSet,
    /// What will be done, in order, if all goes well.
    pub steps: Vec<PlannedStep>,
    /// What is worth knowing before, the gravest first.
    pub findings: Vec<Finding>,
}

/// One step of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedStep {
    /// What kind of step it is.
    pub kind: StepKind,
    /// Where, if at one place.
    pub consumer: Option<ConsumerName>,
    /// Whether a person must do it.
    pub by_person: bool,
    /// Whether it cannot be undone.
    pub irreversible: bool,
    /// What is done, in words.
    pub text: String,
    /// How many requests it sends, if all goes well and nothing is tried again, by the name of the provider or consumer whose
    /// far side gets them.
    #[serde(default)]
    pub trips: BTreeMap<String, u32>,
}

/// What kind of step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// Something is read.
    Read,
    /// A token is made.
    Issue,
    /// The new token is judged.
    Admit,
    /// The new token goes to a place.
    Install,
    /// Something is verified.
    Verify,
    /// A person does and confirms what a place needs.
    Confirm,
    /// Time passes.
    Wait,
    /// Everything is looked at once more.
    LastLook,
    /// A token is ended.
    Revoke,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Good to know.
    Info,
    /// Think about it before you go on.
    Warning,
    /// The rotation would stop, or could not be finished. Put it right first.
    Blocker,
}

/// Something worth knowing before a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The provider or consumer that it is about, if one.
    pub subject: Option<String>,
    /// What was found, and what to do about it.
    pub text: String,
}

impl Plan {
    /// Whether something must be put right before.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Blocker)
    }

    /// How many requests the run sends, if all goes well and nothing is tried again, by the name of the provider or consumer
    /// whose far side gets them.
    #[must_use]
    pub fn trips(&self) -> BTreeMap<&str, u32> {
        let mut trips = BTreeMap::new();
        for (name, requests) in self.steps.iter().flat_map(|step| &step.trips) {
            *trips.entry(name.as_str()).or_default() += requests;
        }
        trips
    }
}

impl Rotator {
    /// What `rotate` would do with this predecessor, and what is worth knowing before; reads only. The predecessor is
    /// looked at, every consumer is read, and its check is tried once where the predecessor lives.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for [`Predecessor::Kept`] where none is kept, [`ErrorKind::Journal`] when the journal
    /// cannot be read. What is wrong with the provider or a consumer is no error but a [`Finding`].
    pub async fn plan(&self, predecessor: &Predecessor) -> Result<Plan> {
        let inner = &*self.inner;
        let books = Books::read(inner).await?;
        let (predecessor, newer) = predecessor.clone().or_kept(books.current());
        let predecessor = &predecessor;
        let old = predecessor.known_of(books.current(), newer.is_some() || books.keeps_companion())?;
        let value = books.value_of(inner, predecessor).await?;
        let look = look::look_at(inner, predecessor, value.as_ref()).await;
        let (standing, owner) = match &look {
            Look::Grant(grant) => (act::standing(inner, grant), Some(grant.owner.clone())),
            Look::Id(Liveness::Alive) => (Standing::Live, None),
            Look::Id(Liveness::Dead) => (Standing::Dead, None),
            Look::Failed(error) if error.kind() == ErrorKind::Unauthenticated => (Standing::Dead, None),
            Look::Absent | Look::Blind | Look::Failed(_) => (Standing::Unknown, None),
        };
        let admitted = match (&value, &look) {
            (Some(value), Look::Grant(grant)) => Some(AdmittedToken::new(value.clone(), (**grant).clone())?),
            _ => None,
        };
        let sights = look::look_around(inner, admitted.as_ref()).await;
        let charter = self.charter(&inner.places)?.with_predecessor(old);
        let rehearsal = rehearse(charter, standing, owner, &Costs::of(inner), inner.clock.now())?;
        let seen = findings::Seen { books: &books, predecessor, look: &look, standing, sights: &sights };
        let mut findings = findings::all(inner, &seen, rehearsal.stops.as_ref());
        let kept = books.kept_value(inner).await?;
        if let (false, Some(forgets)) =
            (books.head.status.is_open(), look::forgets(inner, kept.as_ref(), predecessor, None).await)
        {
            findings.push(Finding::new(Severity::Blocker, None, forgets.problem().text));
        }
        if let Some(other) = self.held_by_another(predecessor, books.current()).await? {
            findings.push(Finding::new(Severity::Blocker, None, other.problem().text));
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(Plan {
            credential: inner.name.clone(),
            provider: inner.provider.name().to_owned(),
            required: inner.provider.scopes().reduced(&inner.whole),
            steps: rehearsal.steps,
            findings,
        })
    }
}

impl PlannedStep {
    pub(super) fn ours(kind: StepKind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, consumer: None, by_person: false, irreversible: false, text, trips: Trips::new() }
    }

    pub(super) fn sending(mut self, trips: Trips) -> Self {
        self.trips = trips;
        self
    }

    pub(super) fn at(mut self, consumer: &ConsumerName) -> Self {
        self.consumer = Some(consumer.clone());
        self
    }

    pub(super) fn by_person(mut self) -> Self {
        self.by_person = true;
        self
    }

    pub(super) fn irreversible(mut self, irreversible: bool) -> Self {
        self.irreversible = irreversible;
        self
    }
}

impl Finding {
    pub(super) fn new(severity: Severity, subject: Option<&str>, text: impl Into<String>) -> Self {
        Self { severity, subject: subject.map(str::to_owned), text: text.into() }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "note",
            Self::Warning => "warning",
            Self::Blocker => "BLOCKED",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}  ", self.severity)?;
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.text)
    }
}

impl fmt::Display for PlannedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.by_person { "a person: " } else { "" })?;
        f.write_str(&self.text)?;
        f.write_str(if self.irreversible { "  [cannot be undone]" } else { "" })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Plan for {}: a new token of {}, with scopes {}", self.credential, self.provider, self.required)?;
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>4}. {step}", at + 1)?;
        }
        writeln!(f, "Requests, if nothing is tried again:")?;
        for (name, requests) in self.trips() {
            let why = |(at, step): (usize, &PlannedStep)| Some(format!("{} in step {}", step.trips.get(name)?, at + 1));
            let reasons: Vec<String> = self.steps.iter().enumerate().filter_map(why).collect();
            writeln!(f, "{requests:>4}  to {name}: {}", reasons.join(", "))?;
        }
        if !self.findings.is_empty() {
            writeln!(f, "Before you begin:")?;
        }
        self.findings.iter().try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}
