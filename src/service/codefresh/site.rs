//! One user's place in one integration of one runtime.

use std::sync::Arc;
use std::time::Duration;

use super::api::{Connection, Integration, Me, digest};
use super::proxy::{AppProxy, Way};
use crate::consumer::Slot;
use crate::error::{Error, ErrorKind, Result};

/// The integration of which Codefresh speaks where none is named.
const DEFAULT: &str = "default";

/// Which integration of which runtime, and how it is reached.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) connection: Arc<Connection>,
    pub(super) runtime: String,
    pub(super) integration: String,
    pub(super) way: Way,
    /// The id of the user whose place it is, where the caller says so.
    pub(super) user: Option<String>,
    pub(super) looks: u32,
    pub(super) pause: Duration,
}

/// The same as found at one moment.
pub(super) struct Found {
    pub(super) me: Me,
    pub(super) proxy: AppProxy,
    pub(super) integration: Integration,
}

/// What a runtime says of the token of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    Invalid,
    /// The user has none there.
    Missing,
    /// This app-proxy cannot say.
    Untold,
}

impl Site {
    pub(super) fn new(connection: Arc<Connection>, runtime: String) -> Self {
        let pause = Duration::from_millis(500);
        Self { connection, runtime, integration: DEFAULT.to_owned(), way: Way::default(), user: None, looks: 5, pause }
    }

    /// Its name where the caller gives none.
    pub(super) fn default_name(&self) -> String {
        format!("{}:{}/{}", self.connection.place(), self.runtime, self.integration)
    }

    /// Whose place it is, and where it is reached.
    pub(super) async fn locate(&self) -> Result<(Me, AppProxy)> {
        let me = self.connection.me().await?;
        // The place is the key's user's: another key would write to another place.
        if self.user.as_ref().is_some_and(|user| *user != me.id) {
            let text =
                "the API key belongs to another user than the one given with `user`: hand in an API key of that user";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let proxy = self.connection.app_proxy(&self.runtime, &self.way, &me).await?;
        Ok((me, proxy))
    }

    pub(super) async fn find(&self) -> Result<Found> {
        let (me, proxy) = self.locate().await?;
        self.found(me, proxy).await
    }

    /// The integration as it is now.
    pub(super) async fn found(&self, me: Me, proxy: AppProxy) -> Result<Found> {
        let integration = self.integration_of(&proxy).await?;
        Ok(Found { me, proxy, integration })
    }

    async fn integration_of(&self, proxy: &AppProxy) -> Result<Integration> {
        let all = proxy.integrations().await?;
        all.into_iter().find(|integration| integration.name == self.integration).ok_or_else(|| {
            let text =
                "the runtime has no Git integration of this name: check it, or have an admin add the integration";
            Error::new(ErrorKind::NotFound, text)
        })
    }

    /// Whether the user's token is valid there, asked a few times with growing pauses: the value is not looked up anew for
    /// every question, and when it is refreshed is not documented. The first yes ends it; after a write, which the value may
    /// not know of yet, only one that followed a no does, and else the last answer counts.
    pub(super) async fn validity(&self, after_write: bool) -> Result<Validity> {
        let mut found = self.find().await?;
        let (mut pause, mut refreshed) = (self.pause, !after_write);
        for _ in 1..self.looks.max(1) {
            match found.validity() {
                Validity::Untold => break,
                Validity::Valid if refreshed => break,
                Validity::Valid => {}
                Validity::Invalid | Validity::Missing => refreshed = true,
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
            found.integration = self.integration_of(&found.proxy).await?;
        }
        Ok(found.validity())
    }
}

impl Found {
    pub(super) fn validity(&self) -> Validity {
        let Some(users) = &self.integration.users else { return Validity::Untold };
        match users.iter().find(|user| user.user_id == self.me.id) {
            Some(user) if user.is_valid => Validity::Valid,
            Some(_) => Validity::Invalid,
            None => Validity::Missing,
        }
    }

    /// The place as it is now. Its version is a hash of all that is known of the integration but for its users: there is no
    /// version of a token, and other users come and go.
    pub(super) fn slot(&self) -> Slot {
        let Integration { name, provider, api_url, sharing_policy, .. } = &self.integration;
        let base = self.proxy.endpoint.base().as_str();
        Slot::at(digest([base, self.me.id.as_str(), name, provider, api_url, sharing_policy]))
            .with_detail("user", self.me.id.as_str())
    }
}
