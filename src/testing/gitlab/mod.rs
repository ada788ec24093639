//! A GitLab on loopback, with people in it.

mod routes;
mod sources;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use self::state::{Home, Source, State, Wish};
use super::server::{Seen, Server};
use super::trouble::Trouble;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::name::TokenId;
use crate::service::gitlab::GitLabAccessLevel;
use crate::token::Token;

/// A self-managed GitLab on loopback, stateful, for tests. Its interface is below `/api/v4`.
///
/// It keeps users, projects, groups, service accounts and the families of tokens. Of the real one's traps it has these: a
/// rotated token is dead at once, and whoever is to rotate with a dead one ends its whole family; left out, the end of a
/// rotated token is a week off; a token ends as its day begins; a token of a project or group is a bot of its own, whose
/// row stays when it was revoked, or, before 17.9, is gone; who may not end it is told so with `400`; a token of a project makes no other; a key without the role sees `404` or `401`;
/// `401 Unauthorized` is said of a missing right too; lists come in pages, and search finds parts of names; a use is written
/// down every ten minutes, and a look is a use; revoked, expired and unknown have answers of their own.
#[derive(Debug)]
pub struct GitLabFake {
    server: Server,
    base: Url,
    world: World,
}

/// What the handle and the served side share.
#[derive(Clone, Debug, Default)]
struct World(Arc<Mutex<State>>);

impl World {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GitLabFake {
    /// Starts one, empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when there is no socket to be had.
    pub async fn start() -> Result<Self> {
        Self::start_with_clock(Arc::new(SystemClock::new())).await
    }

    /// Starts one, empty, whose days pass by this clock.
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

    /// Its address, as people open it.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    // -- what people did ----------------------------------------------------------------------------------------------

    /// A user, and their number.
    #[must_use]
    pub fn user(&self, username: &str) -> u64 {
        self.world.lock().add_user(username, false)
    }

    /// An administrator, and their number.
    #[must_use]
    pub fn administrator(&self, username: &str) -> u64 {
        self.world.lock().add_user(username, true)
    }

    /// A project, and its number.
    #[must_use]
    pub fn project(&self, path: &str) -> u64 {
        let mut state = self.world.lock();
        let id = state.next_id();
        state.projects.insert(path.to_owned(), Source { id, ..Source::default() });
        id
    }

    /// A top-level group, and its number.
    #[must_use]
    pub fn group(&self, path: &str) -> u64 {
        let mut state = self.world.lock();
        let id = state.next_id();
        state.groups.insert(path.to_owned(), Source { id, ..Source::default() });
        id
    }

    /// A user becomes a member of the project or group of this path.
    pub fn add_member(&self, path: &str, user: u64, role: GitLabAccessLevel) {
        let mut state = self.world.lock();
        for home in [Home::Project(path.to_owned()), Home::Group(path.to_owned())] {
            if let Some(source) = state.source_mut(&home) {
                source.members.insert(user, role.number());
            }
        }
    }

    /// A service account of a group, and its number.
    #[must_use]
    pub fn service_account(&self, group: &str, username: &str) -> u64 {
        let mut state = self.world.lock();
        let id = state.add_user(username, false);
        if let Some(source) = state.source_mut(&Home::Group(group.to_owned())) {
            source.service_accounts.insert(id);
        }
        id
    }

    /// A personal token that was made by hand, without an end.
    #[must_use]
    pub fn personal(&self, user: u64, name: &str, scopes: &[&str]) -> Token {
        let mut state = self.world.lock();
        let at = state.make(wish(user, name, scopes, GitLabAccessLevel::Guest));
        state.tokens[at].token.clone()
    }

    /// A project's token that was made by hand, without an end.
    #[must_use]
    pub fn project_token(&self, path: &str, name: &str, scopes: &[&str], role: GitLabAccessLevel) -> Token {
        self.bot(Home::Project(path.to_owned()), name, scopes, role)
    }

    /// A group's token that was made by hand, without an end.
    #[must_use]
    pub fn group_token(&self, path: &str, name: &str, scopes: &[&str], role: GitLabAccessLevel) -> Token {
        self.bot(Home::Group(path.to_owned()), name, scopes, role)
    }

    fn bot(&self, home: Home, name: &str, scopes: &[&str], role: GitLabAccessLevel) -> Token {
        let mut state = self.world.lock();
        let at = state.make_bot(home, wish(0, name, scopes, role));
        state.tokens[at].token.clone()
    }

    /// Somebody revokes a token.
    pub fn revoke(&self, token: &Token) {
        self.with(token, |entry| entry.revoked = true);
    }

    /// A token ends on this day, written as `2030-01-31`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for what is no date.
    pub fn expire_on(&self, token: &Token, date: &str) -> Result<()> {
        let day =
            state::read(date).ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a day is written like 2030-01-31"))?;
        self.with(token, |entry| entry.ends = Some(day));
        Ok(())
    }

