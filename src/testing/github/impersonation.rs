//! A site administrator acts as a user.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::GitHubFake;
use super::routes::{login, message};
use super::state::{Kind, State};
use crate::testing::server::{Reply, Request};
use crate::token::Token;

#[derive(Debug, Default)]
pub(super) struct Desk {
    administrators: BTreeSet<String>,
    /// The one token of each user.
    standing: BTreeMap<String, Token>,
    hides: bool,
    /// Users whose token another program asks for as soon as there is none.
    contested: BTreeSet<String>,
}

impl GitHubFake {
    /// A user whom a site administrator may act as.
    pub fn user(&self, login: &str) {
        self.world.lock().people.insert(login.to_owned());
    }

    /// A site administrator, and a classic token of theirs with these scopes.
    #[must_use]
    pub fn site_administrator(&self, login: &str, scopes: &[&str]) -> Token {
        let mut state = self.world.lock();
        state.desk.administrators.insert(login.to_owned());
        state.make(Kind::Classic, login, "administration", scopes, None)
    }

    /// A user's impersonation token, made by another program.
    #[must_use]
    pub fn impersonate(&self, username: &str, scopes: &[&str]) -> Token {
        made(&mut self.world.lock(), username, scopes)
    }

    /// A site administrator deletes a user's impersonation token.
    pub fn end_impersonation(&self, username: &str) {
        deleted(&mut self.world.lock(), username);
    }

    /// The impersonation token of a user, if there is one.
    #[must_use]
    pub fn impersonation_of(&self, username: &str) -> Option<Token> {
        self.world.lock().desk.standing.get(username).cloned()
    }

    /// As soon as a user's token is deleted, another program asks for the next one, from now on.
    pub fn contest_impersonation(&self, username: &str) {
        self.world.lock().desk.contested.insert(username.to_owned());
    }

    /// A token that lives already is handed out without its value from now on.
    pub fn hide_standing_impersonation(&self) {
        self.world.lock().desk.hides = true;
    }
}

/// What is answered below `/api/v3` to site administrators; nothing for all other paths.
pub(super) fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Reply> {
    let ["admin", "users", username, "authorizations"] = path else {
        return None;
    };
    let entry = match login(state, request) {
        Ok(entry) => entry,
        Err(refusal) => return Some(refusal),
    };
    let may = state.desk.administrators.contains(&entry.owner) && entry.may("site_admin");
    if !may || !state.people.contains(*username) {
        return Some(message(404, "Not Found"));
    }
    Some(match request.method.as_str() {
        "POST" => hand_out(state, request, username),
        "DELETE" => {
            deleted(state, username);
            if state.desk.contested.contains(*username) {
                made(state, username, &["repo"]);
            }
            Reply::status(204)
        }
        _ => message(404, "Not Found"),
    })
}

/// Gets it, or makes it.
fn hand_out(state: &mut State, request: &Request, username: &str) -> Reply {
    let standing = state.desk.standing.get(username).cloned();
    let status = if standing.is_some() { 200 } else { 201 };
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let scopes = body.get("scopes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let scopes: Vec<&str> = scopes.collect();
    let token = standing.unwrap_or_else(|| made(state, username, &scopes));
    let value = token.expose();
    let last_eight = &value[value.len() - 8..];
    let shown = (status == 201 || !state.desk.hides).then_some(value);
    let scopes: Vec<String> = state
        .entry_mut(value)
        .map(|entry| entry.scopes.iter().map(|scope| scope.as_str().to_owned()).collect())
        .unwrap_or_default();
    Reply::json(
        status,
        &json!({"id": 1, "token": shown, "token_last_eight": last_eight, "scopes": scopes, "note": null}),
    )
}

fn made(state: &mut State, username: &str, scopes: &[&str]) -> Token {
    let kind = Kind::OAuth("impersonation".to_owned());
    let token = state.make(kind, username, "impersonation", scopes, None);
    state.desk.standing.insert(username.to_owned(), token.clone());
    token
}

fn deleted(state: &mut State, username: &str) {
    let Some(token) = state.desk.standing.remove(username) else {
        return;
    };
    if let Some(entry) = state.entry_mut(token.expose()) {
        entry.alive = false;
    }
}
