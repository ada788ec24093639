//! Which app, where it is installed, and what its tokens reach.

use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use url::Url;

use super::InstallationTokens;
use super::calls::{Calls, Target};
use super::jwt::AppKey;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::service::github::Addresses;
use crate::service::github::api::Api;
use crate::service::sparing::Sparing;

/// So many repositories may be named. Source: "Create an installation access token for an app" (GitHub documentation).
const MANY: usize = 500;

/// Puts [`InstallationTokens`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct InstallationTokensBuilder {
    http: Http,
    app: u64,
    key: SecretString,
    server: Option<Url>,
    target: Option<Target>,
    repositories: Option<Vec<String>>,
    clock: Arc<dyn Clock>,
}

impl InstallationTokensBuilder {
    pub(in crate::service::github) fn new(http: &Http, app: u64, key: SecretString) -> Self {
        Self {
            http: http.clone(),
            app,
            key,
            server: None,
            target: None,
            repositories: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// A GitHub Enterprise Server, or a GitHub with data residency (`https://SUBDOMAIN.ghe.com`), in place of github.com, by
    /// the address that people open.
    pub fn server(mut self, server: Url) -> Self {
        self.server = Some(server);
        self
    }

    /// The installation of this number: it stands at the end of the address of the installation's page.
    pub fn installation(mut self, id: u64) -> Self {
        self.target = Some(Target::Installation(id));
        self
    }

    /// The installation in this organisation, looked up by `GET /orgs/{org}/installation`.
    pub fn organization(mut self, organization: impl Into<String>) -> Self {
        self.target = Some(Target::Organization(organization.into()));
        self
    }

    /// The installation that reaches this repository, looked up by `GET /repos/{owner}/{repo}/installation`. Its tokens reach
    /// all others of the installation too: name those that they shall with [`repositories`](Self::repositories).
    pub fn repository(mut self, owner: impl Into<String>, name: impl Into<String>) -> Self {
        self.target = Some(Target::Repository { owner: owner.into(), name: name.into() });
        self
    }

    /// The installation of this user, looked up by `GET /users/{username}/installation`.
    pub fn user(mut self, login: impl Into<String>) -> Self {
        self.target = Some(Target::User(login.into()));
        self
    }

    /// The tokens reach these repositories alone, at most 500, by their names without the owner. All that the installation
    /// reaches unless set.
    pub fn repositories<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.repositories = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// By which clock the app signs: the machine's unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a key that cannot be read; [`ErrorKind::Configuration`] when nothing was said of where
    /// the app is installed, for repositories that are none, or for an address without TLS.
    pub fn build(self) -> Result<InstallationTokens> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        let Some(target) = self.target else {
            return wrong(
                "say where the app is installed: `organization`, `user` or `repository`, which are looked up, or `installation` \
                 with its number",
            );
        };
        let narrowed = self.repositories.is_some();
        let repositories = self.repositories.unwrap_or_default();
        if narrowed && repositories.is_empty() {
            return wrong("the list of repositories is empty: name them, or leave `repositories` out to reach all");
        }
        if repositories.len() > MANY {
            return wrong(
                "GitHub takes the names of 500 repositories at most: leave `repositories` out, or name fewer",
            );
        }
        if repositories.iter().any(|name| name.is_empty() || name.contains('/')) {
            return wrong("a repository is named here without its owner, like `site`: correct `repositories`");
        }
        let addresses = Addresses::of(self.server.as_ref())?;
        Ok(InstallationTokens {
            // The journal tells one app's tokens from another's by it.
            name: format!(
                "installation tokens of the GitHub App {} at {} of {}",
                self.app,
                target.name(),
                addresses.name()
            ),
            calls: Calls {
                api: Api::new(&self.http, addresses.api.clone())?,
                key: AppKey::read(self.app, &self.key, self.clock.clone())?,
            },
            addresses,
            target,
            repositories,
            clock: self.clock,
            installation: Mutex::default(),
            births: Mutex::default(),
            sparing: Sparing::default(),
        })
    }
}
