//! The readers of what AWS answers, for the fuzz targets.

pub(crate) use super::document::fuzz::pipeline_json;

use super::{failure, formation};
use crate::error::{Error, Result};
use crate::http::Answer;

/// The resources of a stack.
pub(crate) fn stack(answer: &Answer) -> Result<()> {
    let found = formation::resources(answer);
    found.map(drop).ok_or_else(|| answer.not_understood("it is not the XML of CloudFormation"))
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(failure::explain)
}

pub(crate) fn refusal_of_a_stack(answer: &Answer) -> Error {
    let _ = formation::knows_none(answer);
    answer.refused(formation::explain)
}
