//! The end of a token: the last look before it, the revocation, and the proof.

use futures_util::StreamExt;
use futures_util::stream;

use super::old::standing;
use super::place::{check, judged};
use super::{Session, by_provider, failed, inspect};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::name::ConsumerName;
use crate::provider::{EndedBy, Liveness, Revocation};
use crate::rotation::{Act, Death, Fact, OldPolicy, Standing, TokenRef};
use crate::rotator::look::in_time;
use crate::token::{AdmittedToken, RetiredToken};

pub(super) async fn find_orphans(session: &Session) -> Result<Vec<Fact>> {
    let Some((attempt, label)) = session.state()?.lost_attempt().map(|(attempt, label)| (attempt, label.clone()))
    else {
        return Err(Error::new(ErrorKind::Internal, "there is no lost attempt"));
    };
    if !session.state()?.charter().can.finds_by_label {
        return Ok(vec![Fact::OrphanPossible { attempt, label }]);
    }
    let ids = session.inner.provider.find(&label).await.map_err(|error| by_provider(session, error))?;
    Ok(vec![Fact::OrphansFound { attempt, ids }])
}

pub(super) async fn last_look(session: &Session) -> Result<Vec<Fact>> {
    let state = session.state()?;
    let act = Act::LastLook;
    let Some(reference) = state.candidate() else {
        return Err(Error::new(ErrorKind::Internal, "a last look without a new token"));
    };
    let token = match inspect(session, &reference).await {
        Ok(grant) => AdmittedToken::new(session.token(&reference).await?, grant)?,
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(vec![Fact::CandidateDied]),
        Err(error) if error.kind() == ErrorKind::Journal => return Err(error),
        Err(error) => return failed(session, &act, &error).map(|fact| vec![fact]),
    };
    if let Some(problem) = still_in_use(session).await? {
        return failed(session, &act, &problem).map(|fact| vec![fact]);
    }
    let provable: Vec<ConsumerName> = state
        .taking_part()
        .filter(|(place, _)| place.can.proves_something())
        .map(|(place, _)| place.name.clone())
        .collect();
    let token = &token;
    // Collected first: a stream that makes them as it goes could not be sent between threads.
    let looks: Vec<_> = provable
        .iter()
        .map(|name| async move { (name, in_time(&session.inner, check(session, name, token)).await) })
        .collect();
    let checks: Vec<_> = stream::iter(looks).buffered(session.inner.policy.parallel).collect().await;
    let mut facts = Vec::new();
    for (name, verification) in checks {
        match verification {
            Ok(verification) => facts.extend(judged(session, &act, name, verification)?),
            Err(error) => facts.push(failed(session, &act, &error)?),
        }
    }
    // A place that fell back counts before one that could not be asked.
    facts.sort_by_key(|fact| !matches!(fact, Fact::Relapsed { .. }));
    facts.truncate(facts.iter().filter(|fact| matches!(fact, Fact::Relapsed { .. })).count().max(1));
    Ok(if facts.is_empty() { vec![Fact::LastLooked] } else { facts })
}

/// Whether somebody has used the old token lately, though every place has the new one: it must be quiet for as long as the
/// grace.
async fn still_in_use(session: &Session) -> Result<Option<Error>> {
    let charter = session.state()?.charter();
    let OldPolicy::Revoke { grace } = charter.old else { return Ok(None) };
    if grace.is_zero() || !charter.can.tells_last_use || !charter.predecessor.has_value() {
        return Ok(None);
    }
    let grant = match inspect(session, &TokenRef::Old).await {
        Ok(grant) => grant,
        Err(error) if error.kind() == ErrorKind::Journal => return Err(error),
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(None),
        Err(error) => return Ok(Some(error)),
    };
    let now = session.now();
    let quiet = |used: Timestamp| now.until(used.plus(grace));
    Ok(grant.last_used.filter(|used| !quiet(*used).is_zero()).map(|used| {
        Error::new(
            ErrorKind::Busy,
            format!(
                "the old token was used at {used}, though every consumer has the new one: find who uses it and move them, \
                 and retry when it has been quiet for as long as the grace; or keep the old token"
            ),
        )
        .with_retry_after(quiet(used))
    }))
}

pub(super) async fn revoke(session: &Session, token: &TokenRef) -> Result<Vec<Fact>> {
    let state = session.state()?;
    let value = match token {
        TokenRef::Found(_) => None,
        TokenRef::Old if !state.charter().predecessor.has_value() => None,
        _ => Some(session.token(token).await?),
    };
    let can = &state.charter().can;
    if let (None, Some(id), false) = (&value, state.token_id(token), can.ends_by_id || can.ending == EndedBy::Person) {
        let guide = Guide::new(format!("Delete a token at {}", session.inner.provider.name()))
            .with_step("row", format!("Find the token with the id {id}."))
            .with_step("delete", "Delete it, and nothing else; then confirm it.");
        return Ok(vec![Fact::DeletionAsked { token: token.clone(), guide: session.inner.annotated(guide) }]);
    }
    let label = match token {
        TokenRef::New(attempt) => state.label_of(*attempt),
        TokenRef::Old => state.charter().predecessor.label.clone(),
        TokenRef::Found(_) => None,
    };
    let successor = match (token, state.candidate()) {
        (TokenRef::Old, Some(TokenRef::New(attempt))) if attempt > 0 => state.label_of(attempt),
        _ => None,
    };
    let seen = seen_before_the_end(session, token).await?;
    let companion = if value.is_some() { session.companion(token).await? } else { None };
    let retired = RetiredToken::new(value, state.fingerprint(token), state.token_id(token), label, state.reason(token))
        .with_successor(successor)
        .with_companion(companion);
    let answer = session.inner.provider.revoke(&retired).await.map_err(|error| by_provider(session, error))?;
    let now = session.now();
    let answered = match answer {
        Revocation::Done => Fact::RevocationAnswered { token: token.clone(), look_after: now },
        Revocation::Accepted { look_after } => {
            Fact::RevocationAnswered { token: token.clone(), look_after: now.plus(look_after) }
        }
        Revocation::Guided(guide) => {
            Fact::DeletionAsked { token: token.clone(), guide: session.inner.annotated(guide) }
        }
    };
    Ok(seen.into_iter().chain([answered]).collect())
}

