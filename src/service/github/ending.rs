//! The interface for exposed credentials, which ends tokens of most kinds.

use std::time::Duration;

use super::api::Api;
use crate::error::Result;
use crate::provider::{EndedBy, ProviderCapabilities, Revocation};
use crate::token::{Format, Token};

/// The answer to a revocation says that it will happen; a first look pays off no sooner.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// How a token that is no longer used is ended. There is no default: both have a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Api,
    Person,
}

/// Whether the interface takes tokens of this kind. It takes these alone, and answers 202 to anything.
pub(super) fn is_taken(token: &Token) -> bool {
    matches!(
        token.format(),
        Some(
            Format::GitHubClassic
                | Format::GitHubFineGrained
                | Format::GitHubOAuth
                | Format::GitHubAppUser
                | Format::GitHubRefresh
        )
    )
}

/// Reports these as exposed, which ends them; nothing where this GitHub has no such interface.
pub(super) async fn as_exposed(api: &Api, tokens: &[&Token]) -> Result<Option<Revocation>> {
    Ok(match api.revoke(tokens).await?.status() {
        // A server without it. That github.com could answer for it is out of the question.
        404 | 410 => None,
        _ => Some(Revocation::Accepted { look_after: LOOK_AFTER }),
    })
}

/// What must be said of it before anybody agrees.
pub(super) fn told(can: ProviderCapabilities) -> ProviderCapabilities {
    can.ended_by(EndedBy::ApiLater)
        .with_caution(
            "the old token is revoked by GitHub's interface for exposed credentials: it cannot be undone, takes a while, and \
             GitHub mails the owner that a token was revoked",
        )
        .with_caution("that interface takes 60 calls an hour from one address, without a login")
}
