//! Each act with the outside, and what came of it as facts.

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::OnceCell;

use super::Inner;
use super::session::Session;
use crate::clock::Timestamp;
use crate::consumer::{Installation, Slot, Verification};
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::guide::Guide;
use crate::name::ConsumerName;
use crate::provider::{EndedBy, Liveness, Revocation};
use crate::rotation::{Act, Death, Fact, OldPolicy, Origin, Standing, State, TokenRef};
use crate::token::{Access, AdmittedToken, Answer, Grant, Lack, Refusal, RetiredToken};

/// The tokens that acts which run together need, each looked at once for all of them: many places are no reason to ask the
/// provider many times.
#[derive(Default)]
pub(super) struct Looks {
    old: OnceCell<AdmittedToken>,
    new: OnceCell<AdmittedToken>,
}

impl Looks {
    /// The old token, just seen alive.
    async fn old_token(&self, session: &Session) -> Result<&AdmittedToken> {
        self.old.get_or_try_init(|| admitted_old(session)).await
    }

    /// The new token, admitted.
    async fn new_token(&self, session: &Session) -> Result<&AdmittedToken> {
        self.new.get_or_try_init(|| admitted_new(session)).await
    }
}

/// Does one act. What goes wrong outside is a fact; an error means that the journal or this crate is at fault.
pub(super) async fn perform(session: &Session, looks: &Looks, act: &Act, uncertain: bool) -> Result<Vec<Fact>> {
    let done = match act {
        Act::LookAtPredecessor => look_at_predecessor(session).await,
        Act::Preflight(consumer) => preflight(session, looks, consumer).await,
        Act::FindOrphans => find_orphans(session).await,
        Act::Admit => return admit(session).await,
        Act::Install(consumer) => install(session, looks, consumer, uncertain).await,
        Act::Verify(consumer) | Act::VerifyAfter(consumer) => match looks.new_token(session).await {
            Ok(token) => verify(session, act, consumer, token).await,
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(vec![Fact::CandidateDied]),
            Err(error) => Err(error),
        },
        Act::Restore(consumer) => restore(session, looks, consumer).await,
        Act::VerifyRestored(consumer) => match looks.old_token(session).await {
            Ok(token) => verify(session, act, consumer, token).await,
            Err(error) => Err(error),
        },
        Act::LastLook => return last_look(session).await,
        Act::Revoke(token) => revoke(session, token).await,
        Act::Prove(token) => return prove(session, token).await,
        Act::Issue | Act::Collect => Err(Error::new(ErrorKind::Internal, "issuing has a task of its own")),
    };
    match done {
        Ok(facts) => Ok(facts),
        // What is wrong on our own side is not tried again elsewhere.
        Err(error) if matches!(error.kind(), ErrorKind::Journal | ErrorKind::Internal | ErrorKind::Fenced) => {
            Err(error)
        }
        Err(error) => failed(session, act, &error).map(|fact| vec![fact]),
    }
}

/// What it means that an act failed: when it is tried again, if at all.
pub(super) fn failed(session: &Session, act: &Act, error: &Error) -> Result<Fact> {
    let now = session.now();
    let since = session.state()?.failing_since(act).unwrap_or(now);
    let again_at = session.inner.policy.patience.again(error, since, now);
    Ok(State::failure(act.clone(), error.problem(), since, again_at))
}

// -- the old token ----------------------------------------------------------------------------------------------------

async fn look_at_predecessor(session: &Session) -> Result<Vec<Fact>> {
    let state = session.state()?;
    let old = &state.charter().predecessor;
    let looked = |standing, owner| vec![Fact::PredecessorLooked { standing, owner }];
    if old.has_value() {
        return match inspect(session, &TokenRef::Old).await {
            Ok(grant) => Ok(looked(standing(&session.inner, &grant), Some(grant.owner))),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(looked(Standing::Dead, None)),
            Err(error) => Err(error),
        };
    }
    match &old.id {
        Some(id) if state.charter().can.status_by_id => {
            Ok(match session.inner.provider.status(id).await.map_err(|error| by_provider(session, error))? {
                Liveness::Alive => looked(Standing::Live, None),
                Liveness::Dead => looked(Standing::Dead, None),
            })
        }
        _ => Ok(looked(Standing::Unknown, None)),
    }
}

