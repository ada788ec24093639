//! What must hold whatever a far side does, and what was found instead.

use std::time::Duration;

use tokenturn::Error;
use tokenturn::testing::leak::Ears;

/// No error is longer than this, whatever was answered.
const LONG: usize = 2000;

/// Nobody is told to wait for longer.
const LONGEST: Duration = Duration::from_hours(1);

/// What one visit to a service came to.
#[derive(Debug, Default)]
pub(crate) struct Visit {
    /// How many requests the attack met.
    pub(crate) met: usize,
    /// How many true answers it changed.
    pub(crate) lied: usize,
    pub(crate) wrong: Vec<String>,
    /// What was said of it.
    pub(crate) ears: Ears,
}

impl Visit {
    /// One of which nothing is known but this.
    pub(crate) fn gone_wrong(wrong: String) -> Self {
        Self { wrong: vec![wrong], ..Self::default() }
    }

    pub(crate) fn demand(&mut self, kept: bool, text: impl FnOnce() -> String) {
        if !kept {
            self.wrong.push(text());
        }
    }

    /// An error, as a caller may come to see it.
    pub(crate) fn hear<T: std::fmt::Debug>(&mut self, call: &str, answer: &Result<T, Error>) {
        let error = match answer {
            Ok(answer) => return self.ears.hear(format!("what `{call}` gave"), format!("{answer:?}")),
            Err(error) => error,
        };
        let said = format!("{error} {error:?} {error:#?} {}", serde_json::to_string(&error.problem()).unwrap());
        self.demand(error.to_string().len() <= LONG, || format!("an error of `{call}` quotes at length"));
        self.demand(error.retry_after().is_none_or(|wait| wait <= LONGEST), || {
            format!("`{call}` says to wait for {:?}: clamp what a far side asks for", error.retry_after())
        });
        self.ears.hear(format!("an error of `{call}`"), said);
    }
}
