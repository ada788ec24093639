//! Tokens of an OAuth app: the app itself checks, replaces and ends them.

use std::borrow::Cow;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Addresses;
use super::api::Api;
use super::client::{Client, may_be_an_apps};
use super::guide;
use super::look::Looks;
use super::personal::unsupported;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Revocation,
};
use crate::token::{Grant, RetiredToken, ScopeModel, Token};

/// Puts [`OAuthAppTokens`] together.
#[derive(Debug)]
#[must_use]
pub struct OAuthAppBuilder {
    http: Http,
    server: Option<Url>,
    client_id: String,
    client_secret: SecretString,
}

impl OAuthAppBuilder {
    pub(super) fn new(http: &Http, client_id: String, client_secret: SecretString) -> Self {
        Self { http: http.clone(), server: None, client_id, client_secret }
    }

    /// A GitHub Enterprise Server in place of github.com, by the address that people open.
    pub fn server(mut self, server: Url) -> Self {
        self.server = Some(server);
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an address without TLS, [`ErrorKind::InvalidInput`] for a client id that is none.
    pub fn build(self) -> Result<OAuthAppTokens> {
        if self.client_id.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the client id is empty: it is on the app's settings page",
            ));
        }
        let addresses = Addresses::of(self.server.as_ref())?;
        let api = Api::new(&self.http, addresses.api.clone())?;
        Ok(OAuthAppTokens {
            looks: Looks::new(&api, &addresses, None, &[], &[])?,
            name: format!("tokens of the OAuth app {} of {}", self.client_id, addresses.name()),
            client: Client::new(&api, &addresses, &self.client_id, &self.client_secret)?,
        })
    }
}

/// Tokens that users gave to an OAuth app, as a [`Provider`]. Made by [`GitHub::oauth_app`](super::GitHub::oauth_app).
///
/// A new token is made from the old one, with the same scopes and the same end, and the old one dies in that instant:
/// there is no overlap. Looking at a token is asked by the app and counts as no login of the user, so a dead one does no
/// harm. Of one that the app was never seen to know it says the same whether that is dead or another app's: then the token
/// itself is asked (`GET /user`), sparingly, and one that lives is left to where it was made.
#[derive(Debug)]
pub struct OAuthAppTokens {
    name: String,
    client: Client,
    looks: Looks,
}

/// What matters of a reset token, and nothing that could be malformed. The value is not copied out of the answer.
#[derive(Deserialize)]
struct Minted<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(default)]
    id: Value,
}

/// The app knows no such token, and that says nothing of whether it lives.
fn foreign() -> Error {
    let text = "this is no token of an OAuth app, by its prefix: hand in the app's, and end this one where it was made";
    Error::new(ErrorKind::InvalidInput, text)
}

#[async_trait]
impl Provider for OAuthAppTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Dies).ended_by(EndedBy::Api).with_caution(
            "a reset token keeps its scopes and its end: neither more rights nor a longer life can be had so",
        )
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITHUB_CLASSIC
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        if !may_be_an_apps(token) {
            return Err(foreign());
        }
        match self.client.inspect(token).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated && !self.client.knew(token) => {
                self.looks.of_another(token).await?.ok_or(error)
            }
            looked => looked,
        }
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let Some(current) = request.current else {
            let text = "a token of an OAuth app is made from the one before: hand in the current one";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        let answer = self.client.reset(current).await?;
        // The old token is dead by now: whatever can be read of the new one counts.
        let minted: Minted<'_> =
            serde_json::from_slice(answer.body()).map_err(|_| answer.not_understood("there is no token in it"))?;
        let token = Token::new(&minted.token).map_err(|_| answer.not_understood("its token is none"))?;
        self.client.knows(&token);
        let id = minted.id.as_u64().and_then(|id| TokenId::new(id.to_string()).ok());
        Ok(Issuance::Minted(Candidate::new(token).with_id(id)))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("an app's token is reset, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let Some(value) = token.value() else {
            return Err(unsupported(
                "an app's token is ended by its value, which is not known: end it on the app's page",
            ));
        };
        if !may_be_an_apps(value) {
            return Err(foreign());
        }
        let ended =
            self.client.end(value).await? || self.client.knew(value) || self.looks.of_another(value).await?.is_none();
        Ok(if ended { Revocation::Done } else { Revocation::Guided(guide::end_foreign(value)) })
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("GitHub tells nothing of an app's token by its number"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("GitHub lists no tokens of an app"))
    }
}
