//! API tokens of users: several each, and never shown again.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::server::{Reply, Request};
use super::access::{Who, api_token, require};
use super::page;
use super::state::State;
use crate::clock::{Clock, SystemClock, Timestamp};

const DAY: i64 = 24 * 60 * 60;

/// The first version whose tokens can have an end.
const WITH_ENDS: (u32, u32) = (2, 548);

/// A token as Jenkins keeps it: its hash and not its value.
#[derive(Debug)]
pub(super) struct ApiToken {
    pub(super) user: String,
    pub(super) uuid: String,
    pub(super) name: String,
    hash: Vec<u8>,
    /// The start of the day on which it is not taken any more.
    end: Option<Timestamp>,
}

fn hash(value: &str) -> Vec<u8> {
    Sha256::digest(value).to_vec()
}

impl State {
    /// Adds a user, with one API token and without permissions, unless there is one.
    pub(super) fn add_user(&mut self, user: &str) {
        if !self.users.contains_key(user) {
            self.users.insert(user.to_owned(), std::collections::BTreeSet::new());
            self.add_token(user, "first", &api_token(user), None);
        }
    }

    /// Adds a token of this value; its uuid.
    pub(super) fn add_token(&mut self, user: &str, name: &str, value: &str, end: Option<Timestamp>) -> String {
        let uuid = uuid(self.next());
        let token =
            ApiToken { user: user.to_owned(), uuid: uuid.clone(), name: name.to_owned(), hash: hash(value), end };
        self.tokens.push(token);
        uuid
    }

    /// Whether this is a live token of this user.
    pub(super) fn takes(&self, user: &str, value: &str) -> bool {
        let (hash, now) = (hash(value), self.now());
        let mut tokens = self.tokens.iter().filter(|token| token.user == user);
        tokens.any(|token| token.hash == hash && token.end.is_none_or(|end| end > now))
    }

    fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(|| SystemClock::new().now(), |clock| clock.now())
    }
}

/// A call about the tokens of `owner`.
pub(super) fn call(state: &mut State, request: &Request, who: &Who, owner: &str, call: &str) -> Result<Reply, Reply> {
    if !state.users.contains_key(owner) {
        return Err(page::not_found());
    }
    if request.method != "POST" {
        return Err(page::method_not_allowed());
    }
    match call {
        "generateNewToken" => generate(state, request, who, owner),
        "revoke" => revoke(state, request, who, owner),
        _ => Err(page::not_found()),
    }
}

fn generate(state: &mut State, request: &Request, who: &Who, owner: &str) -> Result<Reply, Reply> {
    let administers = state.mode.admins_make_tokens && state.has(&who.user, "Overall/Administer");
    if who.user != owner && !administers {
        return Err(Reply::status(403));
    }
    let name = parameter(request, "newTokenName").filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| "Token created on a day".to_owned());
    let end = end(state, request).map_err(|message| page::json(&json!({ "status": "error", "message": message })))?;
    let number = state.next();
    let value = format!("11{}", hex(&format!("{owner} {name} {number}")));
    let uuid = state.add_token(owner, &name, &value, end);
    let mut data = json!({ "tokenName": name, "tokenUuid": uuid, "tokenValue": value });
    if let Some(end) = end {
        data["expirationDate"] = json!(format!("until {end}"));
        data["aboutToExpire"] = json!(false);
    }
    Ok(page::json(&json!({ "status": "ok", "data": data })))
}

/// Until when a token lives that is asked for like this; before 2.548 for ever.
fn end(state: &State, request: &Request) -> Result<Option<Timestamp>, &'static str> {
    if state.mode.version.unwrap_or_default() < WITH_ENDS {
        return Ok(None);
    }
    let wish = parameter(request, "expirationDuration").unwrap_or_default();
    if wish.is_empty() || wish == "never" {
        return Ok(None);
    }
    let days: i64 = wish.parse().map_err(|_| "The expiration is no number of days")?;
    if days < 1 {
        return Err("The expiration date must be in the future");
    }
    let today = state.now().unix_seconds().div_euclid(DAY);
    Ok(Some(Timestamp::from_unix_seconds((today + days) * DAY)))
}

fn revoke(state: &mut State, request: &Request, who: &Who, owner: &str) -> Result<Reply, Reply> {
    if who.user != owner {
        require(state, who, "Overall/Administer")?;
    }
    let uuid = parameter(request, "tokenUuid").filter(|uuid| !uuid.trim().is_empty());
    let Some(uuid) = uuid else {
        return Err(page::bad_request(request));
    };
    state.tokens.retain(|token| token.user != owner || token.uuid != uuid);
    Ok(page::done())
}

/// A parameter, of the address or of the form.
fn parameter(request: &Request, name: &str) -> Option<String> {
    request.parameter(name).map(str::to_owned).or_else(|| request.field(name))
}

fn uuid(number: u64) -> String {
    let hex = hex(&format!("uuid {number}"));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// 32 digits that are made up from this.
fn hex(of: &str) -> String {
    hash(of).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
