//! The app itself, with its id and secret: it checks and ends the tokens that users gave it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::Addresses;
use super::api::{Api, Authorized, own_key};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization};
use crate::token::{Access, Expiry, Fingerprint, Format, Grant, Scope, Token};

/// An app that can log in: its client id and client secret.
#[derive(Debug)]
pub(super) struct Client {
    api: Api,
    addresses: Addresses,
    id: String,
    login: Authorization,
    known: Mutex<BTreeSet<Fingerprint>>,
}

impl Client {
    pub(super) fn new(api: &Api, addresses: &Addresses, id: &str, secret: &SecretString) -> Result<Self> {
        let login = Authorization::basic(id, secret)?;
        Ok(Self { api: api.clone(), addresses: addresses.clone(), id: id.to_owned(), login, known: Mutex::default() })
    }

    /// The app was seen to know it, or made it: when it does not any more, that is its death.
    pub(super) fn knows(&self, token: &Token) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(token.fingerprint());
    }

    /// Of a token that it never knew, the app's word says nothing: GitHub answers the same for another app's.
    pub(super) fn knew(&self, token: &Token) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&token.fingerprint())
    }

    /// What a token is. It counts as no login of the user, so a dead one does no harm.
    pub(super) async fn inspect(&self, token: &Token) -> Result<Grant> {
        let answer = self.api.check(&self.login, &self.id, token).await.map_err(refused_key)?;
        if answer.status() == 404 {
            let text = "GitHub does not know this token as one of the app's: it is mistyped, expired or revoked";
            return Err(Error::new(ErrorKind::Unauthenticated, text));
        }
        let said: Authorized = answer.json()?;
        let Some(user) = said.user else {
            return Err(answer.not_understood("it does not say whose token it is"));
        };
        let expiry = match said.expires_at.as_deref().map(str::parse) {
            None => Expiry::Never,
            Some(Ok(end)) => Expiry::At(end),
            Some(Err(_)) => Expiry::Unknown,
        };
        self.knows(token);
        let of_github_app = token.format() == Some(Format::GitHubAppUser);
        let access = if of_github_app {
            // It may do what the app and its user both may; its scopes are empty whatever that is.
            Access::Unknown
        } else {
            // It may be left out: nothing was said then, and not that it may do nothing.
            said.scopes.map_or(Access::Unknown, |names| Access::Scopes(names.into_iter().map(Scope::new).collect()))
        };
        Ok(Grant::of(token, user.login)
            .with_access(access)
            .with_expiry(expiry)
            .with_kind(if of_github_app { "GitHub App user token" } else { "OAuth app token" })
            .with_api(self.addresses.api.clone()))
    }

    /// Replaces a token. The old one is dead in the same instant.
    pub(super) async fn reset(&self, token: &Token) -> Result<Answer> {
        self.api.reset(&self.login, &self.id, token).await.map_err(refused_key)
    }

    /// Ends a token. Whether the app knew it: one that it does not know is dead, or not the app's.
    pub(super) async fn end(&self, token: &Token) -> Result<bool> {
        let answer = self.api.delete(&self.login, &self.id, token).await.map_err(refused_key)?;
        if answer.status() == 204 {
            self.knows(token);
            return Ok(true);
        }
        // What it answers for a token that is gone is not documented: ask.
        match self.inspect(token).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(false),
            Err(error) => Err(error),
            Ok(_) => Err(answer.not_understood("and the token is alive")),
        }
    }
}

/// Whether an app may have been given it, by its looks. Of any other the app says that it does not know it, alive as it is.
pub(super) fn may_be_an_apps(token: &Token) -> bool {
    matches!(token.format(), None | Some(Format::GitHubOAuth | Format::GitHubAppUser))
}

fn refused_key(error: Error) -> Error {
    own_key(error, "GitHub does not take the app's client id and secret: correct them")
}
