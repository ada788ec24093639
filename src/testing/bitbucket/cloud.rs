//! A Bitbucket Cloud on loopback, with people in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::json;
use url::Url;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::testing::server::{Reply, Request, Seen, Server, Service};
use crate::testing::trouble::Trouble;
use crate::token::{Scope, ScopeModel, ScopeSet, Token};

/// A Bitbucket Cloud on loopback, stateful, for tests. Its interface is at [`base`](Self::base).
///
/// It keeps API tokens of accounts and access tokens of repositories, projects and workspaces, and lets people make and
/// revoke them. Of the real one's traps it has these: an API token is taken only with its account's email address, and no app
/// password is; a missing scope is refused with what was granted; a repository that a token does not see is not there;
/// refusals may say what a token is, or not; scopes cannot be changed; a revoked token may be taken for a while.
#[derive(Debug)]
pub struct BitbucketCloudFake {
    server: Server,
    base: Url,
    world: World,
}

#[derive(Clone, Debug, Default)]
struct World(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    tokens: Vec<Entry>,
    /// Repositories, each with whether it is private and who sees it.
    repositories: BTreeMap<String, (bool, Vec<String>)>,
    delay: u32,
    mute: bool,
    /// Whether refusals say in their headers what the token is.
    frank: bool,
    clock: Arc<dyn Clock>,
}

/// A token, dead or alive. It is its account's (an email address), or that of a repository (its path), project or workspace.
#[derive(Clone, Debug)]
struct Entry {
    token: Token,
    owner: String,
    name: String,
    scopes: ScopeSet,
    expires: Option<Timestamp>,
    revoked: bool,
    lingers: u32,
}

impl Default for State {
    fn default() -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { tokens: Vec::new(), repositories: BTreeMap::new(), delay: 0, mute: false, frank: false, clock }
    }
}

impl Entry {
    fn is_taken(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| end > now) && (!self.revoked || self.lingers > 0)
    }

    fn is_of_account(&self) -> bool {
        self.owner.contains('@')
    }
}

