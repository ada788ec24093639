//! Tokens of an app's installation: the app itself makes them, and each lives for an hour.

mod builder;
mod calls;
mod grant;
mod jwt;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

pub use builder::InstallationTokensBuilder;

use self::calls::{Calls, Installation, Target};
use self::grant::Birth;
use super::Addresses;
use super::personal::unsupported;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips,
    Revocation,
};
use crate::service::sparing::Sparing;
use crate::token::{Fingerprint, Grant, RetiredToken, ScopeModel, Token};

/// How long each of them lives. No request makes it longer or shorter.
const LIFE: Duration = Duration::from_hours(1);

/// Tokens of a GitHub App's installation (`ghs_`), as a [`Provider`]. Made by [`GitHub::app`](super::GitHub::app).
///
/// Old and new overlap, and each lives for an hour: `Rotator::build` refuses a policy that asks for more. That is for
/// consumers that use a token at once, or are given the next one in time; whoever stores a token for longer needs another
/// kind.
///
/// Permissions stand in the place of scopes, as `contents=write`: what the consumers need is asked for by name, and nothing
/// else. `metadata=read` comes with every permission for repositories; in a grant it stands only where it was asked for. That
/// a token reaches all repositories though some were named stands there as `repositories=all`.
///
/// | call | asked by | right |
/// | --- | --- | --- |
/// | `GET /app/installations/{id}`, `/orgs/{org}/installation`, `/repos/{owner}/{repo}/installation`, `/users/{user}/installation` | the app | none |
/// | `POST /app/installations/{id}/access_tokens` | the app | the permissions that are asked for |
/// | `GET /installation/repositories` | the token | none |
/// | `DELETE /installation/token` | the token | none |
///
/// The app signs with RS256 what it asks with; it ends after nine minutes, and is as secret as a token.
///
/// The owner in a grant is the app's bot and the account where it is installed, as `deployer[bot] of acme`: the same for the
/// old and the new token. It is looked up once for each process. A short token tells nobody of which app it is, and in a long
/// one the app's number stands; that one belongs to another account shows by its repositories, if it sees any.
///
/// What a token may do and when it ends GitHub says once, when it makes it. So both are unknown of a token that another
/// process asked for. A run that was cut off between the birth of a token and its admission ends that token and goes back;
/// the next one makes another, which costs nothing. What was admitted is in the journal.
///
/// GitHub lists no installation tokens, and they have no numbers: with the answer lost a token lives on unknown, for an hour
/// at most. It is reported with that end.
///
/// Sources: "Generating an installation access token for a GitHub App", "REST API endpoints for GitHub Apps", "... for GitHub
/// App installations" (GitHub documentation).
#[derive(Debug)]
pub struct InstallationTokens {
    name: String,
    calls: Calls,
    addresses: Addresses,
    target: Target,
    repositories: Vec<String>,
    clock: Arc<dyn Clock>,
    /// What was looked up last.
    installation: Mutex<Option<Installation>>,
    /// What was said of the tokens that this process asked for.
    births: Mutex<BTreeMap<Fingerprint, Birth>>,
    sparing: Sparing,
}

impl InstallationTokens {
    async fn looked_up(&self) -> Result<Installation> {
        let installation = self.calls.installation(&self.target).await?;
        *lock(&self.installation) = Some(installation.clone());
        Ok(installation)
    }

    async fn known(&self) -> Result<Installation> {
        let known = lock(&self.installation).clone();
        match known {
            Some(known) => Ok(known),
            None => self.looked_up().await,
        }
    }

    fn remember(&self, token: &Token, birth: Birth) {
        let now = self.clock.now();
        let mut births = lock(&self.births);
        births.retain(|_, birth| !birth.is_over(now));
        births.insert(token.fingerprint(), birth);
    }

    fn birth(&self, token: &Token) -> Birth {
        lock(&self.births).get(&token.fingerprint()).cloned().unwrap_or_else(Birth::unheard)
    }
}

#[async_trait]
impl Provider for InstallationTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Survives)
            .reissuing()
            .ended_by(EndedBy::Api)
            .living_at_most(LIFE)
            .keeping_names()
            .with_caution(
                "each token lives for an hour, whatever is asked for: a consumer that stores one must be given the next in time",
            )
            .with_caution(
                "with the answer lost, a new token can be neither found nor ended: it dies by itself within the hour",
            )
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITHUB_APP
    }

    fn trips(&self) -> ProviderTrips {
        // Which installation it is comes before the token.
        ProviderTrips::new(1, 2, 1)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let look = self.calls.look(token);
        let seen = self.sparing.look(self.calls.api.endpoint(), &self.name, token.fingerprint(), look).await?;
        let installation = self.known().await?;
        let another = token.app_number().filter(|app| *app != self.calls.key.app());
        let owner = match (grant::stranger(&installation, &seen), another) {
            (Some(account), _) => format!("an app of {account}"),
            (None, Some(app)) => format!("another app ({app})"),
            (None, None) => grant::owner(self.calls.key.app(), &installation),
        };
        let Birth { access, expiry } = self.birth(token);
        Ok(Grant::of(token, owner)
            .with_access(access)
            .with_expiry(expiry)
            .with_kind("GitHub App installation token")
            .with_api(self.addresses.api.clone()))
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if request.lifetime.is_some_and(|life| life != LIFE) {
            let text = "GitHub lets an installation token live for an hour, no more and no less: leave `lifetime` out";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let permissions = grant::permissions(request.scopes)?;
        // It may have been removed and installed again, under another number.
        let installation = self.looked_up().await?;
        if !installation.suspended_at.is_null() {
            return Err(Error::new(ErrorKind::PermissionDenied, calls::suspended()));
        }
        let answer = self.calls.create(installation.id, &self.repositories, &permissions).await?;
        let (token, birth) = grant::born(&answer, request.scopes, !self.repositories.is_empty())?;
        self.remember(&token, birth);
        Ok(Issuance::Minted(Candidate::new(token)))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("an installation token is made at once, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let Some(value) = token.value() else {
            return Err(unsupported(
                "an installation token is ended by its value, which is not known: it dies by itself within an hour of its birth",
            ));
        };
        self.calls.end(value).await?;
        Ok(Revocation::Done)
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("an installation token has no number"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("GitHub lists no installation tokens"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
