//! Who asks, and the crumb that Jenkins wants of those who come with a password.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::key::JenkinsKey;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Method};
use crate::service::sparing::Sparing;
use crate::token::Token;

/// Who asks.
pub(super) struct Login {
    pub(super) user: String,
    how: How,
    /// Which tokens were taken of late; shared by all who log in with one key.
    sparing: Arc<Sparing>,
}

enum How {
    /// Needs no crumb, and no cookie is ever sent.
    Key(JenkinsKey),
    Password(Box<Password>),
}

/// Every POST carries a crumb and the cookies of the session that the crumb belongs to.
struct Password {
    by: Authorization,
    /// One that may be wrong is tried sparingly: whoever keeps the passwords may lock the account.
    sparing: Sparing<()>,
    /// One for all that this handle sends.
    session: Mutex<Option<Arc<Session>>>,
}

/// A crumb and the session it belongs to.
struct Session {
    /// The header that carries the crumb; `None` where Jenkins wants none.
    crumb: Option<(String, SecretString)>,
    cookies: SecretString,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Crumb {
    crumb: String,
    crumb_request_field: String,
}

impl Login {
    pub(super) fn by_api_token(user: &str, token: &SecretString) -> Result<Self> {
        if token.expose_secret().is_empty() {
            return Err(empty());
        }
        Ok(Self::by_key(&JenkinsKey::new(user, Token::new(token.expose_secret())?)?))
    }

    pub(super) fn by_key(key: &JenkinsKey) -> Self {
        Self { user: key.user().to_owned(), how: How::Key(key.clone()), sparing: key.sparing() }
    }

    pub(super) fn by_password(user: &str, password: &SecretString) -> Result<Self> {
        if user.is_empty() || password.expose_secret().is_empty() {
            return Err(empty());
        }
        let by = Authorization::basic(user, password)?;
        let how = How::Password(Box::new(Password { by, sparing: Sparing::default(), session: Mutex::default() }));
        Ok(Self { user: user.to_owned(), how, sparing: Arc::default() })
    }

    /// The key that it logs in with; nothing where that is a password.
    pub(super) fn key(&self) -> Option<&JenkinsKey> {
        match &self.how {
            How::Key(key) => Some(key),
            How::Password(..) => None,
        }
    }

    /// Sends what reads.
    pub(super) async fn get<'a>(&self, endpoint: &'a Endpoint, make: impl Fn() -> Call<'a> + Send) -> Result<Answer> {
        match &self.how {
            How::Key(key) => self.send(key, endpoint, make).await,
            How::Password(password) => self.try_password(password, endpoint, make()).await,
        }
    }

