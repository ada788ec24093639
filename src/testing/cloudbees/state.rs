//! What a Unify keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::WorkflowRun;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::token::Token;

/// A token, dead or alive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) token: Token,
    pub(super) user: String,
    pub(super) name: String,
    pub(super) expires: Timestamp,
    pub(super) deleted: bool,
    /// How many times it is taken after it was deleted.
    pub(super) lingers: u32,
}

impl Entry {
    pub(super) fn is_taken(&self, now: Timestamp) -> bool {
        self.expires > now && (!self.deleted || self.lingers > 0)
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) tokens: Vec<Entry>,
    /// Users, and the domains of their organizations.
    pub(super) users: BTreeMap<String, Vec<String>>,
    pub(super) runs: Vec<WorkflowRun>,
    pub(super) delay: u32,
    pub(super) by_contract: bool,
    pub(super) hides: bool,
    pub(super) clock: Arc<dyn Clock>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            users: BTreeMap::new(),
            runs: Vec::new(),
            delay: 0,
            by_contract: false,
            hides: false,
            clock: Arc::new(SystemClock::new()),
        }
    }
}

impl State {
    pub(super) fn make(&mut self, user: &str, name: &str, life: u64) -> Token {
        let end = self.clock.now().plus(days(life));
        self.make_until(user, name, end)
    }

    pub(super) fn make_until(&mut self, user: &str, name: &str, expires: Timestamp) -> Token {
        let token = Token::made_up(&format!("unify-FAKE-{:0>24}", self.tokens.len() + 1));
        self.tokens.push(Entry {
            token: token.clone(),
            user: user.to_owned(),
            name: name.to_owned(),
            expires,
            deleted: false,
            lingers: 0,
        });
        token
    }

    pub(super) fn named_mut(&mut self, user: &str, name: &str) -> Option<&mut Entry> {
        self.tokens.iter_mut().find(|entry| entry.user == user && entry.name == name && !entry.deleted)
    }

    /// Somebody presents a token.
    pub(super) fn login(&mut self, value: &str) -> Option<Entry> {
        let now = self.clock.now();
        let entry = self.tokens.iter_mut().find(|entry| entry.token.expose() == value && entry.is_taken(now))?;
        if entry.deleted {
            entry.lingers -= 1;
        }
        Some(entry.clone())
    }
}

pub(super) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
