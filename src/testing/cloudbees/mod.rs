//! A `CloudBees` Unify on loopback, with people in it.

mod routes;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use self::state::State;
use super::server::{Seen, Server};
use super::trouble::Trouble;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::token::{Fingerprint, Token};

/// A `CloudBees` Unify on loopback, stateful, for tests. Its interface is at [`base`](Self::base).
///
/// It keeps the tokens of its users and lets people make and delete them. Of the real one's traps it has these: no
/// interface makes, lists or deletes a token; nothing tells whose a token is or when it ends; refusals come in two forms; a
/// token of somebody who is no member is refused with 403, or with the 404 of an organization that is not there; a deleted token
/// may be taken for a while.
#[derive(Debug)]
pub struct CloudBeesFake {
    server: Server,
    base: Url,
    world: World,
}

/// A workflow that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkflowRun {
    /// Of which component.
    pub component: String,
    /// On which branch.
    pub branch: String,
    /// Which file.
    pub file: String,
    /// By whose token.
    pub user: String,
    /// By which token.
    pub token: Fingerprint,
}

#[derive(Clone, Debug, Default)]
struct World(Arc<Mutex<State>>);

impl World {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudBeesFake {
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

    /// Its address.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    // -- what people did ----------------------------------------------------------------------------------------------

    /// A user who is a member of organizations of these domains.
    pub fn user(&self, login: &str, domains: &[&str]) {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        self.world.lock().users.insert(login.to_owned(), domains);
    }

    /// A token that this user made before, for so many days.
    #[must_use]
    pub fn token(&self, login: &str, name: &str, days: u64) -> Token {
        self.world.lock().make(login, name, days)
    }

    /// A person who is signed in as this user follows a guide step by step, and copies the value. The one who reads the row
    /// off the list finds there what the guide says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the guide does not say what to fill in, or contradicts what the list then shows.
    pub fn generate(&self, login: &str, guide: &Guide) -> Result<String> {
        let lost = || Error::new(ErrorKind::InvalidInput, "the guide does not say what to fill in");
        let step = |key: &str| guide.steps.iter().find(|step| step.key == key).map(|step| step.text.as_str());
        let name = step("name").and_then(|text| text.strip_prefix("Name: ")).ok_or_else(lost)?;
        let duration = step("duration").and_then(|text| text.strip_prefix("Duration: ")).ok_or_else(lost)?;
        let mut state = self.world.lock();
        let now = state.clock.now();
        let end = if let Some(date) = duration.strip_prefix("Custom, then ").and_then(|rest| rest.get(..10)) {
            format!("{date}T00:00:00Z").parse::<Timestamp>()?
        } else {
            let days = duration.split(' ').next().and_then(|days| days.parse().ok()).ok_or_else(lost)?;
            now.plus(state::days(days))
        };
        let listed = step("read-off").and_then(|text| text.split_once(" off the list: ")).ok_or_else(lost)?.1;
        let said = listed.strip_prefix(name).and_then(|rest| rest.strip_prefix(" and ")).ok_or_else(lost)?;
        let counted = said.split_once(" days after the day on which you make it").map(|(days, _)| days);
        let said = match counted {
            Some(days) => now.plus(state::days(days.parse().map_err(|_| lost())?)),
            None => said.get(..10).and_then(|date| format!("{date}T00:00:00Z").parse().ok()).ok_or_else(lost)?,
        };
        if said.until(end).max(end.until(said)) > state::days(1) {
            let text = "the list shows another expiration date than the guide says: mend the guide";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(state.make_until(login, name, end).expose().to_owned())
    }

    /// A person deletes the row of this name on this user's profile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such row.
    pub fn delete(&self, login: &str, name: &str) -> Result<()> {
        let no_row = || Error::new(ErrorKind::NotFound, "there is no token of this name");
        let mut state = self.world.lock();
        let delay = state.delay;
        let entry = state.named_mut(login, name).ok_or_else(no_row)?;
        entry.deleted = true;
        entry.lingers = delay;
        Ok(())
    }

    // -- how it behaves -----------------------------------------------------------------------------------------------

    /// A deleted token is taken so many times more.
    pub fn delete_after_looks(&self, looks: u32) {
        self.world.lock().delay = looks;
    }

    /// An organization is not there (404) for whoever is no member, and not refused (403).
    pub fn hide_organizations(&self) {
        self.world.lock().hides = true;
    }

    /// Refusals of unknown tokens in the form of the contract, and not as they were seen.
    pub fn refuse_by_contract(&self) {
        self.world.lock().by_contract = true;
    }

    /// What goes wrong with the next request whose line, such as `GET /v1/organizations`, contains `which`.
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

    /// The rows on this user's profile: each name with its expiration date.
    #[must_use]
    pub fn rows(&self, login: &str) -> Vec<(String, Timestamp)> {
        let state = self.world.lock();
        let mine = state.tokens.iter().filter(|entry| entry.user == login && !entry.deleted);
        mine.map(|entry| (entry.name.clone(), entry.expires)).collect()
    }

    /// The workflows that were started.
    #[must_use]
    pub fn runs(&self) -> Vec<WorkflowRun> {
        self.world.lock().runs.clone()
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}
