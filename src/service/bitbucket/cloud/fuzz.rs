//! The readers of what Bitbucket Cloud answers, for the fuzz targets.

use super::api;
use crate::error::{Error, Result};
use crate::http::Answer;

/// What a refusal says that the token may do.
pub(crate) fn granted(answer: &Answer) -> Result<()> {
    api::granted(answer).map(drop).ok_or_else(|| answer.not_understood("it does not say what the token may do"))
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(api::words)
}
