//! The calls, and what GitHub's refusals mean.
//!
//! Sources: "REST API endpoints for users", "... for revocation", "... for OAuth authorizations", "Troubleshooting the
//! REST API" (GitHub documentation, API version 2022-11-28).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::limits;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Http, Method};
use crate::token::Token;

/// How long a locked account stays locked is not documented; it is asked again after this.
const LOCKED: Duration = Duration::from_mins(15);

/// One GitHub's interface.
#[derive(Clone, Debug)]
pub(super) struct Api {
    endpoint: Endpoint,
    /// It counts what its users ask for.
    counts: bool,
}

/// The part of a user that matters here.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// The part of a repository that matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) private: bool,
    #[serde(default)]
    pub(super) permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) admin: bool,
}

/// What an app's authorisation says of its token; each member may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Authorized {
    pub(super) user: Option<User>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) expires_at: Option<String>,
}

/// The part of a refusal that every one of GitHub's has.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

#[derive(Serialize)]
struct Credentials<'a> {
    credentials: Vec<&'a str>,
}

#[derive(Serialize)]
struct AccessToken<'a> {
    access_token: &'a str,
}

impl Api {
    pub(super) fn new(http: &Http, base: Url) -> Result<Self> {
        let limits = limits::of_api(&base);
        Ok(Self { endpoint: http.endpoint(base, words)?.limited(limits), counts: !limits.rates.is_empty() })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        self.endpoint
            .call(method, path)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
    }

    /// A token's own login. Where limits are counted, all tokens of an account that is known share them.
    fn login(&self, token: &Token, account: &str) -> Result<Authorization> {
        let by = Authorization::bearer(token)?;
        Ok(if self.counts && !account.is_empty() { by.counted_as(account) } else { by })
    }

    /// Whose token it is, and in the headers what it may do. Needs no scope. Empty where the account is not known.
    pub(super) async fn user(&self, token: &Token, account: &str) -> Result<Answer> {
        self.call(Method::Get, &["user"]).authorized(&self.login(token, account)?).send().await
    }

    /// A repository, as this account's token sees it.
    pub(super) async fn repository(&self, token: &Token, account: &str, owner: &str, name: &str) -> Result<Answer> {
        let path = ["repos", owner, name];
        let call = self.call(Method::Get, &path).authorized(&self.login(token, account)?);
        self.on_rights(call.accepting(&[403, 404]).send().await?)
    }

    /// A repository's webhooks: read only by who may administer them, and a change to nothing.
    pub(super) async fn webhooks(&self, token: &Token, account: &str, owner: &str, name: &str) -> Result<Answer> {
        let call = self.call(Method::Get, &["repos", owner, name, "hooks"]).query("per_page", "1");
        self.on_rights(call.authorized(&self.login(token, account)?).accepting(&[403, 404]).send().await?)
    }

    /// A refusal that GitHub itself gave for want of a right. A pause that it asks for, and the words of a proxy, are none.
    fn on_rights(&self, answer: Answer) -> Result<Answer> {
        if answer.status() == 200 {
            return Ok(answer);
        }
        let refusal = self.endpoint.refusal(&answer);
        if refusal.kind() == ErrorKind::RateLimited || !is_githubs(&answer) { Err(refusal) } else { Ok(answer) }
    }

    /// Revokes tokens by their values, asked by nobody: with a login it is refused. Twice is the same as once.
    pub(super) async fn revoke(&self, tokens: &[&Token]) -> Result<Answer> {
        let credentials = tokens.iter().map(|token| token.expose()).collect();
        let call = self.call(Method::Post, &["credentials", "revoke"]).json(&Credentials { credentials });
        let call = tokens.iter().fold(call, |call, token| call.carrying(token));
        call.accepting(&[404, 410]).repeatable().send().await
    }

    /// What an app's token is. It does not count as a login of the token.
    pub(super) async fn check(&self, app: &Authorization, client_id: &str, token: &Token) -> Result<Answer> {
        let answer = self.of_app(Method::Post, app, client_id, token).reading().accepting(&[404]).send().await?;
        // Any other 404 is not GitHub's word on the token, and must not pass for its death: gateways give reasons too.
        if answer.status() == 404 && !says_not_found(&answer) {
            Err(self.endpoint.refusal(&answer))
        } else {
            Ok(answer)
        }
    }

