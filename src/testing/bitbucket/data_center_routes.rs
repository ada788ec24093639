//! What a Bitbucket Data Center answers.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::data_center::{Entry, Login, State, World};
use crate::testing::server::{Reply, Request, Service};
use crate::token::{Scope, ScopeModel, ScopeSet};

#[async_trait]
impl Service for World {
    async fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let state = &mut *self.lock();
        let ["bitbucket", "rest", path @ ..] = path.as_slice() else {
            return problem(404, "not found", None);
        };
        let presented = request.basic().is_some() || request.token().is_some();
        if let Some(exception) = state.login_fails.as_ref().filter(|_| presented) {
            let exception = format!("com.atlassian.bitbucket.auth.{exception}");
            return problem(401, "The login failed.", Some(&exception));
        }
        if let Some((user, password)) = request.basic() {
            return match state.password(&user, &password) {
                Login::In(user) => managed(state, request, &user, path),
                Login::Wrong => unknown(),
                Login::Captcha => problem(
                    401,
                    "CAPTCHA required.",
                    Some("com.atlassian.bitbucket.auth.CaptchaRequiredAuthenticationException"),
                ),
            };
        }
        let Some(value) = request.token() else {
            // Public access is on: whoever asks is answered, and nobody is named.
            return Reply::json(200, &json!({"values": [], "isLastPage": true}));
        };
        let Some(entry) = state.bearer(value) else {
            return unknown();
        };
        match (request.method.as_str(), path) {
            ("GET", ["api", "latest", "projects"]) => {
                Reply::json(200, &json!({"values": [], "isLastPage": true})).header("X-AUSERNAME", user_of(&entry))
            }
            ("GET", ["api", "latest", "projects", key, "repos", slug, rest @ ..]) => {
                repository(state, &entry, &format!("{key}/{slug}"), rest)
            }
            // A token changes nothing on behalf of a user.
            _ => denied(),
        }
    }
}

/// The tokens of projects and repositories are users of their own.
fn user_of(entry: &Entry) -> String {
    match entry.list.strip_prefix("users/") {
        Some(user) => user.to_owned(),
        None => format!("access-token-user-{}", entry.id),
    }
}

fn problem(status: u16, message: &str, exception: Option<&str>) -> Reply {
    Reply::json(status, &json!({"errors": [{"context": null, "message": message, "exceptionName": exception}]}))
}

fn unknown() -> Reply {
    let exception = "com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException";
    problem(401, "Authentication failed. Please check your credentials and try again.", Some(exception))
}

fn denied() -> Reply {
    let exception = "com.atlassian.bitbucket.AuthorisationException";
    problem(401, "You are not permitted to access this resource", Some(exception))
}

fn repository(state: &State, entry: &Entry, path: &str, rest: &[&str]) -> Reply {
    let may = |permission: &'static str| {
        ScopeModel::BITBUCKET_DATA_CENTER.missing(&ScopeSet::of([permission]), &entry.permissions).is_empty()
    };
    let seen = state.repositories.get(path).filter(|(public, members)| *public || members.contains(&user_of(entry)));
    let Some((public, _)) = seen else {
        return problem(
            404,
            "Repository does not exist.",
            Some("com.atlassian.bitbucket.repository.NoSuchRepositoryException"),
        );
    };
    match rest {
        [] if may("REPO_READ") => Reply::json(200, &json!({"slug": path, "public": public})),
        ["permissions", "users"] if may("REPO_ADMIN") => Reply::json(200, &json!({"values": [], "isLastPage": true})),
        _ => denied(),
    }
}

