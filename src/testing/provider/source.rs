//! What the laws want of a provider and its surroundings.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::super::law::{NotApplicable, Stage};
use super::super::{Trouble, VirtualClock};
use crate::error::Result;
use crate::guide::Guide;
use crate::provider::{Candidate, Provider};
use crate::token::{ScopeSet, Token};

/// One provider with its surroundings, as the laws need it: a stateful fake of the far side, who asks there, and the people
/// in it.
///
/// A law gets one that is new. Its current token lives. What a source cannot do, it says with [`NotApplicable`] and a
/// reason; a law that needs it then answers the same, and nothing is passed over in silence.
/// [`MemorySource`](super::MemorySource) is the least that there is.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The provider, over a connection of its own: each call makes another, as a new process would.
    fn provider(&self) -> Arc<dyn Provider>;

    /// The token in use at first, with its id and what came with it where it has them. It lives, it is on the terms of
    /// [`terms`](Self::terms), and where a provider makes tokens from the one before, it can be made from this one.
    fn current(&self) -> Candidate;

    /// What is asked for.
    fn terms(&self) -> Terms;

    /// A token such as the provider's that never lived.
    fn stranger(&self) -> Token;

    /// The clock by which tokens end there. Laws move it.
    fn clock(&self) -> VirtualClock;

    /// Whether a token lives, looked up past every interface.
    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable>;

    /// How many tokens live of those that the provider may make, looked up past every interface.
    async fn living(&self) -> Result<usize, NotApplicable>;

    /// Somebody else ends a token, past the provider.
    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable>;

    /// A person follows a guide that makes a token, and this is what they copy; nothing where they agreed elsewhere and the
    /// provider collects it.
    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable>;

    /// A person follows a guide that ends a token. Where there is no such row, they leave it at that.
    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable>;

    /// What happens to the next request of this call: the one that looks, that makes the token, or that ends it.
    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable>;

    /// What happens to the next request that nothing was planned for, whatever it does.
    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable>;

    /// The next answer with a token in it has nothing else that is as it should be.
    async fn malform(&self) -> Result<(), NotApplicable>;

    /// From now on the far side keeps the current token out, though it lives, for a reason that is none of the token's: an
    /// account that is locked, an address that is banned, a right that was taken.
    async fn lock_out(&self) -> Result<(), NotApplicable>;

    /// From now on the provider's own key is refused to every handle that is handed out, as after it was revoked.
    async fn refuse_login(&self) -> Result<(), NotApplicable>;

    /// From now on connections are refused.
    async fn unplug(&self) -> Result<(), NotApplicable>;

    /// What must not be seen anywhere, beside the tokens: the provider's own keys.
    fn secrets(&self) -> Vec<String>;

    /// How many requests have arrived so far, whatever came of them; `None` where nobody counts. A whole rotation holds the
    /// plan to it.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// Time passes: what takes the far side a while after it was asked is done then.
    async fn settle(&self) {}
}

impl Stage<dyn Source> {
    /// A stage on which this closure raises the sources.
    pub fn new<F, S>(raise: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<S>> + Send + 'static,
        S: Source,
    {
        Self::raising(move || {
            let source = raise();
            async move { Ok(Box::new(source.await?) as Box<dyn Source>) }
        })
    }
}

/// Which of a provider's calls something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a source must handle each")]
pub enum Call {
    /// The look at a token, asked with the token itself.
    Inspect,
    /// What makes the token.
    Issue,
    /// What ends it by its value.
    Revoke,
}

/// How a person follows a guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a source must handle each")]
pub enum Person {
    /// As it says.
    Careful,
    /// With other scopes than it says.
    WrongScopes,
    /// Signed in as somebody else, who has nothing to do with it.
    WrongAccount,
}

/// What is asked for, in the provider's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The scopes.
    pub scopes: ScopeSet,
    /// How long it should live.
    pub lifetime: Option<Duration>,
    /// Whose it should be, as a grant names the owner; `None` where the provider is told by nobody whose tokens are.
    pub owner: Option<String>,
}

impl Terms {
    /// A token with these scopes.
    #[must_use]
    pub fn new(scopes: ScopeSet) -> Self {
        Self { scopes, lifetime: None, owner: None }
    }

    /// That lives for so long.
    #[must_use]
    pub fn lasting(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// That belongs to this account.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }
}
