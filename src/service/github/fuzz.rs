//! The readers of what GitHub answers, for the fuzz targets.

use super::{api, grant, login};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::http::Answer;
use crate::token::{Access, Expiry, ScopeSet, Token};

/// What headers say of a token. Nothing of a list of scopes is lost, and a time is the same when it is read again.
pub(crate) fn headers(answer: &Answer, token: &Token) -> Result<()> {
    let told = grant::of_headers(answer, token, "build-bot", true);
    let _ = grant::restriction(answer, token, "build-bot");
    if let Access::Scopes(scopes) = &told.access {
        let listed = answer.header("x-oauth-scopes").unwrap_or_default();
        for name in listed.split([',', ' ', '\t']).filter(|name| !name.is_empty()) {
            assert!(scopes.iter().any(|scope| scope.as_str() == name), "a scope was lost");
        }
        assert!(scopes.is_empty() || ScopeSet::parse(&scopes.to_string()) == *scopes, "scopes read otherwise again");
    }
    if let Expiry::At(end) = told.expiry {
        assert!(end.to_string().parse::<Timestamp>().is_ok_and(|read| read == end), "a time reads otherwise again");
    }
    let read = matches!(told.access, Access::Scopes(_)) && matches!(told.expiry, Expiry::At(_));
    read.then_some(()).ok_or_else(|| answer.not_understood("its headers do not say scopes and end"))
}

/// A token that was just made, or a refusal of the device flow.
pub(crate) fn token(answer: &Answer) -> Result<()> {
    let told = login::answered(answer)?;
    told.map(drop).ok_or_else(|| answer.not_understood("there is neither token nor refusal"))
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    answer.refused(api::words)
}

pub(crate) fn refusal_of_a_login(answer: &Answer) -> Error {
    answer.refused(login::words)
}
