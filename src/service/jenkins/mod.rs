//! Jenkins: credentials that jobs and plugins log in with.

mod address;
mod api;
mod check;
mod credential;
mod document;
mod failure;
mod login;

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use self::api::Connection;
pub use self::credential::{CodeManaged, JenkinsCredential};
use self::login::Login;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Endpoint, Http};

/// A connection to one Jenkins, which hands out the credentials to keep up to date. Cheap to clone.
///
/// Observed with Jenkins 2.460 and credentials plugin 1337; read in the sources up to 2.578 and 1502.
///
/// ```
/// use tokenturn::{Http, Jenkins};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let http = Http::builder().user_agent("acme-rotator/1").build()?;
/// let jenkins = Jenkins::at(&http, "https://ci.example.com/jenkins".parse()?)?
///     .api_token("rotator", "11fakefakefakefakefakefakefakefake".into())
///     .build()?;
/// let clone = jenkins.credential("git-pat").in_folder("team/app");
/// let hooks = jenkins.credential("github-text").test_connection().cached_by_github_plugin();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Jenkins {
    connection: Arc<Connection>,
}

/// Puts a [`Jenkins`] together.
#[derive(Debug)]
#[must_use]
pub struct JenkinsBuilder {
    endpoint: Endpoint,
    login: Option<(String, Secret)>,
}

#[derive(Debug)]
enum Secret {
    ApiToken(SecretString),
    Password(SecretString),
}

impl Jenkins {
    /// The Jenkins at this address, with its context path: `https://ci.example.com/jenkins`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an address that is none, has no TLS, or holds more than host and path.
    pub fn at(http: &Http, address: Url) -> Result<JenkinsBuilder> {
        Ok(JenkinsBuilder { endpoint: http.endpoint(address, failure::explain)?, login: None })
    }

    /// The credential of this id in the global domain of the store of the whole Jenkins; see
    /// [`JenkinsCredential::in_folder`] and [`JenkinsCredential::in_domain`] for others.
    pub fn credential(&self, id: impl Into<String>) -> JenkinsCredential {
        JenkinsCredential::new(self.connection.clone(), id.into())
    }
}

impl JenkinsBuilder {
    /// Logs in as this user with an API token of theirs. This is the way for programs: it needs no session and no crumb.
    /// Source: `ApiCrumbExclusion`, since Jenkins 2.96.
    pub fn api_token(mut self, user: impl Into<String>, token: SecretString) -> Self {
        self.login = Some((user.into(), Secret::ApiToken(token)));
        self
    }

    /// Logs in as this user with the password. Every write then carries a crumb and the cookie of its session; they are
    /// fetched when first needed, and once again when refused. Source: `CrumbFilter`, `DefaultCrumbIssuer`.
    pub fn password(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.login = Some((user.into(), Secret::Password(password)));
        self
    }

    /// The `Jenkins`. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] without a login or with an empty part of it, [`ErrorKind::InvalidInput`] for a user
    /// that cannot be one.
    pub fn build(self) -> Result<Jenkins> {
        let login = match &self.login {
            Some((user, Secret::ApiToken(token))) => Login::by_api_token(user, token)?,
            Some((user, Secret::Password(password))) => Login::by_password(user, password)?,
            None => {
                let text = "who logs in to Jenkins is not said: call `api_token` or `password`";
                return Err(Error::new(ErrorKind::Configuration, text));
            }
        };
        Ok(Jenkins { connection: Arc::new(Connection { endpoint: self.endpoint, login }) })
    }
}
