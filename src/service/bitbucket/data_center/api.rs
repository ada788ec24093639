//! The calls, and what the refusals of Bitbucket Data Center mean.
//!
//! Sources: the REST description of `access-tokens` and "HTTP access tokens" (Bitbucket Data Center documentation). A user
//! who may not do something gets 401 and not 403, and the error's `exceptionName` tells the two apart. What the exceptions of
//! `com.atlassian.bitbucket.auth` mean, its Javadoc says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::Target;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Http, Method};
use crate::name::TokenId;
use crate::service::bitbucket::Repository;
use crate::service::sparing::Sparing;
use crate::token::{Expiry, Scope, ScopeSet, Token};

/// How many tokens a page has.
const PAGE: &str = "100";

/// No account may have more than 400 tokens unless its administrator raised that; a listing beyond this never ends.
const MOST_PAGES: usize = 100;

#[derive(Debug)]
pub(super) struct Api {
    endpoint: Endpoint,
    /// The login that makes, lists and ends tokens.
    key: Authorization,
    /// Whose login that is.
    user: String,
    /// A password that may be wrong is tried sparingly: Bitbucket locks the login, and whoever else uses it.
    sparing: Sparing<()>,
    target: Target,
}

/// A token as a listing has it: never its value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    id: Value,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    permissions: Value,
    #[serde(default)]
    expiry_date: Value,
}

/// What matters of a token that was just made. The value is not copied out of the answer.
#[derive(Deserialize)]
struct Minted<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(default)]
    id: Value,
}

#[derive(Deserialize)]
struct Page {
    values: Vec<Listed>,
    #[serde(rename = "isLastPage")]
    is_last: bool,
    #[serde(default, rename = "nextPageStart")]
    next: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    name: &'a str,
    permissions: &'a [&'a str],
    expiry_days: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    exception_name: Option<String>,
}

#[derive(Deserialize)]
struct Problems {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Seen {
    #[serde(default)]
    public: Option<bool>,
}

/// What a token could do with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Allowed,
    Public,
    Refused,
}

impl Listed {
    /// Its number, which is text to some versions.
    pub(super) fn id(&self) -> Option<TokenId> {
        id(&self.id)
    }

    pub(super) fn permissions(&self) -> Option<ScopeSet> {
        let names = self.permissions.as_array()?;
        Some(names.iter().filter_map(Value::as_str).map(|name| Scope::new(name.to_owned())).collect())
    }

    /// In milliseconds since the start of 1970; a token without an end has none.
    pub(super) fn expiry(&self) -> Expiry {
        match (&self.expiry_date, self.expiry_date.as_i64()) {
            (Value::Null, _) => Expiry::Never,
            (_, Some(end)) => Expiry::At(Timestamp::from_unix_seconds(end / 1000)),
            (_, None) => Expiry::Unknown,
        }
    }
}

fn id(value: &Value) -> Option<TokenId> {
    let text = value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))?;
    TokenId::new(text).ok()
}

impl Api {
    pub(super) fn new(http: &Http, base: Url, user: String, key: Authorization, target: Target) -> Result<Self> {
        Ok(Self { endpoint: http.endpoint(base, words)?, key, user, sparing: Sparing::default(), target })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A call about the target's tokens, or one of them.
    fn tokens(&self, method: Method, id: Option<&TokenId>) -> Call<'_> {
        let mut path = vec!["rest", "access-tokens", "latest"];
        match &self.target {
            Target::User { slug } => path.extend(["users", slug]),
            Target::Project { key } => path.extend(["projects", key]),
            Target::Repository(repository) => path.extend(["projects", &repository.within, "repos", &repository.slug]),
        }
        path.extend(id.map(TokenId::as_str));
        self.endpoint.call(method, &path).authorized(&self.key).header("accept", "application/json")
    }

