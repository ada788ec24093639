//! What a GitHub answers to apps below `/login`: always 200, and JSON where that is asked for.

use serde_json::{Value, json};

use super::logins::{Asked, REFRESH_LIFE, Registered, Said, TOKEN_LIFE};
use super::state::State;
use crate::testing::server::{Reply, Request};
use crate::token::Token;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// `POST /login/device/code`.
pub(super) fn device_code(state: &mut State, request: &Request) -> Reply {
    let Some((client_id, app)) = app(state, request) else {
        return Reply::json(404, &json!({"error": "Not Found"}));
    };
    if !app.device_flow {
        return refused(state, request, "device_flow_disabled", None);
    }
    let user_code = letters(&state.next_value(""));
    let code = Asked {
        device_code: state.next_value("device"),
        user_code,
        client_id,
        scopes: request.field("scope").unwrap_or_default(),
        ends: state.clock.now().plus(state.login.code_life),
        interval: state.login.interval,
        polled: None,
        said: Said::Nothing,
    };
    let body = json!({
        "device_code": code.device_code,
        "user_code": code.user_code,
        "verification_uri": "https://elsewhere.example/login/device",
        "expires_in": number(state, state.login.code_life.as_secs()),
        "interval": number(state, code.interval),
    });
    state.login.codes.push(code);
    said(state, request, &body)
}

/// `POST /login/oauth/access_token`.
pub(super) fn access_token(state: &mut State, request: &Request) -> Reply {
    let Some((client_id, _)) = app(state, request) else {
        return refused(state, request, "incorrect_client_credentials", None);
    };
    match request.field("grant_type").as_deref() {
        Some(DEVICE) => poll(state, request, &client_id),
        Some("refresh_token") => refresh(state, request, &client_id),
        _ => refused(state, request, "unsupported_grant_type", None),
    }
}

fn poll(state: &mut State, request: &Request, client_id: &str) -> Reply {
    let now = state.clock.now();
    let device_code = request.field("device_code").unwrap_or_default();
    let known = |code: &&mut Asked| code.device_code == device_code && code.client_id == client_id;
    let Some(code) = state.login.codes.iter_mut().find(known) else {
        return refused(state, request, "incorrect_device_code", None);
    };
    let soon = code.polled.is_some_and(|at| at.until(now).as_secs() < code.interval);
    code.polled = Some(now);
    if soon {
        code.interval += 5;
        let interval = code.interval;
        state.login.too_soon += 1;
        return refused(state, request, "slow_down", Some(interval));
    }
    let outcome = code.said.clone();
    if outcome == Said::Spent && !state.login.used_is_expired {
        return refused(state, request, "incorrect_device_code", None);
    }
    if outcome == Said::Spent || code.ends <= now {
        let word = if state.login.other_word { "token_expired" } else { "expired_token" };
        return refused(state, request, word, None);
    }
    match outcome {
        Said::Yes { login } => {
            code.said = Said::Spent;
            let scopes = code.scopes.clone();
            let (token, refresh) = state.give(client_id, &login, &scopes, true);
            told(state, request, &token, refresh.as_ref(), &scopes)
        }
        Said::No => refused(state, request, "access_denied", None),
        Said::Nothing | Said::Spent => refused(state, request, "authorization_pending", None),
    }
}

fn refresh(state: &mut State, request: &Request, client_id: &str) -> Reply {
    let now = state.clock.now();
    let value = request.field("refresh_token").unwrap_or_default();
    let secret = request.field("client_secret");
    let right = secret.as_ref().is_some_and(|secret| state.apps.get(client_id) == Some(secret));
    let known = state.login.refreshes.iter_mut().find(|refresh| refresh.value.expose() == value);
    let Some(refresh) = known.filter(|refresh| refresh.client_id == client_id) else {
        return refused(state, request, "bad_refresh_token", None);
    };
    refresh.presented += 1;
    if !right && (secret.is_some() || !refresh.by_device) {
        return refused(state, request, "incorrect_client_credentials", None);
    }
    if refresh.spent || refresh.ends <= now {
        return refused(state, request, "bad_refresh_token", None);
    }
    refresh.spent = true;
    let before = refresh.clone();
    if let Some(old) = state.entry_mut(before.of.expose()) {
        old.alive = false;
    }
    let (token, next) = state.give(client_id, &before.owner, &before.scopes, before.by_device);
    let next = next.filter(|_| !state.login.forgetful);
    told(state, request, &token, next.as_ref(), &before.scopes)
}

fn told(state: &State, request: &Request, token: &Token, refresh: Option<&Token>, scopes: &str) -> Reply {
    // In no order that anybody asked for.
    let mut scopes: Vec<&str> = scopes.split(' ').collect();
    scopes.reverse();
    let mut body = json!({"access_token": token.expose(), "token_type": "bearer", "scope": scopes.join(",")});
    let mut add = |name: &str, value: Value| {
        if let Some(fields) = body.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    };
    if let Some(refresh) = refresh {
        add("refresh_token", json!(refresh.expose()));
        add("refresh_token_expires_in", number(state, REFRESH_LIFE.as_secs()));
    }
    if refresh.is_some() || state.login.forgetful {
        add("expires_in", number(state, TOKEN_LIFE.as_secs()));
    }
    said(state, request, &body)
}

fn refused(state: &State, request: &Request, code: &str, interval: Option<u64>) -> Reply {
    let mut body = json!({
        "error": code,
        "error_description": "FAKE: see the documentation",
        "error_uri": "https://docs.github.com",
    });
    if let (Some(interval), Some(fields)) = (interval, body.as_object_mut()) {
        fields.insert("interval".to_owned(), number(state, interval));
    }
    said(state, request, &body)
}

/// The answer, which is a form unless JSON is asked for.
fn said(state: &State, request: &Request, body: &Value) -> Reply {
    let json = request.header("accept").is_some_and(|kinds| kinds.contains("application/json"));
    if json && !state.login.forms {
        return Reply::json(200, body);
    }
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in body.as_object().into_iter().flatten() {
        form.append_pair(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str());
    }
    Reply::status(200).body("application/x-www-form-urlencoded; charset=utf-8", form.finish())
}

fn app(state: &State, request: &Request) -> Option<(String, Registered)> {
    let client_id = request.field("client_id")?;
    let app = *state.login.apps.get(&client_id)?;
    Some((client_id, app))
}

fn number(state: &State, number: u64) -> Value {
    if state.login.numbers_as_text { json!(number.to_string()) } else { json!(number) }
}

/// `WDJB-MJHT`, out of what is as varied.
fn letters(chance: &str) -> String {
    let letters = chance.bytes().rev().take(8).map(|byte| char::from(b'B' + byte % 20));
    letters.enumerate().flat_map(|(at, letter)| (at == 4).then_some('-').into_iter().chain([letter])).collect()
}
