//! Tokens that users give an app: by a code that a person enters, or by the refresh token of the one before.

mod builder;
mod device;
mod guide;
mod refresh;
mod ticket;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

pub use builder::AppUserTokensBuilder;

use super::Addresses;
use super::client::{Client, may_be_an_apps};
use super::ending::{self, Exposure};
use super::login::{Login, Made};
use super::look::Looks;
use super::personal::unsupported;
use crate::clock::{Clock, Timestamp};
use crate::error::{ErrorKind, Result};
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips,
    Revocation,
};
use crate::token::{Expiry, Fingerprint, Grant, Reason, RetiredToken, ScopeModel, Token};

/// So many tokens of a user, an app and a set of scopes live; one more ends the oldest.
const LIVE_AT_MOST: u32 = 10;

/// How long a token lives that came with a refresh token.
///
/// Source: "Refreshing user access tokens" (GitHub documentation).
const LIFE: Duration = Duration::from_hours(8);

/// How a token is obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Device,
    Refresh,
}

/// How a token that is no longer used is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndedAs {
    OfTheApp,
    Exposed,
    ToldToAPerson,
}

/// What an answer with a token said of it, which no later look may tell.
#[derive(Clone, Copy, Debug)]
struct Birth {
    ends: Option<Timestamp>,
    /// It ends, and nothing came with it to renew it by.
    is_last: bool,
}

/// Tokens that users give an app, as a [`Provider`]. Made by [`GitHub::device_flow`](super::GitHub::device_flow) and
/// [`GitHub::refreshed`](super::GitHub::refreshed). Both have one name for the same app, so what the device flow obtained,
/// with its refresh token, is renewed from the same journal. An open run is resumed with the one that it began with.
///
/// **Device flow.** A person opens a page, signs in and enters a code; meanwhile the run is
/// [`AwaitingPerson`](crate::Outcome::AwaitingPerson), and [`resume_due`](crate::Rotator::resume_due) asks whether it was
/// done. GitHub says how often it may be asked (each 5 seconds at first); what it says survives a restart. The answer with
/// the token comes once. When it is lost, the token lives and nobody has it: it is reported as possibly alive, for GitHub
/// lists no tokens of an app. Of a user, an app and a set of scopes 10 tokens live; one more ends the oldest at once, whoever
/// uses it. GitHub makes 10 of them an hour.
///
/// **Refresh.** The new token is made from the refresh token of the one before, be that alive or not, and both die in that
/// instant: hand in [`Predecessor::Renewable`](crate::Predecessor::Renewable) once, then
/// [`Predecessor::Kept`](crate::Predecessor::Kept). The refresh token is presented once. Of a lost answer the old token shows
/// whether it had arrived; where it is dead a person must authorise the app again. Nobody else may refresh the same identity:
/// give two rotators, or a rotator and another program, no refresh token in common, or the slower one is refused
/// (`bad_refresh_token`) while the faster one's consumers go on. Within one credential the lease of the journal sees to that.
///
/// Such a token lives for 8 hours, and its refresh token for 6 months. The policy asks for a day of life unless told
/// otherwise: lower its `minimum_life` below 8 hours, or `build()` refuses it. After the device flow such a token is refused
/// then, and ended. The end
/// is known from the client secret's check, or from the answer that brought the token, which a restart forgets: then it is
/// unknown, and nothing is concluded from that.
///
/// A look is the app's own check where the client secret is there, and else `GET /user` with the token. Scopes are those of
/// OAuth apps; a token of a GitHub App (`ghu_`) has none, so name a private repository with
/// [`must_read`](AppUserTokensBuilder::must_read) and set the policy to accept what was probed.
///
/// Not documented, and not relied upon: whether ending a token ends the refresh token that came with it (that goes to the
/// interface for exposed credentials; where there is none, a person is told of one that leaked); what a used device code is
/// answered with; whether a second use of a refresh token harms its successors, so there is none.
#[derive(Debug)]
pub struct AppUserTokens {
    name: String,
    flow: Flow,
    client_id: String,
    client_secret: Option<Token>,
    exposure: Exposure,
    addresses: Addresses,
    login: Login,
    client: Option<Client>,
    ended_as: EndedAs,
    looks: Looks,
    account: Option<String>,
    asking_for: Duration,
    clock: Arc<dyn Clock>,
    births: Mutex<BTreeMap<Fingerprint, Birth>>,
}

impl AppUserTokens {
    /// A token that was just made, and what is remembered of it.
    fn born(&self, made: Made) -> Candidate {
        let Made { candidate, life } = made;
        let ends = life.map(|seconds| self.clock.now().plus(Duration::from_secs(seconds)));
        let is_last = candidate.companion.is_none() && (ends.is_some() || self.flow == Flow::Refresh);
        if is_last {
            tracing::warn!(provider = %self.name, "a token that expires came without a refresh token: it cannot be renewed");
        }
        let mut births = self.births.lock().unwrap_or_else(PoisonError::into_inner);
        births.insert(candidate.token.fingerprint(), Birth { ends, is_last });
        candidate
    }

    fn birth(&self, token: &Token) -> Option<Birth> {
        self.births.lock().unwrap_or_else(PoisonError::into_inner).get(&token.fingerprint()).copied()
    }

    /// When the app does not know it any more, that is its death.
    fn knew(&self, client: &Client, token: &Token) -> bool {
        client.knew(token) || self.birth(token).is_some()
    }

