//! Apps, where they are installed, and the tokens of that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::GitHubFake;
use super::bodies::Site;
use super::routes::message;
use super::state::State;
use crate::clock::Timestamp;
use crate::testing::server::{Reply, Request};
use crate::token::{Fingerprint, Token};

/// How long an installation token lives.
const LIFE: Duration = Duration::from_hours(1);

/// How far ahead a JWT may end, in seconds.
const AHEAD: i64 = 600;

#[derive(Debug, Default)]
pub(super) struct Apps {
    registered: BTreeMap<u64, App>,
    installations: BTreeMap<u64, Installed>,
    tokens: Vec<Issued>,
    stateless: bool,
    odd: bool,
    wide: bool,
    /// Every JWT that was taken.
    presented: BTreeSet<Fingerprint>,
}

#[derive(Debug)]
struct App {
    slug: String,
    public_key: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(super) struct Installed {
    pub(super) app: u64,
    pub(super) account: String,
    repositories: Vec<String>,
    pub(super) permissions: BTreeMap<String, String>,
    pub(super) suspended: bool,
}

#[derive(Clone, Debug)]
struct Issued {
    token: Token,
    installation: u64,
    expires: Timestamp,
    alive: bool,
    repositories: Vec<String>,
    permissions: BTreeMap<String, String>,
}

impl GitHubFake {
    /// An app with the public half of its key, in DER.
    pub fn github_app(&self, id: u64, slug: &str, public_key: &[u8]) {
        let app = App { slug: slug.to_owned(), public_key: public_key.to_vec() };
        self.world.lock().installed.registered.insert(id, app);
    }

    /// The app is installed at an account, under this number, for these of its repositories, with permissions such as
    /// `contents=write`.
    pub fn install_app(&self, app: u64, id: u64, account: &str, repositories: &[&str], permissions: &[&str]) {
        let level = |text: &&str| text.split_once('=').map(|(name, level)| (name.to_owned(), level.to_owned()));
        let installed = Installed {
            app,
            account: account.to_owned(),
            repositories: repositories.iter().map(|name| (*name).to_owned()).collect(),
            permissions: permissions.iter().filter_map(level).collect(),
            suspended: false,
        };
        self.world.lock().installed.installations.insert(id, installed);
    }

    /// Somebody suspends an installation, or lifts that.
    pub fn suspend_app(&self, installation: u64, suspended: bool) {
        if let Some(installed) = self.world.lock().installed.installations.get_mut(&installation) {
            installed.suspended = suspended;
        }
    }

    /// Somebody removes an installation: its tokens are dead.
    pub fn uninstall_app(&self, installation: u64) {
        self.world.lock().installed.installations.remove(&installation);
    }

    /// Somebody who has an installation token ends it.
    pub fn end_app_token(&self, token: &Token) {
        self.world.lock().installed.end(token);
    }

    /// Installation tokens have about 520 characters from now on, as those of github.com have since 2026.
    pub fn stateless_app_tokens(&self) {
        self.world.lock().installed.stateless = true;
    }

    /// What is said of a new installation token makes no sense from now on.
    pub fn odd_app_answers(&self) {
        self.world.lock().installed.odd = true;
    }

    /// Which repositories a new installation token is asked for is not heeded from now on: it reaches all.
    pub fn ignore_named_repositories(&self) {
        self.world.lock().installed.wide = true;
    }

    /// Whether an installation token is taken.
    #[must_use]
    pub fn is_app_token_alive(&self, token: &Token) -> bool {
        let state = self.world.lock();
        state.installed.of(token.expose(), state.clock.now()).is_some()
    }

    /// The live installation tokens, the oldest first.
    #[must_use]
    pub fn app_tokens(&self) -> Vec<Token> {
        let state = self.world.lock();
        let now = state.clock.now();
        let live =
            state.installed.tokens.iter().filter(|issued| state.installed.of(issued.token.expose(), now).is_some());
        live.map(|issued| issued.token.clone()).collect()
    }

    /// What the newest installation token may do, as `contents=write`, and the repositories that it reaches.
    #[must_use]
    pub fn newest_app_token(&self) -> Option<(Vec<String>, Vec<String>)> {
        let state = self.world.lock();
        let issued = state.installed.tokens.last()?;
        let permissions = issued.permissions.iter().map(|(name, level)| format!("{name}={level}"));
        Some((permissions.collect(), issued.repositories.clone()))
    }

