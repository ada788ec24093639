//! The dull loop: ask what is next, write down what is about to be done, do it, write down what came of it.

use std::time::Duration;

use futures_util::future;
use tokio::sync::oneshot;

use super::session::Session;
use super::{Run, act, look};
use crate::clock::Timestamp;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::name::Label;
use crate::provider::{Candidate, Fate, Issuance, IssueRequest, Request};
use crate::rotation::{Act, Ending, Fact, OldPolicy, Origin, Outcome, Step, TokenRef, next};
use crate::token::{Expiry, Reason, RetiredToken};

/// How often a new token is tried to be stored where the old one lives on.
const TRIES: u32 = 5;

/// What is written on trial before a token is asked for: more than the record of the largest token and its companion.
const ROOM: usize = 24 * 1024;

/// Takes a run up again: what was under way is unknown, unless there is nothing to do but wait.
pub(super) async fn resume(mut session: Session) -> Result<Run> {
    let waiting = session.state()?.outcome(session.now());
    if let Some(outcome) = waiting {
        tell_what_is_overdue(&mut session)?;
        let id = session.state()?.charter().run.clone();
        session.close().await?;
        return Ok(Run { id, outcome });
    }
    let by = session.holder().clone();
    session.note(Fact::Resumed { by })?;
    drive(session).await
}

/// A person's deadline has passed: that is said, once, and nothing follows from it.
fn tell_what_is_overdue(session: &mut Session) -> Result<()> {
    let now = session.now();
    match session.state()?.deadline().filter(|deadline| *deadline <= now) {
        Some(since) => session.note(Fact::Overdue { since }),
        None => Ok(()),
    }
}

/// Goes on until the run is over, or waits for a person or for longer than a call should.
pub(super) async fn drive(mut session: Session) -> Result<Run> {
    // Boxed, as it lies in the future of every call.
    let mut looks = Box::<act::Looks>::default();
    loop {
        if *session.inner.draining.borrow() {
            return leave(session).await;
        }
        let steps = next(session.state()?);
        if let Some(fact) = steps.iter().find_map(|step| if let Step::Record(fact) = step { Some(fact) } else { None })
        {
            record(&mut session, fact).await?;
            continue;
        }
        let now = session.now();
        let state = session.state()?;
        let due = |act: &Act| state.not_before(act).is_none_or(|at| at <= now);
        let ready: Vec<Act> = steps
            .into_iter()
            .filter_map(|step| if let Step::Do(act) = step { Some(act) } else { None })
            .filter(due)
            .collect();
        if ready.is_empty() {
            let Some(run) = pause(&mut session).await? else {
                // Much may have happened meanwhile.
                *looks = act::Looks::default();
                continue;
            };
            session.close().await?;
            return Ok(run);
        }
        // Looks may share what they saw. What changes something looks for itself, and makes what was seen before it old.
        let changes = ready.iter().any(Act::changes_something);
        if changes {
            *looks = act::Looks::default();
        }
        session = perform(session, ready, &looks).await?;
        if changes {
            *looks = act::Looks::default();
        }
    }
}

/// Leaves the run to the next process.
async fn leave(session: Session) -> Result<Run> {
    let state = session.state()?;
    let outcome = state.outcome(session.now()).unwrap_or(Outcome::Unfinished);
    let id = state.charter().run.clone();
    session.close().await?;
    Ok(Run { id, outcome })
}

/// Writes down what needs no act, with what belongs to it.
async fn record(session: &mut Session, fact: &Fact) -> Result<()> {
    session.note(fact.clone())?;
    match fact {
        Fact::CutOver => {
            let state = session.state()?;
            if let (OldPolicy::Revoke { grace }, true) = (state.charter().old, state.has_old())
                && !grace.is_zero()
                && !state.old_leaked()
            {
                let until = session.now().plus(grace);
                session.note(Fact::Draining { until })?;
            }
        }
        Fact::Ended { ending: Ending::Completed { .. } } => session.promote().await?,
        _ => {}
    }
    Ok(())
}

