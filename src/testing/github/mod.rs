//! A GitHub on loopback, with people in it.

#[cfg(feature = "github-app")]
mod app;
mod bodies;
mod impersonation;
mod login_routes;
mod logins;
mod people;
mod routes;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use self::state::{Entry, Kind, Organization, Repository, State};
use super::server::{Seen, Server};
use super::trouble::Trouble;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::token::Token;

/// A GitHub Enterprise Server on loopback, stateful, for tests. Its addresses are below [`base`](Self::base).
///
/// It keeps tokens and lets people make, regenerate, tick and delete them. Of the real one's traps it has these: an account
/// is locked, live tokens included, after several dead logins; a revocation is answered before it happens; a token that was
/// regenerated is dead at once; scopes are normalised; single sign-on and approval keep a live token out; a missing right
/// looks like a missing repository; the interface for revocations refuses whoever logs in, and an older server has none. An
/// app's signature is verified and its times are compared with the clock; an installation token lives for an hour; a user's
/// impersonation token is handed out again to whoever asks.
///
/// Apps get tokens by the device flow: codes that expire, polls that must not come too soon, answers with 200 whatever they
/// say, a token that is told once, and an eleventh one that ends the oldest. Refresh tokens count once, and take the old
/// token with them.
#[derive(Debug)]
pub struct GitHubFake {
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

impl GitHubFake {
    /// Starts one, empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when there is no socket to be had.
    pub async fn start() -> Result<Self> {
        Self::start_with_clock(Arc::new(SystemClock::new())).await
    }

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

    /// Its address, as people open it; `/api/v3` is below it.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// The address of a repository, for git.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a name that cannot stand in an address.
    pub fn git_url(&self, repository: &str) -> Result<Url> {
        let wrong = |_| Error::new(ErrorKind::InvalidInput, "a repository is written as owner/name");
        self.base.join(&format!("{repository}.git")).map_err(wrong)
    }

    // -- what people and organisations did ----------------------------------------------------------------------------

    /// A classic token that was made before, under this name.
    #[must_use]
    pub fn classic(&self, owner: &str, name: &str, scopes: &[&str]) -> Token {
        self.world.lock().make(Kind::Classic, owner, name, scopes, None)
    }

    /// A fine-grained token that was made before. Who owns an organisation that approves them must approve it first.
    #[must_use]
    pub fn fine_grained(&self, owner: &str, name: &str) -> Token {
        self.world.lock().make(Kind::FineGrained, owner, name, &[], None)
    }

    /// An OAuth app with its secret.
    pub fn oauth_app(&self, client_id: &str, client_secret: &str) {
        self.world.lock().apps.insert(client_id.to_owned(), client_secret.to_owned());
    }

    /// A token that a user gave to an app.
    #[must_use]
    pub fn oauth_token(&self, client_id: &str, owner: &str, scopes: &[&str]) -> Token {
        self.world.lock().make(Kind::OAuth(client_id.to_owned()), owner, "app", scopes, None)
    }

    /// A private repository, and who administers it.
    pub fn private_repository(&self, path: &str, admins: &[&str]) {
        let admins = admins.iter().map(|login| (*login).to_owned()).collect();
        self.world.lock().repositories.insert(path.to_owned(), Repository { private: true, admins });
    }

    /// A public repository.
    pub fn public_repository(&self, path: &str) {
        self.world.lock().repositories.insert(path.to_owned(), Repository { private: false, admins: Vec::new() });
    }

    /// This organisation wants single sign-on.
    pub fn require_sso(&self, organization: &str) {
        self.with_organization(organization, |org| org.sso = true);
    }

    /// This organisation approves fine-grained tokens one by one.
    pub fn require_approval(&self, organization: &str) {
        self.with_organization(organization, |org| org.approval = true);
    }

    /// Somebody presses "Configure SSO" beside a token, or approves it.
    pub fn authorize(&self, organization: &str, name: &str) {
        let mut state = self.world.lock();
        if let Some(entry) = state.named_mut(name) {
            entry.authorized.push(organization.to_owned());
        }
    }

    fn with_organization(&self, name: &str, change: impl FnOnce(&mut Organization)) {
        change(self.world.lock().organizations.entry(name.to_owned()).or_default());
    }

