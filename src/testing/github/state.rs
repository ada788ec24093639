//! What a GitHub keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::logins::Logins;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::token::{ScopeModel, ScopeSet, Token};

/// So many dead logins lock an account.
const LOCKED_AFTER: u32 = 5;

/// Which kind of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Classic,
    FineGrained,
    /// Of the OAuth app with this client id.
    OAuth(String),
    /// Of a user, given to the GitHub App with this client id.
    AppUser(String),
}

/// A token, dead or alive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) token: Token,
    pub(super) kind: Kind,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) scopes: ScopeSet,
    pub(super) expires: Option<Timestamp>,
    pub(super) alive: bool,
    /// Revoked, and taken so many times more.
    pub(super) dying: Option<u32>,
    /// By which organisations it was authorised or approved.
    pub(super) authorized: Vec<String>,
    pub(super) uses: usize,
}

impl Entry {
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        self.alive && self.expires.is_none_or(|end| end > now)
    }

    /// Adds a scope, as the settings page stores it: without what another contains.
    pub(super) fn tick(&mut self, scope: &str) {
        let more = self.scopes.union(&ScopeSet::of([crate::token::Scope::new(scope.to_owned())]));
        self.scopes = ScopeModel::GITHUB_CLASSIC.reduced(&more);
    }

    /// Whether it may do what needs this scope.
    pub(super) fn may(&self, scope: &'static str) -> bool {
        matches!(self.kind, Kind::FineGrained | Kind::AppUser(_))
            || ScopeModel::GITHUB_CLASSIC.missing(&ScopeSet::of([scope]), &self.scopes).is_empty()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) private: bool,
    pub(super) admins: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Organization {
    pub(super) sso: bool,
    pub(super) approval: bool,
}

/// What a login came to.
pub(super) enum Login {
    In(Box<Entry>),
    Unknown,
    Locked,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) tokens: Vec<Entry>,
    pub(super) apps: BTreeMap<String, String>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) organizations: BTreeMap<String, Organization>,
    /// Dead logins by account.
    pub(super) dead_logins: BTreeMap<String, u32>,
    pub(super) mails: Vec<String>,
    pub(super) revocable: bool,
    /// Values for which a whole call of revocations is refused.
    pub(super) unrevocable: Vec<String>,
    pub(super) delay: u32,
    pub(super) offset_layout: bool,
    pub(super) anonymous_left: u32,
    /// What apps asked users for.
    pub(super) login: Logins,
    /// By which tokens expire.
    pub(super) clock: Arc<dyn Clock>,
    /// Who may be acted as.
    pub(super) people: BTreeSet<String>,
    pub(super) desk: super::impersonation::Desk,
    #[cfg(feature = "github-app")]
    pub(super) installed: super::app::Apps,
    count: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            apps: BTreeMap::new(),
            repositories: BTreeMap::new(),
            organizations: BTreeMap::new(),
            dead_logins: BTreeMap::new(),
            mails: Vec::new(),
            revocable: true,
            unrevocable: Vec::new(),
            delay: 0,
            offset_layout: false,
            anonymous_left: 60,
            login: Logins::default(),
            clock: Arc::new(SystemClock::new()),
            people: BTreeSet::new(),
            desk: super::impersonation::Desk::default(),
            #[cfg(feature = "github-app")]
            installed: super::app::Apps::default(),
            count: 0,
        }
    }
}

impl State {
    /// A value that no real token has: it says so, and its checksum is wrong.
    pub(super) fn next_value(&mut self, prefix: &str) -> String {
        self.count += 1;
        // As varied as a real one: a row of zeros is said by many who know no secret.
        let chance = Sha256::digest(format!("{prefix}{}", self.count));
        chance[..16].iter().fold(format!("{prefix}FAKE"), |mut value, byte| {
            let _ = write!(value, "{byte:02x}");
            value
        })
    }

    pub(super) fn make(
        &mut self,
        kind: Kind,
        owner: &str,
        name: &str,
        scopes: &[&str],
        expires: Option<Timestamp>,
    ) -> Token {
        let prefix = match kind {
            Kind::Classic => "ghp_",
            Kind::FineGrained => "github_pat_",
            Kind::OAuth(_) => "gho_",
            Kind::AppUser(_) => "ghu_",
        };
        let value = self.next_value(prefix);
        let token = Token::made_up(&value);
        let scopes = ScopeSet::parse(&scopes.join(","));
        self.tokens.push(Entry {
            id: self.count,
            token: token.clone(),
            kind,
            owner: owner.to_owned(),
            name: name.to_owned(),
            scopes: ScopeModel::GITHUB_CLASSIC.reduced(&scopes),
            expires,
            alive: true,
            dying: None,
            authorized: Vec::new(),
            uses: 0,
        });
        token
    }

    /// Keeps a dead token, whose owner is known by it.
    pub(super) fn bury(&mut self, old: Entry) {
        self.tokens.push(Entry { alive: false, name: format!("{} (before)", old.name), ..old });
    }

    pub(super) fn entry_mut(&mut self, value: &str) -> Option<&mut Entry> {
        self.tokens.iter_mut().find(|entry| entry.token.expose() == value)
    }

    pub(super) fn named_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.tokens.iter_mut().find(|entry| entry.name == name && entry.alive)
    }

    pub(super) fn is_locked(&self, login: &str) -> bool {
        self.dead_logins.get(login).is_some_and(|dead| *dead >= LOCKED_AFTER)
    }

    /// Somebody presents a token.
    pub(super) fn login(&mut self, value: &str) -> Login {
        let now = self.clock.now();
        let Some(entry) = self.entry_mut(value) else {
            return Login::Unknown;
        };
        let owner = entry.owner.clone();
        let alive = entry.is_alive(now);
        if alive {
            match &mut entry.dying {
                Some(0) => entry.alive = false,
                Some(left) => *left -= 1,
                None => {}
            }
        }
        let taken = entry.alive && alive;
        if taken {
            entry.uses += 1;
        }
        let found = entry.clone();
        if self.is_locked(&owner) {
            return Login::Locked;
        }
        if taken {
            return Login::In(Box::new(found));
        }
        *self.dead_logins.entry(owner).or_default() += 1;
        Login::Unknown
    }

    /// Revokes a token: now, or after it was taken some times more.
    pub(super) fn revoke(&mut self, value: &str) {
        if let Some(refresh) = self.login.refreshes.iter_mut().find(|refresh| refresh.value.expose() == value) {
            refresh.spent = true;
            return;
        }
        let (delay, now) = (self.delay, self.clock.now());
        let Some(entry) = self.entry_mut(value).filter(|entry| entry.is_alive(now)) else {
            return;
        };
        entry.dying = Some(delay);
        entry.alive = delay > 0;
        let owner = entry.owner.clone();
        self.mails.push(owner);
    }
}

/// The wall clock, by which limits are counted.
pub(super) fn wall() -> Timestamp {
    SystemTime::now().into()
}

pub(super) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
