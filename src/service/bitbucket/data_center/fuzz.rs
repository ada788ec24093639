//! The readers of what Bitbucket Data Center answers, for the fuzz targets.

use super::api;
use crate::error::{Error, Result};
use crate::http::Answer;

/// A token that was just made.
pub(crate) fn token(answer: &Answer) -> Result<()> {
    let (_, _, listed) = api::minted(answer)?;
    listed.map(|listed| (listed.id(), listed.permissions(), listed.expiry()));
    Ok(())
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(api::words)
}