/// Whether a copy of the old token would do.
pub(super) fn standing(inner: &Inner, grant: &Grant) -> Standing {
    match &grant.access {
        Access::Scopes(granted) => {
            let missing = inner.provider.scopes().missing(&inner.whole, granted);
            if missing.is_empty() { Standing::Live } else { Standing::Lacking }
        }
        _ => Standing::Live,
    }
}

async fn inspect(session: &Session, token: &TokenRef) -> Result<Grant> {
    let value = session.token(token).await?;
    session.inner.provider.inspect(&value).await.map_err(|error| by_provider(session, error))
}

/// The old token, just seen alive: that is all it needs to go back where it was.
async fn admitted_old(session: &Session) -> Result<AdmittedToken> {
    let grant = inspect(session, &TokenRef::Old).await?;
    AdmittedToken::new(session.token(&TokenRef::Old).await?, grant)
}

// -- places -----------------------------------------------------------------------------------------------------------

async fn preflight(session: &Session, looks: &Looks, name: &ConsumerName) -> Result<Vec<Fact>> {
    let consumer = session.inner.consumer(name)?;
    let slot = consumer.preflight().await.map_err(|error| by_consumer(name, error))?;
    let state = session.state()?;
    let checkable = consumer.capabilities().proves_something() && !consumer.capabilities().by_person;
    let at_stake = state.candidate().is_none() && state.old_is_live() && state.charter().predecessor.has_value();
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
        let old = looks.old_token(session).await?;
        baseline = Some(consumer.verify(old, &slot).await.map_err(|error| by_consumer(name, error))?);
    }
    Ok(vec![Fact::Preflighted { consumer: name.clone(), slot, baseline, new }])
}

