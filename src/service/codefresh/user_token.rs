//! The Git user token of a GitOps runtime, as a consumer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::api::Connection;
use super::proxy::Way;
use super::scopes;
use super::site::{Found, Site, Validity};
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Proof, Slot, Verification};
use crate::error::{Error, ErrorKind, Result};
use crate::service::gate;
use crate::token::{AdmittedToken, Answer, Scope, ScopeModel, ScopeSet};

/// The token that we wrote.
const INSTALLED: &str = "installed";

/// The Git user token ("Git personal access token") that the API key's user has in one GitOps runtime of a
/// [`Codefresh`](super::Codefresh), for one of its Git integrations.
///
/// It is written by `registerToGitIntegration` at the runtime's app-proxy, which puts the first token in place and replaces
/// a later one. Nobody can do that for another user: the API key must be the user's own. The old token goes back the same
/// way. Codefresh never shows a token, nor anything that changes with it, so a [`Slot`]'s version tells of edits to the
/// integration alone, and not of another token that its user put there.
///
/// # What its verification shows
///
/// Codefresh's own `isValid` for this user and this integration, asked up to five times within eight seconds: true means
/// that what is stored works. That it is the new token it does not show, for the old one passes too until it is dead. What
/// the value is worth:
///
/// - When it is refreshed is not documented. So a no is asked again, and after a write a yes too, as it may still be about
///   the token before: the last answer counts. It may be older than that all the same; the engine looks again before it ends
///   the old token, and once more after.
/// - Errors in it were published: an expired token that counted as invalid for want of another, the state of a deleted token
///   that was not updated, an invalid token of GitLab that passed. Source: release notes of November and December 2022.
/// - A runtime with `skipGitPermissionValidation` takes any value without a word, a wrong one included. That cannot be seen
///   from here: say [`unvalidated`](Self::unvalidated), and nothing is concluded from `isValid`.
///
/// App-proxies that do not know `isValid` prove nothing either: `preflight` refuses them, unless it is `unvalidated`.
///
/// Fine-grained tokens of GitHub are "not officially supported" by Codefresh: up to version 0.18.0 a runtime takes them only
/// without validation. No provider lists what they may do, so say with [`requiring`](Self::requiring) what to ask for.
/// Source: "Managing Git PATs" (Codefresh documentation).
#[derive(Clone, Debug)]
#[must_use]
pub struct CodefreshUserToken {
    site: Site,
    name: Option<String>,
    default_name: String,
    username: Option<String>,
    required: Option<ScopeSet>,
    unvalidated: bool,
}

impl CodefreshUserToken {
    pub(super) fn new(connection: Arc<Connection>, runtime: String) -> Self {
        let site = Site::new(connection, runtime);
        Self { default_name: site.default_name(), site, name: None, username: None, required: None, unvalidated: false }
    }

    /// The Git integration of this name, and not `default`.
    pub fn integration(mut self, name: impl Into<String>) -> Self {
        self.site.integration = name.into();
        self.default_name = self.site.default_name();
        self
    }