/// Nothing can be done now: waits if that is short, and otherwise says how the run stands.
async fn pause(session: &mut Session) -> Result<Option<Run>> {
    let now = session.now();
    let state = session.state()?;
    let Some(outcome) = state.outcome(now) else {
        return Err(Error::new(ErrorKind::Internal, "a run neither waits nor goes on"));
    };
    if let Outcome::BackingOff { until, .. } | Outcome::Draining { until } = &outcome {
        let wait = now.until(*until);
        if wait <= session.inner.policy.linger {
            session.commit().await?;
            session.renew().await?;
            session.audit_or_leave().await?;
            let mut draining = session.inner.draining.subscribe();
            let drained = std::pin::pin!(draining.wait_for(|draining| *draining));
            future::select(session.inner.clock.sleep(wait), drained).await;
            return Ok(None);
        }
    }
    Ok(Some(Run { id: state.charter().run.clone(), outcome }))
}

/// Does what is ready, all together where it may be.
async fn perform(mut session: Session, mut ready: Vec<Act>, looks: &act::Looks) -> Result<Session> {
    // The rest comes next, with a lease and a time of its own.
    ready.truncate(session.inner.policy.parallel);
    session.renew().await?;
    session.audit_or_leave().await?;
    if ready.contains(&Act::Issue) {
        return issue(session).await;
    }
    if ready.contains(&Act::Collect) {
        return collect(session).await;
    }
    let settled = session.settled_by();
    let mut errands = Vec::with_capacity(ready.len());
    for act in ready {
        // Whether a write was under way before is known only until the next one is written down.
        let uncertain = match &act {
            Act::Install(consumer) => session.state()?.is_uncertain(consumer),
            _ => false,
        };
        if let Some(intent) = intent(&session, &act, settled)? {
            session.note(intent)?;
        }
        errands.push((act, uncertain));
    }
    if errands.iter().any(|(act, _)| act.changes_something()) {
        session.commit().await?;
        session.audit_before(errands.iter().map(|(act, _)| act)).await?;
    }
    let limit = |act: &Act| match act {
        // Many places, each with a time of its own.
        Act::LastLook => session.lease_left(),
        _ => session.time_left(settled),
    };
    let (held, limit) = (&session, &limit);
    let reports = errands.into_iter().map(|(act, uncertain)| async move {
        match tokio::time::timeout(limit(&act), act::perform(held, looks, &act, uncertain)).await {
            Ok(facts) => facts,
            Err(_) => act::failed(held, &act, &too_slow(&act)).map(|fact| vec![fact]),
        }
    });
    for report in future::join_all(reports).await {
        report?.into_iter().try_for_each(|fact| session.note(fact))?;
    }
    Ok(session)
}

/// What is written before an act that changes something.
fn intent(session: &Session, act: &Act, settled: Timestamp) -> Result<Option<Fact>> {
    let settled = Some(settled);
    Ok(match act {
        Act::Install(consumer) => Some(Fact::Installing { consumer: consumer.clone(), settled }),
        Act::Restore(consumer) => Some(Fact::Restoring { consumer: consumer.clone(), settled }),
        Act::Revoke(token) => Some(Fact::Revoking { token: token.clone(), reason: session.state()?.reason(token) }),
        _ => None,
    })
}

fn too_slow(act: &Act) -> Error {
    let effect = if act.changes_something() { Effect::Unknown } else { Effect::None };
    look::too_slow().with_effect(effect)
}

async fn issue(mut session: Session) -> Result<Session> {
    // A full disk, and a key that cannot be used, are found while nothing is at stake.
    session.rehearse(ROOM).await?;
    let state = session.state()?;
    let attempt = state.attempts() + 1;
    let label = state.charter().run.label(attempt);
    let look_after = session.settled_by();
    // A token lives for its whole life from when it is made, which may be as late as that.
    let life = session.inner.policy.lifetime.or(session.inner.provider.capabilities().longest_life);
    let expiry = life.map_or(Expiry::Unknown, |life| Expiry::At(look_after.plus(life)));
    session.note(Fact::Issuing { attempt, label, look_after, expiry })?;
    session.commit().await?;
    session.audit_before([&Act::Issue]).await?;
    obtain(session, Act::Issue, look_after).await
}

/// Asks whether the person has agreed. The answer may be the token, so that it is asked is durable before.
async fn collect(mut session: Session) -> Result<Session> {
    session.rehearse(ROOM).await?;
    let (attempt, look_after) = (session.state()?.attempts(), session.settled_by());
    session.note(Fact::Collecting { attempt, look_after })?;
    session.commit().await?;
    session.audit_before([&Act::Collect]).await?;
    obtain(session, Act::Collect, look_after).await
}

