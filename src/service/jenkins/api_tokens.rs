//! API tokens of a Jenkins, as a provider.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::api::{Connection, after_write};
use super::place;
use super::token_guide::{self, Why};
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips,
    Revocation,
};
use crate::token::{Access, Expiry, Fingerprint, Grant, RetiredToken, ScopeModel, Token};

const DAY: u64 = 24 * 60 * 60;

/// Puts [`JenkinsApiTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct JenkinsApiTokensBuilder {
    jenkins: Arc<Connection>,
    user: Option<String>,
    known: BTreeMap<Fingerprint, TokenId>,
}

impl JenkinsApiTokensBuilder {
    pub(super) fn new(jenkins: Arc<Connection>) -> Self {
        Self { jenkins, user: None, known: BTreeMap::new() }
    }

    /// Tokens of this user, in place of those of the user who logs in. Jenkins lets nobody make tokens for others, its
    /// administrators included, unless it runs with `jenkins.security.ApiTokenProperty.adminCanGenerateNewTokens`.
    pub fn of_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// This token has this uuid, by which it can be revoked; of a token that a run of this crate made, the journal knows.
    /// Nothing that can be asked tells the uuid of a token: it stands in the answer that made it, and in no other.
    pub fn known(mut self, token: &Token, uuid: TokenId) -> Self {
        self.known.insert(token.fingerprint(), uuid);
        self
    }

    /// The provider. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for a user without a name or with a colon in it.
    pub fn build(self) -> Result<JenkinsApiTokens> {
        let user = self.user.unwrap_or_else(|| self.jenkins.login.user.clone());
        if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
            let text = "whose API tokens they are is not said, or is no name of a user: correct it";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let known = self.known.into_iter().map(|(token, id)| (token, Known { id: Some(id), ..Known::default() }));
        Ok(JenkinsApiTokens {
            name: format!("API tokens of {user} at {}", place(self.jenkins.endpoint.base())),
            jenkins: self.jenkins,
            user,
            known: Mutex::new(known.collect()),
        })
    }
}

/// API tokens of one user of a Jenkins, as a [`Provider`]. Made by [`Jenkins::api_tokens`](super::Jenkins::api_tokens).
///
/// Tokens are made with the handle's own login, and live beside those before. They may do what their user may: there is
/// nothing to choose. A token is known by the uuid in the answer that made it.
///
/// | call | asked with | right |
/// | --- | --- | --- |
/// | `GET whoAmI` | the token | none |
/// | `POST user/../generateNewToken` | our login | to be that user; an administrator may not |
/// | `POST user/../revoke` | our login | to be that user, or Overall/Administer |
///
/// Nothing lists tokens for a program. When the answer to a request for one is lost, nobody can find out whether it was made:
/// another is made, the lost one is reported by its label, and [`guide_to_delete`](Self::guide_to_delete) tells a person
/// how to look. A token whose uuid is not known is revoked by a person.
///
/// Jenkins answers a revocation of a uuid that it does not know like any other. So a token counts as gone only when Jenkins
/// then refuses its value; where the value is not known, a person looks. Our own key is never revoked with itself: it must
/// have been replaced first, which [`JenkinsOwnKey`](super::JenkinsOwnKey) does, or it could make no other.
///
/// An end needs Jenkins 2.548 or newer. Older ones take the wish and make a token without, so the version is asked first, and
/// nothing is made where it is older or not told. Jenkins counts whole days, and when on its last day a token ends is not
/// documented: one day more is asked for, so that it lives for as long as it should at least. No call tells the end later,
/// and so the policy's own `lifetime` counts.
#[derive(Debug)]
pub struct JenkinsApiTokens {
    name: String,
    jenkins: Arc<Connection>,
    user: String,
    known: Mutex<BTreeMap<Fingerprint, Known>>,
}

/// What is known of a token that can be asked nowhere.
#[derive(Clone, Debug, Default)]
struct Known {
    id: Option<TokenId>,
    /// An end was asked for, and the answer had none.
    endless: bool,
    /// We revoked it, and Jenkins refused it after that: it is not presented again, as each time counts against the account.
    gone: bool,
}

impl JenkinsApiTokens {
    /// How a person deletes a token of this label, as of an attempt whose answer was lost.
    #[must_use]
    pub fn guide_to_delete(&self, label: &Label) -> Guide {
        token_guide::delete(self.jenkins.endpoint.base(), &self.user, Some(label), None, Why::Lost)
    }

    fn known(&self, token: Option<Fingerprint>) -> Known {
        token.and_then(|token| self.all_known().get(&token).cloned()).unwrap_or_default()
    }

