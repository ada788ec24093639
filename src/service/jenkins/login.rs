//! Who asks, and the crumb that Jenkins wants of those who come with a password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Method};

/// Who asks.
pub(super) struct Login {
    pub(super) user: String,
    by: Authorization,
    how: How,
}

enum How {
    /// Needs no crumb, and no cookie is ever sent.
    ApiToken,
    /// Every POST carries a crumb and the cookies of the session that the crumb belongs to.
    Password(Mutex<Option<Session>>),
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
        Self::new(user, token, How::ApiToken)
    }

    pub(super) fn by_password(user: &str, password: &SecretString) -> Result<Self> {
        Self::new(user, password, How::Password(Mutex::default()))
    }

    fn new(user: &str, secret: &SecretString, how: How) -> Result<Self> {
        if user.is_empty() || secret.expose_secret().is_empty() {
            let text = "the login to Jenkins has an empty part: give a user and that user's API token or password";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let by = Authorization::basic(user, secret)?;
        Ok(Self { user: user.to_owned(), by, how })
    }

    /// Sends what reads.
    pub(super) async fn get(&self, call: Call<'_>) -> Result<Answer> {
        call.authorized(&self.by).send().await
    }

    /// Sends a POST; with a password once more when its crumb was refused, for a refusal changes nothing.
    pub(super) async fn post<'a>(&self, endpoint: &'a Endpoint, make: impl Fn() -> Call<'a> + Send) -> Result<Answer> {
        let How::Password(session) = &self.how else {
            return make().authorized(&self.by).send().await;
        };
        let mut session = session.lock().await;
        for last in [false, true] {
            let current = match session.take() {
                Some(current) => current,
                None => self.session(endpoint).await?,
            };
            let call = make().authorized(&self.by).accepting(&[403]);
            let answer = current.dress(call).send().await;
            if !matches!(&answer, Ok(answer) if refuses_crumb(answer)) {
                *session = Some(current);
                let answer = answer?;
                return if answer.status() == 403 { Err(endpoint.refusal(&answer)) } else { Ok(answer) };
            }
            if let (true, Ok(answer)) = (last, answer) {
                return Err(endpoint.refusal(&answer));
            }
        }
        Err(Error::new(ErrorKind::Internal, "a crumb was neither taken nor refused"))
    }

    /// A crumb with its session.
    ///
    /// Source: `DefaultCrumbIssuer`: the crumb is bound to the session since Jenkins 2.176.2. 404 says that protection
    /// against cross-site requests is off.
    async fn session(&self, endpoint: &Endpoint) -> Result<Session> {
        let call = endpoint.call(Method::Get, &["crumbIssuer", "api", "json"]).authorized(&self.by);
        let answer = call.accepting(&[404]).send().await?;
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
            How::ApiToken => "API token",
            How::Password(_) => "password",
        };
        write!(f, "{} by {how}", self.user)
    }
}