impl World {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BitbucketCloudFake {
    /// Starts one, empty, whose tokens expire by this clock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when there is no socket to be had.
    pub async fn start_with_clock(clock: Arc<dyn Clock>) -> Result<Self> {
        let world = World::default();
        world.lock().clock = clock;
        let server = Server::start(Arc::new(world.clone())).await?;
        let base = server.url("/")?;
        Ok(Self { server, base, world })
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    // -- what people did ----------------------------------------------------------------------------------------------

    /// A private repository, and who sees it: the email addresses of accounts, projects and workspaces. Its own access tokens
    /// see it too.
    pub fn private_repository(&self, path: &str, members: &[&str]) {
        let members = members.iter().map(|email| (*email).to_owned()).collect();
        self.world.lock().repositories.insert(path.to_owned(), (true, members));
    }

    /// A public repository.
    pub fn public_repository(&self, path: &str) {
        self.world.lock().repositories.insert(path.to_owned(), (false, Vec::new()));
    }

    /// A token that was made before, of an account (its email address) or of a repository (its path).
    #[must_use]
    pub fn token(&self, owner: &str, name: &str, scopes: &[&str]) -> Token {
        let scopes = scopes.iter().map(|scope| Scope::new((*scope).to_owned())).collect();
        self.world.lock().make(owner, name, scopes, None)
    }

    /// A person who is signed in as this account, or administers this repository, follows a guide step by step, and copies
    /// the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the guide does not say what to fill in.
    pub fn create(&self, owner: &str, guide: &Guide) -> Result<String> {
        let lost = || Error::new(ErrorKind::InvalidInput, "the guide does not say what to fill in");
        let step = |key: &str| guide.steps.iter().find(|step| step.key == key).map(|step| step.text.as_str());
        let name = step("name").and_then(|text| text.strip_prefix("Name: ")).ok_or_else(lost)?;
        let scopes = step("scopes").and_then(|text| text.strip_prefix("Scopes: ")).ok_or_else(lost)?;
        let scopes = scopes.split(". ").next().unwrap_or_default();
        let date = step("expiration").and_then(|text| text.strip_prefix("Expires: ")).ok_or_else(lost)?;
        let expires = date.get(..10).and_then(|date| format!("{date}T00:00:00Z").parse().ok());
        let mut state = self.world.lock();
        Ok(state.make(owner, name, ScopeSet::parse(scopes), expires).expose().to_owned())
    }

    /// A person revokes the row of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such row.
    pub fn revoke(&self, owner: &str, name: &str) -> Result<()> {
        let no_row = || Error::new(ErrorKind::NotFound, "there is no token of this name");
        let mut state = self.world.lock();
        let delay = state.delay;
        let mut rows = state.tokens.iter_mut();
        let entry =
            rows.find(|entry| entry.owner == owner && entry.name == name && !entry.revoked).ok_or_else(no_row)?;
        entry.revoked = true;
        entry.lingers = delay;
        Ok(())
    }

    // -- how it behaves -----------------------------------------------------------------------------------------------

    /// A revoked token is taken so many times more.
    pub fn revoke_after_looks(&self, looks: u32) {
        self.world.lock().delay = looks;
    }

    /// Answers say nothing of the token in their headers.
    pub fn without_headers(&self) {
        self.world.lock().mute = true;
    }

    /// Refusals say in their headers what the token may do, as other answers do.
    pub fn frank_refusals(&self) {
        self.world.lock().frank = true;
    }

    /// What goes wrong with the next request whose line, such as `GET /2.0/repositories`, contains `which`.
    pub fn trouble(&self, which: &str, trouble: Trouble) {
        self.server.plan(which, trouble);
    }

    /// Closes its socket.
    pub fn stop(&self) {
        self.server.stop();
    }

    // -- the truth ----------------------------------------------------------------------------------------------------

    /// Whether a token is taken.
    #[must_use]
    pub fn is_alive(&self, token: &Token) -> bool {
        let state = self.world.lock();
        let now = state.clock.now();
        state.tokens.iter().any(|entry| entry.token == *token && entry.is_taken(now))
    }

    /// The names of the tokens in a list, of an account or of a repository.
    #[must_use]
    pub fn rows(&self, owner: &str) -> Vec<String> {
        let state = self.world.lock();
        let rows = state.tokens.iter().filter(|entry| entry.owner == owner && !entry.revoked);
        rows.map(|entry| entry.name.clone()).collect()
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}

impl State {
    fn make(&mut self, owner: &str, name: &str, scopes: ScopeSet, expires: Option<Timestamp>) -> Token {
        let prefix = if owner.contains('@') { "ATATTFAKE" } else { "ATCTTFAKE" };
        let token = Token::made_up(&format!("{prefix}{:0>24}", self.tokens.len() + 1));
        self.tokens.push(Entry {
            token: token.clone(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            scopes,
            expires,
            revoked: false,
            lingers: 0,
        });
        token
    }

    fn login(&mut self, request: &Request) -> Option<Entry> {
        let now = self.clock.now();
        let (email, value) = match request.basic() {
            Some((email, value)) => (Some(email), value),
            None => (None, request.token()?.to_owned()),
        };
        let entry = self.tokens.iter_mut().find(|entry| entry.token.expose() == value && entry.is_taken(now))?;
        let fits = if entry.is_of_account() { email.as_deref() == Some(&*entry.owner) } else { email.is_none() };
        if !fits {
            return None;
        }
        if entry.revoked {
            entry.lingers -= 1;
        }
        Some(entry.clone())
    }

    /// What an answer says of the token in its headers.
    fn described(&self, entry: &Entry, reply: Reply) -> Reply {
        if self.mute || (reply.status != 200 && !self.frank) {
            return reply;
        }
        let granted: Vec<&str> = entry.scopes.iter().map(Scope::as_str).collect();
        let reply = reply.header("x-oauth-scopes", granted.join(", "));
        match () {
            () if entry.is_of_account() => reply.header("x-credential-type", "api_token"),
            () if self.repositories.contains_key(&entry.owner) => {
                reply.header("x-credential-type", "repo_access_token")
            }
            // How the others are called is not documented.
            () => reply,
        }
    }

    fn repository(&self, entry: &Entry, path: &str) -> Reply {
        let needed = if entry.is_of_account() { "read:repository:bitbucket" } else { "repository" };
        let lacks = !ScopeModel::BITBUCKET_CLOUD.missing(&ScopeSet::of([needed]), &entry.scopes).is_empty();
        let granted: Vec<&str> = entry.scopes.iter().map(Scope::as_str).collect();
        if lacks {
            let error = json!({"type": "error", "error": {
                "message": "Your credentials lack one or more required privilege scopes.",
                "detail": {"required": [needed], "granted": granted},
            }});
            return Reply::json(403, &error);
        }
        let Some((private, members)) = self.repositories.get(path) else {
            return refusal(404, "Repository not found");
        };
        if *private && entry.owner != path && !members.contains(&entry.owner) {
            return refusal(404, "Repository not found");
        }
        Reply::json(200, &json!({"type": "repository", "full_name": path, "is_private": private}))
    }
}

#[async_trait]
impl Service for World {
    async fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let state = &mut *self.lock();
        let Some(entry) = state.login(request) else {
            return refusal(401, "Token is invalid, expired, or not supported for this endpoint.");
        };
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["2.0", "repositories", workspace, slug]) => {
                let reply = state.repository(&entry, &format!("{workspace}/{slug}"));
                state.described(&entry, reply)
            }
            _ => refusal(404, "Not found"),
        }
    }
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"type": "error", "error": {"message": message}}))
}
