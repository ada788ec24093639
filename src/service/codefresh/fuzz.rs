//! The readers of what Codefresh answers, for the fuzz targets.

use serde_json::Value;

use super::document::Document;
use super::{failure, graphql};
use crate::error::{Effect, Error, Result};
use crate::http::Answer;
use crate::token::Token;

/// The answer to a question or a change in GraphQL whose field is `runtime`. An error that says that nothing was done must
/// come with an answer in which nothing was.
pub(crate) fn graphql_answer(answer: Answer, writes: bool) -> Result<()> {
    let done = serde_json::from_slice::<Value>(answer.body())
        .is_ok_and(|body| body.pointer("/data/runtime").is_some_and(|value| !value.is_null()));
    let refused = answer.status() == 400;
    match graphql::given(answer, "runtime", writes, |answer| answer.refused(failure::explain)) {
        Ok(given) => {
            assert!(!refused, "a refusal gave something");
            given.answer.json::<Value>().map(drop)
        }
        Err(error) => {
            let denied = writes && done && !refused && error.effect() == Effect::None;
            assert!(!denied, "what was done is said not to be");
            Err(error)
        }
    }
}

/// Reads a context and puts the token `value` into it. All but the password stays, in its order.
pub(crate) fn context(answer: &Answer, token: &Token, value: &str) -> Result<()> {
    let mut before: Value = answer.json()?;
    let name = before.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let document = Document::read(answer, &name)?;
    assert!(document.differences(&document).is_empty(), "a context differs from itself");
    document.check(None)?;
    let sent = document.with_password(token)?;
    let Ok(mut after) = serde_json::from_slice::<Value>(&sent) else { panic!("what was sent is no JSON") };
    let password = |whole: &mut Value| {
        let auth = whole.pointer_mut("/spec/data/auth").and_then(Value::as_object_mut);
        auth.map(|auth| auth.insert("password".to_owned(), Value::Null))
    };
    assert_eq!(password(&mut after).flatten().as_ref().and_then(Value::as_str), Some(value), "it is not the token");
    let _ = password(&mut before);
    // As text, since two maps in another order are equal.
    assert_eq!(after.to_string(), before.to_string(), "something beside the password changed");
    assert!(!masked(&after), "a mask was written");
    Ok(())
}

fn masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("***"),
        Value::Array(items) => items.iter().any(masked),
        Value::Object(members) => members.values().any(masked),
        _ => false,
    }
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(failure::explain)
}
