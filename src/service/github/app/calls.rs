//! The calls, and what GitHub's refusals mean to an app.
//!
//! Sources: "REST API endpoints for GitHub Apps", "REST API endpoints for GitHub App installations" (GitHub documentation, API
//! version 2022-11-28).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jwt::AppKey;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Method};
use crate::service::github::api::Api;
use crate::token::Token;

/// Where an app is installed.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Installation(u64),
    Organization(String),
    Repository { owner: String, name: String },
    User(String),
}

impl Target {
    /// How it is called here.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Installation(id) => format!("installation {id}"),
            Self::Organization(name) => format!("organisation {name}"),
            Self::Repository { owner, name } => format!("repository {owner}/{name}"),
            Self::User(login) => format!("user {login}"),
        }
    }
}

/// What GitHub says of an installation; each member but the number may be missing.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) app_slug: Option<String>,
    #[serde(default)]
    pub(super) account: Option<Account>,
    #[serde(default)]
    pub(super) suspended_at: Value,
}

/// An organisation or a user has a login; an enterprise has a slug.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) login: Option<String>,
    #[serde(default)]
    pub(super) slug: Option<String>,
}

/// What a token sees of its installation. That there is a number shows that GitHub listed it.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    #[serde(rename = "total_count")]
    _count: u64,
    #[serde(default)]
    pub(super) repositories: Vec<SeenRepository>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SeenRepository {
    pub(super) owner: Account,
}

#[derive(Serialize)]
struct Wish<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    repositories: &'a [String],
    permissions: &'a BTreeMap<String, String>,
}

/// One app at one GitHub.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) api: Api,
    pub(super) key: AppKey,
}

impl Calls {
    /// The installation there. Asked by the app, which needs no right for it.
    pub(super) async fn installation(&self, target: &Target) -> Result<Installation> {
        let id;
        let path: &[&str] = match target {
            Target::Installation(number) => {
                id = number.to_string();
                &["app", "installations", &id]
            }
            Target::Organization(name) => &["orgs", name, "installation"],
            Target::Repository { owner, name } => &["repos", owner, name, "installation"],
            Target::User(login) => &["users", login, "installation"],
        };
        let answer = self.asked_by_app(Method::Get, path, None).await?;
        answer.json()
    }

    /// Makes a token. Never sent twice: there would be two.
    pub(super) async fn create(
        &self,
        installation: u64,
        repositories: &[String],
        permissions: &BTreeMap<String, String>,
    ) -> Result<Answer> {
        let path = ["app", "installations", &installation.to_string(), "access_tokens"];
        self.asked_by_app(Method::Post, &path, Some(&Wish { repositories, permissions })).await
    }

    async fn asked_by_app(&self, method: Method, path: &[&str], wish: Option<&Wish<'_>>) -> Result<Answer> {
        let ask = async || {
            let (authorization, again) = self.key.authorization()?;
            let call = self.api.call(method, path).authorized(&authorization);
            let call = if let Some(wish) = wish { call.json(wish) } else { call };
            Ok::<_, Error>((call.accepting(&[401, 403, 404, 422]).send().await?, again))
        };
        let (mut answer, again) = ask().await?;
        if answer.status() == 401 && again {
            // Where this machine's clock is behind, it has ended at GitHub before it did here. What was refused so had no effect,
            // the making of a token included.
            self.key.forget();
            (answer, _) = ask().await?;
        }
        if (200..300).contains(&answer.status()) {
            return Ok(answer);
        }
        if answer.status() == 401 {
            self.key.forget();
        }
        Err(self.refusal(&answer))
    }

    /// A refusal of the app's own request. It is never a word on a token that the app has made.
    fn refusal(&self, answer: &Answer) -> Error {
        let general = self.api.endpoint().refusal(answer);
        if general.kind() == ErrorKind::RateLimited {
            return general;
        }
        let words = answer.words();
        let lower = words.as_deref().unwrap_or_default().to_ascii_lowercase();
        let said = words.map(|words| format!(" ({words})")).unwrap_or_default();
        let app = self.key.app();
        let (kind, text) = match answer.status() {
            401 if ["'exp'", "'iat'", "expiration time", "issued at"].iter().any(|claim| lower.contains(claim)) => (
                ErrorKind::PermissionDenied,
                format!("GitHub's clock and this machine's do not agree{said}: set this machine's clock right"),
            ),
            401 => (
                ErrorKind::PermissionDenied,
                format!(
                    "GitHub does not take what the app {app} signed{said}: see that this is the app's number, that the private \
                     key is one of this app and not deleted there, and that this machine's clock is right"
                ),
            ),
            403 if lower.contains("suspended") => (ErrorKind::PermissionDenied, suspended()),
            403 => (
                ErrorKind::PermissionDenied,
                format!("GitHub does not let the app {app} do this{said}: see its settings, and the installation's"),
            ),
            404 => (
                ErrorKind::NotFound,
                format!(
                    "GitHub has no such installation of the app {app}{said}: it was removed, or is another app's; install the \
                     app there, or correct its number or the name"
                ),
            ),
            _ if lower.contains("permission") => (
                ErrorKind::InvalidInput,
                format!(
                    "the installation does not have every permission that is asked for{said}: add it to the app, have the new \
                     permissions accepted where it is installed, or ask for less with `requires`"
                ),
            ),
            _ if lower.contains("repositor") => (
                ErrorKind::InvalidInput,
                format!(
                    "a repository is none of the installation's{said}: correct `repositories`, or give the installation access \
                     to it"
                ),
            ),
            _ => (
                ErrorKind::InvalidInput,
                format!("GitHub refuses what was asked for{said}: see the permissions and `repositories`"),
            ),
        };
        Error::new(kind, text).with_effect(general.effect())
    }

    /// Whether a token lives, asked with itself: a list of one row, that any token of an installation may read.
    pub(super) async fn look(&self, token: &Token) -> Result<Seen> {
        let call = self.api.call(Method::Get, &["installation", "repositories"]).query("per_page", "1");
        let answer = call.authorized(&Authorization::bearer(token)?).accepting(&[403]).send().await?;
        if answer.status() == 200 {
            return answer.json();
        }
        let refusal = self.api.endpoint().refusal(&answer);
        if refusal.kind() == ErrorKind::RateLimited {
            return Err(refusal);
        }
        let said = answer.words().map(|words| format!(" ({words})")).unwrap_or_default();
        let text = format!(
            "GitHub does not let this token see the repositories of its installation{said}: it is no installation token, or the \
             installation is suspended; hand in a token of the app, or lift the suspension"
        );
        Err(Error::new(ErrorKind::PermissionDenied, text))
    }

    /// A token ends itself. Twice is the same as once, and gone already is done, where GitHub itself says so. That refusal is not
    /// counted: it is one for each token that ends, and what is to be ended is not left alive to spare a count.
    pub(super) async fn end(&self, token: &Token) -> Result<()> {
        let call = self.api.call(Method::Delete, &["installation", "token"]).repeatable();
        match call.authorized(&Authorization::bearer(token)?).send().await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }
}

/// What to do about an installation that is switched off.
pub(super) fn suspended() -> String {
    "the installation is suspended: whoever suspended it lifts that on its page, under \"Danger zone\"".to_owned()
}
