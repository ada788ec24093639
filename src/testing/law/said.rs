//! What was said, and whether a secret is in it.

use std::fmt::Write as _;

use super::super::leak::{Ears, Search};
use super::Ruling;
use super::ruling::violated;
use crate::error::Error;

/// Everything that an error can be made to say.
pub(in crate::testing) fn words(error: &Error) -> String {
    let mut words = format!("{error} {error:?} {error:#?} {}", json(&error.problem()));
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let _ = write!(words, " {cause} {cause:?}");
        source = cause.source();
    }
    words
}

pub(in crate::testing) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// None of these secrets is in what was heard, in any form.
pub(in crate::testing) fn no_secret_among(secrets: Vec<String>, ears: &Ears) -> Ruling {
    match Search::of(secrets).among(ears).first() {
        Some(who) => violated(format!("{who} says a secret: leave it out, or clean what the far side said first")),
        None => Ok(()),
    }
}
