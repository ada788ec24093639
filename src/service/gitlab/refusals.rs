//! GitLab's refusals in our words.
//!
//! Sources: `lib/api/api_guard.rb`, `lib/api/helpers.rb`, `ResourceAccessTokens::RevokeService` (GitLab's source): a dead token gets the body of RFC 6750, one of
//! which nothing is known gets `401 Unauthorized`, as does a live one whose owner may not do this; "Rate limits", "Failed
//! authentication ban" (GitLab documentation).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::http::Answer;

/// How long an address stays banned for failed logins of Git.
const BANNED: Duration = Duration::from_hours(1);

/// A refusal: one of GitLab's own, or of the library that reads tokens for it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: Value,
    error: Option<String>,
    error_description: Option<String>,
    scope: Option<String>,
}

pub(super) fn words(answer: &Answer) -> Option<Error> {
    let refusal: Refusal = answer.json().unwrap_or_default();
    let message = refusal.message.as_str().unwrap_or_default().to_ascii_lowercase();
    let described = refusal.error_description.as_deref().unwrap_or_default().to_ascii_lowercase();
    match answer.status() {
        401 => Some(unknown(answer, &message, &described)),
        403 if refusal.error.as_deref() == Some("insufficient_scope") => {
            let needed = refusal.scope.as_deref().and_then(|scope| answer.quotable(scope));
            let needed = needed.map(|scope| format!(" (one of: {scope})")).unwrap_or_default();
            Some(Error::new(
                ErrorKind::PermissionDenied,
                format!("GitLab wants a scope that the token does not have{needed}: make one that has it"),
            ))
        }
        403 if is_ban(answer) => Some(
            Error::new(
                ErrorKind::RateLimited,
                "GitLab refuses everything from this address, as it does for an hour after failed logins of Git: stop \
                 whatever still uses a dead token, and try again later",
            )
            .with_retry_after(BANNED),
        ),
        400 if message.contains("legacy personal access tokens is disabled") => Some(Error::new(
            ErrorKind::Unsupported,
            "this GitLab does not let tokens of people be rotated that are not fine-grained: ask its administrator, or make a \
             token there by hand and adopt it",
        )),
        400 if message.contains(" cannot delete ") => Some(Error::new(
            ErrorKind::PermissionDenied,
            "GitLab knows who asks and does not let them end this token: give them the role for it there",
        )),
        405 => Some(Error::new(
            ErrorKind::Unsupported,
            "GitLab takes no such request for this kind of token: a project's or a group's token does not rotate itself as a \
             personal one does; use `GitLab::of_project` or `GitLab::of_group`",
        )),
        // A refused field comes as an object of reasons.
        400 | 422 if refusal.message.is_object() => {
            let said = answer.quotable(&refusal.message.to_string()).unwrap_or_default();
            Some(Error::new(ErrorKind::InvalidInput, format!("GitLab refuses what was sent ({said}): see the reason")))
        }
        _ => None,
    }
}

/// What a 401 says. All that is no word of GitLab's own on the token must not pass for its death.
fn unknown(answer: &Answer, message: &str, described: &str) -> Error {
    if described.contains("was revoked") {
        return Error::new(ErrorKind::Unauthenticated, "GitLab says that this token was revoked: present a live one");
    }
    if described.contains("is expired") {
        let text = "GitLab says that this token has expired: it cannot be rotated any more, make another";
        return Error::new(ErrorKind::Unauthenticated, text);
    }
    if described.contains("impersonation was disabled") {
        let text = "GitLab has impersonation switched off, and this token is made for it: ask its administrator";
        return Error::new(ErrorKind::PermissionDenied, text);
    }
    if message == "401 unauthorized" || described.contains("bad access token") {
        let text =
            "GitLab does not know this token, or lets it do nothing here: it is mistyped, or its account is gone";
        return Error::new(ErrorKind::Unauthenticated, text);
    }
    let said = answer.words().map(|words| format!(" ({words})")).unwrap_or_default();
    Error::new(
        ErrorKind::Protocol,
        format!(
            "401 came without GitLab's word that the token is dead{said}: does a proxy in front of it want a login of its own?"
        ),
    )
}

/// The bare answer of the layer that bans addresses. It stands in front of the interface, which answers JSON.
fn is_ban(answer: &Answer) -> bool {
    let plain = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
    plain && answer.body().trim_ascii() == b"Forbidden"
}

/// A refusal of our own key is no word on the token that it asked about, neither on its life nor on its rights.
pub(super) fn own_key(error: Error) -> Error {
    let text = match error.kind() {
        ErrorKind::Unauthenticated => {
            format!("our own key at GitLab was refused, give one that lives and may do this: {error}")
        }
        ErrorKind::PermissionDenied => format!("our own key at GitLab: {error}"),
        _ => return error,
    };
    Error::new(ErrorKind::PermissionDenied, text).with_effect(error.effect())
}
