//! The readers of what GitLab answers, for the fuzz targets.

use super::{api, grant, refusals};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Answer;
use crate::token::Token;

/// A token that was just made, or a row that tells of one. A row never makes a dead token live.
pub(crate) fn token(answer: &Answer, token: &Token) -> Result<()> {
    if let Ok(row) = answer.json::<api::Row>() {
        let base = "https://gitlab.com/api/v4/".parse();
        let base = base.map_err(|_| Error::new(ErrorKind::Internal, "this is an address"))?;
        assert!(row.is_alive() || grant::of_row(answer, &row, token, &base).is_err(), "a dead token has a grant");
        return grant::of_row(answer, &row, token, &base).map(drop);
    }
    api::minted(answer).map(drop)
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(refusals::words)
}
