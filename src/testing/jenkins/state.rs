//! What the fake remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::class::Credential;
use super::tokens::ApiToken;
use crate::clock::Clock;

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, BTreeSet<String>>,
    pub(super) tokens: Vec<ApiToken>,
    /// By which tokens end; the machine's where there is none.
    pub(super) clock: Option<Arc<dyn Clock>>,
    /// By the folder that holds it; the one of the whole Jenkins by no name.
    pub(super) stores: BTreeMap<Vec<String>, Store>,
    pub(super) jobs: BTreeSet<Vec<String>>,
    /// The crumb of each session.
    pub(super) sessions: BTreeMap<String, String>,
    /// The hashes of credentials that were used.
    used: BTreeSet<String>,
    /// The GitHub plugin's clients, with the secrets that they were made with.
    pub(super) clients: BTreeMap<String, String>,
    pub(super) mode: Mode,
    /// What the files of "Configuration as Code" say, where they say anything.
    pub(super) code: Option<BTreeMap<String, Vec<Credential>>>,
    counter: u64,
}

/// How it behaves.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Mode {
    pub(super) starting: bool,
    pub(super) read_only: bool,
    pub(super) lying: bool,
    pub(super) without_crumbs: bool,
    pub(super) without_folders: bool,
    pub(super) login_stripped: bool,
    pub(super) admins_make_tokens: bool,
    /// The version that it claims to be, where that is not 2.460.
    pub(super) version: Option<(u32, u32)>,
}

/// The credentials of one context.
#[derive(Debug)]
pub(super) struct Store {
    /// By the name of the domain; the global one is `_`.
    pub(super) domains: BTreeMap<String, Vec<Stored>>,
}

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) credential: Credential,
    /// What the secret was encrypted with: another one for every write.
    salt: u64,
}

/// Where a credential is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: Vec<String>,
    pub(super) domain: String,
    pub(super) id: String,
}

impl Default for Store {
    fn default() -> Self {
        Self { domains: BTreeMap::from([("_".to_owned(), Vec::new())]) }
    }
}

impl Place {
    /// Reads `system/_/git-pat` or `team/app/folder/_/git-pat`.
    pub(super) fn parse(full_name: &str) -> Option<Self> {
        let (folder, rest) = if let Some(rest) = full_name.strip_prefix("system/") {
            (Vec::new(), rest)
        } else {
            let (folder, rest) = full_name.split_once("/folder/")?;
            (folder.split('/').map(str::to_owned).collect(), rest)
        };
        let (domain, id) = rest.split_once('/')?;
        Some(Self { folder, domain: domain.to_owned(), id: id.to_owned() })
    }
}

impl State {
    /// A number that was never used.
    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn domain(&self, folder: &[String], domain: &str) -> Option<&Vec<Stored>> {
        self.stores.get(folder)?.domains.get(domain)
    }

    pub(super) fn find(&self, at: &Place) -> Option<&Stored> {
        self.domain(&at.folder, &at.domain)?.iter().find(|stored| stored.credential.id() == at.id)
    }

    /// Adds it, or replaces the one of the same id, whatever that was.
    pub(super) fn put(&mut self, folder: &[String], domain: &str, credential: Credential) -> bool {
        let salt = self.next();
        let Some(credentials) = self.stores.get_mut(folder).and_then(|store| store.domains.get_mut(domain)) else {
            return false;
        };
        let stored = Stored { credential, salt };
        match credentials.iter_mut().find(|old| old.credential.id() == stored.credential.id()) {
            Some(old) => *old = stored,
            None => credentials.push(stored),
        }
        true
    }

    pub(super) fn remove(&mut self, at: &Place) {
        if let Some(credentials) = self.stores.get_mut(&at.folder).and_then(|store| store.domains.get_mut(&at.domain)) {
            credentials.retain(|stored| stored.credential.id() != at.id);
        }
    }

    /// A build uses it: from now on Jenkins keeps a fingerprint of it as it is.
    pub(super) fn track(&mut self, at: &Place) {
        if let Some(hash) = self.find(at).map(Stored::hash) {
            self.used.insert(hash);
        }
    }

    /// The hash that Jenkins tells of it.
    pub(super) fn fingerprint(&self, stored: &Stored) -> Option<String> {
        Some(stored.hash()).filter(|hash| self.used.contains(hash))
    }

    /// Sets the store of the whole Jenkins up from the files, all of it.
    pub(super) fn reload(&mut self) {
        let Some(code) = self.code.clone() else { return };
        for (domain, credentials) in code {
            if let Some(store) = self.stores.get_mut(&Vec::new()) {
                store.domains.insert(domain.clone(), Vec::new());
            }
            for credential in credentials {
                self.put(&[], &domain, credential);
            }
        }
    }

    pub(super) fn has(&self, user: &str, permission: &str) -> bool {
        let has = |name: &str| self.users.get(user).is_some_and(|permissions| permissions.contains(name));
        has("Overall/Administer") || has(permission)
    }

    /// The secret text of this id that the whole Jenkins sees.
    pub(super) fn secret_text(&self, id: &str) -> Option<String> {
        let all = self.stores.get(&Vec::new())?.domains.values().flatten();
        let mut texts = all.filter(|stored| stored.credential.class.type_name == "Secret text");
        texts.find(|stored| stored.credential.id() == id)?.credential.secret().map(str::to_owned)
    }

    /// The login of this id that a job sees: the nearest store counts.
    pub(super) fn login(&self, job: &[String], id: &str) -> Option<(String, String)> {
        let stores = (0..=job.len()).rev().filter_map(|depth| self.stores.get(&job[..depth]));
        let mut logins = stores
            .flat_map(|store| store.domains.values().flatten())
            .filter(|stored| stored.credential.class.type_name == "Username with password");
        let credential = &logins.find(|stored| stored.credential.id() == id)?.credential;
        Some((credential.text("username")?.to_owned(), credential.secret()?.to_owned()))
    }
}

impl Stored {
    /// Over all but the description, with the secret as it is encrypted.
    fn hash(&self) -> String {
        let values = self.credential.values.iter().filter(|(name, _)| *name != "description").collect::<Vec<_>>();
        let digest = Sha256::digest(format!("{} {values:?} {}", self.credential.class.element, self.salt));
        digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }
}
