//! What was said, and whether a secret is in it.

use std::fmt::Write as _;

use super::Ruling;
use super::ears::Ears;
use super::forms::Forms;
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
pub(in crate::testing) fn no_secret_among(mut secrets: Vec<String>, ears: &Ears) -> Ruling {
    secrets.sort();
    secrets.dedup();
    let forms: Vec<Forms> = secrets.iter().filter(|secret| !secret.is_empty()).map(|one| Forms::of(one)).collect();
    // The words themselves are not repeated here: they hold a secret.
    match ears.heard().iter().find(|(_, what)| forms.iter().any(|forms| forms.are_in(what))) {
        Some((who, _)) => violated(format!("{who} says a secret: leave it out, or clean what the far side said first")),
        None => Ok(()),
    }
}
