//! Tokens that are made with a key of ours, beside the ones before.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::api::{Api, Row, key, minted};
use super::holder::Holder;
use super::keyed::Keyed;
use super::life::Life;
use super::{grant, name_of, server, unsupported};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips, Revocation,
};
use crate::token::{Grant, RetiredToken, ScopeModel, Token};

/// Puts [`GitLabTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct GitLabTokensBuilder {
    http: Http,
    holder: Holder,
    key: SecretString,
    server: Option<Url>,
    life: Life,
}

impl GitLabTokensBuilder {
    pub(super) fn new(http: &Http, holder: Holder, key: SecretString) -> Self {
        Self { http: http.clone(), holder, key, server: None, life: Life::default() }
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
    /// [`ErrorKind::Configuration`] for an address without TLS, a longest life that no GitLab has, an empty project or
    /// group, or tokens of a user at gitlab.com, which makes none for others; [`ErrorKind::InvalidInput`] for a key that
    /// cannot be one.
    pub fn build(self) -> Result<GitLabTokens> {
        self.life.check()?;
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        if self.holder.place().is_some_and(|place| place.trim_matches('/').is_empty()) {
            return wrong("a project or group is known by its number or its path, like acme/site: name it");
        }
        let server = server(self.server.as_ref())?;
        if matches!(self.holder, Holder::User(_)) && server.host_str() == Some("gitlab.com") {
            return wrong(
                "gitlab.com makes no personal tokens for others: use `of_service_account`, `of_project` or `of_group` there",
            );
        }
        Ok(GitLabTokens {
            name: format!("{} of {}", self.holder.name(), name_of(&server)),
            tokens: Keyed { api: Api::new(&self.http, &server)?, key: key(&self.key)?, holder: self.holder },
            life: self.life,
        })
    }
}

/// Tokens that are made with a key of ours, as a [`Provider`]. Made by [`GitLab::of_user`](super::GitLab::of_user),
/// [`of_project`](super::GitLab::of_project), [`of_group`](super::GitLab::of_group) and
/// [`of_service_account`](super::GitLab::of_service_account).
///
/// Old and new overlap: nothing is ever rotated, so GitLab's detection of reused tokens is never met. A token carries its
/// label as its name, by which an orphan is found. The name of an owner in a grant is `user 42`, `project acme/site` or
/// `group acme`: a project's and a group's tokens are each a bot of their own, of another number every time, so our key asks
/// where they belong.
///
/// | call | asked with | right |
/// | --- | --- | --- |
/// | `GET /personal_access_tokens/self` | the token | none; GitLab 15.5 |
/// | `DELETE /personal_access_tokens/self` | the token, of a user or service account | none; GitLab 15.4 |
/// | `POST`, `GET`, `DELETE` of a user's tokens | our key | administrator, scope `api` |
/// | the same, of a project's tokens | our key | Maintainer or Owner there, scope `api` |
/// | the same, of a group's or its service account's tokens | our key | Owner of the group, scope `api` |
///
/// An administrator's key reaches every token of the instance: a number is asked about first, and nothing is done to a token
/// of anybody else. Lists are read page by page, at most 5,000 rows; more is an error, as an orphan may be among the rest.
///
/// Looking at a token counts as its use at GitLab, so its last use tells nothing about others, and no rotation waits for a
/// token to be quiet.
#[derive(Debug)]
pub struct GitLabTokens {
    name: String,
    tokens: Keyed,
    life: Life,
}

impl GitLabTokens {
    fn holder(&self) -> &Holder {
        &self.tokens.holder
    }

    /// Where a bot belongs: to our project or group only if that knows the token.
    async fn placed(&self, row: &Row, grant: Grant) -> Result<Grant> {
        if self.holder().user().is_some() {
            return Ok(grant.with_kind(self.holder().kind()));
        }
        let id = TokenId::new(row.id.to_string())?;
        let Some(ours) = self.tokens.one(&id).await? else {
            return Ok(grant.with_kind("token of another project, group or user"));
        };
        let mut grant = grant;
        grant.owner = self.holder().owner();
        let role = ours.access_level.map(|level| format!(" with access level {level}")).unwrap_or_default();
        Ok(grant.with_kind(format!("{}{role}", self.holder().kind())))
    }

    /// The number of a token of a project or group: the one that is known, or the one that it says itself.
    async fn number(&self, token: &RetiredToken) -> Result<Option<TokenId>> {
        if let Some(id) = token.id() {
            return Ok(Some(id.clone()));
        }
        let Some(value) = token.value() else {
            return Err(unsupported(
                "neither the number nor the value of this token is known: end it on GitLab's page",
            ));
        };
        match self.tokens.api.look(value).await {
            Ok((_, row)) => TokenId::new(row.id.to_string()).map(Some),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Provider for GitLabTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        let can = ProviderCapabilities::new(Issuer::Api, Fate::Survives)
            .reissuing()
            .ended_by(EndedBy::Api)
            .ending_by_id()
            .finding_by_label()
            .with_status_by_id();
        match self.holder().role() {
            Some(_) => can
                .with_caution("every token of a project or group is a bot user of its own, which shows in its history"),
            None => can.with_caution("GitLab mails the owner of a token that it was revoked"),
        }
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITLAB
    }

    fn trips(&self) -> ProviderTrips {
        // A token of a project or group is a bot's, whose place there is looked up.
        let placed = u32::from(self.holder().role().is_some());
        ProviderTrips::new(1 + placed, 1, 1 + placed)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let (answer, row) = self.tokens.api.look(token).await?;
        let grant = grant::of_row(&answer, &row, token, self.tokens.api.base())?;
        self.placed(&row, grant).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let expires_at = self.life.ends(request.lifetime)?;
        if request.scopes.is_empty() {
            let text = "GitLab makes no token without a scope: say what the consumers need with `requires`";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let answer = self.tokens.create(request.label, request.scopes, &expires_at).await?;
        Ok(Issuance::Minted(minted(&answer)?))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("GitLab's tokens are made at once, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        if let (Some(value), Some(_)) = (token.value(), self.holder().user()) {
            // It ends itself: no mistaken number, and no right of our key.
            self.tokens.api.end(value).await?;
            return Ok(Revocation::Done);
        }
        // Our key ends it, so that GitLab cares for its bot: before 17.9 that goes with its token.
        let there = match self.number(token).await? {
            Some(id) => self.tokens.end(&id).await?,
            None => true,
        };
        // It may be of another project, and is to end all the same.
        if let (false, Some(value)) = (there, token.value()) {
            self.tokens.api.end(value).await?;
        }
        Ok(Revocation::Done)
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        let alive = self.tokens.one(id).await?.is_some_and(|row| row.is_alive());
        Ok(if alive { Liveness::Alive } else { Liveness::Dead })
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        let rows = self.tokens.named(label).await?;
        rows.iter().map(|row| TokenId::new(row.id.to_string())).collect()
    }
}
