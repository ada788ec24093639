//! Where tokens come from.

pub mod memory;
mod supplied;
mod trips;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::guide::Guide;
use crate::name::{CredentialName, Label, TokenId};
use crate::token::{Grant, RetiredToken, ScopeModel, ScopeSet, Token};

pub use supplied::{Supplied, Wish};
pub use trips::ProviderTrips;

/// Where tokens come from: issues them or guides the person who does, says what they are, ends them.
///
/// This is the one joint for providers of your own. The `Rotator` is the only caller; it calls `inspect` with live and
/// with dead tokens, `issue` at most once for each label, and `revoke` again when it does not know whether it happened.
///
/// Every error says by its [`Effect`](crate::Effect) whether something may have happened all the same. Answers that were
/// lost, cut off or not understood after the request was sent are `Unknown`; refusals are `None`.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// Its name in plans, events and the journal. It never changes, and two that do not know each other's tokens have
    /// two: tokens kept under one name are never shown to a provider of another.
    fn name(&self) -> &str;

    /// What it can do. The engine relies on every word of it.
    fn capabilities(&self) -> ProviderCapabilities;

    /// The vocabulary of scopes that its tokens have.
    fn scopes(&self) -> ScopeModel;

    /// How many requests each call sends, for the plan.
    fn trips(&self) -> ProviderTrips {
        ProviderTrips::default()
    }

    /// What `token` is and may do, asked with the token itself on a path that cannot harm it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) exactly when the provider says that it does not
    /// know this token: a ban, a lost permission or an outage is something else.
    async fn inspect(&self, token: &Token) -> Result<Grant>;

    /// Issues a token, or says what a person must do.
    ///
    /// # Errors
    ///
    /// Whatever the far side says. As soon as a token and its id were read, the answer is `Minted`, however malformed
    /// the rest of it is.
    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance>;

    /// Asks whether the person has done what a [`Issuance::Pending`] asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) from providers that never answer `Pending`.
    async fn collect(&self, ticket: &Token) -> Result<Issuance>;

    /// Ends a token. Ending one that is gone already is a success.
    ///
    /// # Errors
    ///
    /// Whatever the far side says.
    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation>;

    /// Whether a token known by its id alone lives.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the capability is not claimed.
    async fn status(&self, id: &TokenId) -> Result<Liveness>;

    /// The live tokens under this label: orphans of a run that died while issuing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the capability is not claimed.
    async fn find(&self, label: &Label) -> Result<Vec<TokenId>>;
}

/// Forwards every method; a new one cannot be forgotten.
macro_rules! forward {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: Provider + ?Sized> Provider for $pointer<T> {
            fn name(&self) -> &str {
                self.as_ref().name()
            }
            fn capabilities(&self) -> ProviderCapabilities {
                self.as_ref().capabilities()
            }
            fn scopes(&self) -> ScopeModel {
                self.as_ref().scopes()
            }
            fn trips(&self) -> ProviderTrips {
                self.as_ref().trips()
            }
            async fn inspect(&self, token: &Token) -> Result<Grant> {
                self.as_ref().inspect(token).await
            }
            async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
                self.as_ref().issue(request).await
            }
            async fn collect(&self, ticket: &Token) -> Result<Issuance> {
                self.as_ref().collect(ticket).await
            }
            async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
                self.as_ref().revoke(token).await
            }
            async fn status(&self, id: &TokenId) -> Result<Liveness> {
                self.as_ref().status(id).await
            }
            async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
                self.as_ref().find(label).await
            }
        }
    };
}

use std::sync::Arc;
forward!(Arc);
forward!(Box);