    /// Sends a call of our own login.
    async fn send(&self, call: Call<'_>) -> Result<Answer> {
        self.sparing.look(&self.endpoint, &self.user, (), call.send()).await.map_err(own_key)
    }

    /// Makes a token. Never sent twice: the second would make another.
    pub(super) async fn create(
        &self,
        name: &str,
        permissions: &[&str],
        expiry_days: u64,
    ) -> Result<(Token, Option<TokenId>, Option<Listed>)> {
        let wanted = Wanted { name, permissions, expiry_days };
        let answer = self.send(self.tokens(Method::Put, None).json(&wanted)).await?;
        minted(&answer)
    }

    /// All tokens of the target.
    pub(super) async fn list(&self) -> Result<Vec<Listed>> {
        let (mut found, mut start) = (Vec::new(), 0);
        for _ in 0..MOST_PAGES {
            let call = self.tokens(Method::Get, None).query("limit", PAGE).query("start", &start.to_string());
            let answer = self.send(call).await?;
            let page: Page = answer.json()?;
            found.extend(page.values);
            if page.is_last {
                return Ok(found);
            }
            start = page
                .next
                .filter(|next| *next > start)
                .ok_or_else(|| answer.not_understood("it says that there is another page and not where that begins"))?;
        }
        let text = "the list of tokens does not end: see what really answers at this address";
        Err(Error::new(ErrorKind::Protocol, text))
    }

    /// A token by its number; nothing where the target has none of it. An answer 404 alone could mean that the account is
    /// not there, or not for us.
    pub(super) async fn by_id(&self, id: &TokenId) -> Result<Option<Listed>> {
        let answer = self.send(self.tokens(Method::Get, Some(id)).accepting(&[404])).await?;
        if answer.status() != 404 {
            return answer.json().map(Some);
        }
        self.in_list(id).await
    }

    async fn in_list(&self, id: &TokenId) -> Result<Option<Listed>> {
        Ok(self.list().await?.into_iter().find(|listed| listed.id().as_ref() == Some(id)))
    }

    /// Ends a token. Twice is the same as once.
    pub(super) async fn delete(&self, id: &TokenId) -> Result<()> {
        let call = self.tokens(Method::Delete, Some(id)).repeatable().accepting(&[404]);
        let answer = self.send(call).await?;
        if answer.status() == 404 && self.in_list(id).await?.is_some() {
            return Err(self.endpoint.refusal(&answer));
        }
        Ok(())
    }

    /// As whom the server takes this token, by a call that needs a login to say so.
    pub(super) async fn who(&self, token: &Token) -> Result<String> {
        let call = self.endpoint.call(Method::Get, &["rest", "api", "latest", "projects"]).query("limit", "1");
        let answer = call.authorized(&Authorization::bearer(token)?).send().await?;
        match answer.header("x-ausername").filter(|name| !name.is_empty() && *name != "anonymous") {
            Some(name) => Ok(name.to_owned()),
            None => Err(answer.not_understood(
                "as it does not say who is logged in: a proxy may have taken the token away, and nothing follows for it",
            )),
        }
    }

    /// What a token that is taken sees of a repository.
    pub(super) async fn reach(&self, token: &Token, repository: &Repository, administer: bool) -> Result<Reach> {
        let mut path = vec!["rest", "api", "latest", "projects", &repository.within, "repos", &repository.slug];
        if administer {
            // Read only by who may administer it, and a change to nothing.
            path.extend(["permissions", "users"]);
        }
        let call = self.endpoint.call(Method::Get, &path).authorized(&Authorization::bearer(token)?);
        let answer = match call.accepting(&[404]).send().await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(Reach::Refused),
            Err(error) => return Err(error),
        };
        if answer.status() == 404 {
            // Another 404 is no word on the token's rights.
            let own = answer.json::<Problems>().is_ok();
            return if own { Ok(Reach::Refused) } else { Err(self.endpoint.refusal(&answer)) };
        }
        let public = !administer && answer.json::<Seen>()?.public == Some(true);
        Ok(if public { Reach::Public } else { Reach::Allowed })
    }
}