/// Asks for a token in a task of its own: whatever becomes of the caller, an answer that came becomes durable, as long as
/// the runtime lives.
async fn obtain(session: Session, act: Act, settled: Timestamp) -> Result<Session> {
    let (give, take) = oneshot::channel();
    tokio::spawn(async move {
        let mut session = session;
        let limit = session.time_left(settled);
        let answer = match tokio::time::timeout(limit, ask(&session, &act)).await {
            Ok(answer) => answer,
            Err(_) => Err(too_slow(&act)),
        };
        let received = receive(&mut session, &act, answer).await;
        // Where the caller has gone, the run waits for the next one.
        let left = match give.send(received.map(|()| session)) {
            Err(Ok(session)) => session.close().await,
            Err(Err(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        if let Err(error) = left {
            tracing::error!(%error, "a run whose caller has gone could not be left in good order: resume it");
        }
    });
    match take.await {
        Ok(done) => done,
        Err(_) => Err(Error::new(
            ErrorKind::Internal,
            "the task that issues was ended by the runtime, or the provider panicked: resume the run, it looks first",
        )
        .with_effect(Effect::Unknown)),
    }
}

async fn ask(session: &Session, act: &Act) -> Result<Issuance> {
    let state = session.state()?;
    let provider = &session.inner.provider;
    if let (Act::Collect, Some(attempt)) = (act, state.pending_attempt()) {
        let lost =
            || Error::new(ErrorKind::Journal, "the journal has lost the ticket: abandon this run and begin another");
        let ticket = session.value(&session.ticket_id(attempt)?).await?.ok_or_else(lost)?;
        return provider.collect(&ticket).await;
    }
    let label: Label = state.charter().run.label(state.attempts());
    let (mut current, mut companion) = (None, None);
    // What is replaced is the newest: the old one died with its birth, should it have leaked or not be wanted any more.
    let ours = state.newest_of_ours().filter(|_| provider.capabilities().fate == Fate::Dies);
    // To a provider that replaces, a dead one is not presented: it may take that for theft, and end its successors.
    let old = provider.capabilities().fate == Fate::Survives || (state.has_old() && !state.knows_old_dead());
    if let Some(token) = ours.or_else(|| old.then_some(TokenRef::Old)) {
        current = session.value(&session.value_id(&token)?).await?;
        companion = session.companion(&token).await?;
    } else if let Some(newest) = state.renews_from() {
        companion = session.companion(&newest).await?;
    }
    let scopes = provider.scopes().reduced(&session.inner.whole);
    let request = IssueRequest::new(&session.inner.name, &label, &scopes)
        .with_lifetime(session.inner.policy.lifetime)
        .with_owner(state.old_owner())
        .after_a_lost_answer(state.has_lost_an_answer())
        .with_current(current.as_ref(), companion.as_ref());
    provider.issue(&request).await
}

/// Makes durable what the provider answered, before anything of it is looked at.
async fn receive(session: &mut Session, act: &Act, answer: Result<Issuance>) -> Result<()> {
    let attempt = session.state()?.attempts();
    match answer {
        Ok(Issuance::Minted(candidate)) => {
            let fingerprint = candidate.token.fingerprint();
            let state = session.state()?;
            if state.charter().predecessor.fingerprint == Some(fingerprint) || state.has_had(fingerprint) {
                let same = Error::new(
                    ErrorKind::Refused,
                    "the provider handed back a token that there was: it must be able to issue another beside it",
                );
                let fact = act::failed(session, act, &same)?;
                session.note(fact)?;
                return session.commit().await;
            }
            let Candidate { token, id, companion } = candidate.clone();
            let with_companion = companion.is_some();
            session.keep_pair(&TokenRef::New(attempt), token, companion)?;
            session.note(Fact::Issued {
                attempt,
                origin: Origin::Minted,
                fingerprint,
                id,
                companion: with_companion,
            })?;
            store_surely(session, attempt, candidate).await
        }
        Ok(Issuance::Guided(guide)) => {
            let guide = session.inner.annotated(guide);
            session.note(Fact::TokenAsked { attempt, guide })?;
            session.commit().await
        }
        Ok(Issuance::Pending { guide, ticket, poll_after, until, request }) => {
            pend(session, act, guide, (poll_after, until), request)?;
            session.keep(session.ticket_id(attempt)?, ticket);
            session.commit().await
        }
        Err(error) => {
            let error = act::by_provider(session, error);
            let fact = act::failed(session, act, &error)?;
            session.note(fact)?;
            session.commit().await
        }
    }
}

/// Notes that a person has not agreed yet, and what that says of polls whose answers were lost.
fn pend(
    session: &mut Session,
    act: &Act,
    mut guide: Guide,
    (poll_after, until): (Timestamp, Timestamp),
    request: Request,
) -> Result<()> {
    let (now, state) = (session.now(), session.state()?);
    let (attempt, first, unanswered) = (state.attempts(), state.pending_until(), state.unanswered_polls());
    if unanswered.is_some() && request == Request::Another {
        let text = "an answer was lost, and the code that was asked with counts no more: a token that nobody has may live; let \
                    the app's owner end it, and begin again";
        let lost = Error::new(ErrorKind::Refused, text).with_effect(Effect::Unknown);
        let fact = act::failed(session, act, &lost)?;
        return session.note(fact);
    }
    // What was sent before may still arrive, and find that the person has agreed meanwhile.
    let open = request == Request::Open && unanswered.is_none_or(|arrived| arrived <= now);
    guide.deadline.get_or_insert(until);
    let guide = session.inner.annotated(guide);
    session.note(Fact::IssuePending { attempt, guide, poll_after, until, open })?;
    if first.is_some_and(|first| first.min(until) <= now) {
        let text =
            "nobody agreed in the time that the provider gave, and what it asked for counts no more: begin again";
        let fact = act::failed(session, act, &Error::new(ErrorKind::Refused, text))?;
        session.note(fact)?;
    }
    Ok(())
}

/// A token that was just issued must not be lost because the journal stumbles. It goes to the place that was set aside for
/// that, and is tried again meanwhile. At last, where there is no such place and the old one lives on, the new one is ended
/// rather than left behind.
async fn store_surely(session: &mut Session, attempt: u32, issued: Candidate) -> Result<()> {
    let (began, mut tries, mut rescued, mut perhaps_stored) = (session.now(), 0, false, false);
    let failure = loop {
        let error = match session.commit().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        perhaps_stored |= error.effect() == Effect::Unknown;
        tries += 1;
        if error.kind() == ErrorKind::Fenced {
            // Where the old one lives on, what this engine holds is an orphan that the other one looks for.
            if session.state()?.charter().can.fate == Fate::Survives {
                break error;
            }
            match session.reclaim(attempt).await {
                Ok(true) => continue,
                Ok(false) => break error,
                // The value in hand may be the only one: it is not dropped because the journal cannot be asked just now.
                Err(error) => tracing::warn!(%error, "a new token waits for its journal"),
            }
        } else if !rescued {
            rescued = session.rescue().await;
        }
        // Where the old one died with its birth, there may be no other copy than this one.
        let enough = match session.state()?.charter().can.fate {
            _ if rescued => tries == TRIES,
            Fate::Survives => tries == TRIES,
            _ => began.until(session.now()) >= session.inner.policy.patience.total,
        };
        if enough {
            break error;
        }
        session.inner.clock.sleep(Duration::from_millis(100 << tries.min(8))).await;
    };
    if rescued {
        return Err(in_the_rescue_file(&failure));
    }
    let charter = session.state()?.charter();
    // What may be on record after all is not undone.
    if charter.can.fate == Fate::Survives && !perhaps_stored {
        let label = charter.run.label(attempt);
        let Candidate { token, id, companion } = issued;
        let fingerprint = token.fingerprint();
        let orphan = RetiredToken::new(Some(token), Some(fingerprint), id, Some(label.clone()), Reason::Orphan)
            .with_companion(companion);
        let ended = look::in_time(&session.inner, session.inner.provider.revoke(&orphan)).await;
        tracing::error!(label = %label, revoked = ended.is_ok(), "a new token could not be stored and was given up");
    }
    Err(failure.with_effect(Effect::Unknown))
}

/// What a caller is told whose token is safe, though not where it belongs.
pub(super) fn in_the_rescue_file(failure: &Error) -> Error {
    let text = format!(
        "the new token is safe in the journal's rescue file, but the journal cannot be written ({failure}): mend that (free \
         the disk, restore the rights), then resume the run, which finds the token"
    );
    Error::new(ErrorKind::Journal, text).with_effect(Effect::Unknown)
}
