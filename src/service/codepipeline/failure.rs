//! What AWS means by its refusals.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::http::Answer;

/// How long to stay away when AWS says that there were too many requests and not for how long: it refills by the second.
const THROTTLED: Duration = Duration::from_secs(2);

/// CodePipeline's own words for a refusal, where it has any.
///
/// Sources: the service model, which names an error in `__type`, after a `#` where there is one; "Common Error Types"
/// (API reference), which no operation lists.
pub(super) fn explain(answer: &Answer) -> Option<Error> {
    if (300..400).contains(&answer.status()) {
        return None;
    }
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let named = body.get("__type").and_then(Value::as_str).or_else(|| answer.header("x-amzn-errortype"));
    let named = named?.rsplit('#').next()?.split(':').next()?.to_owned();
    let message = ["message", "Message"].iter().find_map(|key| body.get(key)?.as_str());
    refusal(answer, &named, message.unwrap_or_default())
}

/// The error of this name, in our words.
pub(super) fn refusal(answer: &Answer, named: &str, message: &str) -> Option<Error> {
    let (kind, advice) = judged(named, message)?;
    let said = answer.quotable(message).map(|words| format!(": {words}")).unwrap_or_default();
    // The far side wrote the name too.
    let named = answer.quotable(named).unwrap_or_default();
    let id = ["x-amzn-requestid", "x-amz-request-id"].iter().find_map(|name| answer.header(name));
    let id = id.and_then(|id| answer.quotable(id)).map(|id| format!(", request {id}")).unwrap_or_default();
    let error = Error::new(kind, format!("AWS answered {named}{id}{said}: {advice}"));
    Some(if kind == ErrorKind::RateLimited && answer.header("retry-after").is_none() {
        error.with_retry_after(THROTTLED)
    } else {
        error
    })
}

fn judged(named: &str, message: &str) -> Option<(ErrorKind, String)> {
    let bare = named.strip_suffix("Exception").unwrap_or(named);
    let (kind, advice) = match bare {
        "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" => {
            return Some((ErrorKind::PermissionDenied, grant(message)));
        }
        "Throttling" | "Throttled" | "TooManyRequests" | "RequestLimitExceeded" => {
            (ErrorKind::RateLimited, "there were too many requests; try again a little later")
        }
        "RequestTimeTooSkewed" | "RequestExpired" => (ErrorKind::Unauthenticated, CLOCK),
        "InvalidSignature" | "SignatureDoesNotMatch" if is_about_time(message) => (ErrorKind::Unauthenticated, CLOCK),
        "InvalidSignature" | "SignatureDoesNotMatch" | "IncompleteSignature" => (
            ErrorKind::Unauthenticated,
            "the signature is not what AWS expects; check the secret key, the region, and the clock of this machine",
        ),
        "ExpiredToken" => (ErrorKind::Unauthenticated, "the AWS credentials are over; provide fresh ones"),
        "UnrecognizedClient"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "AuthFailure" => (
            ErrorKind::Unauthenticated,
            "AWS does not know the key that was presented; provide a live one of the right partition",
        ),
        "OptInRequired" => (ErrorKind::PermissionDenied, "switch the region on for this account"),
        "PipelineNotFound" | "ResourceNotFound" | "PipelineExecutionNotFound" | "PipelineVersionNotFound" => {
            (ErrorKind::NotFound, "check the name, the region and the account")
        }
        "Conflict" | "ConcurrentPipelineExecutionsLimitExceeded" => {
            (ErrorKind::Busy, "the pipeline takes no more executions now; try again later")
        }
        "ConcurrentModification" => (ErrorKind::Conflict, "somebody changed it at the same moment; read it again"),
        "InternalFailure" | "InternalServerError" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" => {
            (ErrorKind::Unavailable, "AWS failed; try again later")
        }
        "UnknownOperation" => (ErrorKind::Unsupported, "what answers there is no CodePipeline; check the address"),
        "Validation" | "LimitExceeded" | "Serialization" => (ErrorKind::InvalidInput, REFUSED),
        other if other.starts_with("Invalid") => (ErrorKind::InvalidInput, REFUSED),
        _ => return None,
    };
    Some((kind, advice.to_owned()))
}

const CLOCK: &str = "the signature is out of time; check the clock of this machine";

const REFUSED: &str = "AWS refuses what was sent; see the reason";

fn is_about_time(message: &str) -> bool {
    ["Signature expired", "not yet current", "skew"].iter().any(|words| message.contains(words))
}

/// Which action of IAM is missing, as AWS says it: `... is not authorized to perform: codepipeline:UpdatePipeline on ...`.
pub(super) fn missing_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let action = rest.split([' ', ',']).next()?.trim_end_matches('.');
    let (service, name) = action.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain(service) && plain(name) && action.len() < 100).then_some(action)
}

fn grant(message: &str) -> String {
    match missing_action(message) {
        Some(action) => format!("grant {action} to whoever asks, in IAM"),
        None => "grant the right to do this to whoever asks, in IAM, and see that no policy denies it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_right_is_named() {
        let message = "User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: codepipeline:UpdatePipeline on \
                       resource: arn:aws:codepipeline:eu-central-1:1:site because no policy allows it";
        assert_eq!(missing_action(message), Some("codepipeline:UpdatePipeline"));
        assert!(judged("AccessDeniedException", message).unwrap().1.contains("grant codepipeline:UpdatePipeline"));
        assert_eq!(missing_action("User is not authorized to perform: <script>:x on y"), None);
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_from_a_key_that_is_wrong() {
        let kind = |named: &str, message: &str| judged(named, message).unwrap();
        let late = "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z";
        assert_eq!(kind("InvalidSignatureException", late), (ErrorKind::Unauthenticated, CLOCK.to_owned()));
        assert!(kind("InvalidSignatureException", "The request signature we calculated").1.contains("secret key"));
        assert_eq!(kind("RequestTimeTooSkewed", "").1, CLOCK);
    }

    #[test]
    fn what_is_refused_as_it_stands_is_not_tried_again() {
        for named in ["InvalidStructureException", "InvalidActionDeclarationException", "ValidationException"] {
            assert_eq!(judged(named, "").unwrap().0, ErrorKind::InvalidInput, "{named}");
        }
        assert!(judged("SomethingNewException", "").is_none());
    }
}
