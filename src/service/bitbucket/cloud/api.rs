//! The look at a token, and what the refusals of Bitbucket Cloud mean.
//!
//! Sources: "Using API tokens" and "How to fetch the scope of a token via command line?" (Atlassian support) for the logins
//! and for `x-oauth-scopes` and `x-credential-type`; the developer documentation's error object for the refusals. The paths
//! over all workspaces (`/2.0/repositories`, `/2.0/workspaces`) are gone (its changelog, CHANGE-2770): a repository is named.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Endpoint, Http, Method};
use crate::service::bitbucket::Repository;
use crate::token::{Scope, ScopeSet, Token};

/// How app passwords begin.
const APP_PASSWORD: &str = "ATBB";

#[derive(Clone, Debug)]
pub(super) struct Api {
    endpoint: Endpoint,
}

/// What a token sees of a repository.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) access: Reach,
    /// What the token may do, where the answer says so.
    pub(super) scopes: Option<ScopeSet>,
    /// Bitbucket's word for the kind of token.
    pub(super) kind: Option<String>,
}

/// How far a token that is taken reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It reads the repository, which is private.
    Private,
    /// Anybody reads it.
    Public,
    Refused,
    /// It is not there, or not for this token.
    Hidden,
}

#[derive(Deserialize)]
struct Seen {
    is_private: bool,
}

/// A refusal of Bitbucket's own.
#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    message: String,
    #[serde(default)]
    detail: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Scopes {
    granted: Vec<String>,
}

impl Api {
    pub(super) fn new(http: &Http, base: Url) -> Result<Self> {
        Ok(Self { endpoint: http.endpoint(base, words)? })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A repository, as this token sees it. Needs the scope `repository`, or `read:repository:bitbucket`.
    pub(super) async fn repository(&self, kind: &Kind, token: &Token, repository: &Repository) -> Result<Look> {
        let login = match kind {
            Kind::Api { email } => Authorization::basic(email, &SecretString::from(token.expose()))?,
            _ => Authorization::bearer(token)?,
        };
        let path = ["2.0", "repositories", &repository.within, &repository.slug];
        let call = self.endpoint.call(Method::Get, &path).authorized(&login).accepting(&[403, 404]);
        let answer = call.send().await.map_err(|error| successor(error, token))?;
        let said = |name| answer.header(name).map(str::to_owned);
        // A list without anything in it is no answer: every token has a scope.
        let scopes = said("x-oauth-scopes").map(|list| ScopeSet::parse(&list)).filter(|scopes| !scopes.is_empty());
        let kind = said("x-credential-type").filter(|kind| !kind.is_empty());
        let signed_in = scopes.is_some() || kind.is_some();
        let refused = if answer.status() == 404 { Reach::Hidden } else { Reach::Refused };
        match answer.status() {
            200 => {
                let seen: Seen = answer.json()?;
                if !seen.is_private && !signed_in {
                    // Whoever asks, it answers so: nothing shows that the token was taken.
                    return Err(Error::new(
                        ErrorKind::Configuration,
                        "the repository on which tokens are tried is public, and its answer shows nothing: name a private \
                         one with `must_read`",
                    ));
                }
                let access = if seen.is_private { Reach::Private } else { Reach::Public };
                Ok(Look { access, scopes, kind })
            }
            // A refusal that lists what the token may do knows the token.
            _ => match scopes.or_else(|| granted(&answer)) {
                Some(scopes) => Ok(Look { access: refused, scopes: Some(scopes), kind }),
                None if signed_in => Ok(Look { access: refused, scopes: None, kind }),
                None => Err(self.endpoint.refusal(&answer)),
            },
        }
    }
}

/// What the token may do, as a refusal for want of a scope says: `{"error": {"detail": {"required", "granted"}}}`.
pub(super) fn granted(answer: &Answer) -> Option<ScopeSet> {
    let refusal: Refusal = answer.json().ok().filter(|_| answer.status() == 403)?;
    let scopes: Scopes = serde_json::from_value(refusal.error.detail?).ok()?;
    Some(scopes.granted.into_iter().map(Scope::new).collect())
}

/// Says what came after app passwords where one was presented.
fn successor(error: Error, token: &Token) -> Error {
    if error.kind() != ErrorKind::Unauthenticated || !token.expose().starts_with(APP_PASSWORD) {
        return error;
    }
    Error::new(
        ErrorKind::Unauthenticated,
        "Bitbucket does not know this token, which looks like an app password: those are gone; make an API token with scopes, \
         whose login is the account's email address",
    )
}

/// The refusals of Bitbucket Cloud in our words.
pub(super) fn words(answer: &Answer) -> Option<Error> {
    let own = answer.json::<Refusal>().ok();
    match (answer.status(), own) {
        (401, Some(_)) => Some(Error::new(
            ErrorKind::Unauthenticated,
            "Bitbucket does not know this token: it is mistyped, expired or revoked, or it belongs to another email address; \
             present a live one",
        )),
        (401, None) => Some(Error::new(
            ErrorKind::Protocol,
            "there was an answer 401 that is not Bitbucket's own, and says nothing of the token: see what stands between",
        )),
        (404, Some(_)) => Some(Error::new(
            ErrorKind::NotFound,
            "Bitbucket does not know the repository on which tokens are tried, or hides it from this token, and nothing \
             follows for the token itself: correct its name, or give the token's owner access",
        )),
        (403, Some(refusal)) => {
            let said = answer.quotable(&refusal.error.message).unwrap_or_default();
            let text = format!(
                "Bitbucket refuses this without saying what the token may do ({said}): see the workspace's rules"
            );
            Some(Error::new(ErrorKind::PermissionDenied, text))
        }
        _ => None,
    }
}