    /// How many different JWTs were taken.
    #[must_use]
    pub fn app_logins(&self) -> usize {
        self.world.lock().installed.presented.len()
    }
}

impl Apps {
    /// The live token of this value.
    fn of(&self, value: &str, now: Timestamp) -> Option<&Issued> {
        let issued = self.tokens.iter().find(|issued| issued.token.expose() == value)?;
        (issued.alive && issued.expires > now && self.installations.contains_key(&issued.installation))
            .then_some(issued)
    }

    fn end(&mut self, token: &Token) {
        for issued in &mut self.tokens {
            issued.alive &= issued.token != *token;
        }
    }
}

/// What is answered below `/api/v3` to apps and their tokens; nothing for all other paths.
pub(super) fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Reply> {
    let reply = match (request.method.as_str(), path) {
        ("GET", ["app", "installations", id]) => {
            let id: u64 = id.parse().unwrap_or_default();
            lookup(state, request, |at, _| at == id)
        }
        ("GET", ["orgs" | "users", name, "installation"]) => {
            let name = (*name).to_owned();
            lookup(state, request, |_, installed| installed.account == name)
        }
        ("GET", ["repos", owner, name, "installation"]) => {
            let (owner, name) = ((*owner).to_owned(), (*name).to_owned());
            lookup(state, request, |_, installed| installed.account == owner && installed.repositories.contains(&name))
        }
        ("POST", ["app", "installations", id, "access_tokens"]) => {
            create(state, request, id.parse().unwrap_or_default())
        }
        ("GET", ["installation", "repositories"]) => list(state, request),
        ("DELETE", ["installation", "token"]) => end(state, request),
        _ => return None,
    };
    Some(reply)
}

/// The app that asks, by its JWT.
fn app(state: &mut State, request: &Request) -> Result<u64, Reply> {
    let undecoded = || message(401, "A JSON web token could not be decoded");
    let token =
        request.header("authorization").and_then(|header| header.strip_prefix("Bearer ")).ok_or_else(undecoded)?;
    let (signed, signature) = token.rsplit_once('.').ok_or_else(undecoded)?;
    let (header, claims) = signed.split_once('.').ok_or_else(undecoded)?;
    let json = |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (header, claims) = json(header).zip(json(claims)).ok_or_else(undecoded)?;
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let issuer = claims.get("iss").and_then(Value::as_str).and_then(|iss| iss.parse().ok()).ok_or_else(undecoded)?;
    let known = state.installed.registered.get(&issuer).ok_or_else(|| message(404, "Integration not found"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecoded())?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &known.public_key);
    let genuine = key.verify(signed.as_bytes(), &signature).is_ok();
    if header.get("alg").and_then(Value::as_str) != Some("RS256") || !genuine {
        return Err(undecoded());
    }
    let now = state.clock.now().unix_seconds();
    if number("iat").is_none_or(|iat| iat > now) {
        let text = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        return Err(message(401, text));
    }
    match number("exp") {
        Some(exp) if exp > now + AHEAD => {
            return Err(message(401, "'Expiration time' claim ('exp') is too far in the future"));
        }
        Some(exp) if exp > now => {}
        _ => {
            let text = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
                        assertion expires";
            return Err(message(401, text));
        }
    }
    state.installed.presented.insert(Fingerprint::of(token.as_bytes()));
    Ok(issuer)
}

fn lookup(state: &mut State, request: &Request, fits: impl Fn(u64, &Installed) -> bool) -> Reply {
    let app = match app(state, request) {
        Ok(app) => app,
        Err(refusal) => return refusal,
    };
    let apps = &state.installed;
    let found = apps.installations.iter().find(|(id, installed)| installed.app == app && fits(**id, installed));
    let (Some((id, installed)), Some(known)) = (found, apps.registered.get(&app)) else {
        return message(404, "Not Found");
    };
    Reply::json(200, &Site::of(request).installation(&known.slug, *id, installed))
}

fn create(state: &mut State, request: &Request, id: u64) -> Reply {
    let app = match app(state, request) {
        Ok(app) => app,
        Err(refusal) => return refusal,
    };
    let Some(installed) = state.installed.installations.get(&id).filter(|installed| installed.app == app).cloned()
    else {
        return message(404, "Not Found");
    };
    if installed.suspended {
        return message(403, "This installation has been suspended");
    }
    let wish: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let named = wish.get("repositories").and_then(Value::as_array);
    let named: Option<Vec<String>> =
        named.map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    if named.iter().flatten().any(|name| !installed.repositories.contains(name)) {
        let text =
            "There is at least one repository that does not exist or is not accessible to the parent installation.";
        return message(422, text);
    }
    let asked = wish.get("permissions").and_then(Value::as_object);
    let mut permissions = match asked {
        None => installed.permissions.clone(),
        Some(asked) => {
            asked.iter().filter_map(|(name, level)| Some((name.clone(), level.as_str()?.to_owned()))).collect()
        }
    };
    let level = |level: &str| ["read", "write", "admin"].iter().position(|known| *known == level);
    let granted = |name: &str| installed.permissions.get(name).and_then(|granted| level(granted));
    if permissions.iter().any(|(name, asked)| level(asked).is_none_or(|asked| Some(asked) > granted(name))) {
        return message(422, "The permissions requested are not granted to this installation.");
    }
    // It comes with all others.
    permissions.insert("metadata".to_owned(), "read".to_owned());
    let value = next_value(state, app);
    let expires = state.clock.now().plus(LIFE);
    let named = named.filter(|_| !state.installed.wide);
    let selection = if named.is_some() { "selected" } else { "all" };
    let mut body = json!({
        "token": value, "expires_at": expires.to_string(), "permissions": permissions, "repository_selection": selection,
    });
    // Those that were named are described, and no others.
    if let Some(names) = &named {
        body["repositories"] = Site::of(request).repositories(&installed.account, names).into();
    }
    if state.installed.odd {
        body = json!({"token": value, "expires_at": 5, "permissions": "many", "repositories": null});
    }
    let repositories = named.unwrap_or(installed.repositories);
    let token = Token::made_up(&value);
    state.installed.tokens.push(Issued { token, installation: id, expires, alive: true, repositories, permissions });
    Reply::json(201, &body)
}

/// A value that no real token has, in the format that is in use.
fn next_value(state: &mut State, app: u64) -> String {
    if !state.installed.stateless {
        return state.next_value("ghs_");
    }
    let chance = state.next_value("");
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let claims = json!({"iss": "FAKE", "jti": chance, "exp": state.clock.now().unix_seconds() + 3600}).to_string();
    let signature: Vec<u8> = (0..8).flat_map(|at: u8| Sha256::digest(format!("{chance}{at}"))).collect();
    format!("ghs_{app}_{}.{}.{}", part(br#"{"alg":"RS256","typ":"JWT"}"#), part(claims.as_bytes()), part(&signature))
}

/// The token that asks, or the refusal.
fn login(state: &State, request: &Request) -> Result<Issued, Reply> {
    let unknown = || message(401, "Bad credentials");
    let value = request.token().ok_or_else(|| message(401, "Requires authentication"))?;
    if state.tokens.iter().any(|entry| entry.token.expose() == value && entry.is_alive(state.clock.now())) {
        let text = "You must authenticate with an installation access token in order to list repositories for an installation.";
        return Err(message(403, text));
    }
    let issued = state.installed.of(value, state.clock.now()).cloned().ok_or_else(unknown)?;
    let installed = state.installed.installations.get(&issued.installation).ok_or_else(unknown)?;
    if installed.suspended { Err(message(403, "This installation has been suspended")) } else { Ok(issued) }
}

fn list(state: &State, request: &Request) -> Reply {
    let issued = match login(state, request) {
        Ok(issued) => issued,
        Err(refusal) => return refusal,
    };
    let account = state.installed.installations.get(&issued.installation).map(|installed| installed.account.as_str());
    let rows = request.parameter("per_page").and_then(|rows| rows.parse().ok()).unwrap_or(30);
    let names = &issued.repositories[..rows.min(issued.repositories.len())];
    let described = Site::of(request).repositories(account.unwrap_or_default(), names);
    Reply::json(200, &json!({"total_count": issued.repositories.len(), "repositories": described}))
}

fn end(state: &mut State, request: &Request) -> Reply {
    let issued = match login(state, request) {
        Ok(issued) => issued,
        Err(refusal) => return refusal,
    };
    state.installed.end(&issued.token);
    Reply::status(204)
}
