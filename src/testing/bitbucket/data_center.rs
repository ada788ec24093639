//! A Bitbucket Data Center on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::Result;
use crate::testing::server::{Seen, Server};
use crate::testing::trouble::Trouble;
use crate::token::{ScopeSet, Token};

/// So many wrong passwords, and a login wants a CAPTCHA.
const LOCKED_AFTER: u32 = 5;

/// A Bitbucket Data Center on loopback, stateful, for tests, below a context path.
///
/// It keeps users with their passwords and HTTP access tokens of users, projects and repositories. Of the real one's traps
/// it has these: a token makes no tokens; a missing right is answered with 401; a login is locked behind a CAPTCHA after
/// some wrong passwords; a login may fail for what is no word on the token; only administrators of a project or repository
/// come to its tokens; a permission for projects wants one for repositories that is as high; an account holds so many
/// tokens; lists come in small pages, with tokens that have ended; whoever is not logged in is answered all the same where
/// public access is on; a revoked token may be taken for a while; names need not be unique.
#[derive(Debug)]
pub struct BitbucketDataCenterFake {
    server: Server,
    base: Url,
    world: World,
}

#[derive(Clone, Debug, Default)]
pub(super) struct World(pub(super) Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    pub(super) tokens: Vec<Entry>,
    /// Passwords by user.
    passwords: BTreeMap<String, String>,
    wrong: BTreeMap<String, u32>,
    /// Who administers what, as a list of tokens (`projects/PRJ`) and a user.
    pub(super) administrators: Vec<(String, String)>,
    /// As which exception every login fails, right or wrong.
    pub(super) login_fails: Option<String>,
    /// Repositories, each with whether it is public and who sees it.
    pub(super) repositories: BTreeMap<String, (bool, Vec<String>)>,
    pub(super) most: usize,
    pub(super) page: usize,
    delay: u32,
    /// By which tokens end.
    clock: Arc<dyn Clock>,
}

/// A token, dead or alive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) token: Token,
    /// In whose list it is, such as `users/bot` or `projects/PRJ`.
    pub(super) list: String,
    pub(super) name: String,
    pub(super) permissions: ScopeSet,
    pub(super) expires: Option<Timestamp>,
    pub(super) deleted: bool,
    lingers: u32,
}

/// What a login with a password came to.
pub(super) enum Login {
    In(String),
    Wrong,
    Captcha,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            passwords: BTreeMap::new(),
            wrong: BTreeMap::new(),
            administrators: Vec::new(),
            login_fails: None,
            repositories: BTreeMap::new(),
            most: 400,
            page: 2,
            delay: 0,
            clock: Arc::new(SystemClock::new()),
        }
    }
}

impl World {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_taken(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| end > now) && (!self.deleted || self.lingers > 0)
    }
}

impl BitbucketDataCenterFake {
    /// Starts one, empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when there is no socket to be had.
    pub async fn start() -> Result<Self> {
        Self::start_with_clock(Arc::new(SystemClock::new())).await
    }

    /// Starts one, empty, whose tokens expire by this clock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when there is no socket to be had.
    pub async fn start_with_clock(clock: Arc<dyn Clock>) -> Result<Self> {
        let world = World::default();
        world.lock().clock = clock;
        let server = Server::start(Arc::new(world.clone())).await?;
        let base = server.url("/bitbucket")?;
        Ok(Self { server, base, world })
    }

    /// Its address, as people open it.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// A user with a password.
    pub fn user(&self, name: &str, password: &str) {
        self.world.lock().passwords.insert(name.to_owned(), password.to_owned());
    }

    /// A user who administers a project (`projects/PRJ`) with all that is in it, or a repository (`projects/PRJ/repos/site`).
    pub fn administrator(&self, place: &str, user: &str) {
        self.world.lock().administrators.push((place.to_owned(), user.to_owned()));
    }

    /// A repository, as `PROJECT/repository`, and the users who see it.
    pub fn repository(&self, path: &str, public: bool, members: &[&str]) {
        let members = members.iter().map(|name| (*name).to_owned()).collect();
        self.world.lock().repositories.insert(path.to_owned(), (public, members));
    }