    /// Replaces an app's token. Never sent twice: the second would replace the replacement, or fail for a dead token.
    pub(super) async fn reset(&self, app: &Authorization, client_id: &str, token: &Token) -> Result<Answer> {
        self.of_app(Method::Patch, app, client_id, token).creating().send().await
    }

    /// Ends an app's token. Twice is the same as once.
    pub(super) async fn delete(&self, app: &Authorization, client_id: &str, token: &Token) -> Result<Answer> {
        self.of_app(Method::Delete, app, client_id, token).repeatable().accepting(&[404, 422]).send().await
    }

    fn of_app(&self, method: Method, app: &Authorization, client_id: &str, token: &Token) -> Call<'_> {
        self.call(method, &["applications", client_id, "token"])
            .authorized(app)
            .json(&AccessToken { access_token: token.expose() })
            .carrying(token)
    }
}

/// A refusal of a key of ours is no word on the token that was asked about; `text` says which key, and what to correct.
pub(super) fn own_key(error: Error, text: &'static str) -> Error {
    if error.kind() != ErrorKind::Unauthenticated {
        return error;
    }
    Error::new(ErrorKind::PermissionDenied, text).with_effect(error.effect())
}

/// Whether a refusal is GitHub's own: it gives a reason, as JSON.
fn is_githubs(answer: &Answer) -> bool {
    answer.json::<Refusal>().is_ok()
}

/// Whether GitHub says in its own words that a thing is not there.
fn says_not_found(answer: &Answer) -> bool {
    answer.json::<Refusal>().is_ok_and(|refusal| refusal.message == "Not Found")
}

/// GitHub's refusals in our words.
pub(super) fn words(answer: &Answer) -> Option<Error> {
    let said = answer.words().unwrap_or_default();
    let lower = said.to_ascii_lowercase();
    match answer.status() {
        // Any other 401 is not GitHub's word on the token, and must not pass for its death.
        401 if lower.contains("bad credentials") => Some(Error::new(
            ErrorKind::Unauthenticated,
            "GitHub does not know this token: it is mistyped, expired or revoked; present a live one",
        )),
        401 => Some(Error::new(
            ErrorKind::Protocol,
            format!(
                "GitHub answered 401 without saying that the token is unknown ({said}): does a proxy take the \
                 `Authorization` header away?"
            ),
        )),
        403 if lower.contains("login attempts") => Some(
            Error::new(
                ErrorKind::RateLimited,
                "GitHub has locked this account's logins for a while, those of live tokens too, as dead tokens were \
                 presented too often: stop whatever still uses one, and try again later",
            )
            .with_retry_after(LOCKED),
        ),
        403 | 429 if lower.contains("secondary rate limit") || lower.contains("abuse detection") => Some(Error::new(
            ErrorKind::RateLimited,
            "GitHub asks for a pause (secondary rate limit): try again after it",
        )),
        403 if sso_organization(answer).is_some() => Some(Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "the organisation {} wants the token authorised for single sign-on: press \"Configure SSO\" beside the token",
                sso_organization(answer).unwrap_or_default()
            ),
        )),
        _ => None,
    }
}

/// Which organisation wants single sign-on, where a refusal says so: `required; url=https://github.com/orgs/NAME/sso?...`.
/// The link itself is good for an hour and for one person; it is not passed on.
pub(super) fn sso_organization(answer: &Answer) -> Option<String> {
    let value = answer.header("x-github-sso")?.strip_prefix("required")?;
    let url = value.split(';').find_map(|part| part.trim().strip_prefix("url="))?;
    let url = Url::parse(url).ok()?;
    let mut path = url.path_segments()?;
    let name = path.by_ref().find(|segment| matches!(*segment, "orgs" | "enterprises")).and_then(|_| path.next());
    // It goes into errors and grants as it is.
    Some(answer.quotable(name.unwrap_or_default()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_limits_are_counted_the_tokens_of_an_account_share_them() {
        let http = Http::builder().build().unwrap();
        let token = Token::new("ghp_FAKEtoken").unwrap();
        let counted = |base: &str, account: &str| {
            let api = Api::new(&http, base.parse().unwrap()).unwrap();
            format!("{:?}", api.login(&token, account).unwrap())
        };
        let by_itself = format!("Authorization({})", token.fingerprint());
        assert_eq!(counted("https://api.github.com/", "build-bot"), "Authorization(build-bot)");
        assert_eq!(counted("https://api.github.com/", ""), by_itself);
        assert_eq!(counted("https://github.example.com/api/v3/", "build-bot"), by_itself);
    }
}
