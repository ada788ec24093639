//! What a GitLab answers: tokens of projects and groups, and of their service accounts.

use serde_json::Value;

use super::routes::{day, fields, message, page, shown, wished};
use super::state::{Entry, Home, Source, State, Wish};
use crate::testing::server::{Reply, Request};

const MAINTAINER: u64 = 40;
const OWNER: u64 = 50;

/// By its path, or by its number.
fn found(state: &State, home: &Home) -> Option<Home> {
    let by_number = |all: &std::collections::BTreeMap<String, Source>, name: &str| {
        all.iter().find(|(path, source)| *path == name || source.id.to_string() == name).map(|(path, _)| path.clone())
    };
    match home {
        Home::Personal => None,
        Home::Project(name) => by_number(&state.projects, name).map(Home::Project),
        Home::Group(name) => by_number(&state.groups, name).map(Home::Group),
    }
}

fn word(home: &Home) -> &'static str {
    if matches!(home, Home::Project(_)) { "project" } else { "group" }
}

/// The role of who asks, or the refusal: whoever is no member does not see that there is anything.
fn role(state: &State, at: usize, home: &Home) -> Result<(Home, u64), Reply> {
    let hidden = || message(404, if word(home) == "project" { "404 Project Not Found" } else { "404 Group Not Found" });
    let home = found(state, home).ok_or_else(hidden)?;
    let user = state.tokens[at].user;
    let admin = state.users.get(&user).is_some_and(|user| user.admin);
    let member = state.source(&home).and_then(|source| source.members.get(&user)).copied();
    match member {
        _ if admin => Ok((home, OWNER)),
        Some(level) => Ok((home, level)),
        None => Err(hidden()),
    }
}

/// `projects/:id/access_tokens` and `groups/:id/access_tokens`.
pub(super) fn answer(state: &mut State, request: &Request, at: usize, home: &Home, rest: &[&str]) -> Reply {
    let (home, level) = match role(state, at, home) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let least = if word(&home) == "project" { MAINTAINER } else { OWNER };
    let here = |entry: &&Entry| entry.home == home;
    let missing = || message(404, &format!("404 {} Access Token Not Found", word(&home)));
    match (request.method.as_str(), rest) {
        ("DELETE", [id]) if level < least => refused(state, at, id),
        (_, _) if level < least => message(401, "401 Unauthorized"),
        ("GET", []) => page(state, request, state.tokens.iter().filter(here).collect()),
        ("POST", []) => create(state, request, at, &home, level),
        ("GET", [id]) => match state.by_id(id).filter(|other| state.tokens[*other].home == home) {
            Some(other) => Reply::json(200, &super::routes::described(state, &state.tokens[other])),
            None => missing(),
        },
        ("DELETE", [id]) => match state.by_id(id).filter(|other| state.tokens[*other].home == home) {
            Some(other) => end(state, other),
            None => missing(),
        },
        _ => message(404, "404 Not Found"),
    }
}

/// The service that ends a bot's token has words of its own for whoever may not.
fn refused(state: &State, at: usize, id: &str) -> Reply {
    let name = |user: u64| state.users.get(&user).map(|user| user.username.as_str()).unwrap_or_default();
    let bot = state.by_id(id).map(|other| state.tokens[other].user).unwrap_or_default();
    message(400, &format!("400 Bad request - {} cannot delete {}", name(state.tokens[at].user), name(bot)))
}

/// The token ends. Its row and its bot stay, and it may be ended again. Before 17.9 the bot goes at once, and the token is
/// not of the project any more then.
fn end(state: &mut State, other: usize) -> Reply {
    let entry = &mut state.tokens[other];
    entry.revoked = true;
    if state.keeps_bots {
        return Reply::status(204);
    }
    let (home, bot) = (std::mem::replace(&mut entry.home, Home::Personal), entry.user);
    if let Some(source) = state.source_mut(&home) {
        source.members.remove(&bot);
    }
    Reply::status(204)
}

fn create(state: &mut State, request: &Request, at: usize, home: &Home, level: u64) -> Reply {
    if state.tokens[at].home != Home::Personal {
        return message(
            400,
            &format!("400 Bad request - User does not have permission to create {} access token", word(home)),
        );
    }
    let wanted = fields(request).get("access_level").and_then(Value::as_u64).unwrap_or(MAINTAINER);
    if wanted > level {
        return message(
            400,
            "400 Bad request - Access level of the token can't be greater than the access level of the user",
        );
    }
    let asked = wished(request).and_then(|asked| day(state, request, state.longest).map(|ends| (asked, ends)));
    match asked {
        Err(refusal) => refusal,
        Ok(((name, scopes), ends)) => {
            let wish = Wish {
                user: 0,
                name: &name,
                scopes,
                ends: Some(ends),
                home: Home::Personal,
                level: wanted,
                before: None,
            };
            let made = state.make_bot(home.clone(), wish);
            shown(state, 201, made)
        }
    }
}

/// `groups/:id/service_accounts/:user_id/personal_access_tokens`.
pub(super) fn service_account(
    state: &mut State,
    request: &Request,
    at: usize,
    group: &Home,
    user: &str,
    rest: &[&str],
) -> Reply {
    let (group, level) = match role(state, at, group) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    if level < OWNER {
        return message(403, "403 Forbidden");
    }
    let user: u64 = user.parse().unwrap_or_default();
    if !state.source(&group).is_some_and(|source| source.service_accounts.contains(&user)) {
        return message(404, "404 User Not Found");
    }
    match (request.method.as_str(), rest) {
        ("GET", []) => page(state, request, state.tokens.iter().filter(|entry| entry.user == user).collect()),
        ("POST", []) => {
            let asked = wished(request).and_then(|asked| day(state, request, state.longest).map(|ends| (asked, ends)));
            match asked {
                Err(refusal) => refusal,
                Ok(((name, scopes), ends)) => {
                    let home = Home::Personal;
                    let made =
                        state.make(Wish { user, name: &name, scopes, ends: Some(ends), home, level: 0, before: None });
                    shown(state, 201, made)
                }
            }
        }
        ("DELETE", [id]) => match state.by_id(id).filter(|other| state.tokens[*other].user == user) {
            Some(other) => {
                state.tokens[other].revoked = true;
                Reply::status(204)
            }
            None => message(404, "404 Personal Access Token Not Found"),
        },
        _ => message(404, "404 Not Found"),
    }
}
