//! What a GitLab keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::token::Token;

const DAY: i64 = 24 * 60 * 60;

/// The use of a token is written down when the last one is as old as this.
const USE_STEP: Duration = Duration::from_mins(10);

/// Where a token is at home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Personal,
    Project(String),
    Group(String),
}

/// A token, dead or alive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) token: Token,
    pub(super) user: u64,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    /// The day on which it ends, as days since 1970.
    pub(super) ends: Option<i64>,
    pub(super) revoked: bool,
    pub(super) last_used: Option<Timestamp>,
    pub(super) home: Home,
    pub(super) level: u64,
    /// From which it was rotated.
    pub(super) before: Option<u64>,
    /// How often it was presented where tokens are rotated, dead or alive.
    pub(super) rotations: usize,
}

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) username: String,
    pub(super) admin: bool,
    pub(super) blocked: bool,
}

/// A project or a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) id: u64,
    /// Who has which role in it.
    pub(super) members: BTreeMap<u64, u64>,
    pub(super) service_accounts: BTreeSet<u64>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct State {
    pub(super) users: BTreeMap<u64, User>,
    pub(super) projects: BTreeMap<String, Source>,
    pub(super) groups: BTreeMap<String, Source>,
    pub(super) tokens: Vec<Entry>,
    /// How often a family was ended because a dead token of it was to be rotated.
    pub(super) reuses: usize,
    pub(super) longest: i64,
    pub(super) searches: bool,
    /// Whether a revoked token of a project or group stays in its list, and its bot a member.
    pub(super) keeps_bots: bool,
    pub(super) banned: bool,
    pub(super) rotates: bool,
    /// Where pages say that the next one is.
    pub(super) elsewhere: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
    count: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            projects: BTreeMap::new(),
            groups: BTreeMap::new(),
            tokens: Vec::new(),
            reuses: 0,
            longest: 365,
            searches: true,
            keeps_bots: true,
            banned: false,
            rotates: true,
            elsewhere: None,
            clock: Arc::new(SystemClock::new()),
            count: 0,
        }
    }
}

/// What a new token is to be.
pub(super) struct Wish<'a> {
    pub(super) user: u64,
    pub(super) name: &'a str,
    pub(super) scopes: Vec<String>,
    pub(super) ends: Option<i64>,
    pub(super) home: Home,
    pub(super) level: u64,
    pub(super) before: Option<u64>,
}

/// What a presented value is.
pub(super) enum Login {
    In(usize),
    Unknown,
    Revoked,
    Expired,
    Blocked,
}

impl State {
    pub(super) fn next_id(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    pub(super) fn today(&self) -> i64 {
        self.clock.now().unix_seconds().div_euclid(DAY)
    }

    pub(super) fn add_user(&mut self, username: &str, admin: bool) -> u64 {
        let id = self.next_id();
        self.users.insert(id, User { username: username.to_owned(), admin, blocked: false });
        id
    }

    /// A token, with a value that no real one has.
    pub(super) fn make(&mut self, wish: Wish<'_>) -> usize {
        let id = self.next_id();
        self.tokens.push(Entry {
            id,
            token: Token::made_up(&format!("glpat-FAKE{id:0>16}")),
            user: wish.user,
            name: wish.name.to_owned(),
            scopes: wish.scopes,
            ends: wish.ends,
            revoked: false,
            last_used: None,
            home: wish.home,
            level: wish.level,
            before: wish.before,
            rotations: 0,
        });
        self.tokens.len() - 1
    }

    /// A token of a project or group: a new bot, which is a member there.
    pub(super) fn make_bot(&mut self, home: Home, mut wish: Wish<'_>) -> usize {
        let bot = self.add_user("bot", false);
        if let Some(source) = self.source_mut(&home) {
            source.members.insert(bot, wish.level);
        }
        wish.user = bot;
        wish.home = home;
        self.make(wish)
    }

    pub(super) fn source_mut(&mut self, home: &Home) -> Option<&mut Source> {
        match home {
            Home::Personal => None,
            Home::Project(path) => self.projects.get_mut(path),
            Home::Group(path) => self.groups.get_mut(path),
        }
    }

    pub(super) fn source(&self, home: &Home) -> Option<&Source> {
        match home {
            Home::Personal => None,
            Home::Project(path) => self.projects.get(path),
            Home::Group(path) => self.groups.get(path),
        }
    }

    pub(super) fn at(&self, value: &str) -> Option<usize> {
        self.tokens.iter().position(|entry| entry.token.expose() == value)
    }

    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        self.tokens.iter().position(|entry| entry.id.to_string() == id)
    }

    pub(super) fn is_expired(&self, entry: &Entry) -> bool {
        entry.ends.is_some_and(|day| day <= self.today())
    }

    pub(super) fn is_alive(&self, entry: &Entry) -> bool {
        !entry.revoked && !self.is_expired(entry) && self.users.get(&entry.user).is_some_and(|user| !user.blocked)
    }

    /// Somebody presents a value, perhaps where tokens are rotated.
    pub(super) fn login(&mut self, value: &str, rotating: bool) -> Login {
        let Some(at) = self.at(value) else { return Login::Unknown };
        if rotating {
            self.tokens[at].rotations += 1;
        }
        if self.tokens[at].revoked {
            if rotating {
                self.end_family(self.tokens[at].id);
            }
            return Login::Revoked;
        }
        if self.is_expired(&self.tokens[at]) {
            return Login::Expired;
        }
        match self.users.get(&self.tokens[at].user) {
            None => return Login::Unknown,
            Some(user) if user.blocked => return Login::Blocked,
            Some(_) => {}
        }
        let now = self.clock.now();
        let entry = &mut self.tokens[at];
        if entry.last_used.is_none_or(|used| used.until(now) >= USE_STEP) {
            entry.last_used = Some(now);
        }
        Login::In(at)
    }

    /// Whatever was rotated from this one, and from that, ends.
    pub(super) fn end_family(&mut self, id: u64) {
        self.reuses += 1;
        let mut family = BTreeSet::from([id]);
        // A successor always stands behind the one before.
        for at in 0..self.tokens.len() {
            if self.tokens[at].before.is_some_and(|before| family.contains(&before)) {
                family.insert(self.tokens[at].id);
                self.tokens[at].revoked = true;
            }
        }
    }

    /// The old one ends, and another takes its place: at once, or not at all.
    pub(super) fn rotate(&mut self, at: usize, ends: Option<i64>) -> usize {
        self.tokens[at].revoked = true;
        let old = self.tokens[at].clone();
        self.make(Wish {
            user: old.user,
            name: &old.name,
            scopes: old.scopes,
            ends,
            home: old.home,
            level: old.level,
            before: Some(old.id),
        })
    }
}

/// A day as it is written, `2030-01-31`.
pub(super) fn written(day: i64) -> String {
    Timestamp::from_unix_seconds(day * DAY).to_string().chars().take(10).collect()
}

/// A day as it was written.
pub(super) fn read(date: &str) -> Option<i64> {
    let at: Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    Some(at.unix_seconds().div_euclid(DAY))
}