    /// A person follows a guide: opens its link, leaves what is filled in, presses "Generate token", and copies the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the guide's link does not lead to the page where tokens are made.
    pub fn generate(&self, login: &str, guide: &Guide) -> Result<String> {
        let lost =
            || Error::new(ErrorKind::InvalidInput, "the guide's link does not lead to the page that makes tokens");
        let link = guide.link.as_ref().ok_or_else(lost)?;
        let field = |name: &str| link.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let days = |text: Option<String>| text.and_then(|days| days.parse::<u64>().ok());
        let mut state = self.world.lock();
        let now = state.clock.now();
        let end = |days: u64| now.plus(state::days(days));
        let token = match link.path() {
            "/settings/tokens/new" => {
                let scopes = field("scopes").unwrap_or_default();
                let scopes: Vec<&str> = scopes.split(',').filter(|scope| !scope.is_empty()).collect();
                let end = days(field("default_expires_at")).map(end);
                state.make(Kind::Classic, login, &field("description").unwrap_or_default(), &scopes, end)
            }
            "/settings/personal-access-tokens/new" => {
                let end = end(days(field("expires_in")).unwrap_or(30));
                state.make(Kind::FineGrained, login, &field("name").unwrap_or_default(), &[], Some(end))
            }
            _ => return Err(lost()),
        };
        Ok(token.expose().to_owned())
    }

    /// A person presses "Regenerate" on the row of this name: the value changes, and the one before is dead at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such row.
    pub fn regenerate(&self, name: &str) -> Result<String> {
        let mut state = self.world.lock();
        let next = state.next_value("ghp_");
        let entry = state.named_mut(name).ok_or_else(no_row)?;
        let old = entry.clone();
        entry.token = Token::made_up(&next);
        state.bury(old);
        Ok(next)
    }

    /// A person presses "Delete" on the row of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such row.
    pub fn delete(&self, name: &str) -> Result<()> {
        self.world.lock().named_mut(name).ok_or_else(no_row)?.alive = false;
        Ok(())
    }

    /// A person ticks one more scope of the row of this name; the value stays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such row.
    pub fn tick(&self, name: &str, scope: &str) -> Result<()> {
        self.world.lock().named_mut(name).ok_or_else(no_row)?.tick(scope);
        Ok(())
    }

    /// A live token ends at this instant.
    pub fn expire_at(&self, token: &Token, at: Timestamp) {
        if let Some(entry) = self.world.lock().entry_mut(token.expose()) {
            entry.expires = Some(at);
        }
    }

    // -- how the server behaves ---------------------------------------------------------------------------------------

    /// An older server: no interface for revocations.
    pub fn without_revocation(&self) {
        self.world.lock().revocable = false;
    }

    /// A call of revocations is refused as a whole where this value is among them.
    pub fn refuse_to_revoke(&self, token: &Token) {
        self.world.lock().unrevocable.push(token.expose().to_owned());
    }

    /// A revoked token is taken so many times more before it is dead.
    pub fn revoke_after_logins(&self, logins: u32) {
        self.world.lock().delay = logins;
    }

    /// Expiry headers in the other layout, with an offset.
    pub fn expiry_with_offset(&self) {
        self.world.lock().offset_layout = true;
    }

    /// The budget of anonymous callers is spent.
    pub fn spend_anonymous_budget(&self) {
        self.world.lock().anonymous_left = 0;
    }

    /// A locked account is let in again.
    pub fn unlock(&self, login: &str) {
        self.world.lock().dead_logins.remove(login);
    }

    /// What goes wrong with the next request whose line, such as `POST /api/v3/credentials/revoke`, contains `which`.
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
        let mut state = self.world.lock();
        let now = state.clock.now();
        state.entry_mut(token.expose()).is_some_and(|entry| entry.is_alive(now))
    }

    /// The value of the live token of this name.
    #[must_use]
    pub fn value_of(&self, name: &str) -> Option<Token> {
        let mut state = self.world.lock();
        let now = state.clock.now();
        state.named_mut(name).filter(|entry| entry.is_alive(now)).map(|entry| entry.token.clone())
    }

    /// The names of the live tokens of this user.
    #[must_use]
    pub fn rows(&self, login: &str) -> Vec<String> {
        let state = self.world.lock();
        let now = state.clock.now();
        let live = state.tokens.iter().filter(|entry| entry.owner == login && entry.is_alive(now));
        live.map(|entry: &Entry| entry.name.clone()).collect()
    }

    /// How often a token was taken.
    #[must_use]
    pub fn uses(&self, token: &Token) -> usize {
        self.world.lock().entry_mut(token.expose()).map_or(0, |entry| entry.uses)
    }

    /// Whether this account's logins are refused.
    #[must_use]
    pub fn is_locked(&self, login: &str) -> bool {
        self.world.lock().is_locked(login)
    }

    /// To whom it has written that a token was revoked.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        self.world.lock().mails.clone()
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
}

fn no_row() -> Error {
    Error::new(ErrorKind::NotFound, "there is no token of this name")
}
