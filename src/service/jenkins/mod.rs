//! Jenkins: credentials that jobs and plugins log in with, and its own API tokens.

mod address;
mod api;
mod api_tokens;
mod check;
mod credential;
mod document;
mod failure;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod joint;
mod key;
mod login;
mod own_key;
mod token_api;
mod token_guide;

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use self::api::Connection;
pub use self::api_tokens::{JenkinsApiTokens, JenkinsApiTokensBuilder};
pub use self::credential::{CodeManaged, JenkinsCredential};
pub use self::key::JenkinsKey;
use self::login::Login;
pub use self::own_key::JenkinsOwnKey;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Endpoint, Http};

/// A connection to one Jenkins, which hands out the credentials to keep up to date. Cheap to clone.
///
/// All that is handed out shares its session and its crumb, where there is one, and what is asked at the same time: who it
/// logs in as, what a store holds, how Jenkins is configured. An answer is never older than the question. Writes to one store
/// go one after the other, whichever handle of the process makes them. So build one handle for many credentials.
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
    login: Option<Secret>,
}

#[derive(Debug)]
enum Secret {
    Key(JenkinsKey),
    ApiToken(String, SecretString),
    Password(String, SecretString),
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

    /// The API tokens of the user who logs in, to issue and end them.
    pub fn api_tokens(&self) -> JenkinsApiTokensBuilder {
        JenkinsApiTokensBuilder::new(self.connection.clone())
    }

    /// The key that this handle logs in with, and every other that was built with the same one, as a place to keep up to
    /// date.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for a handle that logs in with a password.
    pub fn own_key(&self) -> Result<JenkinsOwnKey> {
        match self.connection.login.key() {
            Some(key) => Ok(JenkinsOwnKey::new(self.connection.clone(), key.clone())),
            None => Err(Error::new(
                ErrorKind::Configuration,
                "this handle logs in with a password, which no API token replaces: build it with `key` or `api_token`",
            )),
        }
    }
}

impl JenkinsBuilder {
    /// Logs in with this key, which other handles may share. It is the way for programs whose own API token is rotated too.
    pub fn key(mut self, key: &JenkinsKey) -> Self {
        self.login = Some(Secret::Key(key.clone()));
        self
    }

    /// Logs in as this user with an API token of theirs. This is the way for programs: it needs no session and no crumb.
    /// Source: `ApiCrumbExclusion`, since Jenkins 2.96.
    pub fn api_token(mut self, user: impl Into<String>, token: SecretString) -> Self {
        self.login = Some(Secret::ApiToken(user.into(), token));
        self
    }

    /// Logs in as this user with the password. Every write then carries a crumb and the cookie of its session; they are
    /// fetched when first needed, and once again when refused. Source: `CrumbFilter`, `DefaultCrumbIssuer`.
    pub fn password(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.login = Some(Secret::Password(user.into(), password));
        self
    }

    /// The `Jenkins`. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] without a login, with an empty part of it or with the key of another Jenkins,
    /// [`ErrorKind::InvalidInput`] for a user or an API token that cannot be one.
    pub fn build(self) -> Result<Jenkins> {
        let login = match &self.login {
            Some(Secret::Key(key)) => {
                key.bind(self.endpoint.base())?;
                Login::by_key(key)
            }
            Some(Secret::ApiToken(user, token)) => Login::by_api_token(user, token)?,
            Some(Secret::Password(user, password)) => Login::by_password(user, password)?,
            None => {
                let text = "who logs in to Jenkins is not said: call `key`, `api_token` or `password`";
                return Err(Error::new(ErrorKind::Configuration, text));
            }
        };
        Ok(Jenkins { connection: Arc::new(Connection::new(self.endpoint, login)) })
    }
}

/// Host, port and context path: more than one Jenkins may be on a host.
fn place(base: &Url) -> String {
    let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", base.host_str().unwrap_or_default(), base.path().trim_end_matches('/'))
}
