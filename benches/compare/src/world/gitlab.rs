//! The provider: the part of GitLab's interface that contestants use.

use serde_json::{Value, json};

use super::Asked;
use super::answer::Answer;
use super::state::{ADMINISTRATOR, State};

pub(crate) fn answer(state: &mut State, asked: &Asked, path: &[&str]) -> (String, Answer) {
    let Some(by) = asked.token.as_deref().and_then(|value| state.by_value(value)) else {
        return ("a stranger".to_owned(), said(401, "401 Unauthorized"));
    };
    let whose = if state.is_first(by) { "old" } else { "new" };
    if !state.tokens[by].alive {
        let body = json!({"error": "invalid_token",
            "error_description": "Token was revoked. You have to re-authorize from the user."});
        return (format!("look at the {whose} one, dead"), Answer::json(401, &body));
    }
    let admin = state.tokens[by].user == ADMINISTRATOR;
    match (asked.method.as_str(), path) {
        ("GET", ["user"]) => {
            let user = state.tokens[by].user;
            (
                format!("who has the {whose} one"),
                Answer::json(200, &json!({"id": user, "username": format!("u{user}")})),
            )
        }
        ("GET", ["personal_access_tokens", "self"]) => {
            (format!("look at the {whose} one"), Answer::json(200, &row(state, by)))
        }
        ("DELETE", ["personal_access_tokens", "self"]) => {
            state.tokens[by].alive = false;
            (format!("revoke the {whose} one"), Answer::empty(204))
        }
        ("POST", ["personal_access_tokens", "self", "rotate"]) => ("rotate".to_owned(), rotate(state, asked, by)),
        ("POST", ["personal_access_tokens", id, "rotate"]) if admin => {
            let answer = match state.by_id(id).filter(|at| state.tokens[*at].alive) {
                Some(at) => rotate(state, asked, at),
                None => said(401, "401 Unauthorized"),
            };
            ("rotate".to_owned(), answer)
        }
        ("POST", ["users", user, "personal_access_tokens"]) if admin => {
            ("issue".to_owned(), create(state, asked, user))
        }
        ("GET", ["personal_access_tokens"]) if admin => ("list".to_owned(), list(state, asked)),
        ("GET", ["personal_access_tokens", id]) if admin => {
            let found = state.by_id(id).map(|at| Answer::json(200, &row(state, at)));
            ("look by number".to_owned(), found.unwrap_or_else(|| said(404, "404 Not Found")))
        }
        ("DELETE", ["personal_access_tokens", id]) if admin => {
            let Some(at) = state.by_id(id) else {
                return ("revoke by number".to_owned(), said(404, "404 Not Found"));
            };
            state.tokens[at].alive = false;
            ("revoke by number".to_owned(), Answer::empty(204))
        }
        _ => ("something else".to_owned(), said(404, "404 Not Found")),
    }
}

fn said(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"message": text}))
}

fn row(state: &State, at: usize) -> Value {
    let token = &state.tokens[at];
    json!({"id": token.id, "name": token.name, "revoked": !token.alive, "created_at": "2029-12-01T08:00:00.000Z",
        "description": null, "scopes": token.scopes, "user_id": token.user, "last_used_at": null,
        "active": token.alive, "expires_at": token.ends})
}

fn shown(state: &State, status: u16, at: usize) -> Answer {
    let mut body = row(state, at);
    body["token"] = state.tokens[at].value.clone().into();
    Answer::json(status, &body)
}

fn ends(asked: &Asked) -> Option<String> {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    body["expires_at"].as_str().or(asked.parameter("expires_at")).map(str::to_owned)
}

fn rotate(state: &mut State, asked: &Asked, at: usize) -> Answer {
    let made = state.rotate(at, ends(asked));
    shown(state, 200, made)
}

fn create(state: &mut State, asked: &Asked, user: &str) -> Answer {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let scopes: Option<Vec<String>> = serde_json::from_value(body["scopes"].clone()).ok();
    let (Some(name), Some(scopes), Ok(user)) = (body["name"].as_str(), scopes, user.parse()) else {
        return said(400, "400 Bad request");
    };
    let made = state.make(user, name, scopes, ends(asked));
    shown(state, 201, made)
}

fn list(state: &State, asked: &Asked) -> Answer {
    let number = |name: &str, unsaid: usize| asked.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(unsaid);
    let (size, page) = (number("per_page", 20).clamp(1, 100), number("page", 1).max(1));
    let user = asked.parameter("user_id").and_then(|user| user.parse().ok());
    let fits = |at: &usize| {
        let token = &state.tokens[*at];
        asked.parameter("search").is_none_or(|words| token.name.contains(words))
            && (asked.parameter("state") != Some("active") || token.alive)
    };
    let rows: Vec<Value> = state
        .of_user(user)
        .into_iter()
        .filter(fits)
        .skip((page - 1) * size)
        .take(size)
        .map(|at| row(state, at))
        .collect();
    Answer::json(200, &Value::Array(rows))
}