    /// The user of Bitbucket whose token it is. Bitbucket needs it, others do not.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The id of the user whose place it is, as the slot's detail `user` tells it: an API key of another user is refused. Unsaid,
    /// it is the place of whoever made the key.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.site.user = Some(id.into());
        self
    }

    /// The app-proxy is at this address, whatever the platform says: the API key goes there. The platform must know the runtime
    /// all the same. The tunnel of a runtime at [`Codefresh::cloud`](super::Codefresh::cloud) is found without it.
    pub fn app_proxy(mut self, address: Url) -> Self {
        self.site.way = Way::Given(address);
        self
    }

    /// Takes the address of the app-proxy inside the runtime's network, for programs that run there. Its host must be allowed
    /// too.
    pub fn internal_host(mut self) -> Self {
        self.site.way = Way::Internal;
        self
    }

    /// The runtime does not validate tokens (`app-proxy.config.skipGitPermissionValidation`), or cannot say what came of it:
    /// its `isValid` proves nothing, and the run does not wait for it.
    pub fn unvalidated(mut self) -> Self {
        self.unvalidated = true;
        self
    }

    /// How often `isValid` is asked at most, and the pause after the first time, which doubles from then on. Five times and
    /// half a second unless set.
    pub fn looking(mut self, times: u32, pause: Duration) -> Self {
        (self.site.looks, self.site.pause) = (times, pause);
        self
    }

    /// The scopes that a token needs there, in place of those that Codefresh documents.
    pub fn requiring<S: Into<Scope>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required = Some(ScopeSet::of(scopes));
        self
    }

    /// Its name in plans, events and the journal, in place of one like `codefresh:g.codefresh.io:production/default`. Two
    /// users of one runtime need one each.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Refuses what takes no token, or not this way.
    fn check(&self, found: &Found) -> Result<()> {
        match found.integration.provider.as_str() {
            "GITHUB" | "GITLAB" | "BITBUCKET_SERVER" => Ok(()),
            "BITBUCKET" if self.username.is_some() => Ok(()),
            "BITBUCKET" => Err(Error::new(
                ErrorKind::Configuration,
                "Bitbucket wants the name of the user with the token: give it with `username`",
            )),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the integration is with a Git provider whose access tokens are not known to work there: update it by hand",
            )),
        }
    }
}

#[async_trait]
impl Consumer for CodefreshUserToken {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.default_name)
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let works = if self.unvalidated { Proof::Never } else { Proof::Always };
        ConsumerCapabilities::new("Codefresh").proving(works, Proof::Never)
    }

    fn trips(&self) -> ConsumerTrips {
        // Right after a write, what the runtime says is asked for again and again.
        ConsumerTrips::new(4, 4, 2 + self.site.looks.max(1))
    }

    /// `repo` for classic tokens of GitHub, `write_repository` and `read_api` for GitLab, the granular ones for Bitbucket
    /// Cloud; other vocabularies are asked of the caller.
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.required.clone().or_else(|| scopes::of_user_token(model))
    }

    async fn preflight(&self) -> Result<Slot> {
        let found = self.site.find().await?;
        self.check(&found)?;
        found.proxy.ready().await?;
        // The run would wait for a proof that does not come.
        if found.validity() == Validity::Untold && !self.unvalidated {
            let text = "this app-proxy cannot say whether a token is valid: update the runtime, or say `unvalidated`";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let mut slot = found.slot();
        if found.validity() == Validity::Missing {
            slot = slot.with_warning("this user has no token there yet: the new one will be the first");
        }
        Ok(slot)
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        let (me, proxy) = self.site.locate().await?;
        // The same place, by whichever name and way it was found.
        let base = proxy.endpoint.base().as_str().trim_end_matches('/');
        let gate = gate::before(format!("{base} {} {}", self.site.integration, me.id));
        let _held = gate.lock().await;
        let found = self.site.found(me, proxy).await?;
        self.check(&found)?;
        let slot = found.slot();
        if expected.version != slot.version {
            let text =
                "the integration, or where it is, changed since it was read, so nothing was written: read it again";
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        found.proxy.register(&self.site.integration, self.username.as_deref(), token.token()).await?;
        // The token was all that was sent, so the rest is as it was read.
        Ok(Installation::Done(slot.with_detail(INSTALLED, token.fingerprint().to_string())))
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let written = slot.detail(INSTALLED) == Some(token.fingerprint().to_string().as_str());
        let validity = self.site.validity(written).await?;
        Ok(judged(validity, self.unvalidated))
    }
}

/// What the runtime's word is worth.
pub(super) fn judged(validity: Validity, unvalidated: bool) -> Verification {
    let (works, note) = match validity {
        Validity::Valid if unvalidated => {
            (Answer::Unknown, "the runtime calls the token valid, and would call any so, as it validates none")
        }
        Validity::Valid => (Answer::Proven, "the runtime calls this user's token valid"),
        Validity::Invalid => (Answer::Refuted, "the runtime calls this user's token invalid"),
        Validity::Missing => (Answer::Refuted, "the runtime has no token of this user"),
        Validity::Untold => (Answer::Unknown, "this app-proxy cannot say whether a token is valid: update the runtime"),
    };
    Verification::new(works, Answer::Unknown).with_note(note)
}
