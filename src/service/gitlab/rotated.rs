//! Personal access tokens that replace themselves.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::api::{Api, Row, minted};
use super::life::Life;
use super::{grant, name_of, server, unsupported};
use crate::clock::Clock;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips, Revocation,
};
use crate::service::gate;
use crate::token::{Grant, RetiredToken, ScopeModel, Token};

/// Puts [`GitLabRotatedTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct GitLabRotatedTokensBuilder {
    http: Http,
    server: Option<Url>,
    life: Life,
}

impl GitLabRotatedTokensBuilder {
    pub(super) fn new(http: &Http) -> Self {
        Self { http: http.clone(), server: None, life: Life::default() }
    }

    /// A GitLab of your own in place of gitlab.com, by the address that people open.
    pub fn server(mut self, server: Url) -> Self {
        self.server = Some(server);
        self
    }

    /// The longest life that this GitLab allows, in days: 365 unless set, and 400 at most. Newer ones allow 400 behind a
    /// switch, and an administrator may allow less; where it stands on gitlab.com is not documented.
    pub fn longest_life(mut self, days: u16) -> Self {
        self.life.longest = days;
        self
    }

    /// By which clock ends are counted: the machine's unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.life.clock = clock;
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an address without TLS, or a longest life that no GitLab has.
    pub fn build(self) -> Result<GitLabRotatedTokens> {
        self.life.check()?;
        let server = server(self.server.as_ref())?;
        Ok(GitLabRotatedTokens {
            name: format!("personal access tokens of {}", name_of(&server)),
            api: Api::new(&self.http, &server)?,
            life: self.life,
        })
    }
}

/// Personal access tokens that rotate themselves, as a [`Provider`]. Made by [`GitLab::personal`](super::GitLab::personal).
///
/// A new token is made from the old one (`POST /personal_access_tokens/self/rotate`, scope `api` or `self_rotate`, GitLab
/// 16.10), with the same name, description and scopes, and the old one dies in that instant. The new one has the old one's
/// name and no label, so an orphan cannot be found: with the answer lost, the token is lost. A person revokes the newest of
/// that name then, makes another by hand, and adopts it.
///
/// Whoever rotates with a token that is revoked already is taken for a thief, and GitLab ends every token that came from
/// it. So the old one is looked at first, on a path that has no such consequence; one that is not alive is not rotated
/// with, and the request is never sent twice. Looking is `GET /personal_access_tokens/self` (GitLab 15.5), which every token
/// may. A token ends itself by `DELETE` of the same path, which every token may too.
///
/// Sources: "Personal access tokens API", automatic reuse detection (GitLab documentation); GitLab's merge request 126806:
/// only requests to rotate are watched so.
#[derive(Debug)]
pub struct GitLabRotatedTokens {
    name: String,
    api: Api,
    life: Life,
}

#[async_trait]
impl Provider for GitLabRotatedTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Dies)
            .ended_by(EndedBy::Api)
            .keeping_names()
            .with_caution(
                "the old token dies with the new one's birth, and every place is down until it was updated; with the answer \
                 lost, the new token is lost: use tokens of a service account, a project or a group where you can",
            )
            .with_caution("GitLab ends the new token too when anybody else rotates with the old one afterwards")
            .with_caution(
                "a rotated token keeps its name and its scopes: more rights cannot be had so, and with `Excess::Refuse` its \
                 `self_rotate` must be named by `requires`",
            )
            .with_caution(
                "places that go on using the dead token over Git get their address refused for an hour, with the new token \
                 too: pause them first",
            )
            .with_caution("GitLab mails the owner of a token that it was rotated or revoked")
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITLAB
    }

    fn trips(&self) -> ProviderTrips {
        // It is looked at before it is presented.
        ProviderTrips::new(1, 2, 1)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let (answer, row) = self.api.look(token).await?;
        grant::of_row(&answer, &row, token, self.api.base())
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let Some(current) = request.current else {
            let text = "a rotated token is made from the one before, alive: hand in the current one, or make one by hand and \
                        adopt it";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        let expires_at = self.life.ends(request.lifetime)?;
        // Two at once with one token would be the theft that GitLab looks for.
        let gate = gate::before(format!("{}{}", self.api.base(), current.fingerprint()));
        let _one_at_a_time = gate.lock().await;
        let (answer, row) = self.api.look(current).await.map_err(not_rotated)?;
        grant::of_row(&answer, &row, current, self.api.base()).map_err(not_rotated)?;
        may_rotate(&row)?;
        let answer = self.api.rotate(current, &expires_at).await.map_err(died_meanwhile)?;
        // The old token is dead by now: whatever can be read of the new one counts.
        Ok(Issuance::Minted(minted(&answer)?))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("GitLab's tokens are made at once, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let Some(value) = token.value() else {
            return Err(unsupported(
                "without a key of ours a token is ended by its value, which is not known: end it on the owner's settings page",
            ));
        };
        self.api.end(value).await?;
        Ok(Revocation::Done)
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("without a key of ours GitLab tells nothing of a token by its number"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("a rotated token keeps the name of the one before: there is no label to find"))
    }
}

/// A dead token is not rotated with: that would end its successors.
fn not_rotated(error: Error) -> Error {
    if error.kind() != ErrorKind::Unauthenticated {
        return error;
    }
    let text = format!(
        "the current token is not alive, so nothing was sent that would rotate it, as GitLab ends its successors for that: {error}"
    );
    Error::new(ErrorKind::Unauthenticated, text)
}

/// It was alive a moment ago, and GitLab has now seen a dead token that was to be rotated.
fn died_meanwhile(error: Error) -> Error {
    if error.kind() != ErrorKind::Unauthenticated {
        return error;
    }
    let text = format!(
        "the current token died between the look at it and the request, as somebody else rotated or revoked it, and GitLab may \
         have ended its successors for that: find who has it, and see which tokens live: {error}"
    );
    Error::new(ErrorKind::Unauthenticated, text).with_effect(Effect::Unknown)
}

/// Said before anything is sent: GitLab's own refusal comes to the same.
fn may_rotate(row: &Row) -> Result<()> {
    let unsaid = row.granular || row.scopes.is_none();
    let may = |scopes: &Vec<String>| scopes.iter().any(|scope| scope == "api" || scope == "self_rotate");
    if unsaid || row.scopes.as_ref().is_some_and(may) {
        return Ok(());
    }
    let text = "the current token has neither the scope `api` nor `self_rotate`, and cannot rotate itself: make one by hand that \
                has `self_rotate`, and adopt it";
    Err(Error::new(ErrorKind::PermissionDenied, text))
}
