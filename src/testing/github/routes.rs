//! What a GitHub answers.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::bodies::Site;
use super::state::{Entry, Kind, Login, State, wall};
use super::{World, login_routes};
use crate::clock::Timestamp;
use crate::testing::server::{Reply, Request, Service};
use crate::token::Token;

#[async_trait]
impl Service for World {
    async fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        if request.header("user-agent").is_none() {
            return message(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            );
        }
        let state = &mut *self.lock();
        if let ["api", "v3", below @ ..] = path.as_slice() {
            let reply = super::impersonation::answer(state, request, below);
            #[cfg(feature = "github-app")]
            let reply = reply.or_else(|| super::app::answer(state, request, below));
            if let Some(reply) = reply {
                return reply;
            }
        }
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["api", "v3", "user"]) => user(state, request),
            ("GET", ["api", "v3", "rate_limit"]) => rate_limit(state, request),
            ("POST", ["api", "v3", "credentials", "revoke"]) if state.revocable => revoke(state, request),
            ("GET", ["api", "v3", "repos", owner, name]) => {
                repository(state, request, &format!("{owner}/{name}"), false)
            }
            ("GET", ["api", "v3", "repos", owner, name, "hooks"]) => {
                repository(state, request, &format!("{owner}/{name}"), true)
            }
            (method, ["api", "v3", "applications", client_id, "token"]) => app(state, request, method, client_id),
            ("POST", ["login", "device", "code"]) => login_routes::device_code(state, request),
            ("POST", ["login", "oauth", "access_token"]) => login_routes::access_token(state, request),
            ("GET", [owner, name, "info", "refs"]) => git(state, request, owner, name),
            _ => message(404, "Not Found"),
        }
    }
}