/// What a user does with tokens, logged in with the password.
fn managed(state: &mut State, request: &Request, user: &str, path: &[&str]) -> Reply {
    let ["access-tokens", "latest", list @ ..] = path else {
        return problem(404, "not found", None);
    };
    let (list, id) = match list {
        [kind @ ("users" | "projects"), name, id @ ..] if !id.contains(&"repos") => (format!("{kind}/{name}"), id),
        ["projects", key, "repos", slug, id @ ..] => (format!("projects/{key}/repos/{slug}"), id),
        _ => return problem(404, "not found", None),
    };
    let administers =
        |(place, of): &(String, String)| of == user && (list == *place || list.starts_with(&format!("{place}/")));
    let own = list == format!("users/{user}");
    if !own && !state.administrators.iter().any(administers) {
        return denied();
    }
    match (request.method.as_str(), id) {
        ("GET", []) => page(state, request, &list),
        ("PUT", []) => create(state, request, &list),
        (method, [id]) => one(state, method, &list, id),
        _ => problem(405, "not allowed", None),
    }
}

fn of_list<'a>(state: &'a State, list: &'a str) -> impl Iterator<Item = &'a Entry> {
    state.tokens.iter().filter(move |entry| entry.list == list && !entry.deleted)
}

fn page(state: &State, request: &Request, list: &str) -> Reply {
    let start = request.parameter("start").and_then(|start| start.parse().ok()).unwrap_or(0);
    let all: Vec<Value> = of_list(state, list).map(described).collect();
    let values: Vec<&Value> = all.iter().skip(start).take(state.page).collect();
    let next = start + values.len();
    let ends = next >= all.len();
    let after = if ends { Value::Null } else { json!(next) };
    Reply::json(
        200,
        &json!({"values": values, "size": values.len(), "start": start, "isLastPage": ends, "nextPageStart": after}),
    )
}

fn create(state: &mut State, request: &Request, list: &str) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let names = body.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let Some(name) = body.get("name").and_then(Value::as_str).filter(|_| !names.is_empty()) else {
        return problem(400, "The request does not contain a token name, or the list of permissions is empty.", None);
    };
    if let Some(odd) = names.iter().find(|name| !name.starts_with("REPO_") && !name.starts_with("PROJECT_")) {
        return problem(400, &format!("{odd} is not a valid permission."), None);
    }
    if level(&names, "PROJECT") > level(&names, "REPO") {
        return problem(400, "The repository permission must be at least as high as the project permission.", None);
    }
    if of_list(state, list).count() >= state.most {
        return problem(400, "You already have the maximum number of tokens.", None);
    }
    let days = body.get("expiryDays").and_then(Value::as_u64);
    let permissions = names.into_iter().map(Scope::new).collect();
    let entry = state.make(list, name, permissions, days);
    let mut described = described(&entry);
    described["token"] = json!(entry.token.expose());
    Reply::json(200, &described)
}

/// How high the permissions for projects, or for repositories, are.
fn level(names: &[String], of: &str) -> usize {
    let height = |name: &String| {
        let right = name.strip_prefix(of)?.strip_prefix('_')?;
        ["READ", "WRITE", "ADMIN"].iter().position(|known| *known == right).map(|at| at + 1)
    };
    names.iter().filter_map(height).max().unwrap_or_default()
}

fn one(state: &mut State, method: &str, list: &str, id: &str) -> Reply {
    let gone = || problem(404, "The token does not exist.", Some("com.atlassian.bitbucket.NoSuchObjectException"));
    let Some(entry) = of_list(state, list).find(|entry| entry.id.to_string() == id).cloned() else {
        return gone();
    };
    match method {
        "GET" => Reply::json(200, &described(&entry)),
        "DELETE" => {
            state.delete(entry.id);
            Reply::status(204)
        }
        _ => problem(405, "not allowed", None),
    }
}

fn described(entry: &Entry) -> Value {
    let permissions: Vec<&str> = entry.permissions.iter().map(Scope::as_str).collect();
    let mut described = json!({"id": entry.id.to_string(), "name": entry.name, "permissions": permissions});
    if let Some(end) = entry.expires {
        described["expiryDate"] = json!(end.unix_seconds() * 1000);
    }
    described
}
