//! The calls about API tokens, and what they answer.
//!
//! Sources: `ApiTokenProperty.DescriptorImpl` and `ApiTokenStore` (Jenkins core), `hudson.security.WhoAmI`. No interface lists
//! the tokens of a user: only the page for people does.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::api::{Connection, WhoAmI};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Method};
use crate::name::{Label, TokenId};
use crate::token::Token;

/// The first version whose API tokens can have an end.
const WITH_ENDS: (u32, u32) = (2, 548);

/// A token that was just made.
pub(super) struct Minted {
    pub(super) token: Token,
    pub(super) id: Option<TokenId>,
    /// Whether the answer tells an end. When that is it does not say: the date is written for people.
    pub(super) ends: bool,
}

/// What matters of the answer that has a token in it, and nothing that could be malformed.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    token_value: Cow<'a, str>,
    #[serde(default)]
    token_uuid: Value,
    #[serde(default)]
    expiration_date: Value,
}

/// What a refusal says, which comes with HTTP 200.
#[derive(Deserialize)]
struct Refused {
    status: String,
    #[serde(default)]
    message: Option<String>,
}

impl Connection {
    /// As whom Jenkins takes an API token: the user, as it writes the name. `Unauthenticated` is Jenkins' own word alone.
    pub(super) async fn works_as(&self, user: &str, token: &Token) -> Result<String> {
        let call = self.endpoint.call(Method::Get, &["whoAmI", "api", "json"]);
        let answer = self.login.as_other(&self.endpoint, user, token, call).await?;
        let who: WhoAmI = answer.json()?;
        let denied = |text: &'static str| Err(Error::new(ErrorKind::PermissionDenied, text));
        match who.name {
            _ if who.anonymous => denied(
                "Jenkins takes this login for nobody, which says nothing of the token: let the proxy in front of it pass the \
                 Authorization header on",
            ),
            Some(name) if name.eq_ignore_ascii_case(user) => Ok(name),
            Some(_) => denied(
                "Jenkins takes this login for another user than the one it was sent as: something in front of it puts a login \
                 of its own in its place; let it pass the Authorization header on",
            ),
            None => Err(answer.not_understood("it does not say who is logged in")),
        }
    }

    /// Whether tokens of this Jenkins can have an end. One that is too old takes the wish and makes a token without.
    pub(super) async fn check_that_tokens_end(&self) -> Result<()> {
        let answer =
            self.login.get(&self.endpoint, || self.endpoint.call(Method::Get, &["whoAmI", "api", "json"])).await?;
        let refuse = |text: &'static str| Err(Error::new(ErrorKind::Unsupported, text));
        match answer.header("x-jenkins").and_then(version) {
            Some(version) if version >= WITH_ENDS => Ok(()),
            Some(_) => refuse(
                "this Jenkins makes API tokens without an end only, so none was made: update it to 2.548 or newer, or leave \
                 the `lifetime` out of the policy",
            ),
            None => refuse(
                "this Jenkins does not say its version, and before 2.548 it would make a token without an end, so none was \
                 made: let its header X-Jenkins through, or leave the `lifetime` out of the policy",
            ),
        }
    }

    /// Makes a token of this user, with an end after so many days where they are said. Never sent twice: there would be two.
    pub(super) async fn make_token(&self, user: &str, name: &Label, days: Option<u64>) -> Result<Minted> {
        let days = days.map_or_else(|| "never".to_owned(), |days| days.to_string());
        let form = [("newTokenName", name.as_str()), ("expirationDuration", &days)];
        let path = path(user, "generateNewToken");
        let answer = self.login.post(&self.endpoint, || self.endpoint.call(Method::Post, &path).form(&form)).await?;
        minted(&answer)
    }

    /// Ends the token of this uuid. Twice is the same as once; and the same is said where there is none of it.
    pub(super) async fn end_token(&self, user: &str, id: &TokenId) -> Result<()> {
        let form = [("tokenUuid", id.as_str())];
        let path = path(user, "revoke");
        let make = || self.endpoint.call(Method::Post, &path).form(&form).repeatable();
        let answer = self.login.post(&self.endpoint, make).await?;
        if answer.body().trim_ascii().is_empty() {
            return Ok(());
        }
        Err(answer.not_understood("Jenkins answers the end of a token with nothing at all"))
    }
}

fn path<'a>(user: &'a str, call: &'a str) -> [&'a str; 5] {
    ["user", user, "descriptorByName", "jenkins.security.ApiTokenProperty", call]
}

/// The token in an answer to a request for one: whatever else is in there, its value and its uuid count.
pub(super) fn minted(answer: &Answer) -> Result<Minted> {
    let said: Said<'_> = match serde_json::from_slice(answer.body()) {
        Ok(said) => said,
        Err(_) => return Err(refused(answer)),
    };
    let token = Token::new(&said.data.token_value).map_err(|_| answer.not_understood("its token is none"))?;
    let id = said.data.token_uuid.as_str().and_then(|id| TokenId::new(id).ok());
    Ok(Minted { token, id, ends: !said.data.expiration_date.is_null() })
}

/// An answer without a token in it.
fn refused(answer: &Answer) -> Error {
    match serde_json::from_slice::<Refused>(answer.body()) {
        Ok(refused) if refused.status == "error" => {
            let words = refused.message.and_then(|words| answer.quotable(&words));
            let words = words.map(|words| format!(" ({words})")).unwrap_or_default();
            let text = format!("Jenkins made no API token{words}: correct what it says, and try again");
            Error::new(ErrorKind::InvalidInput, text)
        }
        _ => answer.not_understood("there is no token in it"),
    }
}

/// The first two parts of a version such as `2.548` or `2.555.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_lines_are_ordered() {
        assert!(version("2.541.3").unwrap() < WITH_ENDS && version("2.460").unwrap() < WITH_ENDS);
        assert!(version("2.548").unwrap() >= WITH_ENDS && version("2.555.1").unwrap() >= WITH_ENDS);
        assert!(version("2.560-SNAPSHOT").unwrap() >= WITH_ENDS);
        assert_eq!((version("hidden"), version("2")), (None, None));
    }
}
