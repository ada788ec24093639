//! A Codefresh, as far as tokens for Git go: the platform, runtimes with their app-proxies, git contexts.

mod graph;
mod outbound;
mod platform;
mod proxy;
mod schema;
mod state;
mod world;

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use self::state::{Integration, Registration, Runtime, User};
use self::world::World;
use super::server::{Seen, Server};
use super::trouble::Trouble;
use crate::error::Result;
use crate::token::Token;

/// A Codefresh on a loopback socket: the platform at [`base`](Self::base), and the app-proxy of each runtime below
/// `/runtimes/<name>`.
///
/// Its shapes are those that the Go SDK, the command lines and the documentation publish; what is not published is made up
/// and chosen to be hard. Its traps: errors of GraphQL come with HTTP 200, sometimes beside data; a runtime goes on for three
/// questions with what it said of a token before it was replaced; one that validates nothing takes any token and calls it
/// valid; a context is shown with its secrets masked, and a section of it that is patched in part loses the rest; 403 may
/// mean that the key was restricted. Texts of refusals and the mask are made up.
///
/// There are two users of one account, `rotator` and `other`, and two integrations in each runtime, `default` with GitHub
/// and `gitlab` with GitLab. Tokens are alive when [`accept`](Self::accept)ed, or when the provider that was named with
/// [`ask_provider`](Self::ask_provider) takes them. GraphQL is read as far as published operations go: one operation, no
/// fragments, aliases or values in line.
#[derive(Debug)]
pub struct CodefreshFake {
    world: World,
    server: Server,
    base: Url,
}

impl CodefreshFake {
    /// Starts one, with its two users, and without runtimes and contexts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when no socket can be opened.
    pub async fn start() -> Result<Self> {
        let world = World::default();
        {
            let mut state = world.lock();
            state.mode.mask = Some("*****".to_owned());
            for (name, id) in [("rotator", "5f00000000000000000000a1"), ("other", "5f00000000000000000000b2")] {
                let key = format!("5fFAKE{name}.FAKEapikey0{name}0");
                state.users.insert(name.to_owned(), User { id: id.to_owned(), name: name.to_owned(), key });
            }
        }
        let server = Server::start(Arc::new(world.clone())).await?;
        let base = server.url("/")?;
        Ok(Self { world, server, base })
    }

    /// The platform's address.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// The API key of a user; of nobody for another name.
    #[must_use]
    pub fn api_key(&self, user: &str) -> SecretString {
        self.world.lock().users.get(user).map(|user| user.key.clone()).unwrap_or_default().into()
    }

    /// The id of a user; empty for another name.
    #[must_use]
    pub fn user_id(&self, user: &str) -> String {
        self.world.lock().users.get(user).map(|user| user.id.clone()).unwrap_or_default()
    }

    /// Adds a runtime whose app-proxy is below `/runtimes/<name>` of this socket.
    pub fn add_runtime(&self, name: &str) {
        let host = format!("{}runtimes/{name}", self.base);
        self.world.lock().runtimes.insert(name.to_owned(), Runtime::at(host));
    }

    /// Adds an integration to a runtime, or replaces it: `BITBUCKET`, `GERRIT`.
    pub fn add_integration(&self, runtime: &str, name: &str, provider: &str) {
        self.with_runtime(runtime, |runtime| {
            runtime.integrations.retain(|integration| integration.name != name);
            runtime.integrations.push(Integration::new(name, provider, "https://git.example.com/api"));
        });
    }

    /// An admin edits an integration: another sharing policy.
    pub fn edit_integration(&self, runtime: &str, name: &str) {
        self.with_runtime(runtime, |runtime| {
            if let Some(integration) = runtime.integration(name) {
                "ACCOUNT_ADMINS".clone_into(&mut integration.sharing_policy);
            }
        });
    }

    /// Puts a user's token into a runtime past the interface.
    pub fn put_user_token(&self, runtime: &str, integration: &str, user: &str, token: &Token) {
        let id = self.user_id(user);
        let registration = Registration { token: token.expose().to_owned(), shown: true, ..Registration::default() };
        self.with_runtime(runtime, |runtime| {
            if let Some(integration) = runtime.integration(integration) {
                integration.registered.insert(id, registration);
            }
        });
    }

    /// The token of a user that is stored in a runtime, past the interface.
    #[must_use]
    pub fn user_token(&self, runtime: &str, integration: &str, user: &str) -> Option<String> {
        self.registration(runtime, integration, user).map(|registration| registration.token)
    }

    /// The name with which that token was registered.
    #[must_use]
    pub fn username(&self, runtime: &str, integration: &str, user: &str) -> Option<String> {
        self.registration(runtime, integration, user)?.username
    }

    /// All of a runtime but the tokens: its integrations, and who is registered with each.
    #[must_use]
    pub fn runtime_without_tokens(&self, runtime: &str) -> String {
        let state = self.world.lock();
        let integrations = state.runtimes.get(runtime).map(|runtime| &runtime.integrations);
        let described = |integration: &Integration| {
            json!([
                integration.name,
                integration.provider,
                integration.api_url,
                integration.sharing_policy,
                integration.registered.keys().collect::<Vec<_>>()
            ])
        };
        integrations.into_iter().flatten().map(described).collect::<Value>().to_string()
    }

