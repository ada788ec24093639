//! The pages below `/login`, where apps get tokens that users agree to.
//!
//! Sources: "Authorizing OAuth apps" (device flow), "Generating a user access token for a GitHub App", "Refreshing user
//! access tokens" (GitHub documentation); RFC 8628 3.1 to 3.5; RFC 6749 5.2 and 6.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Addresses, limits};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Call, Endpoint, Http, Method};
use crate::provider::Candidate;
use crate::token::Token;

/// As RFC 8628 3.4 names the grant.
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// One GitHub's pages for apps.
#[derive(Clone, Debug)]
pub(super) struct Login {
    endpoint: Endpoint,
}

/// What a device code's request answered.
#[derive(Debug)]
pub(super) struct DeviceCode {
    /// What polls ask with.
    pub(super) secret: Token,
    /// What the person types. It is shown, so it is no secret of ours.
    pub(super) user_code: String,
    /// How long both count, in seconds.
    pub(super) life: u64,
    /// How long to wait between polls, in seconds.
    pub(super) interval: u64,
}

/// A token, with what is known of its life.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) candidate: Candidate,
    /// How long it lives from now, in seconds, where the answer says so.
    pub(super) life: Option<u64>,
}

/// What came of asking for a token.
#[derive(Debug)]
pub(super) enum Answered {
    Made(Made),
    /// The code of a refusal, as RFC 6749 5.2 has it, and the interval that came with it.
    Refused {
        code: String,
        interval: Option<u64>,
    },
}

#[derive(Deserialize)]
struct Codes<'a> {
    #[serde(borrow)]
    device_code: Cow<'a, str>,
    #[serde(borrow)]
    user_code: Cow<'a, str>,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    interval: Value,
}

// Each part of an answer is read by itself: what is malformed in one must not cost another. Values are not copied out.

#[derive(Deserialize)]
struct Access<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Refresh<'a> {
    #[serde(borrow)]
    refresh_token: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Life {
    expires_in: Value,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    error: Cow<'a, str>,
    #[serde(default)]
    interval: Value,
}

impl Login {
    pub(super) fn new(http: &Http, addresses: &Addresses) -> Result<Self> {
        let limits = limits::of_login(&addresses.web);
        Ok(Self { endpoint: http.endpoint(addresses.web.clone(), words)?.limited(limits) })
    }

    fn call(&self, client_id: &str, path: &[&str]) -> Call<'_> {
        // Without it the answer is a form.
        let call = self.endpoint.call(Method::Post, path).header("accept", "application/json").counted_as(client_id);
        // Refusals come with 200; RFC 6749 5.2 has them come with 400.
        call.accepting(&[400])
    }

    /// Asks for a device code. That makes no token: a code that nobody enters is gone by itself, so it may be sent twice.
    pub(super) async fn device_code(&self, client_id: &str, scopes: &str) -> Result<DeviceCode> {
        let mut fields = vec![("client_id", client_id)];
        if !scopes.is_empty() {
            fields.push(("scope", scopes));
        }
        let answer = self.call(client_id, &["login", "device", "code"]).form(&fields).reading().send().await?;
        if let Some((code, _)) = refusal(&answer) {
            return Err(refused(&code));
        }
        let codes: Codes<'_> = serde_json::from_slice(answer.body()).map_err(|_| self.not_understood(&answer))?;
        let secret = Token::new(&codes.device_code).map_err(|_| answer.not_understood("its device code is none"))?;
        if !is_user_code(&codes.user_code) {
            return Err(answer.not_understood("what the person should type is no code"));
        }
        Ok(DeviceCode {
            secret,
            user_code: codes.user_code.into_owned(),
            life: number(&codes.expires_in).unwrap_or(900),
            interval: number(&codes.interval).unwrap_or(5),
        })
    }

    /// Asks whether the person agreed. The answer that carries the token comes once, so this is sent once.
    pub(super) async fn poll(&self, client_id: &str, device_code: &Token) -> Result<Answered> {
        let fields = [("client_id", client_id), ("device_code", device_code.expose()), ("grant_type", DEVICE)];
        let call = self.call(client_id, &["login", "oauth", "access_token"]).form(&fields).carrying(device_code);
        self.answered(&call.send().await?)
    }

    /// Renews a token by the refresh token that came with it, which counts once. Never sent twice.
    pub(super) async fn refresh(&self, client_id: &str, secret: Option<&Token>, refresh: &Token) -> Result<Answered> {
        let mut fields =
            vec![("client_id", client_id), ("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        let mut call = self.call(client_id, &["login", "oauth", "access_token"]).carrying(refresh);
        if let Some(secret) = secret {
            fields.push(("client_secret", secret.expose()));
            call = call.carrying(secret);
        }
        self.answered(&call.form(&fields).send().await?)
    }

    fn answered(&self, answer: &Answer) -> Result<Answered> {
        answered(answer)?.ok_or_else(|| self.not_understood(answer))
    }

    fn not_understood(&self, answer: &Answer) -> Error {
        if answer.status() == 400 {
            return self.endpoint.refusal(answer);
        }
        if answer.header("content-type").is_some_and(|kind| kind.contains("x-www-form-urlencoded")) {
            let why = "it is a form and not JSON: something on the way takes the `Accept` header away";
            return answer.not_understood(why);
        }
        answer.not_understood("there is neither what was asked for nor a refusal in it")
    }
}

/// Whatever can be read of a token counts, however malformed the rest is; then whatever can be read of a refusal.
pub(super) fn answered(answer: &Answer) -> Result<Option<Answered>> {
    let body = answer.body();
    if let Ok(Access { access_token }) = serde_json::from_slice::<Access<'_>>(body) {
        let token = Token::new(&access_token).map_err(|_| answer.not_understood("its token is none"))?;
        let companion = serde_json::from_slice::<Refresh<'_>>(body).ok();
        let companion = companion.and_then(|Refresh { refresh_token }| Token::new(&refresh_token).ok());
        let life = serde_json::from_slice::<Life>(body).ok().and_then(|life| number(&life.expires_in));
        return Ok(Some(Answered::Made(Made { candidate: Candidate::new(token).with_companion(companion), life })));
    }
    Ok(refusal(answer).map(|(code, interval)| Answered::Refused { code, interval }))
}