/// What a provider can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "a record of what it can do, each a question of its own")]
pub struct ProviderCapabilities {
    /// Who issues.
    pub issuer: Issuer,
    /// What issuing does to the token before.
    pub fate: Fate,
    /// Whether it can issue without the current token at hand, with a key of its own.
    pub reissues: bool,
    /// Whether it issues from the second secret that came with the current token, be that token alive or not: by a refresh
    /// token, say. That is presented once, so only where the token before [dies](Fate::Dies) does a lost answer show itself:
    /// with another fate, a person who issues, or [`reissues`](Self::reissues), `build()` refuses it.
    #[serde(default)]
    pub renews: bool,
    /// How a token is ended.
    pub ending: EndedBy,
    /// Whether a token can be ended by its id alone.
    pub ends_by_id: bool,
    /// Whether [`Provider::find`] works.
    pub finds_by_label: bool,
    /// Whether [`Provider::status`] works.
    pub status_by_id: bool,
    /// Whether a [`Grant`] tells when the token was last used, and looking at it does not count as use.
    pub tells_last_use: bool,
    /// How long a token lives at most, where no request can make it longer; `None` where the caller has a say, or nobody
    /// knows. What does not fit it is refused by [`RotatorBuilder::build`](crate::RotatorBuilder::build).
    #[serde(default)]
    pub longest_life: Option<Duration>,
    /// Whether a token that it issues has not the label that it was asked for under: it has the name of the one before, or
    /// none at all. Where the token before [dies](Fate::Dies) and it [`reissues`](Self::reissues), there is one place for such
    /// a token: what a lost attempt has made there is replaced as well.
    #[serde(default)]
    pub keeps_names: bool,
    /// What the plan must say before anybody agrees: who gets mail, what cannot be undone.
    pub cautions: Vec<String>,
}

impl ProviderCapabilities {
    /// The least that a provider can do: nothing but what these two say.
    #[must_use]
    pub fn new(issuer: Issuer, fate: Fate) -> Self {
        Self {
            issuer,
            fate,
            reissues: false,
            renews: false,
            ending: EndedBy::Person,
            ends_by_id: false,
            finds_by_label: false,
            status_by_id: false,
            tells_last_use: false,
            longest_life: None,
            keeps_names: false,
            cautions: Vec::new(),
        }
    }

    /// It issues without the current token at hand.
    #[must_use]
    pub fn reissuing(mut self) -> Self {
        self.reissues = true;
        self
    }

    /// It issues from the second secret that came with the current token.
    #[must_use]
    pub fn renewing(mut self) -> Self {
        self.renews = true;
        self
    }

    /// How it ends tokens.
    #[must_use]
    pub fn ended_by(mut self, ending: EndedBy) -> Self {
        self.ending = ending;
        self
    }

    /// It ends a token by its id alone.
    #[must_use]
    pub fn ending_by_id(mut self) -> Self {
        self.ends_by_id = true;
        self
    }

    /// It finds tokens by their label.
    #[must_use]
    pub fn finding_by_label(mut self) -> Self {
        self.finds_by_label = true;
        self
    }

    /// It tells whether an id lives.
    #[must_use]
    pub fn with_status_by_id(mut self) -> Self {
        self.status_by_id = true;
        self
    }

    /// It tells when a token was last used.
    #[must_use]
    pub fn telling_last_use(mut self) -> Self {
        self.tells_last_use = true;
        self
    }

    /// Its tokens live for so long at most.
    #[must_use]
    pub fn living_at_most(mut self, life: Duration) -> Self {
        self.longest_life = Some(life);
        self
    }

    /// What it issues has the name of the one before, or none.
    #[must_use]
    pub fn keeping_names(mut self) -> Self {
        self.keeps_names = true;
        self
    }

    /// The plan must say this.
    #[must_use]
    pub fn with_caution(mut self, caution: impl Into<String>) -> Self {
        self.cautions.push(caution.into());
        self
    }
}

/// Who issues a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Issuer {
    /// An interface for programs.
    Api,
    /// A person, by hand. The run waits for a paste, or asks now and then whether it was done.
    Person,
}

/// What issuing does to the token before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// It lives on: old and new overlap.
    Survives,
    /// It dies at once: the new one replaces it. There is no way back.
    Dies,
    /// The oldest dies when there are more than so many.
    DiesBeyond(u32),
}

/// How a token is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndedBy {
    /// By an interface, at once.
    Api,
    /// By an interface that answers before it is done.
    ApiLater,
    /// By a person.
    Person,
}

