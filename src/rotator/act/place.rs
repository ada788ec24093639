//! Places: read, written, verified, and given the old token back.

use super::{Looks, Session, by_consumer};
use crate::consumer::{Installation, Slot, Verification};
use crate::error::{Error, ErrorKind, Result};
use crate::name::ConsumerName;
use crate::rotation::{Act, Fact, Standing, TokenRef};
use crate::token::{AdmittedToken, Answer};

pub(super) async fn preflight(session: &Session, looks: &Looks, name: &ConsumerName) -> Result<Vec<Fact>> {
    let consumer = session.inner.consumer(name)?;
    let slot = consumer.preflight().await.map_err(|error| by_consumer(name, error))?;
    let state = session.state()?;
    let checkable = consumer.capabilities().proves_something() && !consumer.capabilities().by_person;
    // One that a person says is deleted is not shown around: that could lock its owner out.
    let lives = state.old_is_live() && !state.is_claimed(&TokenRef::Old);
    let at_stake = state.candidate().is_none() && lives && state.charter().predecessor.has_value();
    let (mut baseline, mut new) = (None, Answer::Unknown);
    if checkable && state.is_rolling_back() {
        let token = looks.new_token(session).await;
        let token = match token {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(vec![Fact::CandidateDied]),
            token => token?,
        };
        new = consumer.verify(token, &slot).await.map_err(|error| by_consumer(name, error))?.new;
    } else if checkable && at_stake {
        // A check that cannot be run is found now, while nothing is at stake.
        let old = match looks.old_token(session).await {
            // It has died since it was looked at: there is nothing to compare with.
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                return Ok(vec![Fact::PredecessorLooked { standing: Standing::Dead, owner: None }]);
            }
            old => old?,
        };
        baseline = Some(consumer.verify(old, &slot).await.map_err(|error| by_consumer(name, error))?);
    }
    Ok(vec![Fact::Preflighted { consumer: name.clone(), slot, baseline, new }])
}

pub(super) async fn install(
    session: &Session,
    looks: &Looks,
    name: &ConsumerName,
    uncertain: bool,
) -> Result<Vec<Fact>> {
    let consumer = session.inner.consumer(name)?;
    let token = looks.new_token(session).await?;
    let about = |error: Error| by_consumer(name, error);
    let expected = if uncertain {
        // A write was under way and nobody knows what came of it: look before writing again.
        let slot = consumer.preflight().await.map_err(about)?;
        let there = consumer.verify(token, &slot).await.map_err(about)?;
        if there.new == Answer::Proven {
            return Ok(vec![Fact::Installed { consumer: name.clone(), slot }]);
        }
        slot
    } else {
        slot_of(session, name)?
    };
    Ok(match consumer.install(token, &expected).await.map_err(about)? {
        Installation::Done(slot) => vec![Fact::Installed { consumer: name.clone(), slot }],
        Installation::Guided(guide) => {
            let guide = session.inner.annotated(guide);
            vec![Fact::InstallationAsked { consumer: name.clone(), guide }]
        }
    })
}

pub(super) async fn restore(session: &Session, looks: &Looks, name: &ConsumerName) -> Result<Vec<Fact>> {
    let consumer = session.inner.consumer(name)?;
    let token = match looks.old_token(session).await {
        Ok(token) => token,
        Err(error) if error.kind() == ErrorKind::Unauthenticated => {
            return Ok(vec![Fact::PredecessorLooked { standing: Standing::Dead, owner: None }]);
        }
        Err(error) => return Err(error),
    };
    let about = |error: Error| by_consumer(name, error);
    let expected = consumer.preflight().await.map_err(about)?;
    Ok(match consumer.install(token, &expected).await.map_err(about)? {
        Installation::Done(slot) => vec![Fact::Restored { consumer: name.clone(), slot }],
        Installation::Guided(guide) => {
            let guide = session.inner.annotated(guide);
            vec![Fact::RestorationAsked { consumer: name.clone(), guide }]
        }
    })
}

pub(super) async fn verify(
    session: &Session,
    act: &Act,
    name: &ConsumerName,
    token: &AdmittedToken,
) -> Result<Vec<Fact>> {
    let verification = match act {
        // What was put back need not stay: nobody ends the old token.
        Act::VerifyRestored(_) => ask(session, name, token).await?.0,
        _ => check(session, name, token).await?,
    };
    Ok(judged(session, act, name, verification)?.into_iter().collect())
}

/// Whether a place works with the new token, as far as it can tell, and still holds it, as far as its version can.
pub(super) async fn check(session: &Session, name: &ConsumerName, token: &AdmittedToken) -> Result<Verification> {
    let (verification, slot) = ask(session, name, token).await?;
    let consumer = session.inner.consumer(name)?;
    if verification.new != Answer::Unknown || !consumer.capabilities().versioned {
        return Ok(verification);
    }
    let now = consumer.preflight().await.map_err(|error| by_consumer(name, error))?;
    if !slot.differs_from(&now) {
        return Ok(verification);
    }
    // Which token whoever wrote there left, nothing shows: it may be the old one.
    let moved = Verification { new: Answer::Refuted, ..verification };
    Ok(moved.with_note("somebody wrote there since: the token is written once more"))
}

async fn ask(session: &Session, name: &ConsumerName, token: &AdmittedToken) -> Result<(Verification, Slot)> {
    let consumer = session.inner.consumer(name)?;
    let slot = slot_of(session, name)?;
    let verification = consumer.verify(token, &slot).await.map_err(|error| by_consumer(name, error))?;
    Ok((verification, slot))
}

/// What a verification means for the run.
pub(super) fn judged(
    session: &Session,
    act: &Act,
    name: &ConsumerName,
    verification: Verification,
) -> Result<Option<Fact>> {
    let state = session.state()?;
    let now = session.now();
    let since = [act.clone(), Act::Install(name.clone())]
        .iter()
        .filter_map(|act| state.failing_since(act))
        .chain(state.relapsing_since(name))
        .min()
        .unwrap_or(now);
    let error = Error::new(ErrorKind::Unverified, "not verified");
    let again_at = session.inner.policy.patience.again(&error, since, now);
    Ok(state.verification(act, name, verification, since, again_at))
}

fn slot_of(session: &Session, name: &ConsumerName) -> Result<Slot> {
    let known = session.state()?.place(name).and_then(|(_, slot)| slot.cloned());
    Ok(known.unwrap_or_default())
}