    /// Sends a POST; with a password once more when its crumb was refused, for a refusal changes nothing.
    pub(super) async fn post<'a>(&self, endpoint: &'a Endpoint, make: impl Fn() -> Call<'a> + Send) -> Result<Answer> {
        let password = match &self.how {
            How::Key(key) => return self.send(key, endpoint, make).await,
            How::Password(password) => password,
        };
        let mut refused = None;
        for last in [false, true] {
            let session = self.session(endpoint, password, refused.as_ref()).await?;
            let call = session.dress(make()).accepting(&[403]);
            let answer = self.try_password(password, endpoint, call).await;
            if !matches!(&answer, Ok(answer) if refuses_crumb(answer)) {
                return answer;
            }
            if let (true, Ok(answer)) = (last, answer) {
                return Err(endpoint.refusal(&answer));
            }
            refused = Some(session);
        }
        Err(Error::new(ErrorKind::Internal, "a crumb was neither taken nor refused"))
    }

    /// The session that all share, unless it is the one that was refused. It is begun by one, and the others wait for that;
    /// what is sent in it waits for nothing.
    async fn session(
        &self,
        endpoint: &Endpoint,
        password: &Password,
        refused: Option<&Arc<Session>>,
    ) -> Result<Arc<Session>> {
        let mut session = password.session.lock().await;
        let is_refused = |session: &Arc<Session>| refused.is_some_and(|refused| Arc::ptr_eq(refused, session));
        if let Some(session) = session.as_ref().filter(|session| !is_refused(session)) {
            return Ok(session.clone());
        }
        *session = None;
        let begun = Arc::new(self.begun(endpoint, password).await?);
        *session = Some(begun.clone());
        Ok(begun)
    }

    /// Sends with the password, where the account bears it. Of the answers 403, which may show nothing of the password, only
    /// a refused crumb is none of the errors: Jenkins looks at that after the login.
    async fn try_password(&self, password: &Password, endpoint: &Endpoint, call: Call<'_>) -> Result<Answer> {
        let look = async {
            let answer = call.authorized(&password.by).send().await?;
            if answer.status() == 403 && !refuses_crumb(&answer) {
                return Err(endpoint.refusal(&answer));
            }
            Ok(answer)
        };
        password.sparing.look(endpoint, &self.user, (), look).await
    }

    /// Sends with what the cell holds; once more with what it holds by then, if the login was refused and the key replaced
    /// meanwhile: a refused login changes nothing.
    async fn send<'a>(
        &self,
        key: &JenkinsKey,
        endpoint: &'a Endpoint,
        make: impl Fn() -> Call<'a> + Send,
    ) -> Result<Answer> {
        let mut held = key.held();
        loop {
            let call = make().authorized(&held.by);
            let sent = self.sparing.look(endpoint, &self.user, held.token.fingerprint(), call.send()).await;
            let now = key.held();
            match sent {
                Err(error) if error.kind() == ErrorKind::Unauthenticated && now.token != held.token => held = now,
                sent => return sent,
            }
        }
    }

    /// Sends what reads as another login: this API token of this user. One that is dead is presented sparingly, as Jenkins
    /// takes what is no API token for a password, and whoever keeps the passwords may lock the account.
    ///
    /// Source: `BasicHeaderRealPasswordAuthenticator` (Jenkins core), which comes after the one for API tokens.
    pub(super) async fn as_other(
        &self,
        endpoint: &Endpoint,
        user: &str,
        token: &Token,
        call: Call<'_>,
    ) -> Result<Answer> {
        let call = call.authorized(&basic(user, token)?);
        self.sparing.look(endpoint, user, token.fingerprint(), call.send()).await
    }

    /// A crumb with its session.
    ///
    /// Source: `DefaultCrumbIssuer`: the crumb is bound to the session since Jenkins 2.176.2. 404 says that protection
    /// against cross-site requests is off.
    async fn begun(&self, endpoint: &Endpoint, password: &Password) -> Result<Session> {
        let call = endpoint.call(Method::Get, &["crumbIssuer", "api", "json"]).accepting(&[404]);
        let answer = self.try_password(password, endpoint, call).await?;
        let cookies: Vec<&str> =
            answer.header_values("set-cookie").filter_map(|cookie| cookie.split(';').next()).map(str::trim).collect();
        let cookies = SecretString::from(cookies.join("; "));
        if answer.status() == 404 {
            return Ok(Session { crumb: None, cookies });
        }
        let Crumb { crumb, crumb_request_field: field } = answer.json()?;
        let taken = ["authorization", "cookie", "host", "content-type", "content-length", "transfer-encoding"];
        if taken.contains(&field.to_ascii_lowercase().as_str()) {
            return Err(answer.not_understood("it names a header for its crumb that has another use"));
        }
        Ok(Session { crumb: Some((field, SecretString::from(crumb))), cookies })
    }
}

impl Session {
    fn dress<'a>(&self, mut call: Call<'a>) -> Call<'a> {
        if let Some((name, crumb)) = &self.crumb {
            call = call.secret_header(name, crumb.expose_secret());
        }
        if self.cookies.expose_secret().is_empty() {
            return call;
        }
        call.secret_header("cookie", self.cookies.expose_secret())
    }
}

/// An API token as Jenkins takes it: as the password of its user.
pub(super) fn basic(user: &str, token: &Token) -> Result<Authorization> {
    Authorization::basic(user, &SecretString::from(token.expose()))
}

pub(super) fn empty() -> Error {
    let text = "the login to Jenkins has an empty part: give a user and that user's API token or password";
    Error::new(ErrorKind::Configuration, text)
}

/// Whether a crumb was missing or out of date.
///
/// Source: `CrumbFilter`; the text is not translated.
pub(super) fn refuses_crumb(answer: &Answer) -> bool {
    let refusal = b"No valid crumb";
    answer.status() == 403 && answer.body().windows(refusal.len()).any(|words| words == refusal)
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Key(_) => "API token",
            How::Password(..) => "password",
        };
        write!(f, "{} by {how}", self.user)
    }
}