    /// Ends the refresh token that came with a token of the app, which the app itself has no call for. Whether that is done, or
    /// matters to nobody: where it cannot be ended, one that nobody else has ends by itself.
    async fn end_companion(&self, token: &RetiredToken) -> Result<bool> {
        let Some(companion) = token.companion() else {
            return Ok(true);
        };
        let reported = if ending::is_taken(companion) {
            self.exposure.report(&[companion]).await.map(|done| done.is_some())
        } else {
            Ok(false)
        };
        match (reported, token.reason()) {
            (Ok(true), _) | (Ok(false), Reason::Superseded | Reason::RolledBack | Reason::Orphan) => Ok(true),
            (Err(error), Reason::Superseded | Reason::RolledBack | Reason::Orphan | Reason::Refused) => Err(error),
            (not, _) => {
                let error = not.err().map(tracing::field::display);
                let refresh_token = companion.fingerprint();
                tracing::warn!(provider = %self.name, %refresh_token, error, "a refresh token lives on: a person is asked to end it");
                Ok(false)
            }
        }
    }

    fn by_person(&self, token: &RetiredToken) -> Revocation {
        Revocation::Guided(guide::end(&self.addresses, &self.client_id, token))
    }
}

#[async_trait]
impl Provider for AppUserTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        let can = match self.flow {
            Flow::Device => ProviderCapabilities::new(Issuer::Person, Fate::DiesBeyond(LIVE_AT_MOST))
                .reissuing()
                .with_caution(
                    "GitHub lets 10 tokens of one user, app and set of scopes live, and makes 10 an hour: the eleventh ends the \
                     oldest at once, whoever uses it, so give no two credentials the same app, account and scopes",
                )
                .with_caution(
                    "where the app's tokens expire, the new one lives for 8 hours: set the policy's `minimum_life` below that, \
                     and renew it with `GitHub::refreshed`",
                ),
            Flow::Refresh => ProviderCapabilities::new(Issuer::Api, Fate::Dies)
                .renewing()
                .living_at_most(LIFE)
                .with_caution(
                    "the refresh token counts once, and the old token dies with it: with the answer lost, a person must authorise \
                     the app again",
                )
                .with_caution("the new token lives for 8 hours: renew it before that, and more than once a day")
                .with_caution("nobody else may use the same refresh token: the slower one is refused"),
        };
        match self.ended_as {
            EndedAs::OfTheApp => can.ended_by(EndedBy::Api).with_caution(
                "the app ends the token; a refresh token that came with it is reported as exposed, where this GitHub has that \
                 interface: it takes 60 calls an hour from one address",
            ),
            EndedAs::Exposed => ending::told(can),
            EndedAs::ToldToAPerson => can,
        }
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITHUB_CLASSIC
    }

    fn trips(&self) -> ProviderTrips {
        // A code is asked for, and then whether it was entered.
        let issue = if matches!(self.flow, Flow::Device) { 2 } else { 1 };
        ProviderTrips::new(self.looks.trips(), issue, 1)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let mut grant = match &self.client {
            Some(client) if may_be_an_apps(token) => match client.inspect(token).await {
                Ok(grant) => self.looks.tried(token, grant).await?,
                Err(error) if error.kind() == ErrorKind::Unauthenticated && !self.knew(client, token) => {
                    self.looks.of_another(token).await?.ok_or(error)?
                }
                Err(error) => return Err(error),
            },
            _ => self.looks.inspect(token).await?,
        };
        let Some(Birth { ends, is_last }) = self.birth(token) else {
            return Ok(grant);
        };
        if let (Some(ends), Expiry::Never | Expiry::Unknown) = (ends, grant.expiry) {
            grant.expiry = Expiry::At(ends);
        }
        if let (true, Some(kind)) = (is_last, &mut grant.kind) {
            kind.push_str(", which came without a refresh token");
        }
        Ok(grant)
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        match self.flow {
            Flow::Device => device::issue(self, request).await,
            Flow::Refresh => refresh::issue(self, request).await.map(Issuance::Minted),
        }
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        match self.flow {
            Flow::Device => device::collect(self, ticket).await,
            Flow::Refresh => Err(unsupported(
                "a token is renewed at once, never collected: resume the run with the provider that it began with",
            )),
        }
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let Some(value) = token.value() else {
            return Ok(self.by_person(token));
        };
        match (self.ended_as, &self.client) {
            (EndedAs::OfTheApp, Some(_)) if !may_be_an_apps(value) => {
                Ok(Revocation::Guided(super::guide::end_foreign(value)))
            }
            (EndedAs::OfTheApp, Some(client)) => {
                // Before the token: its death is what a run looks at, and it must not hide that this is still to be done.
                let renews_no_more = self.end_companion(token).await?;
                let ended = client.end(value).await?
                    || self.knew(client, value)
                    || self.looks.of_another(value).await?.is_none();
                Ok(match token.companion() {
                    _ if !ended => Revocation::Guided(super::guide::end_foreign(value)),
                    Some(companion) if !renews_no_more => {
                        Revocation::Guided(guide::end_companion(&self.addresses, &self.client_id, companion))
                    }
                    _ => Revocation::Done,
                })
            }
            (EndedAs::Exposed, _) if ending::is_taken(value) => {
                self.looks.doom(value.fingerprint());
                let companion = token.companion().filter(|companion| ending::is_taken(companion));
                let both: Vec<&Token> = companion.into_iter().chain([value]).collect();
                Ok(self.exposure.report(&both).await?.unwrap_or_else(|| self.by_person(token)))
            }
            _ => Ok(self.by_person(token)),
        }
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("GitHub tells nothing of an app's token by its number"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("GitHub lists no tokens of an app"))
    }
}