    /// A token that was made before by hand, in this list (`users/bot`, `projects/PRJ`), with its number.
    #[must_use]
    pub fn token(&self, list: &str, name: &str, permissions: &[&'static str]) -> (Token, u64) {
        let mut state = self.world.lock();
        let entry = state.make(list, name, ScopeSet::of(permissions.iter().copied()), None);
        (entry.token, entry.id)
    }

    /// Somebody deletes a token by hand.
    pub fn delete(&self, id: u64) {
        self.world.lock().delete(id);
    }

    /// Every login fails with this exception of `com.atlassian.bitbucket.auth`, whatever is presented; with none, they are
    /// as before.
    pub fn fail_logins(&self, exception: Option<&str>) {
        self.world.lock().login_fails = exception.map(str::to_owned);
    }

    /// So many tokens an account may hold; 400 unless set.
    pub fn most_tokens(&self, most: usize) {
        self.world.lock().most = most;
    }

    /// A revoked token is taken so many times more.
    pub fn revoke_after_looks(&self, looks: u32) {
        self.world.lock().delay = looks;
    }

    /// What goes wrong with the next request whose line, such as `PUT /bitbucket/rest/access-tokens`, contains `which`.
    pub fn trouble(&self, which: &str, trouble: Trouble) {
        self.server.plan(which, trouble);
    }

    /// Closes its socket.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Whether a token is taken.
    #[must_use]
    pub fn is_alive(&self, token: &Token) -> bool {
        let state = self.world.lock();
        let now = state.clock.now();
        state.tokens.iter().any(|entry| entry.token == *token && entry.is_taken(now))
    }

    /// The live tokens of a list: each name with its days to live, where it has an end.
    #[must_use]
    pub fn rows(&self, list: &str) -> Vec<(String, Option<u64>)> {
        let state = self.world.lock();
        let mine = state.tokens.iter().filter(|entry| entry.list == list && !entry.deleted);
        let now = state.clock.now();
        let days = |end: Timestamp| now.until(end).as_secs().div_ceil(24 * 60 * 60);
        mine.map(|entry| (entry.name.clone(), entry.expires.map(days))).collect()
    }

    /// Whether a login wants a CAPTCHA.
    #[must_use]
    pub fn is_locked(&self, user: &str) -> bool {
        self.world.lock().wrong.get(user).is_some_and(|wrong| *wrong >= LOCKED_AFTER)
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}

impl State {
    pub(super) fn make(&mut self, list: &str, name: &str, permissions: ScopeSet, days: Option<u64>) -> Entry {
        let id = 100 + self.tokens.len() as u64;
        let entry = Entry {
            id,
            token: Token::made_up(&format!("BBDC-FAKE{:0>24}", id * 7)),
            list: list.to_owned(),
            name: name.to_owned(),
            permissions,
            expires: days.map(|days| self.clock.now().plus(Duration::from_secs(days * 24 * 60 * 60))),
            deleted: false,
            lingers: 0,
        };
        self.tokens.push(entry.clone());
        entry
    }

    pub(super) fn delete(&mut self, id: u64) -> bool {
        let delay = self.delay;
        let Some(entry) = self.tokens.iter_mut().find(|entry| entry.id == id && !entry.deleted) else {
            return false;
        };
        entry.deleted = true;
        entry.lingers = delay;
        true
    }

    /// Somebody presents a token.
    pub(super) fn bearer(&mut self, value: &str) -> Option<Entry> {
        let now = self.clock.now();
        let entry = self.tokens.iter_mut().find(|entry| entry.token.expose() == value && entry.is_taken(now))?;
        if entry.deleted {
            entry.lingers -= 1;
        }
        Some(entry.clone())
    }

    /// Somebody presents a user name and a password.
    pub(super) fn password(&mut self, user: &str, password: &str) -> Login {
        let wrong = self.wrong.entry(user.to_owned()).or_default();
        if *wrong >= LOCKED_AFTER {
            return Login::Captcha;
        }
        if self.passwords.get(user).is_some_and(|known| known == password) {
            *wrong = 0;
            return Login::In(user.to_owned());
        }
        *wrong += 1;
        Login::Wrong
    }
}
