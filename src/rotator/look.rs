//! Looks at the outside without a run: nothing is written down, nothing is changed.

use std::future::Future;

use futures_util::StreamExt;

use super::read::{load, same_provider};
use super::scrub::{scrubbed, scrubbed_error};
use super::values::{current, current_companion};
use super::{Inner, Predecessor, nothing_kept};
use crate::consumer::{Consumer, Slot, Verification};
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::journal::{Current, Head, SealedValue, Span};
use crate::name::ConsumerName;
use crate::provider::Liveness;
use crate::token::{AdmittedToken, Grant, Redactor, Token};

/// What the journal says of a credential.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) head: Head,
    /// The token in use, where it is kept.
    kept: Option<SealedValue>,
    companion: bool,
}

impl Books {
    pub(super) async fn read(inner: &Inner) -> Result<Self> {
        let log = load(inner, Span::Head).await?;
        let companion = log.values.iter().any(|value| value.id == current_companion());
        let kept = log.values.into_iter().find(|value| value.id == current());
        if let (Some(current), Some(_)) = (&log.head.current, &kept) {
            same_provider(inner, &current.provider)?;
        }
        Ok(Self { head: log.head, kept, companion })
    }

    /// What may be shown of the token in use, as far as it is kept.
    pub(super) fn current(&self) -> Option<&Current> {
        self.head.current.as_ref().filter(|_| self.kept.is_some())
    }

    /// Whether what came with the token in use is kept.
    pub(super) fn keeps_companion(&self) -> bool {
        self.companion
    }

    /// The value of the token in use, where it is kept.
    pub(super) async fn kept_value(&self, inner: &Inner) -> Result<Option<Token>> {
        match &self.kept {
            Some(kept) => inner.sealer.open(&kept.sealed, &kept.context).await.map(Some),
            None => Ok(None),
        }
    }

    /// The value of a token, where it is at hand.
    pub(super) async fn value_of(&self, inner: &Inner, token: &Predecessor) -> Result<Option<Token>> {
        match token {
            Predecessor::Held(token) | Predecessor::Renewable { token, .. } => Ok(Some(token.clone())),
            Predecessor::Known(_) | Predecessor::None => Ok(None),
            Predecessor::Kept => {
                let token = self.kept_value(inner).await?.ok_or_else(nothing_kept)?;
                if self.head.current.as_ref().is_some_and(|current| current.fingerprint == token.fingerprint()) {
                    return Ok(Some(token));
                }
                let text = "the journal keeps another value than its records say: do not go on";
                Err(Error::new(ErrorKind::Journal, text))
            }
        }
    }
}

/// What the provider says of a token.
#[derive(Debug)]
pub(super) enum Look {
    /// There is none to look at.
    Absent,
    Grant(Box<Grant>),
    /// Its id alone was asked about.
    Id(Liveness),
    /// Neither its value nor a way to ask for its id is at hand.
    Blind,
    Failed(Error),
}

pub(super) async fn look_at(inner: &Inner, token: &Predecessor, value: Option<&Token>) -> Look {
    let secrets = knowing(value);
    let said = |error: Error| Look::Failed(scrubbed_error(error, &secrets).with_subject(inner.provider.name()));
    match (value, token) {
        (Some(value), _) => in_time(inner, inner.provider.inspect(value))
            .await
            .and_then(|grant| scrubbed(grant, &secrets))
            .map_or_else(said, |grant| Look::Grant(Box::new(grant))),
        (None, Predecessor::Known(id)) if inner.provider.capabilities().status_by_id => {
            in_time(inner, inner.provider.status(id)).await.map_or_else(said, Look::Id)
        }
        (None, Predecessor::Known(_)) => Look::Blind,
        (None, _) => Look::Absent,
    }
}

/// What was seen of one place.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) name: ConsumerName,
    pub(super) slot: Result<Slot, Problem>,
    /// What its check says of the token, where there was one to check with and the place can prove anything.
    pub(super) verification: Option<Result<Verification, Problem>>,
}

/// Reads every place, and tries its check where a token is at hand.
pub(super) async fn look_around(inner: &Inner, token: Option<&AdmittedToken>) -> Vec<Sight> {
    // Collected first: a stream that makes them as it goes could not be sent between threads.
    let places = inner.places.iter().zip(&inner.consumers);
    let looks: Vec<_> = places.map(|(place, consumer)| look_at_place(inner, &place.name, &**consumer, token)).collect();
    futures_util::stream::iter(looks).buffered(inner.policy.parallel).collect().await
}

/// What must not be said back.
fn knowing(token: Option<&Token>) -> Redactor {
    let mut secrets = Redactor::default();
    if let Some(token) = token {
        secrets.learn(token);
    }
    secrets
}

async fn look_at_place(
    inner: &Inner,
    name: &ConsumerName,
    consumer: &dyn Consumer,
    token: Option<&AdmittedToken>,
) -> Sight {
    let secrets = knowing(token.map(AdmittedToken::token));
    let problem = |error: Error| super::act::problem_at(name, &scrubbed_error(error, &secrets));
    let slot = in_time(inner, consumer.preflight()).await.and_then(|slot| scrubbed(slot, &secrets)).map_err(problem);
    let can = consumer.capabilities();
    let verification = match (&slot, token) {
        (Ok(slot), Some(token)) if can.proves_something() && !can.by_person => {
            let verified = in_time(inner, consumer.verify(token, slot)).await;
            Some(verified.and_then(|verification| scrubbed(verification, &secrets)).map_err(problem))
        }
        _ => None,
    };
    Sight { name: name.clone(), slot, verification }
}

/// Why no run may begin over this predecessor: the journal keeps another token as current that lives, and it would be
/// forgotten.
pub(super) async fn forgets(
    inner: &Inner,
    kept: Option<&Token>,
    predecessor: &Predecessor,
    given: Option<&Token>,
) -> Option<Error> {
    let kept = kept?;
    let same = match predecessor {
        Predecessor::Kept => true,
        Predecessor::Held(old) | Predecessor::Renewable { token: old, .. } => old == kept,
        Predecessor::Known(_) | Predecessor::None => false,
    };
    if same || given == Some(kept) {
        return None;
    }
    match in_time(inner, inner.provider.inspect(kept)).await {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => None,
        Ok(_) | Err(_) => Some(Error::new(
            ErrorKind::Refused,
            format!(
                "the journal keeps another token as current, {}, which may live and would be forgotten: rotate that one \
                 with `Predecessor::Kept`, or delete it at the provider first",
                kept.fingerprint()
            ),
        )),
    }
}

/// A look, which takes no longer than the policy gives one act.
pub(super) async fn in_time<T>(inner: &Inner, look: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(inner.policy.act_timeout, look).await.map_err(|_| too_slow())?
}

/// There was no answer in time.
pub(super) fn too_slow() -> Error {
    let text = "there was no answer in the time that the policy gives: look at the line, or give more";
    Error::new(ErrorKind::Unavailable, text)
}
