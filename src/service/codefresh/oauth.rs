//! A GitOps runtime that a person authorises by OAuth2, as a consumer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::api::Connection;
use super::proxy::Way;
use super::site::{Found, Site, Validity};
use super::user_token::judged;
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Proof, Slot, Verification};
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::token::{AdmittedToken, ScopeModel, ScopeSet};

/// A GitOps runtime of a [`Codefresh`](super::Codefresh) whose users log in to Git by OAuth2.
///
/// It takes no token of ours: the runtime gets one of its own when its user authorises the organisation's app. So nothing is
/// written, a person is led to the page that does it, and the token being rotated is neither shown nor sent. It stands in a
/// rotation to see that this runtime does not need the old token any more: the run waits until somebody confirmed, and the
/// runtime says that the user's login is valid (`isValid`, with all that is said of it at
/// [`CodefreshUserToken`](super::CodefreshUserToken)).
///
/// The page is known for GitHub alone. Source: `cmd/commands/integrations.go` (codefresh-io/cli-v2); for other providers
/// the guide has no link.
#[derive(Clone, Debug)]
#[must_use]
pub struct CodefreshOAuthRuntime {
    site: Site,
    name: Option<String>,
    default_name: String,
}

impl CodefreshOAuthRuntime {
    pub(super) fn new(connection: Arc<Connection>, runtime: String) -> Self {
        let site = Site::new(connection, runtime);
        Self { default_name: site.default_name(), site, name: None }
    }

    /// The Git integration of this name, and not `default`.
    pub fn integration(mut self, name: impl Into<String>) -> Self {
        self.site.integration = name.into();
        self.default_name = self.site.default_name();
        self
    }

    /// The id of the user whose place it is, as the slot's detail `user` tells it: an API key of another user is refused. Unsaid,
    /// it is the place of whoever made the key.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.site.user = Some(id.into());
        self
    }

    /// The app-proxy is at this address, whatever the platform says: the API key goes there, and the person too. The platform
    /// must know the runtime all the same.
    pub fn app_proxy(mut self, address: Url) -> Self {
        self.site.way = Way::Given(address);
        self
    }

    /// How often `isValid` is asked at most, and the pause after the first time, which doubles from then on. Five times and
    /// half a second unless set.
    pub fn looking(mut self, times: u32, pause: Duration) -> Self {
        (self.site.looks, self.site.pause) = (times, pause);
        self
    }

    /// Its name in plans, events and the journal, in place of one like `codefresh:g.codefresh.io:production/default`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where this user authorises the app.
    fn page(found: &Found) -> Option<Url> {
        let account = found.me.active_account.as_ref()?;
        if found.integration.provider != "GITHUB" {
            return None;
        }
        let mut page = found.proxy.endpoint.base().clone();
        page.path_segments_mut().ok()?.pop_if_empty().extend(["app-proxy", "api", "git-auth", "github"]);
        page.query_pairs_mut().append_pair("userId", &found.me.id).append_pair("accountId", &account.id);
        Some(page)
    }
}

#[async_trait]
impl Consumer for CodefreshOAuthRuntime {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.default_name)
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("Codefresh").proving(Proof::Always, Proof::Never).by_person()
    }

    fn trips(&self) -> ConsumerTrips {
        ConsumerTrips::new(4, 3, 3)
    }

    /// None: no token of ours goes there.
    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::new())
    }

    async fn preflight(&self) -> Result<Slot> {
        let found = self.site.find().await?;
        found.proxy.ready().await?;
        // The run would wait for a proof that does not come.
        if found.validity() == Validity::Untold {
            let text = "this app-proxy cannot say whether a login is valid: update the runtime";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        Ok(found.slot())
    }

    async fn install(&self, _: &AdmittedToken, _: &Slot) -> Result<Installation> {
        let found = self.site.find().await?;
        let title = format!("Authorise the runtime {} of Codefresh for Git by OAuth2", self.site.runtime);
        let mut guide = Guide::new(title);
        guide.link = Self::page(&found);
        let open = if guide.link.is_some() {
            "Open the link, signed in to the Git provider as the account that this Codefresh user works with. Where the runtime \
             is authorised already, there is nothing to do."
        } else {
            "In Codefresh, open Git Personal Access Tokens in your user settings, choose the runtime, and press \"Add Token\" \
             and the button of your Git provider. Where the runtime is authorised already, there is nothing to do."
        };
        let guide = guide
            .with_step("open", open)
            .with_step("authorize", "Authorise the app. No token is to be pasted here.")
            .with_step(
                "trouble",
                "If it says \"Git app not registered\", ask your admin: the organisation's OAuth2 app must be registered with \
                 this runtime first.",
            )
            .with_step("confirm", "Confirm it there.");
        Ok(Installation::Guided(guide))
    }

    async fn verify(&self, _: &AdmittedToken, _: &Slot) -> Result<Verification> {
        Ok(judged(self.site.validity(false).await?, false))
    }
}