/// The app's own secret, as requests carry it.
pub(super) fn client_secret(secret: &SecretString) -> Result<Token> {
    Token::new(secret.expose_secret()).map_err(|_| {
        let text = "the client secret is empty, or has a character that none has: copy its value alone";
        Error::new(ErrorKind::InvalidInput, text)
    })
}

/// A refusal's code as an error. No token was made, but for a code that somebody used up.
pub(super) fn refused(code: &str) -> Error {
    let (kind, text) = match code {
        "access_denied" => (
            ErrorKind::PermissionDenied,
            "the person at GitHub pressed \"Cancel\", and the code counts no more: ask them, and begin again",
        ),
        "device_flow_disabled" => (
            ErrorKind::PermissionDenied,
            "the app has no device flow: tick \"Enable Device Flow\" on the app's settings page, and begin again",
        ),
        "incorrect_client_credentials" => (
            ErrorKind::PermissionDenied,
            "GitHub does not take the app's client id, or the secret with it: correct them",
        ),
        "incorrect_device_code" | "bad_verification_code" => return used_up(),
        "expired_token" | "token_expired" => {
            (ErrorKind::Refused, "nobody entered a code in the time that there was, and it counts no more: begin again")
        }
        "unsupported_grant_type" => (
            ErrorKind::Unsupported,
            "this server does not know such a grant: see its version, and what really answers there",
        ),
        "bad_refresh_token" => (
            ErrorKind::Unauthenticated,
            "GitHub does not take the refresh token: it was used already, has expired or was revoked; let a person authorise \
             the app again, by the device flow for example, and adopt that token with its refresh token",
        ),
        // It was cleaned when it was read.
        code => return Error::new(ErrorKind::Protocol, format!("GitHub refuses ({code}): see the app's settings")),
    };
    Error::new(kind, text)
}

/// A code that counts no more though it has time left: a poll whose answer nobody got may have used it up.
pub(super) fn used_up() -> Error {
    let text = "GitHub does not know the device code any more: where an answer was lost, it carried the token, which lives, and \
                which nobody has; let the app's owner end it, and begin again";
    Error::new(ErrorKind::Unauthenticated, text).with_effect(Effect::Unknown)
}

/// The code of a refusal, and the interval that may come with it.
fn refusal(answer: &Answer) -> Option<(String, Option<u64>)> {
    let Refusal { error, interval } = serde_json::from_slice(answer.body()).ok()?;
    // An error may quote it.
    Some((answer.quotable(&error)?, number(&interval)))
}

/// A number, which older answers write as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// `WDJB-MJHT`: letters and digits in groups, short enough to type.
fn is_user_code(code: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (4..=32).contains(&code.len()) && code.bytes().all(fits) && code.bytes().any(|byte| byte != b'-')
}

/// The refusals of these pages that have a status of their own.
pub(super) fn words(answer: &Answer) -> Option<Error> {
    match answer.status() {
        401 => Some(Error::new(ErrorKind::PermissionDenied, "GitHub does not take the app's login: correct it")),
        404 => Some(Error::new(
            ErrorKind::NotFound,
            "GitHub knows no app of this client id here, or the server has no such flow: check client id and address",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_short_and_plain() {
        for code in ["WDJB-MJHT", "ABCD1234", "12345678"] {
            assert!(is_user_code(code), "{code}");
        }
        for code in ["", "----", "AB", "<b>WDJB</b>", "WDJB MJHT", &"A".repeat(33)] {
            assert!(!is_user_code(code), "{code}");
        }
    }

    #[test]
    fn a_number_may_be_written_as_text() {
        let read = |text: &str| number(&serde_json::from_str(text).unwrap());
        assert_eq!(
            [read("28800"), read("\"28800\""), read("\"soon\""), read("null")],
            [Some(28800), Some(28800), None, None]
        );
    }
}
