//! The readers of what CloudBees Unify answers, for the fuzz targets.

use super::api;
use crate::error::Error;
use crate::http::Answer;

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(api::words)
}