pub(super) fn message(status: u16, text: &str) -> Reply {
    let body =
        json!({"message": text, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    Reply::json(status, &body).header("X-GitHub-Request-Id", "FAKE:1")
}

/// The token that asks, or the refusal.
pub(super) fn login(state: &mut State, request: &Request) -> Result<Entry, Reply> {
    let Some(value) = request.token() else {
        return Err(message(401, "Requires authentication"));
    };
    match state.login(value) {
        Login::In(entry) => Ok(*entry),
        Login::Unknown => Err(message(401, "Bad credentials").header("X-RateLimit-Limit", "60")),
        Login::Locked => Err(message(403, "Maximum number of login attempts exceeded. Please try again later.")),
    }
}

fn user(state: &mut State, request: &Request) -> Reply {
    let entry = match login(state, request) {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    describe(Reply::json(200, &Site::of(request).user(&entry)), state, &entry)
}

/// The headers that tell what the token is.
fn describe(mut reply: Reply, state: &State, entry: &Entry) -> Reply {
    reply = reply.header("X-RateLimit-Limit", "5000").header("X-RateLimit-Remaining", "4999");
    if !matches!(entry.kind, Kind::FineGrained | Kind::AppUser(_)) {
        let list = if entry.scopes.is_empty() { String::new() } else { entry.scopes.to_string() };
        reply = reply.header("X-OAuth-Scopes", list);
    }
    if let Kind::OAuth(client_id) = &entry.kind {
        reply = reply.header("X-OAuth-Client-Id", client_id.clone());
    }
    // Of the end of an app's token the headers tell nothing.
    let personal = matches!(entry.kind, Kind::Classic | Kind::FineGrained);
    match entry.expires.filter(|_| personal) {
        Some(end) if state.offset_layout => {
            let shifted = Timestamp::from_unix_seconds(end.unix_seconds() + 2 * 60 * 60);
            reply.header("GitHub-Authentication-Token-Expiration", format!("{} +0200", layout(shifted)))
        }
        Some(end) => reply.header("GitHub-Authentication-Token-Expiration", format!("{} UTC", layout(end))),
        None => reply,
    }
}

/// `2026-01-31T08:00:00Z` as `2026-01-31 08:00:00`.
fn layout(at: Timestamp) -> String {
    Timestamp::from_unix_seconds(at.unix_seconds()).to_string().replace('T', " ").replace('Z', "")
}

fn rate_limit(state: &mut State, request: &Request) -> Reply {
    let entry = match login(state, request) {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    let rate = json!({"limit": 5000, "used": 1, "remaining": 4999, "reset": wall().unix_seconds() + 3600});
    let resources = json!({"core": rate, "search": rate, "graphql": rate, "integration_manifest": rate});
    describe(Reply::json(200, &json!({"resources": resources, "rate": rate})), state, &entry)
}

fn revoke(state: &mut State, request: &Request) -> Reply {
    if request.header("authorization").is_some() {
        return message(403, "This endpoint must be called without authentication");
    }
    if state.anonymous_left == 0 {
        return message(403, "API rate limit exceeded")
            .header("X-RateLimit-Limit", "60")
            .header("X-RateLimit-Remaining", "0")
            .header("X-RateLimit-Reset", (wall().unix_seconds() + 1800).to_string());
    }
    state.anonymous_left -= 1;
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(values) = body.get("credentials").and_then(Value::as_array).filter(|values| !values.is_empty()) else {
        return message(422, "Validation Failed");
    };
    let odd = |value: &Value| value.as_str().is_none_or(|value| state.unrevocable.iter().any(|odd| odd == value));
    if values.len() > 1000 || values.iter().any(odd) {
        return message(422, "Validation Failed");
    }
    for value in values.iter().filter_map(Value::as_str) {
        state.revoke(value);
    }
    Reply::json(202, &json!({}))
}

fn repository(state: &mut State, request: &Request, path: &str, webhooks: bool) -> Reply {
    let entry = match login(state, request) {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    let Some(repository) = state.repositories.get(path).cloned() else {
        return message(404, "Not Found");
    };
    let organization = path.split('/').next().unwrap_or_default();
    let rules = state.organizations.get(organization).cloned().unwrap_or_default();
    let authorized = entry.authorized.iter().any(|name| name == organization);
    if rules.sso && !authorized && entry.kind == Kind::Classic {
        let link = format!("required; url=https://github.com/orgs/{organization}/sso?authorization_request=FAKE");
        return message(403, "Resource protected by organization SAML enforcement.").header("X-GitHub-SSO", link);
    }
    let hidden = rules.approval && !authorized && entry.kind == Kind::FineGrained;
    let member = repository.admins.contains(&entry.owner);
    if repository.private && (hidden || !member || !entry.may("repo")) {
        return message(404, "Not Found");
    }
    if webhooks {
        return if member && entry.may("read:repo_hook") {
            Reply::json(200, &json!([]))
        } else {
            message(404, "Not Found")
        };
    }
    let body = Site::of(request).repository(path, repository.private, member);
    describe(Reply::json(200, &body), state, &entry)
}

/// What an app does with a token that a user gave it.
fn app(state: &mut State, request: &Request, method: &str, client_id: &str) -> Reply {
    let known = request.basic().is_some_and(|(id, secret)| id == client_id && state.apps.get(&id) == Some(&secret));
    if !known {
        return message(401, "Bad credentials");
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(value) = body.get("access_token").and_then(Value::as_str) else {
        return message(422, "Validation Failed");
    };
    let mine = [Kind::OAuth(client_id.to_owned()), Kind::AppUser(client_id.to_owned())];
    let now = state.clock.now();
    let Some(at) =
        state.tokens.iter().position(|e| e.token.expose() == value && mine.contains(&e.kind) && e.is_alive(now))
    else {
        // GitHub's description names 404 for a token that is none to check or to reset, and 422 alone for one to end.
        return if method == "DELETE" { message(422, "Validation Failed") } else { message(404, "Not Found") };
    };
    let site = Site::of(request);
    match method {
        "POST" => Reply::json(200, &site.authorization(client_id, &state.tokens[at])),
        "PATCH" => {
            let next = state.next_value("gho_");
            let old = state.tokens[at].clone();
            state.tokens[at].token = Token::made_up(&next);
            state.bury(old);
            Reply::json(200, &site.authorization(client_id, &state.tokens[at]))
        }
        "DELETE" => {
            state.tokens[at].alive = false;
            if state.login.ends_pairs {
                let of_it = |refresh: &&mut super::logins::Refresh| refresh.of.expose() == value;
                state.login.refreshes.iter_mut().filter(of_it).for_each(|refresh| refresh.spent = true);
            }
            Reply::status(204)
        }
        _ => message(404, "Not Found"),
    }
}

/// `git ls-remote`: the first request that git makes, with the token as the password.
fn git(state: &mut State, request: &Request, owner: &str, name: &str) -> Reply {
    let path = format!("{owner}/{}", name.strip_suffix(".git").unwrap_or(name));
    let repository = state.repositories.get(&path).cloned();
    if repository.as_ref().is_some_and(|repository| !repository.private) {
        return refs();
    }
    let denied = || Reply::status(401).header("WWW-Authenticate", "Basic realm=\"GitHub\"");
    let Some((_, value)) = request.basic() else {
        return denied();
    };
    match (state.login(&value), repository) {
        (Login::In(entry), Some(repository)) if repository.admins.contains(&entry.owner) && entry.may("repo") => refs(),
        (Login::In(_), _) => message(404, "Not Found"),
        (Login::Unknown | Login::Locked, _) => denied(),
    }
}

fn refs() -> Reply {
    let hash = "0".repeat(40);
    let body = format!("001e# service=git-upload-pack\n0000003d{hash} HEAD\u{0}agent=fake\n0000");
    Reply::status(200).body("application/x-git-upload-pack-advertisement", body)
}