/// The token in an answer to a request for one. It is made by now: whatever can be read of it counts.
pub(super) fn minted(answer: &Answer) -> Result<(Token, Option<TokenId>, Option<Listed>)> {
    let minted: Minted<'_> =
        serde_json::from_slice(answer.body()).map_err(|_| answer.not_understood("there is no token in it"))?;
    let token = Token::new(&minted.token).map_err(|_| answer.not_understood("its token is none"))?;
    Ok((token, id(&minted.id), serde_json::from_slice(answer.body()).ok()))
}

/// A refusal of our own login is no word on any token.
fn own_key(error: Error) -> Error {
    if error.kind() != ErrorKind::Unauthenticated {
        return error;
    }
    Error::new(
        ErrorKind::PermissionDenied,
        "Bitbucket does not take the user name and password that make tokens: correct them before trying again, as it locks \
         logins after some failures; a token in the place of the password cannot make tokens",
    )
    .with_effect(error.effect())
}

/// The account may not log in, whatever it presents.
const CLOSED: [&str; 3] = [
    ".ExpiredPasswordAuthenticationException",
    ".InactiveUserAuthenticationException",
    ".NoAccessAuthenticationException",
];

/// The refusals of Bitbucket Data Center in our words.
pub(super) fn words(answer: &Answer) -> Option<Error> {
    let problem = answer.json::<Problems>().ok().and_then(|problems| problems.errors.into_iter().next());
    let said =
        |problem: &Problem| problem.message.as_deref().and_then(|text| answer.quotable(text)).unwrap_or_default();
    let name = problem.as_ref().and_then(|problem| problem.exception_name.as_deref()).unwrap_or_default();
    match (answer.status(), &problem) {
        (401, Some(_)) if name.contains("Captcha") => Some(Error::new(
            ErrorKind::PermissionDenied,
            "Bitbucket has locked this login after failed attempts and wants a CAPTCHA: log in once in a browser, and stop \
             whatever uses a wrong password",
        )),
        (401 | 403, Some(problem)) if name.contains("Authoris") || answer.status() == 403 => Some(Error::new(
            ErrorKind::PermissionDenied,
            format!("Bitbucket knows who asks and refuses ({}): grant the right", said(problem)),
        )),
        (401, Some(_)) if name.ends_with(".IncorrectPasswordAuthenticationException") => Some(Error::new(
            ErrorKind::Unauthenticated,
            "Bitbucket does not know this token: it is mistyped, expired or revoked; present a live one",
        )),
        // Whatever is presented fails then, dead or alive.
        (401, Some(problem)) if name.ends_with(".AuthenticationSystemException") => Some(Error::new(
            ErrorKind::Unavailable,
            format!(
                "Bitbucket's login system failed ({}), and nothing follows for what was presented: try again later",
                said(problem)
            ),
        )),
        (401, Some(problem)) if CLOSED.iter().any(|closed| name.ends_with(closed)) => Some(Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "Bitbucket knows this account and lets it in no more ({}): see whether it is active, has access to Bitbucket, \
                 and a password that has not expired",
                said(problem)
            ),
        )),
        (401, _) => Some(Error::new(
            ErrorKind::Protocol,
            "there was an answer 401 that does not say whether the token is unknown or the right is missing: nothing follows \
             for the token; see what stands between",
        )),
        (400, Some(problem)) if said(problem).to_ascii_lowercase().contains("maximum") => Some(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "Bitbucket makes no more tokens for this account ({}): delete some that are no longer used, and try again",
                said(problem)
            ),
        )),
        (400, Some(problem)) if problem.message.is_some() => Some(Error::new(
            ErrorKind::InvalidInput,
            format!("Bitbucket refuses what was sent ({}): correct name, permissions or lifetime", said(problem)),
        )),
        _ => None,
    }
}
