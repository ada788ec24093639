//! What a GitLab answers: who asks, and personal access tokens.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::World;
use super::sources;
use super::state::{Entry, Home, Login, State, Wish, read, written};
use crate::testing::server::{Reply, Request, Service};

/// The most rows that a page has.
const MOST: usize = 100;

#[async_trait]
impl Service for World {
    async fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let state = &mut *self.lock();
        let ["api", "v4", path @ ..] = path.as_slice() else {
            return Reply::status(404).body("text/html", "<html><head><title>Not Found</title></head></html>");
        };
        let at = match who(state, request, path) {
            Ok(at) => at,
            Err(refusal) => return refusal,
        };
        let method = request.method.as_str();
        match (method, path) {
            ("GET", ["personal_access_tokens", "self"]) => Reply::json(200, &described(state, &state.tokens[at])),
            ("DELETE", ["personal_access_tokens", "self"]) => {
                state.tokens[at].revoked = true;
                Reply::status(204)
            }
            ("POST", ["personal_access_tokens", "self", "rotate"]) => rotate(state, request, at, at),
            ("POST", ["personal_access_tokens", id, "rotate"]) => rotate_other(state, request, at, id),
            _ => match may(state, at, method, path) {
                Err(refusal) => refusal,
                Ok(()) => with_scope(state, request, at, path),
            },
        }
    }
}

fn with_scope(state: &mut State, request: &Request, at: usize, path: &[&str]) -> Reply {
    match (request.method.as_str(), path) {
        ("GET", ["personal_access_tokens"]) => list(state, request, at),
        ("GET", ["personal_access_tokens", id]) => {
            one(state, at, id, |state, other| Reply::json(200, &described(state, &state.tokens[other])))
        }
        ("DELETE", ["personal_access_tokens", id]) => one(state, at, id, |state, other| {
            state.tokens[other].revoked = true;
            Reply::status(204)
        }),
        ("POST", ["users", user, "personal_access_tokens"]) => create(state, request, at, user),
        (_, ["projects", path, "access_tokens", rest @ ..]) => {
            sources::answer(state, request, at, &Home::Project((*path).to_owned()), rest)
        }
        (_, ["groups", path, "access_tokens", rest @ ..]) => {
            sources::answer(state, request, at, &Home::Group((*path).to_owned()), rest)
        }
        (_, ["groups", path, "service_accounts", user, "personal_access_tokens", rest @ ..]) => {
            sources::service_account(state, request, at, &Home::Group((*path).to_owned()), user, rest)
        }
        _ => message(404, "404 Not Found"),
    }
}

pub(super) fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({"message": text}))
}

fn invalid(description: &str) -> Reply {
    Reply::json(401, &json!({"error": "invalid_token", "error_description": description}))
}

/// Which token asks, or the refusal.
fn who(state: &mut State, request: &Request, path: &[&str]) -> Result<usize, Reply> {
    if state.banned {
        return Err(Reply::status(403).body("text/plain", "Forbidden\n"));
    }
    let Some(value) = request.header("private-token").or_else(|| request.token()) else {
        return Err(message(401, "401 Unauthorized"));
    };
    // As its pattern reads: `access_tokens/(\d+|self)/rotate$`.
    let rotating = matches!(path, [.., tokens, id, "rotate"] if tokens.ends_with("access_tokens") && is_one(id));
    match state.login(value, rotating) {
        Login::In(at) => Ok(at),
        Login::Unknown => Err(message(401, "401 Unauthorized")),
        Login::Revoked => Err(invalid("Token was revoked. You have to re-authorize from the user.")),
        Login::Expired => Err(invalid("Token is expired. You can either do re-authorization or token refresh.")),
        Login::Blocked => Err(message(403, "403 Forbidden - Your account has been blocked.")),
    }
}

fn is_one(id: &str) -> bool {
    id == "self" || id.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether the scopes of who asks are enough.
fn may(state: &State, at: usize, method: &str, path: &[&str]) -> Result<(), Reply> {
    let enough: &[&str] = match (method, path) {
        ("POST", [.., "self", "rotate"]) => &["api", "self_rotate"],
        ("GET", _) => &["api", "read_api"],
        _ => &["api"],
    };
    if state.tokens[at].scopes.iter().any(|scope| enough.contains(&scope.as_str())) {
        return Ok(());
    }
    Err(Reply::json(
        403,
        &json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": enough.join(" "),
        }),
    ))
}

/// A token as an answer describes it.
pub(super) fn described(state: &State, entry: &Entry) -> Value {
    let mut body = json!({
        "id": entry.id, "name": entry.name, "revoked": entry.revoked, "created_at": "2029-12-01T08:00:00.000Z",
        "description": null, "scopes": entry.scopes, "user_id": entry.user,
        "last_used_at": entry.last_used.map(|at| at.to_string()),
        "active": state.is_alive(entry), "expires_at": entry.ends.map(written), "last_used_ips": [],
    });
    if entry.home != Home::Personal {
        body["access_level"] = entry.level.into();
    }
    body
}

/// The same, with its value: said once.
pub(super) fn shown(state: &State, status: u16, at: usize) -> Reply {
    let mut body = described(state, &state.tokens[at]);
    body["token"] = state.tokens[at].token.expose().into();
    Reply::json(status, &body)
}