async fn install(session: &Session, looks: &Looks, name: &ConsumerName, uncertain: bool) -> Result<Vec<Fact>> {
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

async fn restore(session: &Session, looks: &Looks, name: &ConsumerName) -> Result<Vec<Fact>> {
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

async fn verify(session: &Session, act: &Act, name: &ConsumerName, token: &AdmittedToken) -> Result<Vec<Fact>> {
    let verification = check(session, name, token).await?;
    Ok(judged(session, act, name, verification)?.into_iter().collect())
}

async fn check(session: &Session, name: &ConsumerName, token: &AdmittedToken) -> Result<Verification> {
    let consumer = session.inner.consumer(name)?;
    let slot = slot_of(session, name)?;
    consumer.verify(token, &slot).await.map_err(|error| by_consumer(name, error))
}

/// What a verification means for the run.
fn judged(session: &Session, act: &Act, name: &ConsumerName, verification: Verification) -> Result<Option<Fact>> {
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

// -- the new token ----------------------------------------------------------------------------------------------------

/// The token whose admission is on record.
async fn admitted_new(session: &Session) -> Result<AdmittedToken> {
    let state = session.state()?;
    let missing = || Error::new(ErrorKind::Internal, "a token that was not admitted was about to be used");
    let reference = state.candidate().ok_or_else(missing)?;
    let grant = match state.candidate_grant() {
        Some(grant) => grant.clone(),
        // After a restart, past the point where it is judged again: ask what it is.
        None => inspect(session, &reference).await?,
    };
    AdmittedToken::new(session.token(&reference).await?, grant)
}

async fn admit(session: &Session) -> Result<Vec<Fact>> {
    let state = session.state()?;
    let Some(reference) = state.candidate() else {
        return Err(Error::new(ErrorKind::Internal, "there is no token to judge"));
    };
    let grant = match inspect(session, &reference).await {
        Ok(grant) => grant,
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return dead_candidate(session, &reference).await,
        Err(error) if error.kind() == ErrorKind::Journal => return Err(error),
        Err(error) => return failed(session, &Act::Admit, &error).map(|fact| vec![fact]),
    };
    let verdict =
        session.inner.scope_policy(state.old_owner()).judge(&grant, session.inner.provider.scopes(), session.now());
    let mut lacks = verdict.lacks;
    if state.is_waived() {
        lacks.retain(Lack::is_final);
    }
    if let Some(credential) = session.inner.other_holder(grant.fingerprint).await? {
        lacks.push(Lack::HeldElsewhere { credential: credential.to_string() });
    }
    Ok(vec![if lacks.is_empty() {
        Fact::Admitted { grant, warnings: verdict.warnings }
    } else {
        Fact::Refused { refusal: Refusal::of(lacks), grant: Some(grant) }
    }])
}

/// Its own provider does not know it.
async fn dead_candidate(session: &Session, reference: &TokenRef) -> Result<Vec<Fact>> {
    let state = session.state()?;
    if state.is_touched() {
        return Ok(vec![Fact::CandidateDied]);
    }
    let minted = state.candidate_origin() == Some(Origin::Minted);
    let now = session.now();
    let since = state.failing_since(&Act::Admit).unwrap_or(now);
    if minted && !state.was_seen_alive(reference) && since.until(now) < session.inner.policy.unknown_for() {
        // What was issued a moment ago need not be known everywhere yet.
        let unknown = Error::new(ErrorKind::Unavailable, "the new token is not known to its provider yet: waiting");
        return failed(session, &Act::Admit, &unknown).map(|fact| vec![fact]);
    }
    let hint = session.token(reference).await?.hints().first().copied();
    Ok(vec![Fact::Refused { refusal: Refusal::of(vec![Lack::Dead { hint }]), grant: None }])
}

// -- the end of a token -----------------------------------------------------------------------------------------------

async fn find_orphans(session: &Session) -> Result<Vec<Fact>> {
    let Some((attempt, label)) = session.state()?.lost_attempt().map(|(attempt, label)| (attempt, label.clone()))
    else {
        return Err(Error::new(ErrorKind::Internal, "there is no lost attempt"));
    };
    let ids = session.inner.provider.find(&label).await.map_err(|error| by_provider(session, error))?;
    Ok(vec![Fact::OrphansFound { attempt, ids }])
}

async fn last_look(session: &Session) -> Result<Vec<Fact>> {
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
    let looks: Vec<_> = provable.iter().map(|name| async move { (name, check(session, name, token).await) }).collect();
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

async fn revoke(session: &Session, token: &TokenRef) -> Result<Vec<Fact>> {
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
        TokenRef::New(attempt) => Some(state.charter().run.label(*attempt)),
        TokenRef::Old => state.charter().predecessor.label.clone(),
        TokenRef::Found(_) => None,
    };
    let successor = match (token, state.candidate()) {
        (TokenRef::Old, Some(TokenRef::New(attempt))) if attempt > 0 => Some(state.charter().run.label(attempt)),
        _ => None,
    };
    let seen = seen_before_the_end(session, token).await?;
    let retired = RetiredToken::new(value, state.fingerprint(token), state.token_id(token), label, state.reason(token))
        .with_successor(successor);
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
async fn prove(session: &Session, token: &TokenRef) -> Result<Vec<Fact>> {
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
    if state.charter().can.ending == EndedBy::Person {
        facts.extend(wrong_row(session, token).await?);
    }
    Ok(facts)
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
        Err(error) if error.kind() == ErrorKind::Journal => Err(error),
        Ok(_) | Err(_) => Ok(None),
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

pub(super) fn by_provider(session: &Session, error: Error) -> Error {
    foreign(error).with_subject(session.inner.provider.name())
}

fn by_consumer(name: &ConsumerName, error: Error) -> Error {
    foreign(error).with_subject(name.as_str())
}

/// What is wrong with the engine or its journal only they can say: said by others, it would stop the run unrecorded.
fn foreign(error: Error) -> Error {
    let own = [ErrorKind::Journal, ErrorKind::Internal, ErrorKind::Fenced];
    if own.contains(&error.kind()) { error.with_kind(ErrorKind::Protocol) } else { error }
}

/// A problem that names its act, for checks outside a run.
pub(super) fn problem_at(name: &ConsumerName, error: &Error) -> Problem {
    let mut problem = error.problem();
    problem.subject.get_or_insert_with(|| name.to_string());
    problem
}