/// One look at an old token that was never seen alive, as what leaked may go before anything else: without it, its death
/// could not be seen. It holds nothing up.
async fn seen_before_the_end(session: &Session, token: &TokenRef) -> Result<Option<Fact>> {
    let state = session.state()?;
    if *token != TokenRef::Old || !state.charter().predecessor.has_value() || state.was_seen_alive(token) {
        return Ok(None);
    }
    match inspect(session, token).await {
        Ok(grant) => {
            let standing = standing(&session.inner, &grant);
            Ok(Some(Fact::PredecessorLooked { standing, owner: Some(grant.owner) }))
        }
        Err(error) if error.kind() == ErrorKind::Journal => Err(error),
        Err(_) => Ok(None),
    }
}

/// Looks whether a token is dead. A refusal proves it only because this run saw the same token taken before.
pub(super) async fn prove(session: &Session, token: &TokenRef) -> Result<Vec<Fact>> {
    let act = Act::Prove(token.clone());
    let state = session.state()?;
    let at_hand = *token != TokenRef::Old || state.charter().predecessor.has_value();
    let by_value = at_hand && state.was_seen_alive(token);
    let looked = if by_value {
        match inspect(session, token).await {
            Ok(_) => Ok(Liveness::Alive),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(Liveness::Dead),
            Err(error) => Err(error),
        }
    } else {
        match state.token_id(token) {
            Some(id) => session.inner.provider.status(&id).await.map_err(|error| by_provider(session, error)),
            None => Err(Error::new(ErrorKind::Internal, "there is no way to look at this token")),
        }
    };
    let mut facts = match looked {
        Ok(Liveness::Dead) => {
            let proof = if by_value { Death::Seen } else { Death::Told };
            vec![Fact::Revoked { token: token.clone(), proof }]
        }
        Ok(Liveness::Alive) => alive_still(session, token, &act)?,
        Err(error) if error.kind() == ErrorKind::Journal => return Err(error),
        Err(error) => vec![failed(session, &act, &error)?],
    };
    if state.is_claimed(token) {
        match wrong_row(session, token).await {
            // Whoever refuses both may refuse all: the old one is proven dead beside a token that is taken. What leaked does not
            // wait for one.
            Ok(Some(Fact::CandidateDied)) if !state.old_leaked() => {
                facts.retain(|fact| !matches!(fact, Fact::Revoked { .. }));
                facts.push(Fact::CandidateDied);
            }
            Ok(fact) => facts.extend(fact),
            Err(error) if error.kind() == ErrorKind::Journal => return Err(error),
            Err(error) => {
                // Both are asked again as long as patience lasts; after that what is known of the one counts.
                let again = failed(session, &act, &error)?;
                if matches!(again, Fact::Stumbled { .. }) {
                    facts = vec![again];
                }
            }
        }
    }
    Ok(facts)
}

/// What a person says of a token at which nobody can look is not taken for true before the token in use was asked: people
/// delete the wrong row.
pub(in crate::rotator) async fn before_word_counts(session: &Session, token: &TokenRef) -> Result<Option<Fact>> {
    let state = session.state()?;
    if *token != TokenRef::Old || state.is_provable(token) || state.old_leaked() {
        return Ok(None);
    }
    match in_time(&session.inner, wrong_row(session, token)).await {
        Err(error) if error.is_transient() || error.kind() == ErrorKind::Journal => Err(error),
        found => Ok(found.ok().flatten()),
    }
}

/// People delete the wrong row: the other token is asked too.
async fn wrong_row(session: &Session, token: &TokenRef) -> Result<Option<Fact>> {
    let state = session.state()?;
    let (other, fact) = match (token, state.candidate()) {
        (TokenRef::Old, Some(new)) => (new, Fact::CandidateDied),
        (token, Some(new)) if *token == new && state.old_is_live() && state.charter().predecessor.has_value() => {
            (TokenRef::Old, Fact::PredecessorLooked { standing: Standing::Dead, owner: None })
        }
        _ => return Ok(None),
    };
    match inspect(session, &other).await {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(Some(fact)),
        Err(error) => Err(error),
        Ok(_) => Ok(None),
    }
}

fn alive_still(session: &Session, token: &TokenRef, act: &Act) -> Result<Vec<Fact>> {
    let alive = Fact::StillAlive { token: token.clone() };
    if !session.state()?.is_promised(token) {
        return Ok(vec![alive]);
    }
    let slow = Error::new(ErrorKind::Unverified, "the provider took the revocation, and the token is still alive");
    Ok(vec![alive, failed(session, act, &slow)?])
}
