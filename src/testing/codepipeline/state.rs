//! What the fake remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::edit;
use super::executions::Execution;

/// Everything.
pub(super) struct State {
    pub(super) pipelines: BTreeMap<String, Pipeline>,
    /// The stack of a pipeline.
    pub(super) stacks: BTreeMap<String, String>,
    /// Keys of sessions, and whether they live.
    sessions: Vec<(Keys, bool)>,
    /// The tokens that GitHub takes, where it was told of any.
    pub(super) accepted: Option<BTreeSet<String>>,
    pub(super) github: Option<GitHub>,
    pub(super) holding: bool,
    pub(super) looks: u32,
    pub(super) denied: BTreeSet<String>,
    pub(super) denied_after_update: Option<String>,
    pub(super) login_refused: bool,
    pub(super) out_of_time: bool,
    pub(super) throttled: BTreeMap<String, u32>,
    pub(super) page: usize,
    pub(super) before_update: Vec<Edit>,
    pub(super) after_update: Vec<Edit>,
    /// The executions that were started under a name that the client chose.
    pub(super) started: BTreeMap<String, String>,
    counter: u32,
}

/// Pipeline, JSON pointer, value.
type Edit = (String, String, Value);

/// One pipeline with its past.
pub(super) struct Pipeline {
    /// The first is version 1.
    pub(super) versions: Vec<Value>,
    pub(super) created: f64,
    pub(super) updated: f64,
    pub(super) tags: BTreeMap<String, String>,
    /// The newest last.
    pub(super) executions: Vec<Execution>,
}

/// Keys to sign with.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) session: Option<String>,
}

/// Whether GitHub takes a token.
pub(super) struct GitHub(pub(super) Arc<dyn Fn(&str) -> bool + Send + Sync>);

/// The keys that are always there: made up, and of the form that AWS makes.
pub(super) fn long_term() -> Keys {
    Keys {
        id: "AKIAFAKEFAKEFAKEFAKE".to_owned(),
        secret: "fakeSecretAccessKey/0123456789+abcdefghij".to_owned(),
        session: None,
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            pipelines: BTreeMap::new(),
            stacks: BTreeMap::new(),
            sessions: Vec::new(),
            accepted: None,
            github: None,
            holding: false,
            looks: 0,
            denied: BTreeSet::new(),
            denied_after_update: None,
            login_refused: false,
            out_of_time: false,
            throttled: BTreeMap::new(),
            page: 100,
            before_update: Vec::new(),
            after_update: Vec::new(),
            started: BTreeMap::new(),
            counter: 0,
        }
    }
}

impl State {
    /// A moment that never was, in seconds since 1970: its time goes on when something happens, and not else.
    pub(super) fn tick(&mut self) -> f64 {
        self.counter += 1;
        1_800_000_000.0 + f64::from(self.counter)
    }

    /// An id that was never given.
    pub(super) fn id(&mut self) -> String {
        self.counter += 1;
        format!("fa4e0000-0000-4000-8000-{:012}", self.counter)
    }

    pub(super) fn begin_session(&mut self) -> Keys {
        self.counter += 1;
        let number = self.counter;
        let keys = Keys {
            id: format!("ASIAFAKE{number:012}"),
            secret: format!("fakeSessionKey{number:026}"),
            session: Some(format!("fakeSessionToken{number:040}==")),
        };
        self.sessions.push((keys.clone(), true));
        keys
    }

    pub(super) fn end_sessions(&mut self) {
        self.sessions.iter_mut().for_each(|(_, lives)| *lives = false);
    }

    /// The keys of this id, and whether they live.
    pub(super) fn keys(&self, id: &str) -> Option<(Keys, bool)> {
        let always = (long_term(), true);
        self.sessions.iter().chain([&always]).find(|(keys, _)| keys.id == id).cloned()
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        let sessions = self.sessions.iter().flat_map(|(keys, _)| [Some(keys.secret.clone()), keys.session.clone()]);
        sessions.flatten().chain([long_term().secret]).collect()
    }

    pub(super) fn edit(&mut self, name: &str, pointer: &str, value: Value) {
        let now = self.tick();
        if let Some(pipeline) = self.pipelines.get_mut(name) {
            let mut next = pipeline.current().clone();
            edit::set(&mut next, pointer, value);
            pipeline.push(next, now);
        }
    }

    pub(super) fn takes(&self, token: &str) -> bool {
        let told = self.accepted.as_ref().is_none_or(|accepted| accepted.contains(token));
        told && self.github.as_ref().is_none_or(|GitHub(takes)| takes(token))
    }
}

impl Pipeline {
    pub(super) fn new(now: f64) -> Self {
        Self { versions: Vec::new(), created: now, updated: now, tags: BTreeMap::new(), executions: Vec::new() }
    }

    pub(super) fn version(&self) -> u64 {
        self.versions.len() as u64
    }

    pub(super) fn current(&self) -> &Value {
        self.versions.last().unwrap_or(&Value::Null)
    }

    /// The next version, whatever number it names. What runs is cancelled.
    pub(super) fn push(&mut self, mut declaration: Value, now: f64) {
        if let Some(members) = declaration.as_object_mut() {
            members.insert("version".to_owned(), (self.version() + 1).into());
        }
        self.versions.push(declaration);
        self.updated = now;
        self.executions.iter_mut().for_each(Execution::cancel);
    }
}