/// The fields of a request's body.
pub(super) fn fields(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// The day that was asked for; `left_out` where none was.
pub(super) fn day(state: &State, request: &Request, left_out: i64) -> Result<i64, Reply> {
    let body = fields(request);
    let ends = match body.get("expires_at").and_then(Value::as_str) {
        None => state.today() + left_out,
        Some(date) => read(date).ok_or_else(|| Reply::json(400, &json!({"error": "expires_at is invalid"})))?,
    };
    let last = state.today() + state.longest;
    if ends > last {
        return Err(message(400, &format!("400 Bad request - Expiration date must be before {}", written(last))));
    }
    if ends <= state.today() {
        return Err(message(400, "400 Bad request - Expiration date must be in the future"));
    }
    Ok(ends)
}

/// The name and the scopes that were asked for.
pub(super) fn wished(request: &Request) -> Result<(String, Vec<String>), Reply> {
    let body = fields(request);
    let scopes = body.get("scopes").and_then(Value::as_array).cloned().unwrap_or_default();
    let scopes: Vec<String> = scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match body.get("name").and_then(Value::as_str) {
        None | Some("") => Err(Reply::json(400, &json!({"error": "name is missing"}))),
        _ if scopes.is_empty() => Err(Reply::json(400, &json!({"error": "scopes is empty"}))),
        Some(name) => Ok((name.to_owned(), scopes)),
    }
}

fn rotate(state: &mut State, request: &Request, at: usize, which: usize) -> Reply {
    if at == which
        && let Err(refusal) = may(state, at, "POST", &["self", "rotate"])
    {
        return refusal;
    }
    if state.tokens[which].home != Home::Personal {
        return message(405, "405 Method Not Allowed");
    }
    if !state.rotates {
        let why = "Rotation of legacy personal access tokens is disabled. Use a fine-grained token instead.";
        return message(400, &format!("400 Bad request - {why}"));
    }
    match day(state, request, 7) {
        Ok(ends) => {
            let next = state.rotate(which, Some(ends));
            shown(state, 200, next)
        }
        Err(refusal) => refusal,
    }
}

fn rotate_other(state: &mut State, request: &Request, at: usize, id: &str) -> Reply {
    if let Err(refusal) = may(state, at, "POST", &["rotate"]) {
        return refusal;
    }
    let Some(which) = state.by_id(id).filter(|which| is_own(state, at, *which)) else {
        return message(401, "401 Unauthorized");
    };
    if state.tokens[which].revoked {
        state.end_family(state.tokens[which].id);
        return message(401, "401 Unauthorized");
    }
    rotate(state, request, at, which)
}

fn is_admin(state: &State, at: usize) -> bool {
    state.users.get(&state.tokens[at].user).is_some_and(|user| user.admin)
}

fn is_own(state: &State, at: usize, other: usize) -> bool {
    is_admin(state, at) || state.tokens[other].user == state.tokens[at].user
}

fn one(state: &mut State, at: usize, id: &str, act: impl FnOnce(&mut State, usize) -> Reply) -> Reply {
    match state.by_id(id) {
        Some(other) if is_own(state, at, other) => act(state, other),
        None if is_admin(state, at) => message(404, "404 Not Found"),
        _ => message(401, "401 Unauthorized"),
    }
}

fn list(state: &State, request: &Request, at: usize) -> Reply {
    let wanted = request.parameter("user_id");
    let own = state.tokens[at].user.to_string();
    if !is_admin(state, at) && wanted.is_some_and(|user| user != own) {
        return message(401, "401 Unauthorized");
    }
    let all = is_admin(state, at);
    let of = |entry: &&Entry| match wanted {
        Some(user) => entry.user.to_string() == user,
        None => all || entry.user.to_string() == own,
    };
    page(state, request, state.tokens.iter().filter(of).collect())
}

/// One page of these, the newest first.
pub(super) fn page(state: &State, request: &Request, mut rows: Vec<&Entry>) -> Reply {
    if let Some(words) = request.parameter("search").filter(|_| state.searches) {
        rows.retain(|entry| entry.name.contains(words));
    }
    rows.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    let number = |name: &str, unsaid| request.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(unsaid);
    let (size, page): (usize, usize) = (number("per_page", 20).clamp(1, MOST), number("page", 1).max(1));
    let body: Vec<Value> =
        rows.iter().skip((page - 1) * size).take(size).map(|entry| described(state, entry)).collect();
    let more = rows.len() > page * size;
    let next = if more { (page + 1).to_string() } else { String::new() };
    let reply = Reply::json(200, &Value::Array(body)).header("X-Next-Page", next);
    match &state.elsewhere {
        Some(to) => reply.header("Link", format!("<{to}>; rel=\"next\"")),
        None => reply,
    }
}

fn create(state: &mut State, request: &Request, at: usize, user: &str) -> Reply {
    if !is_admin(state, at) {
        return message(403, "403 Forbidden");
    }
    let Some(user) = user.parse().ok().filter(|user| state.users.contains_key(user)) else {
        return message(404, "404 User Not Found");
    };
    let asked = wished(request).and_then(|asked| day(state, request, state.longest).map(|ends| (asked, ends)));
    match asked {
        Err(refusal) => refusal,
        Ok(((name, scopes), ends)) => {
            let wish =
                Wish { user, name: &name, scopes, ends: Some(ends), home: Home::Personal, level: 0, before: None };
            let made = state.make(wish);
            shown(state, 201, made)
        }
    }
}
