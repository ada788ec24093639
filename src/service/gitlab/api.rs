//! The calls that a token makes for itself, and what is the same for all.
//!
//! Sources: "Personal access tokens API", "REST API authentication" (GitLab documentation); `lib/api/personal_access_tokens`
//! (GitLab's source): any token may look at and end itself, project and group tokens too.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::refusals::words;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Http, Limits, Method, Rate};
use crate::name::TokenId;
use crate::provider::Candidate;
use crate::token::Token;

/// gitlab.com takes 2,000 requests a minute of each user. Which of its tokens are one user's it does not say before it is
/// asked, so they are counted for each token. On a server of one's own there is no limit unless its administrator sets one.
///
/// Sources: "Rate limits on GitLab.com", <https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom>; "User and IP
/// rate limits", <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/>.
static PUBLISHED: Limits = Limits {
    in_flight: None,
    rates: &[Rate { points: 2000, within: Duration::from_mins(1), cost: |_| 1 }],
    throttles: false,
};

/// One GitLab's interface.
#[derive(Clone, Debug)]
pub(super) struct Api {
    endpoint: Endpoint,
}

/// What GitLab says of a token, but for its value. Each member may be missing, and what is new is passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) user_id: Option<u64>,
    #[serde(default)]
    pub(super) scopes: Option<Vec<String>>,
    #[serde(default)]
    pub(super) revoked: bool,
    #[serde(default)]
    pub(super) active: Option<bool>,
    /// Null where it has no end, which is not the same as nothing said.
    #[serde(default = "unsaid")]
    pub(super) expires_at: Value,
    #[serde(default)]
    pub(super) last_used_at: Option<String>,
    /// Of a project's or a group's token: its role there.
    #[serde(default)]
    pub(super) access_level: Option<u64>,
    /// A fine-grained token: its scopes are not these.
    #[serde(default)]
    pub(super) granular: bool,
}

fn unsaid() -> Value {
    Value::Bool(false)
}

impl Row {
    pub(super) fn is_alive(&self) -> bool {
        !self.revoked && self.active.unwrap_or(true)
    }
}

/// What matters of a token that was just made, and nothing that could be malformed.
#[derive(Deserialize)]
struct Minted<'a> {
    #[serde(borrow)]
    token: std::borrow::Cow<'a, str>,
    #[serde(default)]
    id: Value,
}

#[derive(Serialize)]
struct Rotation<'a> {
    expires_at: &'a str,
}

impl Api {
    /// The interface of the GitLab at this address, as people open it: it may lie below a path.
    pub(super) fn new(http: &Http, server: &Url) -> Result<Self> {
        let mut base = server.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let path = format!("{}api/v4/", base.path());
        base.set_path(&path);
        let limits = if server.host_str() == Some("gitlab.com") { &PUBLISHED } else { &Limits::NONE };
        Ok(Self { endpoint: http.endpoint(base, words)?.limited(limits) })
    }

    pub(super) fn base(&self) -> &Url {
        self.endpoint.base()
    }

    /// A call of whoever this is.
    pub(super) fn call(&self, method: Method, path: &[&str], by: &Authorization) -> Call<'_> {
        self.endpoint.call(method, path).header("accept", "application/json").authorized(by)
    }

    /// The error that an accepted answer would have been.
    pub(super) fn refusal(&self, answer: &Answer) -> Error {
        self.endpoint.refusal(answer)
    }

    /// What a token is, asked with itself. Needs no scope. GitLab 15.5 or newer. It counts as a use of the token.
    pub(super) async fn look(&self, token: &Token) -> Result<(Answer, Row)> {
        let by = Authorization::private_token(token)?;
        let answer = self.call(Method::Get, &["personal_access_tokens", "self"], &by).send().await?;
        let row = answer.json()?;
        Ok((answer, row))
    }

    /// Replaces a personal token by itself. Needs `api` or `self_rotate`. GitLab 16.10 or newer, `expires_at` included.
    ///
    /// Never sent twice: the second time the token would be dead, and GitLab would take it for theft and end the new one.
    pub(super) async fn rotate(&self, token: &Token, expires_at: &str) -> Result<Answer> {
        let by = Authorization::private_token(token)?;
        let path = ["personal_access_tokens", "self", "rotate"];
        self.call(Method::Post, &path, &by).json(&Rotation { expires_at }).send().await
    }

    /// A token ends itself. Needs no scope. GitLab 15.4 or newer. Twice is the same as once, and gone already is done.
    pub(super) async fn end(&self, token: &Token) -> Result<()> {
        let by = Authorization::private_token(token)?;
        let call = self.call(Method::Delete, &["personal_access_tokens", "self"], &by).repeatable();
        match call.send().await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }
}

/// A key of ours, with which GitLab is asked about the tokens of others.
pub(super) fn key(secret: &SecretString) -> Result<Authorization> {
    Authorization::private_token(&Token::new(secret.expose_secret())?)
}

/// The token in an answer to a request for one: whatever else is in there, its value and its number count.
pub(super) fn minted(answer: &Answer) -> Result<Candidate> {
    let minted: Minted<'_> =
        serde_json::from_slice(answer.body()).map_err(|_| answer.not_understood("there is no token in it"))?;
    let token = Token::new(&minted.token).map_err(|_| answer.not_understood("its token is none"))?;
    let id = minted.id.as_u64().and_then(|id| TokenId::new(id.to_string()).ok());
    Ok(Candidate::new(token).with_id(id))
}
