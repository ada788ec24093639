//! A Jenkins with the credentials, GitHub, git, folders and Configuration-as-Code plugins, as far as credentials go.

mod access;
mod class;
mod credentials;
mod outbound;
mod page;
mod route;
mod state;
mod tokens;
mod tree;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use self::class::Credential;
use self::route::Next;
use self::state::{Place, State, Store};
use super::server::{Reply, Request, Seen, Server, Service};
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::token::Token;

/// A Jenkins on a loopback socket, below the context path `/ci`.
///
/// It behaves as a Jenkins 2.460 was seen to. Its traps are those of the real one: a document posted back as it was read
/// blanks the secret; white space becomes part of a secret; what a document leaves out is null afterwards; another class
/// takes the credential over; documents come in ISO-8859-1 and bodies without a charset are taken for it; 404 stands for
/// missing permissions too; 200 says nothing. "Test connection" and the check of a repository really log in, over a socket,
/// with what is stored.
///
/// Its users have API tokens as a Jenkins keeps them: by uuid and hash, so that a value is told once, and no list tells the
/// uuid. A revocation of a uuid that it does not know is answered like any other. As a 2.460 it makes tokens without an end
/// whatever is asked for; [`version`](Self::version) makes it a newer one.
///
/// There are three users: `admin` may do everything; `rotator` has Overall/Read and Credentials/View, /Create and /Update;
/// `reader` has Overall/Read. Places are named as Jenkins names them: `system/_/git-pat`, `team/app/folder/_/git-pat`.
#[derive(Debug)]
pub struct JenkinsFake {
    state: Arc<Shared>,
    server: Server,
    base: Url,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Service for Shared {
    async fn answer(&self, request: &Request) -> Reply {
        let next = route::route(&mut self.lock(), request);
        let mut reply = match next {
            Next::Answer(reply) => reply,
            Next::VerifyGitHub { api, token } => page::found(outbound::verify_github(&api, &token).await),
            Next::ListRepository { url, login } => page::found(outbound::list_repository(&url, login).await),
        };
        if let Some((major, minor)) = self.lock().mode.version {
            let named = reply.headers.iter_mut().filter(|(name, _)| name == "X-Jenkins");
            named.for_each(|(_, version)| *version = format!("{major}.{minor}"));
        }
        reply
    }
}

impl JenkinsFake {
    /// Starts one, without credentials, folders or jobs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when no socket can be opened.
    pub async fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        {
            let mut state = shared.lock();
            state.stores.insert(Vec::new(), Store::default());
            let rotator = ["Overall/Read", "Credentials/View", "Credentials/Create", "Credentials/Update"];
            for (user, permissions) in
                [("admin", &["Overall/Administer"][..]), ("rotator", &rotator), ("reader", &["Overall/Read"])]
            {
                state.add_user(user);
                state.users.insert(user.to_owned(), permissions.iter().map(ToString::to_string).collect());
            }
        }
        let server = Server::start(shared.clone()).await?;
        let base = server.url(&format!("/{}", route::CONTEXT))?;
        Ok(Self { state: shared, server, base })
    }

    /// Its address, with the context path.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// The first API token of a user, which each has until somebody revokes it. Its name is `first`.
    #[must_use]
    pub fn api_token(&self, user: &str) -> SecretString {
        access::api_token(user).into()
    }

    /// The password of a user.
    #[must_use]
    pub fn password(&self, user: &str) -> SecretString {
        access::password(user).into()
    }

    /// Gives a user a permission, as `Credentials/View`.
    pub fn grant(&self, user: &str, permission: &str) {
        let mut state = self.state.lock();
        state.add_user(user);
        if let Some(permissions) = state.users.get_mut(user) {
            permissions.insert(permission.to_owned());
        }
    }

    /// Takes a permission from a user.
    pub fn deny(&self, user: &str, permission: &str) {
        if let Some(permissions) = self.state.lock().users.get_mut(user) {
            permissions.remove(permission);
        }
    }

    /// Adds an API token of this value to a user, past the interface.
    pub fn add_api_token(&self, user: &str, name: &str, value: &str) {
        self.state.lock().add_token(user, name, value, None);
    }

    /// Revokes a user's API tokens of this name, as a person does on the page.
    pub fn revoke_api_token(&self, user: &str, name: &str) {
        self.state.lock().tokens.retain(|token| token.user != user || token.name != name);
    }

    /// The names and uuids of a user's API tokens, the oldest first, those that have ended included.
    #[must_use]
    pub fn api_tokens(&self, user: &str) -> Vec<(String, String)> {
        let state = self.state.lock();
        let tokens = state.tokens.iter().filter(|token| token.user == user);
        tokens.map(|token| (token.name.clone(), token.uuid.clone())).collect()
    }

    /// Whether this is a live API token of this user.
    #[must_use]
    pub fn takes(&self, user: &str, token: &Token) -> bool {
        self.state.lock().takes(user, token.expose())
    }

    /// By which clock API tokens end; the machine's unless set.
    pub fn use_clock(&self, clock: Arc<dyn Clock>) {
        self.state.lock().clock = Some(clock);
    }

    /// Which version it is: 2.460 unless set. From 2.548 on API tokens can have an end.
    pub fn version(&self, major: u32, minor: u32) {
        self.state.lock().mode.version = Some((major, minor));
    }

