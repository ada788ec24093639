//! What a trouble between two machines is like for the implementations in memory.

use std::time::Duration;

use super::NotApplicable;
use crate::error::ErrorKind;
use crate::fault::Fault;
use crate::testing::Trouble;

/// What a refusal with this status means.
fn refusal(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        400..500 => ErrorKind::InvalidInput,
        _ => ErrorKind::Unavailable,
    }
}

/// What this trouble is like for whoever waits for the answer.
pub(in crate::testing) fn fault(trouble: &Trouble) -> Result<Fault, NotApplicable> {
    Ok(match *trouble {
        // In memory there are no words to be repeated: an echo is a refusal.
        Trouble::Refuse(status) | Trouble::Echo(status) => Fault::Refused(refusal(status)),
        Trouble::Wait(seconds) => Fault::Limited(Duration::from_secs(seconds)),
        Trouble::DropBefore | Trouble::Silence => Fault::LostBefore,
        Trouble::DropAfter | Trouble::FailAfter(_) | Trouble::SilenceAfter => Fault::LostAfter,
        Trouble::Slow(_)
        | Trouble::Redirect(_)
        | Trouble::Flood(_)
        | Trouble::Garble(_)
        | Trouble::Pass
        | Trouble::Forged(_) => {
            return Err(NotApplicable::because("there is no connection"));
        }
    })
}
