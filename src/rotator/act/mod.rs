//! Each act with the outside, and what came of it as facts.

mod ending;
mod new;
mod old;
mod place;

use tokio::sync::OnceCell;

use super::Inner;
use super::session::Session;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::name::ConsumerName;
use crate::rotation::{Act, Fact, State, TokenRef};
use crate::token::{AdmittedToken, Grant};

pub(super) use ending::before_word_counts;
pub(super) use old::standing;

/// The tokens that acts need, each looked at once for all acts that run together or follow each other, until something is
/// changed or waited for: many places are no reason to ask the provider many times.
#[derive(Default)]
pub(super) struct Looks {
    old: OnceCell<AdmittedToken>,
    new: OnceCell<AdmittedToken>,
}

impl Looks {
    /// The old token, just seen alive.
    async fn old_token(&self, session: &Session) -> Result<&AdmittedToken> {
        self.old.get_or_try_init(|| old::admitted_old(session)).await
    }

    /// The new token, admitted.
    async fn new_token(&self, session: &Session) -> Result<&AdmittedToken> {
        self.new.get_or_try_init(|| new::admitted_new(session)).await
    }
}

/// Does one act. What goes wrong outside is a fact; an error means that the journal or this crate is at fault.
pub(super) async fn perform(session: &Session, looks: &Looks, act: &Act, uncertain: bool) -> Result<Vec<Fact>> {
    let done = match act {
        Act::LookAtPredecessor => old::look_at_predecessor(session, looks).await,
        Act::Preflight(consumer) => place::preflight(session, looks, consumer).await,
        Act::FindOrphans => ending::find_orphans(session).await,
        Act::Admit => return new::admit(session).await,
        Act::Install(consumer) => place::install(session, looks, consumer, uncertain).await,
        Act::Verify(consumer) | Act::VerifyAfter(consumer) => match looks.new_token(session).await {
            Ok(token) => place::verify(session, act, consumer, token).await,
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(vec![Fact::CandidateDied]),
            Err(error) => Err(error),
        },
        Act::Restore(consumer) => place::restore(session, looks, consumer).await,
        Act::VerifyRestored(consumer) => match looks.old_token(session).await {
            Ok(token) => place::verify(session, act, consumer, token).await,
            Err(error) => Err(error),
        },
        Act::LastLook => return ending::last_look(session).await,
        Act::Revoke(token) => ending::revoke(session, token).await,
        Act::Prove(token) => return ending::prove(session, token).await,
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

async fn inspect(session: &Session, token: &TokenRef) -> Result<Grant> {
    let value = session.token(token).await?;
    session.inner.provider.inspect(&value).await.map_err(|error| by_provider(session, error))
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
