//! Does what one turn asks for.

use std::time::Duration;

use super::report::Turned;
use super::room::Seat;
use super::turn::{Errand, Turn};
use crate::error::{ErrorKind, Result};
use crate::journal::Journal;
use crate::name::{CredentialName, Holder};
use crate::rotation::Outcome;
use crate::rotator::Run;

/// How long a claimed credential that failed is left alone.
const A_WHILE: Duration = Duration::from_mins(1);

/// The same of one with which there was nothing to be done.
const A_MOMENT: Duration = Duration::from_secs(5);

/// Does what a turn asks for. Its place is free again before its report is heard.
pub(super) async fn perform(turn: Turn, seat: Seat) -> Turned {
    let guided = turn.person.clone().zip(turn.rotator().cloned());
    let Turn { credential, errand, .. } = turn;
    if let Some((person, rotator)) = &guided {
        if matches!(errand, Errand::Claimed(..)) {
            // It waits for that person already, or did.
            seat.room().recall(person, rotator);
        } else if !seat.room().ask(person, rotator).await {
            return Turned::Deferred { person: Some(person.clone()) };
        }
    }
    let run = match errand {
        Errand::Rotate(rotator, predecessor) => rotator.rotate(predecessor).await.map(Some),
        Errand::IfDue(rotator, predecessor, by) => none_if_taken(rotator.turn_if_due(predecessor, by).await),
        Errand::Claimed(rotator, journal, lease) => {
            let resumed = none_if_taken(rotator.resume_claimed(lease).await);
            match &resumed {
                Ok(Some(_)) => {}
                _ if seat.is_draining() => {}
                // By this machine's clock it is too early, or it is over.
                Ok(None) => set_aside(&*journal, &credential, A_MOMENT).await,
                Err(_) => set_aside(&*journal, &credential, A_WHILE).await,
            }
            resumed
        }
        Errand::Tell(problem) => return Turned::Failed { problem },
    };
    if let (Some((person, _)), Ok(run)) = (&guided, &run)
        && !run.as_ref().is_some_and(waits_for_a_person)
    {
        seat.room().answered(person, &credential);
    }
    turned(run, &seat)
}

fn waits_for_a_person(run: &Run) -> bool {
    matches!(run.outcome, Outcome::AwaitingPerson { .. })
}

fn turned(run: Result<Option<Run>>, seat: &Seat) -> Turned {
    match run {
        Ok(Some(run)) => Turned::Run(run),
        Ok(None) => Turned::NotDue,
        // It lost the race against `drain`.
        Err(error) if error.kind() == ErrorKind::Busy && seat.is_draining() => Turned::Deferred { person: None },
        Err(error) => Turned::Failed { problem: error.problem() },
    }
}

/// Another worker has it: it saw it due too.
fn none_if_taken(turned: Result<Option<Run>>) -> Result<Option<Run>> {
    match turned {
        Err(error) if error.kind() == ErrorKind::Busy && error.retry_after().is_some() => Ok(None),
        turned => turned,
    }
}

/// Keeps a credential that was claimed and not gone on with from being claimed again at once, and forever: for so long
/// nobody has it.
async fn set_aside(journal: &dyn Journal, credential: &CredentialName, time: Duration) {
    if let Ok(nobody) = Holder::random() {
        // Where that fails, another worker has it, or the journal is away, and the next claim says so.
        let _ = journal.claim(credential, &nobody, time).await;
    }
}