    /// Whether it runs with `jenkins.security.ApiTokenProperty.adminCanGenerateNewTokens`.
    pub fn administrators_make_tokens(&self, yes: bool) {
        self.state.lock().mode.admins_make_tokens = yes;
    }

    /// Adds a folder, named in full.
    pub fn add_folder(&self, full_name: &str) {
        self.state.lock().stores.insert(names(full_name), Store::default());
    }

    /// Adds a job, named in full.
    pub fn add_job(&self, full_name: &str) {
        self.state.lock().jobs.insert(names(full_name));
    }

    /// Puts a credential into a domain past the interface: `system/_` or `team/folder/github.com`. The domain is made where
    /// it is missing, and a credential of the same id is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a place or document that is none.
    pub fn put(&self, domain: &str, document: &str) -> Result<()> {
        let wrong =
            || Error::new(ErrorKind::InvalidInput, "the fake has no such place or class: see its documentation");
        let at = Place::parse(&format!("{domain}/x")).ok_or_else(wrong)?;
        let credential = xml::parse(document).and_then(|root| Credential::of(&root)).ok_or_else(wrong)?;
        let mut state = self.state.lock();
        let store = state.stores.get_mut(&at.folder).ok_or_else(wrong)?;
        store.domains.entry(at.domain.clone()).or_default();
        state.put(&at.folder, &at.domain, credential);
        Ok(())
    }

    /// Removes a credential past the interface.
    pub fn remove(&self, full_name: &str) {
        if let Some(at) = Place::parse(full_name) {
            self.state.lock().remove(&at);
        }
    }

    /// The secret that is stored, as the script console would tell it; the first, where there are more.
    #[must_use]
    pub fn secret_of(&self, full_name: &str) -> Option<String> {
        let at = Place::parse(full_name)?;
        self.state.lock().find(&at)?.credential.secret().map(str::to_owned)
    }

    /// Another field that is stored; nothing where it is null.
    #[must_use]
    pub fn field_of(&self, full_name: &str, field: &str) -> Option<String> {
        let at = Place::parse(full_name)?;
        self.state.lock().find(&at)?.credential.text(field).map(str::to_owned)
    }

    /// What kind of credential it is, as people see it: `Secret text`.
    #[must_use]
    pub fn type_of(&self, full_name: &str) -> Option<&'static str> {
        let at = Place::parse(full_name)?;
        Some(self.state.lock().find(&at)?.credential.class.type_name)
    }

    /// A build uses the credential: Jenkins has a fingerprint of it until it is written again.
    pub fn use_credential(&self, full_name: &str) {
        if let Some(at) = Place::parse(full_name) {
            self.state.lock().track(&at);
        }
    }

    /// The token that the GitHub plugin's own client works with: the one that was stored when it was first needed.
    #[must_use]
    pub fn cached_client_token(&self, id: &str) -> Option<String> {
        let mut state = self.state.lock();
        let stored = state.secret_text(id)?;
        Some(state.clients.entry(id.to_owned()).or_insert(stored).clone())
    }

    /// Somebody saves the configuration of the GitHub plugin: its clients are made anew.
    pub fn save_github_configuration(&self) {
        self.state.lock().clients.clear();
    }

    /// Whether it is still starting: 503 to everything.
    pub fn starting(&self, yes: bool) {
        self.state.lock().mode.starting = yes;
    }

    /// Whether its stores only show what is kept elsewhere.
    pub fn read_only(&self, yes: bool) {
        self.state.lock().mode.read_only = yes;
    }

    /// Whether it answers updates with 200 and does not apply them, as when a domain vanishes at the wrong moment.
    pub fn lying(&self, yes: bool) {
        self.state.lock().mode.lying = yes;
    }

    /// Whether protection against cross-site requests is off.
    pub fn without_crumbs(&self, yes: bool) {
        self.state.lock().mode.without_crumbs = yes;
    }

    /// Whether the folders plugin is missing.
    pub fn without_folders(&self, yes: bool) {
        self.state.lock().mode.without_folders = yes;
    }

    /// Whether a proxy in front of it strips the `Authorization` header.
    pub fn login_stripped(&self, yes: bool) {
        self.state.lock().mode.login_stripped = yes;
    }

    /// Ends all sessions: their crumbs are refused from now on.
    pub fn end_sessions(&self) {
        self.state.lock().sessions.clear();
    }

    /// Has "Configuration as Code" manage the store of the whole Jenkins as it is now.
    pub fn manage_by_code(&self) {
        let mut state = self.state.lock();
        let code = state.stores.get(&Vec::new()).map(|store| {
            let all = |(name, credentials): (&String, &Vec<state::Stored>)| {
                (name.clone(), credentials.iter().map(|stored| stored.credential.clone()).collect())
            };
            store.domains.iter().map(all).collect()
        });
        state.code = code;
    }

    /// Somebody reloads it: the store is set up from the files again.
    pub fn reload_from_code(&self) {
        self.state.lock().reload();
    }

    /// What happens to the next request whose line (`POST /ci/...`) contains `which`.
    pub fn trouble(&self, which: &str, trouble: Trouble) {
        self.server.plan(which, trouble);
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    /// Closes its socket: from now on connections are refused.
    pub fn stop(&self) {
        self.server.stop();
    }
}

fn names(full_name: &str) -> Vec<String> {
    full_name.split('/').map(str::to_owned).collect()
}
