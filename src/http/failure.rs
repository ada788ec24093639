//! What went wrong, in one place: from the transport and the status to an [`Error`].

use std::time::{Duration, SystemTime};

use super::Answer;
use super::asker::LONGEST;
use super::excerpt::excerpt;
use crate::clock::Timestamp;
use crate::error::{Effect, Error, ErrorKind};
use crate::token::Redactor;

/// How long to stay away from a far side that asks for a pause and does not say how long: GitHub's own advice.
const UNSAID: Duration = Duration::from_mins(1);

/// The error of a request that got no whole answer.
pub(super) fn of_transport(error: &reqwest::Error, host: &str, writes: bool, secrets: &Redactor) -> Error {
    let why = cause(error, secrets);
    if error.is_builder() {
        return Error::new(
            ErrorKind::Configuration,
            "the request could not be put together: check address and user agent",
        );
    }
    if error.is_connect() {
        let text =
            format!("{host} could not be reached ({why}): nothing was sent; check address, network and certificates");
        return Error::new(ErrorKind::Unavailable, text);
    }
    let effect = if writes { Effect::Unknown } else { Effect::None };
    let text = if error.is_timeout() {
        format!("{host} did not answer in time: try again later")
    } else {
        format!("the answer of {host} was cut off ({why}): try again later")
    };
    Error::new(ErrorKind::Unavailable, text).with_effect(effect)
}

/// The innermost cause: it says the most and holds no address.
fn cause(error: &reqwest::Error, secrets: &Redactor) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let alone = std::ptr::addr_eq(innermost, error);
    let words = if alone { "no reason given".to_owned() } else { innermost.to_string() };
    excerpt(secrets, &words).unwrap_or(words)
}

/// The error of an answer that is not what was asked for.
pub(super) fn of_status(answer: &Answer, host: &str, explained: Option<Error>) -> Error {
    let effect = match answer.status {
        408 | 500.. if answer.writes => Effect::Unknown,
        // After a write, some point elsewhere to show what came of it; to a login they point instead of writing.
        300..=303 if answer.writes && !to_login(answer) => Effect::Unknown,
        _ => Effect::None,
    };
    let wait = pause(answer);
    let error = explained.unwrap_or_else(|| general(answer, host, wait.is_some())).with_effect(effect);
    match (wait, error.kind()) {
        (Some(wait), _) if error.retry_after().is_none() => error.with_retry_after(wait),
        (None, ErrorKind::RateLimited) if error.retry_after().is_none() => error.with_retry_after(UNSAID),
        _ => error,
    }
}

fn to_login(answer: &Answer) -> bool {
    let to = answer.header("location").unwrap_or_default().to_ascii_lowercase();
    ["login", "signin", "sign_in", "sso", "saml", "oauth"].iter().any(|word| to.contains(word))
}

fn general(answer: &Answer, host: &str, paused: bool) -> Error {
    let (kind, advice) = match answer.status {
        300..400 => {
            let text = format!(
                "{host} answered {} and points to {}: redirects are not followed; correct the address, or mend the login in \
                 front of it",
                answer.status,
                answer.header("location").and_then(|to| place(answer, to)).unwrap_or_else(|| "nowhere".to_owned())
            );
            return Error::new(ErrorKind::Redirected, text);
        }
        401 => (ErrorKind::Unauthenticated, "the key that was presented is not known there; present a live one"),
        403 | 429 if paused => (ErrorKind::RateLimited, "it asks for a pause; try again after it"),
        429 => (ErrorKind::RateLimited, "it asks for a pause; try again after it"),
        403 => (ErrorKind::PermissionDenied, "the right to do this is missing; grant it to the key that was presented"),
        404 | 410 => {
            (ErrorKind::NotFound, "it is not there, or hidden from the key that was presented; check name and rights")
        }
        409 | 412 => (ErrorKind::Conflict, "it changed meanwhile; read it again"),
        405 | 501 => (ErrorKind::Unsupported, "it cannot do that; check its version"),
        407 => (ErrorKind::Configuration, "the proxy wants a login; give it with `proxy_with_login`"),
        408 | 500..=599 => (ErrorKind::Unavailable, "it failed; try again later"),
        400..=499 => (ErrorKind::InvalidInput, "it refuses what was sent; see the reason"),
        _ => (ErrorKind::Protocol, "that is no answer to this request; see what really answers there"),
    };
    let said = answer.words().map(|words| format!(" ({words})")).unwrap_or_default();
    Error::new(kind, format!("{host} answered {}{said}: {advice}", answer.status))
}

/// Where a redirect points: its host alone, for the rest may hold secrets.
fn place(answer: &Answer, location: &str) -> Option<String> {
    match url::Url::parse(location) {
        Ok(url) => url.host_str().and_then(|host| answer.quotable(host)),
        Err(_) => Some("another path there".to_owned()),
    }
}

/// For how long the far side does not want to hear from us, as its headers say.
///
/// Sources: `Retry-After`, RFC 9110 10.2.3, in seconds or as a date; `x-ratelimit-remaining` and `x-ratelimit-reset`,
/// "Rate limits for the REST API" (GitHub documentation).
pub(super) fn pause(answer: &Answer) -> Option<Duration> {
    let now = Timestamp::from(SystemTime::now());
    let asked = answer.header("retry-after").and_then(|text| retry_after(text, now));
    let spent = matches!(answer.status, 403 | 429) && answer.header("x-ratelimit-remaining") == Some("0");
    let reset = answer.header("x-ratelimit-reset").filter(|_| spent).and_then(|text| text.trim().parse().ok());
    let reset = reset.map(|at| now.until(Timestamp::from_unix_seconds(at)));
    let wait = asked.or(reset).or((spent).then_some(UNSAID))?;
    Some(wait.clamp(Duration::from_secs(1), LONGEST))
}

fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(now.until(Timestamp::from_unix_seconds(date.timestamp().as_second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_read_in_seconds_and_as_a_date() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        assert_eq!(retry_after("120", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Fri, 15 Jan 2027 08:01:00 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(retry_after("Fri, 15 Jan 2027 07:59:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }
}