    /// Whether a runtime tries tokens when they are written. One that does not calls all of them valid.
    pub fn validating(&self, runtime: &str, yes: bool) {
        self.with_runtime(runtime, |runtime| runtime.validates = yes);
    }

    /// A runtime whose users log in by OAuth2: it takes no tokens.
    pub fn use_oauth(&self, runtime: &str) {
        self.with_runtime(runtime, |runtime| runtime.oauth = true);
    }

    /// A user authorises the app on the page of a runtime.
    pub fn authorize(&self, runtime: &str, integration: &str, user: &str) {
        self.put_user_token(runtime, integration, user, &Token::made_up("gho_FAKEofTheRuntimeItself"));
    }

    /// Whether a runtime is ready.
    pub fn ready(&self, runtime: &str, yes: bool) {
        self.with_runtime(runtime, |runtime| runtime.ready = yes);
    }

    /// A runtime whose app-proxy is from before it could say whether a token is valid.
    pub fn outdated(&self, runtime: &str) {
        self.with_runtime(runtime, |runtime| runtime.old = true);
    }

    /// The next registration in a runtime is done, and answered with an error beside its data.
    pub fn fail_late(&self, runtime: &str) {
        self.with_runtime(runtime, |runtime| runtime.fails_late = true);
    }

    /// Has the platform say that a runtime is elsewhere; nowhere for `None`.
    pub fn move_runtime(&self, runtime: &str, host: Option<&str>) {
        self.with_runtime(runtime, |runtime| runtime.host = host.map(str::to_owned));
    }

    /// Has the platform say what a runtime's host inside its network is.
    pub fn internal_host(&self, runtime: &str, host: &str) {
        self.with_runtime(runtime, |runtime| runtime.internal_host = Some(host.to_owned()));
    }

    /// A runtime that is reached by a tunnel.
    pub fn tunnelled(&self, runtime: &str) {
        self.with_runtime(runtime, |runtime| runtime.tunnel = true);
    }

    /// Puts a git context there past the interface, its password in the clear.
    pub fn put_context(&self, name: &str, context: Value) {
        self.world.lock().contexts.insert(name.to_owned(), context);
    }

    /// A git context as it is stored, past the interface.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<Value> {
        self.world.lock().contexts.get(name).cloned()
    }

    /// What stands for a secret in a context that is read; nothing where it is left out. Five asterisks unless set.
    pub fn mask(&self, mask: Option<&str>) {
        self.world.lock().mode.mask = mask.map(str::to_owned);
    }

    /// Whether the account forbids to decrypt contexts.
    pub fn forbid_decrypt(&self, yes: bool) {
        self.world.lock().mode.forbid_decrypt = yes;
    }

    /// Lists of runtimes come in more than one part from now on.
    pub fn list_in_parts(&self) {
        self.world.lock().mode.paged = true;
    }

    /// The Git provider takes this token from now on.
    pub fn accept(&self, token: &Token) {
        self.world.lock().live.insert(token.expose().to_owned());
    }

    /// The Git provider refuses this token from now on.
    pub fn kill(&self, token: &Token) {
        self.world.lock().live.remove(token.expose());
    }

    /// A private repository at the Git provider, as `owner/name`, which every accepted token reads.
    pub fn private_repository(&self, path: &str) {
        self.world.lock().repositories.insert(path.to_owned());
    }

    /// Asks this API of GitHub, over a socket, about tokens that were not accepted.
    pub fn ask_provider(&self, api: Url) {
        self.world.lock().provider = Some(api);
    }

    /// Whether no API key is known any more.
    pub fn refuse_logins(&self, yes: bool) {
        self.world.lock().mode.refusing = yes;
    }

    /// Whether API keys are restricted for unusual activity: 403 to everything.
    pub fn restrict(&self, yes: bool) {
        self.world.lock().mode.restricted = yes;
    }

    /// Everything that must not leak: the API keys.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.world.lock().users.values().map(|user| user.key.clone()).collect()
    }

    /// How many writes arrived: registrations of tokens, and patches of contexts.
    #[must_use]
    pub fn writes(&self) -> usize {
        let writes = |seen: &&Seen| seen.line.ends_with("RegisterToGitIntegration") || seen.line.starts_with("PATCH ");
        self.server.seen().iter().filter(writes).count()
    }

    /// What happens to the next request whose line (`POST /runtimes/a/app-proxy/api/graphql GitIntegrations`) contains
    /// `which`.
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

    fn with_runtime(&self, name: &str, change: impl FnOnce(&mut Runtime)) {
        if let Some(runtime) = self.world.lock().runtimes.get_mut(name) {
            change(runtime);
        }
    }

    fn registration(&self, runtime: &str, integration: &str, user: &str) -> Option<Registration> {
        let id = self.user_id(user);
        self.world.lock().runtimes.get_mut(runtime)?.integration(integration)?.registered.get(&id).cloned()
    }
}
