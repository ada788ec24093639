//! What a GitHub keeps of apps that ask users for tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use super::state::{Kind, State};
use crate::clock::Timestamp;
use crate::token::{ScopeModel, ScopeSet, Token};

/// So many tokens of one user, app and set of scopes live.
const LIVE_AT_MOST: usize = 10;

/// How long a token lives, where the app's tokens expire.
pub(super) const TOKEN_LIFE: Duration = Duration::from_hours(8);

/// How long a refresh token lives: six months, as GitHub counts them.
pub(super) const REFRESH_LIFE: Duration = Duration::from_hours(4_392);

/// What apps asked users for.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way in which a server may behave")]
pub(super) struct Logins {
    /// Apps that may ask, by their client id.
    pub(super) apps: BTreeMap<String, Registered>,
    pub(super) codes: Vec<Asked>,
    pub(super) refreshes: Vec<Refresh>,
    /// How long a code counts.
    pub(super) code_life: Duration,
    /// Seconds between polls, at first.
    pub(super) interval: u64,
    /// How many polls came too soon.
    pub(super) too_soon: usize,
    /// Numbers in answers are written as text.
    pub(super) numbers_as_text: bool,
    /// Codes that expired are called by the other word.
    pub(super) other_word: bool,
    /// An app that ends a token ends the refresh token that came with it.
    pub(super) ends_pairs: bool,
    /// Codes that were used up are called expired.
    pub(super) used_is_expired: bool,
    /// Answers are forms, as without an `Accept` header.
    pub(super) forms: bool,
    /// Answers to a refresh leave the refresh token out.
    pub(super) forgetful: bool,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            apps: BTreeMap::new(),
            codes: Vec::new(),
            refreshes: Vec::new(),
            code_life: Duration::from_mins(15),
            interval: 5,
            too_soon: 0,
            numbers_as_text: false,
            other_word: false,
            ends_pairs: false,
            used_is_expired: false,
            forms: false,
            forgetful: false,
        }
    }
}

/// An app that may ask.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registered {
    /// A GitHub App, and not an OAuth app.
    pub(super) github_app: bool,
    pub(super) device_flow: bool,
    /// Its tokens expire, and come with refresh tokens.
    pub(super) expiring: bool,
}

/// What became of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Yes {
        login: String,
    },
    No,
    /// Its token was told.
    Spent,
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) device_code: String,
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scopes: String,
    pub(super) ends: Timestamp,
    /// Seconds between polls.
    pub(super) interval: u64,
    pub(super) polled: Option<Timestamp>,
    pub(super) said: Said,
}

#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) value: Token,
    pub(super) client_id: String,
    /// The token that it came with.
    pub(super) of: Token,
    pub(super) owner: String,
    pub(super) scopes: String,
    pub(super) ends: Timestamp,
    /// By the device flow: it is renewed without a client secret.
    pub(super) by_device: bool,
    pub(super) spent: bool,
    /// How often it was presented.
    pub(super) presented: usize,
}

impl State {
    /// A token that a user gives an app, with its refresh token where the app's tokens expire.
    pub(super) fn give(
        &mut self,
        client_id: &str,
        owner: &str,
        scopes: &str,
        by_device: bool,
    ) -> (Token, Option<Token>) {
        let app = self.login.apps.get(client_id).copied().unwrap_or_default();
        let kind = if app.github_app { Kind::AppUser } else { Kind::OAuth };
        let kind = kind(client_id.to_owned());
        let scopes = if app.github_app { "" } else { scopes };
        self.end_the_oldest(&kind, owner, scopes);
        let now = self.clock.now();
        let names: Vec<&str> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
        let token = self.make(kind, owner, "app", &names, app.expiring.then(|| now.plus(TOKEN_LIFE)));
        if !app.expiring {
            return (token, None);
        }
        let value = Token::made_up(&self.next_value("ghr_"));
        self.login.refreshes.push(Refresh {
            value: value.clone(),
            client_id: client_id.to_owned(),
            of: token.clone(),
            owner: owner.to_owned(),
            scopes: scopes.to_owned(),
            ends: now.plus(REFRESH_LIFE),
            by_device,
            spent: false,
            presented: 0,
        });
        (token, Some(value))
    }

    /// Room for one more: the oldest of the same user, app and scopes dies.
    fn end_the_oldest(&mut self, kind: &Kind, owner: &str, scopes: &str) {
        let now = self.clock.now();
        let scopes = ScopeModel::GITHUB_CLASSIC.reduced(&ScopeSet::parse(scopes));
        let same = self.tokens.iter_mut().filter(|entry| {
            entry.kind == *kind && entry.owner == owner && entry.scopes == scopes && entry.is_alive(now)
        });
        let mut same: Vec<_> = same.collect();
        if same.len() >= LIVE_AT_MOST {
            same.sort_by_key(|entry| entry.id);
            same[0].alive = false;
        }
    }
}
