//! What the fake remembers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use url::Url;

/// How often a runtime goes on saying what it said before a write.
pub(super) const STALE: u32 = 3;

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Users by their ids.
    pub(super) users: BTreeMap<String, User>,
    pub(super) runtimes: BTreeMap<String, Runtime>,
    /// Git contexts by name, their passwords in the clear.
    pub(super) contexts: BTreeMap<String, Value>,
    /// Tokens that the Git provider takes, beside those that `provider` takes.
    pub(super) live: BTreeSet<String>,
    /// Private repositories of that Git provider, as `owner/name`.
    pub(super) repositories: BTreeSet<String>,
    /// The API of a Git provider that is asked over a socket.
    pub(super) provider: Option<Url>,
    pub(super) mode: Mode,
}

/// How the platform behaves.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Mode {
    /// No key is known any more.
    pub(super) refusing: bool,
    /// The keys are restricted for unusual activity.
    pub(super) restricted: bool,
    pub(super) forbid_decrypt: bool,
    /// Lists of runtimes come in more than one part.
    pub(super) paged: bool,
    /// What stands for a secret; nothing where it is left out.
    pub(super) mask: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) key: String,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Runtime {
    /// Where the platform says that it is.
    pub(super) host: Option<String>,
    pub(super) internal_host: Option<String>,
    pub(super) tunnel: bool,
    pub(super) integrations: Vec<Integration>,
    /// Whether tokens are tried when they are written.
    pub(super) validates: bool,
    pub(super) oauth: bool,
    pub(super) ready: bool,
    /// It cannot say whether a token is valid.
    pub(super) old: bool,
    /// The next registration is done and fails after that.
    pub(super) fails_late: bool,
}

impl Runtime {
    pub(super) fn at(host: String) -> Self {
        Self {
            host: Some(host),
            internal_host: None,
            tunnel: false,
            integrations: vec![
                Integration::new("default", "GITHUB", "https://api.github.com"),
                Integration::new("gitlab", "GITLAB", "https://gitlab.com/api/v4"),
            ],
            validates: true,
            oauth: false,
            ready: true,
            old: false,
            fails_late: false,
        }
    }

    pub(super) fn integration(&mut self, name: &str) -> Option<&mut Integration> {
        self.integrations.iter_mut().find(|integration| integration.name == name)
    }
}

#[derive(Debug)]
pub(super) struct Integration {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) api_url: String,
    pub(super) sharing_policy: String,
    /// By the id of the user.
    pub(super) registered: BTreeMap<String, Registration>,
}

impl Integration {
    pub(super) fn new(name: &str, provider: &str, api_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            provider: provider.to_owned(),
            api_url: api_url.to_owned(),
            sharing_policy: "ALL_USERS_IN_ACCOUNT".to_owned(),
            registered: BTreeMap::new(),
        }
    }
}

/// A user's token.
#[derive(Clone, Debug, Default)]
pub(super) struct Registration {
    pub(super) token: String,
    pub(super) username: Option<String>,
    /// What it says of the token.
    pub(super) shown: bool,
    /// How often it still says so without looking.
    pub(super) stale: u32,
}
