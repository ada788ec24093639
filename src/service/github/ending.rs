//! The interface for exposed credentials, which ends tokens of most kinds.

use std::time::Duration;

use super::api::Api;
use super::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Answer;
use crate::provider::{EndedBy, ProviderCapabilities, Revocation};
use crate::token::{Format, Token};

/// The answer to a revocation says that it will happen; a first look pays off no sooner.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// Whoever waits for a revocation gives up at some time, so it waits for others only so long.
const LONGEST: Duration = Duration::from_secs(10);

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

/// The interface, asked for each by itself or for many together.
#[derive(Debug)]
pub(super) struct Exposure {
    api: Api,
    batch: Option<Batch>,
}

impl Exposure {
    /// With a time to wait for others, where they go together.
    pub(super) fn new(api: &Api, together: Option<Duration>) -> Result<Self> {
        if together.is_some_and(|wait| wait.is_zero() || wait > LONGEST) {
            let text = "revocations wait for each other for more than no time and for 10 seconds at most: correct `revoke_together`";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        Ok(Self { api: api.clone(), batch: together.map(|wait| Batch::new(api, wait)) })
    }

    /// Reports these as exposed, which ends them; nothing where this GitHub has no such interface.
    pub(super) async fn report(&self, tokens: &[&Token]) -> Result<Option<Revocation>> {
        let offered = match &self.batch {
            Some(batch) => batch.report(tokens).await?,
            None => is_offered(&self.api.revoke(tokens).await?),
        };
        Ok(offered.then_some(Revocation::Accepted { look_after: LOOK_AFTER }))
    }
}

/// Whether it is there: an older server has none. That github.com could answer so is out of the question.
pub(super) fn is_offered(answer: &Answer) -> bool {
    !matches!(answer.status(), 404 | 410)
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
