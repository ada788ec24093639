//! What is so: which tokens live, and which place holds which.

use std::collections::HashMap;
use std::path::Path;

use tokenturn_compare::{KEY, Member, Setting, Truth};

/// The user that our key belongs to. Credential n belongs to user n + `FIRST`.
pub(crate) const ADMINISTRATOR: u64 = 1;
pub(crate) const FIRST: u64 = 1000;

pub(crate) struct Token {
    pub(crate) id: u64,
    pub(crate) user: u64,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) value: String,
    pub(crate) ends: Option<String>,
    pub(crate) alive: bool,
}

/// A place holds a token, and counts how often it was written.
pub(crate) struct Place {
    pub(crate) holds: String,
    pub(crate) version: u64,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) tokens: Vec<Token>,
    by_value: HashMap<String, usize>,
    by_user: HashMap<u64, Vec<usize>>,
    places: Vec<Vec<Place>>,
    files: Option<String>,
}

impl State {
    pub(crate) fn of(setting: &Setting) -> Self {
        let mut state = Self { files: setting.files.clone(), ..Self::default() };
        state.tokens.push(Token {
            id: 1,
            user: ADMINISTRATOR,
            name: "key".to_owned(),
            scopes: vec!["api".to_owned()],
            value: KEY.to_owned(),
            ends: None,
            alive: true,
        });
        state.by_value.insert(KEY.to_owned(), 0);
        for number in 0..setting.fleet {
            let (user, name) = (FIRST + number as u64, name(number));
            let at = state.make(user, &name, vec!["read_repository".to_owned()], None);
            let holds = state.tokens[at].value.clone();
            if let Some(files) = &setting.files {
                for place in 0..setting.places {
                    let _ = std::fs::write(Path::new(files).join(format!("{name}-{place}")), format!("{holds}\n"));
                }
            }
            state.places.push((0..setting.places).map(|_| Place { holds: holds.clone(), version: 1 }).collect());
        }
        state
    }

    pub(crate) fn make(&mut self, user: u64, name: &str, scopes: Vec<String>, ends: Option<String>) -> usize {
        let (at, id) = (self.tokens.len(), self.tokens.len() as u64 + 1);
        // Made up: the words tell it from a real one.
        let value = format!("glpat-FAKE{id:0>16}");
        self.by_value.insert(value.clone(), at);
        self.by_user.entry(user).or_default().push(at);
        self.tokens.push(Token { id, user, name: name.to_owned(), scopes, value, ends, alive: true });
        at
    }

    /// Replaces a token: the old one dies at once.
    pub(crate) fn rotate(&mut self, at: usize, ends: Option<String>) -> usize {
        let old = &mut self.tokens[at];
        old.alive = false;
        let (user, name, scopes) = (old.user, old.name.clone(), old.scopes.clone());
        self.make(user, &name, scopes, ends)
    }

    pub(crate) fn by_value(&self, value: &str) -> Option<usize> {
        self.by_value.get(value).copied()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<usize> {
        let at = usize::try_from(id.parse::<u64>().ok()?.checked_sub(1)?).ok()?;
        (at < self.tokens.len()).then_some(at)
    }

    /// The tokens of a user, or of all, the newest first.
    pub(crate) fn of_user(&self, user: Option<u64>) -> Vec<usize> {
        match user {
            Some(user) => self.by_user.get(&user).into_iter().flatten().rev().copied().collect(),
            None => (0..self.tokens.len()).rev().collect(),
        }
    }

    /// Whether it is the token that its user began with.
    pub(crate) fn is_first(&self, at: usize) -> bool {
        self.by_user.get(&self.tokens[at].user).and_then(|all| all.first()) == Some(&at)
    }

    pub(crate) fn place(&mut self, credential: &str, place: &str) -> Option<&mut Place> {
        let number: usize = credential.strip_prefix("bot-")?.parse().ok()?;
        self.places.get_mut(number)?.get_mut(place.parse::<usize>().ok()?)
    }

    pub(crate) fn lives(&self, value: &str) -> bool {
        self.by_value(value).is_some_and(|at| self.tokens[at].alive)
    }

    pub(crate) fn members(&self) -> String {
        (0..self.places.len())
            .filter_map(|number| {
                let user = FIRST + number as u64;
                let token = &self.tokens[*self.by_user.get(&user)?.first()?];
                Some(Member { name: name(number), user, id: token.id, token: token.value.clone() }.line())
            })
            .collect()
    }

    pub(crate) fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        for (number, places) in self.places.iter().enumerate() {
            let held: Vec<String> = (0..places.len()).map(|place| self.held(number, place)).collect();
            let all = self.by_user.get(&(FIRST + number as u64)).map_or(&[][..], Vec::as_slice);
            let live: Vec<&Token> = all.iter().map(|at| &self.tokens[*at]).filter(|token| token.alive).collect();
            let stale = held.iter().filter(|value| !self.lives(value)).count();
            let unaccounted = live.iter().filter(|token| !held.contains(&token.value)).count();
            truth.stale += stale;
            truth.unaccounted += unaccounted;
            truth.lost += usize::from(stale == held.len());
            let whole = live.len() == 1 && held.iter().all(|value| *value == live[0].value);
            let first = all.first().is_some_and(|at| self.tokens[*at].alive);
            truth.turned += usize::from(whole && !first);
            truth.unfinished += usize::from(!whole);
        }
        truth
    }

    fn held(&self, number: usize, place: usize) -> String {
        match &self.files {
            Some(files) => {
                let file = Path::new(files).join(format!("{}-{place}", name(number)));
                std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
            }
            None => self.places[number][place].holds.clone(),
        }
    }
}

fn name(number: usize) -> String {
    format!("bot-{number}")
}
