//! Renewal by a refresh token, which counts once.
//!
//! Sources: RFC 6749 6; "Refreshing user access tokens" (GitHub documentation).

use super::super::login::{self, Answered};
use super::AppUserTokens;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Candidate, IssueRequest};

/// Presents the refresh token, once. Whether a lost answer had arrived, the old token tells: it is dead then.
pub(super) async fn issue(tokens: &AppUserTokens, request: &IssueRequest<'_>) -> Result<Candidate> {
    let Some(refresh_token) = request.companion else {
        let text = "a token is renewed by the refresh token that came with it: hand both in as `Predecessor::Renewable`, or let \
                    a person authorise the app again and adopt that token with its refresh token";
        return Err(Error::new(ErrorKind::InvalidInput, text));
    };
    let secret = tokens.client_secret.as_ref();
    match tokens.login.refresh(&tokens.client_id, secret, refresh_token).await? {
        Answered::Made(made) => Ok(tokens.born(made)),
        Answered::Refused { code, .. } => Err(login::refused(&code)),
    }
}
