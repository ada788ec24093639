//! A git context of pipelines, as a consumer.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::api::Connection;
use super::scopes;
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Proof, Slot, Verification};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http;
use crate::service::gate;
use crate::token::{AdmittedToken, Answer, Scope, ScopeModel, ScopeSet};

/// A git context ("Git integration") of a [`Codefresh`](super::Codefresh), with which pipelines clone.
///
/// The context is read without having it decrypted, its `spec.data.auth.password` is replaced, and the whole is sent back by
/// `PATCH`, every other field as it was read: whether a patch merges or replaces is not documented. Then it is read again.
/// What cannot be written so without loss is refused by `preflight`: OAuth and GitHub App contexts, logins from a secret
/// store (`${{secrets...}}`), contexts of Codefresh itself, and those in which another secret or a masked value would have
/// to be sent back. How Codefresh masks is not documented, so a field beside the password whose name says that it holds a
/// secret is refused whatever it shows. Nothing is ever decrypted, so the account's feature `forbidDecrypt` changes nothing,
/// unless Codefresh refuses the plain read under it too, which is said.
///
/// Needs the API key of an account admin, or the team rule "Git contexts: Update". The owner of a GitHub token must be an
/// owner of the organisation. Source: "Git provider integrations for pipelines" (Codefresh documentation).
///
/// Somebody else's change of the password alone cannot be told: nothing that Codefresh shows changes with it.
///
/// # What its verification shows
///
/// With [`canary`](Self::canary), Codefresh reads a repository with the stored token: that it works. Without, nothing. That
/// it is the new token nothing shows while the old one lives. A build that runs may have taken the old token out of the
/// context when it began: give the run a time of grace.
#[derive(Clone, Debug)]
#[must_use]
pub struct CodefreshContext {
    connection: Arc<Connection>,
    context: String,
    name: Option<String>,
    default_name: String,
    username: Option<String>,
    canary: Option<(String, String)>,
    required: Option<ScopeSet>,
}

impl CodefreshContext {
    pub(super) fn new(connection: Arc<Connection>, context: String) -> Self {
        let default_name = format!("{}:context/{context}", connection.place());
        Self { connection, context, name: None, default_name, username: None, canary: None, required: None }
    }

    /// Verifies by having Codefresh read this private repository with the stored token. The API key needs the scope `repos`.
    /// A public repository would pass with any token; `preflight` refuses one, where Codefresh says that it is, and an answer
    /// that does not name the repository. It warns where Codefresh cannot read it.
    ///
    /// Source: `GET /api/repos/{owner}/{repo}` in the `openapi.json` of the npm package `codefresh`.
    pub fn canary(mut self, owner: impl Into<String>, repository: impl Into<String>) -> Self {
        self.canary = Some((owner.into(), repository.into()));
        self
    }

    /// The context logs in as this user, as those of Bitbucket do; any other is refused. It is never changed.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The scopes that a token needs there, in place of those that Codefresh documents.
    pub fn requiring<S: Into<Scope>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required = Some(ScopeSet::of(scopes));
        self
    }

    /// Its name in plans, events and the journal, in place of one like `codefresh:g.codefresh.io:context/github`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    async fn look(&self, owner: &str, name: &str) -> Result<Look> {
        let answer = self.connection.repository(owner, name, &self.context).await?;
        Ok(read_canary(&answer, owner, name))
    }
}

