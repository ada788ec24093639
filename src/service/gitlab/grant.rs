//! What GitLab says of a token, as a [`Grant`].

use url::Url;

use super::api::Row;
use super::life;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Answer;
use crate::token::{Access, Grant, Scope, Token};

/// What a token says of itself. Its owner is the account that it acts as, by number: names change, and a token without
/// `read_user` may not ask for its own.
///
/// `last_used_at` is moved on every ten minutes at most, and by this very look too: it says little of others.
pub(super) fn of_row(answer: &Answer, row: &Row, token: &Token, api: &Url) -> Result<Grant> {
    if !row.is_alive() {
        let text = "GitLab says that this token is not active: it was revoked or has expired, present a live one";
        return Err(Error::new(ErrorKind::Unauthenticated, text));
    }
    let Some(user) = row.user_id else {
        return Err(answer.not_understood("it does not say whose token it is"));
    };
    let access = match &row.scopes {
        Some(scopes) if !row.granular => Access::Scopes(scopes.iter().cloned().map(Scope::new).collect()),
        _ => Access::Unknown,
    };
    let last = row.last_used_at.as_deref().and_then(|at| at.parse().ok());
    Ok(Grant::of(token, user_name(user))
        .with_access(access)
        .with_expiry(life::expiry(&row.expires_at))
        .with_last_used(last)
        .with_kind("personal access token")
        .with_api(api.clone()))
}

/// How an account is called here.
pub(super) fn user_name(id: u64) -> String {
    format!("user {id}")
}
