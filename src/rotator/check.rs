//! A look at a credential at any time: is its token good, and does it work everywhere?

use serde::{Deserialize, Serialize};

use super::look::{self, Books, Look};
use super::{Predecessor, Rotator};
use crate::consumer::Verification;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::name::{ConsumerName, CredentialName};
use crate::provider::Liveness;
use crate::token::{AdmittedToken, Expiry, Fingerprint, Grant, Lack};

/// How a token stands, and whether it works where it is used. Nothing was changed to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// Of which credential.
    pub credential: CredentialName,
    /// What may be shown of the token, where its value is at hand.
    pub fingerprint: Option<Fingerprint>,
    /// What its provider says of it.
    pub grant: Option<Grant>,
    /// Why the provider said nothing, or that the token is dead.
    pub problem: Option<Problem>,
    /// How many whole days it still lives; negative once it has expired, nothing where no end is known.
    pub days_left: Option<i64>,
    /// What a rotation would refuse it for.
    pub lacks: Vec<Lack>,
    /// What a rotation would warn of.
    pub warnings: Vec<Lack>,
    /// Each place where it is used.
    pub consumers: Vec<ConsumerCheck>,
}

/// How a token stands at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsumerCheck {
    /// Which.
    pub consumer: ConsumerName,
    /// Whether what is stored there works, and is this token. Nothing where nothing can be proven, or no live token was
    /// at hand.
    pub verification: Option<Verification>,
    /// Why it could not be read or checked.
    pub problem: Option<Problem>,
    /// What the place itself warns of.
    pub warnings: Vec<String>,
}

impl Check {
    /// Whether the token is good and nothing spoke against it anywhere.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.problem.is_none() && self.lacks.is_empty() && self.consumers.iter().all(ConsumerCheck::is_healthy)
    }
}

impl ConsumerCheck {
    /// Whether nothing speaks against the token there.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.problem.is_none() && self.verification.as_ref().is_none_or(|verification| !verification.is_refuted())
    }
}

impl Rotator {
    /// Looks at the token and at every place where it is used; reads only, at any time. Mind that each look at a dead
    /// token counts as a failed login at some providers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where there is no token to check, [`ErrorKind::Journal`] when the journal cannot be
    /// read. What is wrong with the token or a place is no error but part of the [`Check`].
    pub async fn check(&self, token: &Predecessor) -> Result<Check> {
        if matches!(token, Predecessor::None) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "there is no token to check: hand one in, or check the kept one",
            ));
        }
        let inner = &*self.inner;
        let value = Books::read(inner).await?.value_of(inner, token).await?;
        let (grant, problem) = match look::look_at(inner, token, value.as_ref()).await {
            Look::Grant(grant) => (Some(grant), None),
            Look::Absent | Look::Blind | Look::Id(Liveness::Alive) => (None, None),
            Look::Id(Liveness::Dead) => {
                let text = "the provider does not know a token of this id: it is dead";
                (None, Some(Problem::new(ErrorKind::Unauthenticated, text)))
            }
            Look::Failed(error) => (None, Some(error.problem())),
        };
        let admitted = match (&value, &grant) {
            (Some(value), Some(grant)) => Some(AdmittedToken::new(value.clone(), grant.clone())?),
            _ => None,
        };
        let now = inner.clock.now();
        let verdict = grant.as_ref().map(|grant| inner.scope_policy(None).judge(grant, inner.provider.scopes(), now));
        let (lacks, warnings) = verdict.map(|verdict| (verdict.lacks, verdict.warnings)).unwrap_or_default();
        let sights = look::look_around(inner, admitted.as_ref()).await;
        Ok(Check {
            credential: inner.name.clone(),
            fingerprint: value.as_ref().map(crate::token::Token::fingerprint),
            days_left: grant.as_ref().and_then(|grant| days_left(grant, now)),
            grant,
            problem,
            lacks,
            warnings,
            consumers: sights.into_iter().map(ConsumerCheck::of).collect(),
        })
    }
}

impl ConsumerCheck {
    fn of(sight: look::Sight) -> Self {
        let (warnings, unread) = match sight.slot {
            Ok(slot) => (slot.warnings, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let (verification, unchecked) = match sight.verification {
            Some(Ok(verification)) => (Some(verification), None),
            Some(Err(problem)) => (None, Some(problem)),
            None => (None, None),
        };
        Self { consumer: sight.name, verification, problem: unread.or(unchecked), warnings }
    }
}

/// How many whole days a token still lives.
pub(super) fn days_left(grant: &Grant, now: crate::clock::Timestamp) -> Option<i64> {
    match grant.expiry {
        Expiry::At(end) => Some((end.unix_seconds() - now.unix_seconds()).div_euclid(24 * 60 * 60)),
        Expiry::Never | Expiry::Unknown => None,
    }
}
