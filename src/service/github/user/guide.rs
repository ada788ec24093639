//! What a person does so that an app may have a token, and so that it has one no more.

use super::super::Addresses;
use super::ticket::Asked;
use crate::guide::Guide;
use crate::token::{RetiredToken, Token};

/// How to agree, by a code.
///
/// The link is that of the GitHub that was configured, whatever the answer names: a person types a code there and agrees.
pub(super) fn agree(at: &Addresses, client_id: &str, asked: &Asked) -> Guide {
    let Asked { user_code, ends, until, scopes, account, .. } = asked;
    let last = ends.min(until);
    let then = if ends < until { "then another stands here" } else { "then the time to agree is over" };
    let whose = account.as_deref().unwrap_or("the account that the token should belong to");
    let mut guide = Guide::new(format!("Let the app {client_id} have a token of {whose}"));
    guide.link = at.page("login/device", &[]);
    let wanted = if scopes.is_empty() {
        "The page should name no scopes, or the app's own permissions.".to_owned()
    } else {
        format!("The app asks for these scopes: {}.", scopes.replace(' ', ", "))
    };
    guide
        .with_step("sign-in", format!("Sign in to {} as {whose}: the token is that of who signs in.", at.host()))
        .with_step("open", "Open the link, and enter no code there that came from anywhere else.")
        .with_step("user-code", format!("Type the code {user_code}. It counts until {last}; {then}."))
        .with_step("scopes", format!("{wanted} Where the page says otherwise, press \"Cancel\"."))
        .with_step(
            "authorize",
            "Press \"Authorize\", and for organisations with single sign-on \"Authorize\" there too.",
        )
        .with_deadline(*last)
}

/// How to end a token of an app. The settings page cannot end one of several.
pub(super) fn end(at: &Addresses, client_id: &str, token: &RetiredToken) -> Guide {
    let which = match token.fingerprint() {
        Some(fingerprint) => format!("the token whose SHA-256 begins with {fingerprint}"),
        None => "the token that was replaced".to_owned(),
    };
    let mut guide = Guide::new(format!("End a token of the app {client_id} that is no longer used")).with_step(
        "delete",
        format!(
            "Ask whoever keeps the app's client secret to end {which}: `DELETE {}applications/{client_id}/token`, with \
                 client id and client secret as the login, and the token as `access_token` in a body of JSON.",
            at.api
        ),
    );
    if let Some(companion) = token.companion() {
        guide = guide.with_step("refresh-token", exposed(at, companion));
    }
    guide
        .with_step(
            "not-there",
            "Do not press \"Revoke\" on the settings page of authorised apps: that ends all tokens of the app for this \
             account, the one in use too.",
        )
        .with_step("done", "Then say here that it was ended.")
}

/// How to end a refresh token whose token is ended: from it others are made until it ends itself.
pub(super) fn end_companion(at: &Addresses, client_id: &str, companion: &Token) -> Guide {
    Guide::new(format!("End a refresh token of the app {client_id}, whose token was ended"))
        .with_step("refresh-token", exposed(at, companion))
        .with_step(
            "otherwise",
            "Where that server has no such interface, press \"Revoke\" beside the app on the settings page of authorised \
             apps. That ends all tokens of the app for this account, the one in use too: authorise the app again after it.",
        )
        .with_step("done", "Then say here that it was ended.")
}

fn exposed(at: &Addresses, companion: &Token) -> String {
    format!(
        "End the refresh token whose SHA-256 begins with {}: `POST {}credentials/revoke`, without a login, and the refresh \
         token in the list `credentials` in a body of JSON.",
        companion.fingerprint(),
        at.api
    )
}