    /// A user is blocked.
    pub fn block(&self, user: u64) {
        if let Some(user) = self.world.lock().users.get_mut(&user) {
            user.blocked = true;
        }
    }

    fn with(&self, token: &Token, change: impl FnOnce(&mut state::Entry)) {
        let mut state = self.world.lock();
        if let Some(at) = state.at(token.expose()) {
            change(&mut state.tokens[at]);
        }
    }

    // -- how the server behaves ---------------------------------------------------------------------------------------

    /// Tokens live for so many days at most.
    pub fn longest_life(&self, days: u16) {
        self.world.lock().longest = days.into();
    }

    /// An older server, which lists everything whatever is searched for.
    pub fn without_search(&self) {
        self.world.lock().searches = false;
    }

    /// A server before 17.9: the bot of a revoked token of a project or group goes at once, and its row with it.
    pub fn without_revoked_bots(&self) {
        self.world.lock().keeps_bots = false;
    }

    /// It lets no personal token be rotated that is not fine-grained.
    pub fn without_rotation(&self) {
        self.world.lock().rotates = false;
    }

    /// Whether it refuses everything from this address, as after failed logins of Git.
    pub fn ban(&self, banned: bool) {
        self.world.lock().banned = banned;
    }

    /// Pages say that the next one is at this address.
    pub fn pages_point_to(&self, address: &str) {
        self.world.lock().elsewhere = Some(address.to_owned());
    }

    /// What goes wrong with the next request whose line, such as `POST /api/v4/personal_access_tokens/self/rotate`, contains
    /// `which`.
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
        state.at(token.expose()).is_some_and(|at| state.is_alive(&state.tokens[at]))
    }

    /// The live tokens, in the order in which they were made.
    #[must_use]
    pub fn live(&self) -> Vec<Token> {
        let state = self.world.lock();
        state.tokens.iter().filter(|entry| state.is_alive(entry)).map(|entry| entry.token.clone()).collect()
    }

    /// The names of the live tokens of this user.
    #[must_use]
    pub fn rows(&self, user: u64) -> Vec<String> {
        let state = self.world.lock();
        let own = state.tokens.iter().filter(|entry| entry.user == user && state.is_alive(entry));
        own.map(|entry| entry.name.clone()).collect()
    }

    /// The token that was made last.
    #[must_use]
    pub fn newest(&self) -> Option<Token> {
        self.world.lock().tokens.last().map(|entry| entry.token.clone())
    }

    /// A token's number.
    #[must_use]
    pub fn id_of(&self, token: &Token) -> Option<TokenId> {
        self.said_of(token, |entry| TokenId::new(entry.id.to_string()).ok())
    }

    /// A token's name.
    #[must_use]
    pub fn name_of(&self, token: &Token) -> Option<String> {
        self.said_of(token, |entry| Some(entry.name.clone()))
    }

    /// A token's scopes.
    #[must_use]
    pub fn scopes_of(&self, token: &Token) -> Option<Vec<String>> {
        self.said_of(token, |entry| Some(entry.scopes.clone()))
    }

    /// The day on which a token ends, as it is written.
    #[must_use]
    pub fn end_of(&self, token: &Token) -> Option<String> {
        self.said_of(token, |entry| entry.ends.map(state::written))
    }

    /// The number of a token's role.
    #[must_use]
    pub fn level_of(&self, token: &Token) -> Option<u64> {
        self.said_of(token, |entry| Some(entry.level))
    }

    /// When a token was last used, as it is written down.
    #[must_use]
    pub fn last_used(&self, token: &Token) -> Option<Timestamp> {
        self.said_of(token, |entry| entry.last_used)
    }

    /// How often a token was presented where tokens are rotated.
    #[must_use]
    pub fn rotations_with(&self, token: &Token) -> usize {
        self.said_of(token, |entry| Some(entry.rotations)).unwrap_or_default()
    }

    /// How often a family was ended because a dead token of it was to be rotated.
    #[must_use]
    pub fn families_ended(&self) -> usize {
        self.world.lock().reuses
    }

    /// The name of the user of this number.
    #[must_use]
    pub fn username(&self, user: u64) -> Option<String> {
        self.world.lock().users.get(&user).map(|user| user.username.clone())
    }

    /// How many requests it had to answer at once at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.server.most_at_once()
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    fn said_of<T>(&self, token: &Token, say: impl FnOnce(&state::Entry) -> Option<T>) -> Option<T> {
        let state = self.world.lock();
        state.at(token.expose()).and_then(|at| say(&state.tokens[at]))
    }
}

fn wish<'a>(user: u64, name: &'a str, scopes: &[&str], role: GitLabAccessLevel) -> Wish<'a> {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Wish { user, name, scopes, ends: None, home: Home::Personal, level: role.number(), before: None }
}
