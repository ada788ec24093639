//! Questions and changes in GraphQL, whose failures come with HTTP 200.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Endpoint, Method};
use crate::token::Token;

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
        let mut body: Value = match answer.json() {
            Err(_) if answer.status() == 400 => return Err(self.endpoint.refusal(&answer)),
            body => body?,
        };
        let value = body.get_mut("data").and_then(|data| data.get_mut(operation.field)).map(Value::take);
        match body.get("errors").and_then(Value::as_array) {
            Some(errors) if !errors.is_empty() => Err(failed(&answer, errors, value.as_ref(), token.is_some())),
            _ if answer.status() == 400 => Err(self.endpoint.refusal(&answer)),
            _ => match value {
                Some(value) => Ok(Given { value, answer }),
                None => Err(answer.not_understood("it has neither the data that was asked for nor errors")),
            },
        }
    }
}

/// What an error of GraphQL means.
///
/// Codefresh publishes neither the codes in `extensions` nor the texts. The codes read here are those of Apollo Server
/// ("Error handling", Apollo documentation), the texts those of graphql-js for a query that does not fit the schema. What
/// is neither counts as a failure that may pass where something was read, and as a refusal that may have done its work where
/// something was written.
fn failed(answer: &Answer, errors: &[Value], value: Option<&Value>, writes: bool) -> Error {
    let messages: Vec<&str> = errors.iter().filter_map(|error| error.get("message")?.as_str()).collect();
    let codes: Vec<&str> = errors.iter().filter_map(|error| error.get("extensions")?.get("code")?.as_str()).collect();
    let said = answer.quotable(&messages.join("; ")).unwrap_or_else(|| "no reason given".to_owned());
    let has = |code: &str| codes.contains(&code);
    let (kind, settled, advice) = if has("UNAUTHENTICATED") {
        (ErrorKind::Unauthenticated, true, "the API key is not known there; make another and hand it in")
    } else if has("FORBIDDEN") {
        (ErrorKind::PermissionDenied, true, "the user whose API key it is lacks the right; grant it")
    } else if has("GRAPHQL_VALIDATION_FAILED") || has("GRAPHQL_PARSE_FAILED") || messages.iter().any(|m| unfit(m)) {
        (ErrorKind::Unsupported, true, "it does not know this operation; update the runtime")
    } else if has("INTERNAL_SERVER_ERROR") || !writes {
        (ErrorKind::Unavailable, false, "it could not do it; try again later")
    } else {
        (ErrorKind::InvalidInput, false, "it refuses what was sent; see the reason")
    };
    // What does not fit the schema is never carried out, and neither is what nobody may do. Data beside errors shows that
    // something was.
    let done = value.is_some_and(|value| !value.is_null());
    let effect = if writes && (done || !settled) { Effect::Unknown } else { Effect::None };
    Error::new(kind, format!("Codefresh answered with an error ({said}): {advice}")).with_effect(effect)
}

/// Whether graphql-js says so of an operation that does not fit the schema.
fn unfit(message: &str) -> bool {
    ["Cannot query field \"", "Unknown argument \"", "Unknown type \"", "Variable \"$", "of required type \""]
        .iter()
        .any(|words| message.contains(words))
}