/// What is asked of a provider that issues.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssueRequest<'a> {
    /// For which credential.
    pub credential: &'a CredentialName,
    /// The name that the token must carry at the provider, if it can.
    pub label: &'a Label,
    /// The scopes that it must have, without those that others contain.
    pub scopes: &'a ScopeSet,
    /// How long it should live; `None` leaves it to the provider.
    pub lifetime: Option<Duration>,
    /// Whose it should be, where that is known of the token before.
    pub owner: Option<&'a str>,
    /// The current token, where there is one and we have it: the newest of the run's own that is not known to be dead, where
    /// each replaces the one before, and the old one otherwise. A Replace provider issues from it; a dead one is not handed to
    /// such a provider, which may take it for theft.
    pub current: Option<&'a Token>,
    /// The second secret that came with the current token, such as a refresh token. Of a token that is dead, it is handed
    /// only to a provider that renews from it.
    pub companion: Option<&'a Token>,
    /// Whether the answer to the attempt before was lost, so that a token which nobody has may be ours. Not so where the
    /// provider itself said [`ErrorKind::Refused`](crate::ErrorKind::Refused): that was an answer.
    pub after_a_lost_answer: bool,
}

impl<'a> IssueRequest<'a> {
    /// A request without wishes.
    #[must_use]
    pub fn new(credential: &'a CredentialName, label: &'a Label, scopes: &'a ScopeSet) -> Self {
        Self {
            credential,
            label,
            scopes,
            lifetime: None,
            owner: None,
            current: None,
            companion: None,
            after_a_lost_answer: false,
        }
    }

    /// Whose it should be.
    #[must_use]
    pub fn with_owner(mut self, owner: Option<&'a str>) -> Self {
        self.owner = owner;
        self
    }

    /// How long it should live.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Option<Duration>) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether the answer to the attempt before was lost.
    #[must_use]
    pub fn after_a_lost_answer(mut self, lost: bool) -> Self {
        self.after_a_lost_answer = lost;
        self
    }

    /// The current token and what came with it.
    #[must_use]
    pub fn with_current(mut self, current: Option<&'a Token>, companion: Option<&'a Token>) -> Self {
        self.current = current;
        self.companion = companion;
        self
    }
}

/// What came of asking for a token.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engine must handle each")]
pub enum Issuance {
    /// Here it is.
    Minted(Candidate),
    /// A person makes it and pastes it.
    Guided(Guide),
    /// A person agrees elsewhere; ask again with [`Provider::collect`].
    Pending {
        /// What the person does.
        guide: Guide,
        /// What to ask with. It is a secret.
        ticket: Token,
        /// When to ask next.
        poll_after: Timestamp,
        /// Until when it makes sense to ask.
        until: Timestamp,
        /// What this says of what the person was asked for before.
        request: Request,
    },
}

/// What a [`Issuance::Pending`] says of what the person was asked to agree to. A poll whose answer was lost may have made a
/// token, and this is what is known of that afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the engine must handle each")]
pub enum Request {
    /// It is another: there was none, or the one before counts no more, whatever became of it.
    Another,
    /// It is the same, and nobody has agreed: no poll before this one has made a token.
    Open,
    /// It is the same, and the far side did not say how it stands, as where it was asked too soon.
    Unsaid,
}

/// A token that was just issued, by a provider or elsewhere: nothing is known of it yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// Its value.
    pub token: Token,
    /// Its id at the provider, where the answer had one.
    pub id: Option<TokenId>,
    /// A second secret that came with it, such as a refresh token.
    pub companion: Option<Token>,
}

impl Candidate {
    /// A token that was just issued.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self { token, id: None, companion: None }
    }

    /// With its id at the provider.
    #[must_use]
    pub fn with_id(mut self, id: Option<TokenId>) -> Self {
        self.id = id;
        self
    }

    /// With the secret that came with it.
    #[must_use]
    pub fn with_companion(mut self, companion: Option<Token>) -> Self {
        self.companion = companion;
        self
    }
}

impl From<Token> for Candidate {
    fn from(token: Token) -> Self {
        Self::new(token)
    }
}

/// What came of ending a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the engine must handle each")]
pub enum Revocation {
    /// It is gone, or was already.
    Done,
    /// It will be gone; look no sooner than after this wait.
    Accepted {
        /// How long to wait before the first look.
        look_after: Duration,
    },
    /// A person must do it.
    Guided(Guide),
}

/// Whether a token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Liveness {
    /// The provider knows it and takes it.
    Alive,
    /// The provider does not know it, or knows that it was ended.
    Dead,
}
