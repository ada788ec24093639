//! Questions and changes in GraphQL, whose failures come with HTTP 200.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Endpoint, Method};
use crate::token::Token;

/// How long to wait after a write of which nobody knows what came of it. Each write shows the token to the Git provider, and
/// providers lock accounts that show refused tokens again and again.
const PAUSE: Duration = Duration::from_mins(5);

/// One operation: its name, its text, and the one field that it asks for.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) field: &'static str,
}

/// Where operations go, and who asks.
pub(super) struct Graph<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) path: &'static [&'static str],
    pub(super) by: &'a Authorization,
}

/// What an operation gave: its one field, and the answer for quoting.
pub(super) struct Given {
    pub(super) value: Value,
    pub(super) answer: Answer,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, V> {
    operation_name: &'static str,
    query: &'static str,
    variables: &'a V,
}

impl Graph<'_> {
    /// Asks a question. It may be sent twice.
    pub(super) async fn ask<V: Serialize>(&self, operation: Operation, variables: &V) -> Result<Given> {
        self.run(operation, variables, None).await
    }

    /// Changes something with a token. It is sent once.
    pub(super) async fn change<V: Serialize>(
        &self,
        operation: Operation,
        variables: &V,
        token: &Token,
    ) -> Result<Given> {
        self.run(operation, variables, Some(token)).await
    }

    async fn run<V: Serialize>(&self, operation: Operation, variables: &V, token: Option<&Token>) -> Result<Given> {
        let envelope = Envelope { operation_name: operation.name, query: operation.text, variables };
        let call = self.endpoint.call(Method::Post, self.path).authorized(self.by).json(&envelope);
        let call = match token {
            Some(token) => call.carrying(token),
            None => call.reading(),
        };
        // Some servers refuse what they cannot validate with 400, in the same envelope.
        let answer = call.accepting(&[400]).send().await?;
        given(answer, operation.field, token.is_some(), |answer| self.endpoint.refusal(answer))
    }
}

/// What an answer gives. `refusal` is the error that it would have been as a refusal.
pub(super) fn given(
    answer: Answer,
    field: &str,
    writes: bool,
    refusal: impl FnOnce(&Answer) -> Error,
) -> Result<Given> {
    let mut body: Value = match answer.json() {
        Err(_) if answer.status() == 400 => return Err(refusal(&answer)),
        body => body?,
    };
    // Without any data, and without a path in an error, no resolver ran.
    let ran = body.get("data").is_some_and(|data| !data.is_null());
    let value = body.get_mut("data").and_then(|data| data.get_mut(field)).map(Value::take);
    match body.get("errors").and_then(Value::as_array) {
        Some(errors) if !errors.is_empty() => {
            let done = value.is_some_and(|value| !value.is_null());
            Err(if writes { failed_write(&answer, errors, ran, done) } else { failed(&answer, errors) })
        }
        _ if answer.status() == 400 => Err(refusal(&answer)),
        _ => match value {
            Some(value) => Ok(Given { value, answer }),
            None => Err(answer.not_understood("it has neither the data that was asked for nor errors")),
        },
    }
}

/// The kind of an error, and what to do about it.
type Meaning = (ErrorKind, &'static str);

/// What the error of a question means.
///
/// Codefresh publishes neither the codes in `extensions` nor the texts. The codes read here are those of Apollo Server
/// ("Error handling", Apollo documentation), the texts those of graphql-js for a query that does not fit the schema. What
/// is neither counts as a failure that may pass.
fn failed(answer: &Answer, errors: &[Value]) -> Error {
    let meaning = errors.iter().find_map(meaning);
    let (kind, advice) = meaning.unwrap_or((ErrorKind::Unavailable, "it could not do it; try again later"));
    told(answer, errors, kind, advice)
}

/// What the error of a change means.
///
/// That nothing was done is believed only where every error is one that comes before an operation is carried out, and the
/// answer has neither data nor a path: a field that is null beside them shows that its resolver ran. An error of no known
/// class may be a refusal of the token or a failure on the way, before or after it was stored.
fn failed_write(answer: &Answer, errors: &[Value], ran: bool, done: bool) -> Error {
    let settled = errors.iter().all(|error| meaning(error).is_some());
    match errors.iter().find_map(meaning) {
        Some((kind, advice)) if settled && !done => {
            let ran = ran || errors.iter().any(|error| error.get("path").is_some_and(|path| !path.is_null()));
            told(answer, errors, kind, advice).with_effect(if ran { Effect::Unknown } else { Effect::None })
        }
        _ => {
            let advice = "whether it stored the token is not known; see the reason, and try again after a pause";
            told(answer, errors, ErrorKind::Unavailable, advice).with_effect(Effect::Unknown).with_retry_after(PAUSE)
        }
    }
}

fn told(answer: &Answer, errors: &[Value], kind: ErrorKind, advice: &str) -> Error {
    let messages: Vec<&str> = errors.iter().filter_map(message).collect();
    let said = answer.quotable(&messages.join("; ")).unwrap_or_else(|| "no reason given".to_owned());
    Error::new(kind, format!("Codefresh answered with an error ({said}): {advice}"))
}

fn message(error: &Value) -> Option<&str> {
    error.get("message")?.as_str()
}

/// The kind of an error and what to do, where its class is known. All of these are said before anything is carried out.
fn meaning(error: &Value) -> Option<Meaning> {
    let code = error.pointer("/extensions/code").and_then(Value::as_str);
    match code {
        Some("UNAUTHENTICATED") => {
            Some((ErrorKind::Unauthenticated, "the API key is not known there; make another and hand it in"))
        }
        Some("FORBIDDEN") => {
            Some((ErrorKind::PermissionDenied, "the user whose API key it is lacks the right; grant it"))
        }
        Some("INTERNAL_SERVER_ERROR") => None,
        Some("GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED") => Some(UNFIT),
        _ => message(error).is_some_and(unfit).then_some(UNFIT),
    }
}

const UNFIT: Meaning = (ErrorKind::Unsupported, "it does not know this operation; update the runtime");

/// Whether graphql-js says so of an operation that does not fit the schema.
fn unfit(message: &str) -> bool {
    ["Cannot query field \"", "Unknown argument \"", "Unknown type \"", "Variable \"$", "of required type \""]
        .iter()
        .any(|words| message.contains(words))
}