#[async_trait]
impl Consumer for CodefreshContext {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.default_name)
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let works = if self.canary.is_some() { Proof::Always } else { Proof::Never };
        ConsumerCapabilities::new("Codefresh").proving(works, Proof::Never)
    }

    fn trips(&self) -> ConsumerTrips {
        // Its repository is read through it as well.
        let canary = u32::from(self.canary.is_some());
        ConsumerTrips::new(1 + canary, 3, 1 + canary)
    }

    /// `repo` and `admin:repo_hook` for classic tokens of GitHub, `api` for GitLab, the granular ones for Bitbucket Cloud;
    /// other vocabularies are asked of the caller.
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.required.clone().or_else(|| scopes::of_context(model))
    }

    async fn preflight(&self) -> Result<Slot> {
        let document = self.connection.context(&self.context).await?;
        document.check(self.username.as_deref())?;
        let slot = Slot::at(document.version());
        let Some((owner, name)) = &self.canary else { return Ok(slot) };
        // Found out after the write, it would keep the run waiting for a proof that does not come.
        match self.look(owner, name).await? {
            Look::Read => Ok(slot),
            // The token that is there may be dead, and this run be about to replace it.
            Look::Refused => Ok(slot.with_warning(format!(
                "{}: if the new token is refused too, look at the scope and at the repository's name",
                Look::Refused.note()
            ))),
            found @ (Look::Public | Look::Another) => {
                let text = format!("the canary shows nothing: {}; name a private repository", found.note());
                Err(Error::new(ErrorKind::Configuration, text))
            }
        }
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        let gate = gate::before(format!("{} context {}", self.connection.platform.base(), self.context));
        let _held = gate.lock().await;
        let before = self.connection.context(&self.context).await?;
        before.check(self.username.as_deref())?;
        if expected.version.as_deref() != Some(before.version().as_str()) {
            let text = "the context changed since it was read, so nothing was written: read it again";
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        let body = before.with_password(token.token())?;
        self.connection.patch(&self.context, body, token.token()).await?;
        let after = self.connection.context(&self.context).await.map_err(|error| error.with_effect(Effect::Unknown))?;
        let changed = before.differences(&after);
        if changed.is_empty() {
            return Ok(Installation::Done(Slot::at(after.version())));
        }
        let text = format!(
            "Codefresh took the token, and {} is otherwise than before: look at the context, and mend it, before going on",
            changed.join(", ")
        );
        Err(Error::new(ErrorKind::Protocol, text).with_effect(Effect::Unknown))
    }

    async fn verify(&self, _: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let Some((owner, name)) = &self.canary else {
            let note = "no repository was named to try the context with";
            return Ok(Verification::new(Answer::Unknown, Answer::Unknown).with_note(note));
        };
        // Whether the API key is refused shows here: of the repository a refusal may be the provider's.
        self.connection.context(&self.context).await?.check(self.username.as_deref())?;
        let found = self.look(owner, name).await?;
        let works = match found {
            Look::Read => Answer::Proven,
            Look::Refused => Answer::Refuted,
            Look::Public | Look::Another => Answer::Unknown,
        };
        Ok(Verification::new(works, Answer::Unknown).with_note(found.note()))
    }
}

/// What reading the canary showed.
#[derive(Clone, Copy)]
enum Look {
    Read,
    Refused,
    Public,
    /// Something else, or what cannot be read.
    Another,
}

impl Look {
    fn note(self) -> &'static str {
        match self {
            Self::Read => "Codefresh read the repository with the stored token",
            Self::Refused => {
                "Codefresh could not read the repository: the stored token is refused or does not reach it, or the API key \
                 lacks the scope `repos`"
            }
            Self::Public => "the repository is public",
            Self::Another => "what Codefresh answered does not name the repository",
        }
    }
}

/// Neither statuses nor bodies are documented, so only the repository itself counts.
fn read_canary(answer: &http::Answer, owner: &str, name: &str) -> Look {
    if answer.status() >= 400 {
        return Look::Refused;
    }
    let Ok(Value::Object(repository)) = answer.json::<Value>() else { return Look::Another };
    let text = |key: &str| repository.get(key).and_then(Value::as_str);
    let full = format!("{owner}/{name}");
    let whole = ["full_name", "fullName", "repo_shortcut", "path_with_namespace"].iter().find_map(|key| text(key));
    let same = match whole {
        Some(whole) => whole.eq_ignore_ascii_case(&full),
        None => text("name").is_some_and(|there| there.eq_ignore_ascii_case(name)),
    };
    match repository.get("private").and_then(Value::as_bool) {
        _ if !same => Look::Another,
        Some(false) => Look::Public,
        _ => Look::Read,
    }
}