    fn all_known(&self) -> MutexGuard<'_, BTreeMap<Fingerprint, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guided(&self, token: &RetiredToken, why: Why) -> Revocation {
        let base = self.jenkins.endpoint.base();
        Revocation::Guided(token_guide::delete(base, &self.user, token.label(), token.successor(), why))
    }

    /// Whether it is the token that we log in with; `None` where nothing tells.
    fn is_our_key(&self, token: Option<Fingerprint>, id: &TokenId) -> Option<bool> {
        let Some(key) = self.jenkins.login.key().filter(|key| key.user().eq_ignore_ascii_case(&self.user)) else {
            return Some(false);
        };
        let ours = key.fingerprint();
        match token {
            Some(token) => Some(token == ours),
            None => self.known(Some(ours)).id.map(|known| known == *id),
        }
    }

    /// Whether Jenkins takes it. `Unauthenticated` is an answer, and not an error.
    async fn lives(&self, token: &Token) -> Result<bool> {
        match self.jenkins.works_as(&self.user, token).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A refusal of our own login is no word on any token.
    fn refused(&self, error: Error) -> Error {
        let text = match error.kind() {
            ErrorKind::Unauthenticated => {
                format!("our own login to Jenkins was refused, give one that lives: {error}")
            }
            ErrorKind::PermissionDenied if !self.jenkins.login.user.eq_ignore_ascii_case(&self.user) => format!(
                "Jenkins lets users make API tokens for themselves alone, and its administrators revoke those of others, but \
                 make none: log in as {}, or run Jenkins with jenkins.security.ApiTokenProperty.adminCanGenerateNewTokens: \
                 {error}",
                self.user
            ),
            _ => return error,
        };
        Error::new(ErrorKind::PermissionDenied, text).with_effect(error.effect())
    }
}

/// The days to ask for: whole ones, and one more, as a token may end when its last day begins.
fn days(lifetime: Duration) -> u64 {
    lifetime.as_secs().div_ceil(DAY).saturating_add(1)
}

fn unsupported(text: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}

#[async_trait]
impl Provider for JenkinsApiTokens {
    fn name(&self) -> &str {
        &self.name
    }

    /// It issues without the current token as long as the handle's own login lives, be that the same token or not.
    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Survives)
            .reissuing()
            .ended_by(EndedBy::Api)
            .ending_by_id()
            .with_caution("Jenkins lists API tokens to people alone: one whose answer is lost is found by nobody else")
            .with_caution(
                "Jenkins refuses the live token of another user as it refuses a dead one: an old token that is not this user's \
                 is taken for dead, so hand in the user's own, or end the other by hand",
            )
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::NONE
    }

    fn trips(&self) -> ProviderTrips {
        // Whose key it is comes before each change.
        ProviderTrips::new(1, 2, 2)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let known = self.known(Some(token.fingerprint()));
        if known.gone {
            let text =
                "this API token was revoked by this program, and Jenkins refused it after that: present a live one";
            return Err(Error::new(ErrorKind::Unauthenticated, text));
        }
        let owner = self.jenkins.works_as(&self.user, token).await?;
        let grant = Grant::of(token, owner).with_access(Access::Owner).with_api(self.jenkins.endpoint.base().clone());
        Ok(if known.endless {
            grant.with_expiry(Expiry::Never).with_kind("API token without the end that was asked for")
        } else {
            grant.with_kind("API token")
        })
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if request.lifetime.is_some() {
            self.jenkins.check_that_tokens_end().await.map_err(|error| self.refused(error))?;
        }
        let days = request.lifetime.map(days);
        let made = self.jenkins.make_token(&self.user, request.label, days).await;
        let made = made.map_err(|error| self.refused(error))?;
        let known = Known { id: made.id.clone(), endless: days.is_some() && !made.ends, gone: false };
        self.all_known().insert(made.token.fingerprint(), known);
        Ok(Issuance::Minted(Candidate::new(made.token).with_id(made.id)))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("an API token of Jenkins is there at once, and never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let known = self.known(token.fingerprint());
        if known.gone {
            return Ok(Revocation::Done);
        }
        let Some(id) = token.id().cloned().or(known.id) else {
            return match token.value() {
                Some(value) if !self.lives(value).await? => Ok(Revocation::Done),
                _ => Ok(self.guided(token, Why::NoId)),
            };
        };
        match self.is_our_key(token.fingerprint(), &id) {
            Some(false) => {}
            Some(true) => {
                let text = "this is the key that we log in to Jenkins with, and it could make no other once it is gone: replace \
                            it first, with `Jenkins::own_key` among the consumers, or log in with another";
                return Err(Error::new(ErrorKind::Refused, text));
            }
            None => return Ok(self.guided(token, Why::MayBeOurs)),
        }
        self.jenkins.end_token(&self.user, &id).await.map_err(|error| self.refused(error))?;
        let Some(value) = token.value() else {
            return Ok(self.guided(token, Why::Unproven));
        };
        if self.lives(value).await.map_err(after_write)? {
            return Ok(self.guided(token, Why::OtherId));
        }
        self.all_known().entry(value.fingerprint()).or_default().gone = true;
        Ok(Revocation::Done)
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("Jenkins tells no program whether the uuid of an API token is known"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("Jenkins lists API tokens to people alone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_asked_to_live_for_a_day_more_than_it_should() {
        assert_eq!(days(Duration::from_hours(24)), 2);
        assert_eq!(days(Duration::from_hours(25)), 3);
        assert_eq!(days(Duration::from_hours(90 * 24)), 91);
        assert_eq!(days(Duration::ZERO), 1);
    }
}
