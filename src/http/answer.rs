//! What a far side answered.

use std::fmt;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::excerpt::excerpt;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::token::Redactor;

/// What a far side answered. Its body is wiped when it is gone.
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
    pub(super) secrets: Redactor,
    /// Whether the request changed something.
    pub(super) writes: bool,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// A header, where it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header's values, where it may be there more than once.
    pub(crate) fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// The body as it came.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        // What the parser says of it may quote it.
        serde_json::from_slice(&self.body).map_err(|_| self.not_understood("it is not the JSON that was expected"))
    }

    /// An error that says that this answer makes no sense; the request may have done its work all the same.
    pub(crate) fn not_understood(&self, why: &str) -> Error {
        let effect = if self.writes { Effect::Unknown } else { Effect::None };
        let text =
            format!("the answer ({}) was not understood, {why}: see what really answers at this address", self.status);
        Error::new(ErrorKind::Protocol, text).with_effect(effect)
    }

    /// The far side's own words, cleaned: the message of a JSON error, the title of a page, or a short text.
    pub(crate) fn words(&self) -> Option<String> {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.contains("json") {
            let mut body: Value = serde_json::from_slice(&self.body).ok()?;
            let words = ["message", "error_description", "error"].iter().find_map(|key| body.get(key)?.as_str());
            let quoted = words.and_then(|words| self.quotable(words));
            wipe(&mut body);
            return quoted;
        }
        let page = kind.contains("html");
        let text = (page || kind.starts_with("text/")).then(|| String::from_utf8_lossy(&self.body).into_owned());
        let text = Zeroizing::new(text?);
        self.quotable(if page { title(&text)? } else { &text })
    }

    /// What an error may quote of these words of the far side.
    pub(crate) fn quotable(&self, words: &str) -> Option<String> {
        excerpt(&self.secrets, words)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Wipes every text of a document.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn title(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<title>")?;
    rest.split_once("</title>").map(|(title, _)| title)
}
