//! The readers of what Jenkins answers, for the fuzz targets.

pub(crate) use super::document::fuzz::config_xml;

use super::{check, failure, token_api};
use crate::error::{Error, Result};
use crate::http::Answer;

/// What the validation of a form found.
pub(crate) fn form(answer: &Answer) -> Result<()> {
    check::found(answer).map(drop)
}

/// A token that was just made.
pub(crate) fn token(answer: &Answer) -> Result<()> {
    token_api::minted(answer).map(drop)
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(failure::explain)
}
