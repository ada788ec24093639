//! What Codefresh means by its refusals.

use crate::error::{Error, ErrorKind};
use crate::http::Answer;

/// Codefresh's own meaning of a status, where it has one.
///
/// Sources: `helpers/error.js` (npm package `codefresh-sdk`) for 401; "API key rate limiting" (Codefresh documentation) for
/// the two meanings of 403; the step `github-release` (codefresh-io/steps) for the words about `forbidDecrypt`.
pub(super) fn explain(answer: &Answer) -> Option<Error> {
    let said = answer.words().map(|words| format!(" ({words})")).unwrap_or_default();
    match answer.status() {
        401 => Some(Error::new(
            ErrorKind::Unauthenticated,
            format!(
                "Codefresh answered 401{said}: the API key is not known there, was removed, or belongs to an account or \
                 service account that is disabled; make another and hand it in"
            ),
        )),
        // The general reading finds the pause that it asks for.
        403 if asks_for_a_pause(answer) => None,
        403 if said.contains("forbidDecrypt") => Some(Error::new(
            ErrorKind::Unsupported,
            "the account has the feature `forbidDecrypt`, and Codefresh refuses to show this context under it: nothing was \
             written; update it by hand",
        )),
        403 => Some(Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "Codefresh answered 403{said}: either the API key lacks the right (for git contexts it must be an account \
                 admin's, or have the team rule \"Git contexts: Update\"; for repositories it needs the scope `repos`), or \
                 Codefresh has restricted the key for unusual activity: grant the right, or ask Codefresh to lift the \
                 restriction"
            ),
        )),
        _ => None,
    }
}

/// Whether a refusal is one for now.
pub(super) fn asks_for_a_pause(answer: &Answer) -> bool {
    answer.header("retry-after").is_some() || answer.header("x-ratelimit-remaining") == Some("0")
}
