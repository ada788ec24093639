//! Where tokens are used.

mod manual;
pub mod memory;
mod trips;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::guide::Guide;
use crate::token::{AdmittedToken, Answer, ScopeModel, ScopeSet};

pub use manual::Manual;
pub use trips::ConsumerTrips;

/// One place that uses the token and is written as a whole: one Jenkins credential, one pipeline, one runtime.
///
/// This is the one joint for consumers of your own; the example below is complete. The `Rotator` is the only caller. It
/// reads before it writes, hands back what it read, and installs the old token again to roll back.
///
/// Every error says by its [`Effect`](crate::Effect) whether the place may have changed all the same. Answers that were
/// lost after the request was sent are `Unknown`; refusals are `None`.
///
/// # A consumer of one's own
///
/// ```
#[doc = include_str!("../../examples/write_a_consumer.rs")]
/// ```
#[async_trait]
pub trait Consumer: Debug + Send + Sync + 'static {
    /// Its name in plans, events and the journal: stable across restarts and unique in a `Rotator`, never an index.
    fn name(&self) -> &str;

    /// What it can do. The engine relies on every word of it.
    fn capabilities(&self) -> ConsumerCapabilities;

    /// The scopes that a token needs to work here, in the provider's vocabulary, as the vendor documents them. `None`
    /// where this place cannot say: `build()` then asks the caller.
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet>;

    /// Why no token of this vocabulary can work here, whatever scopes it has, and what to use instead. `None` where one
    /// can. `build()` refuses such a provider in these words, and no `requires` overrules them.
    fn refuses(&self, model: ScopeModel) -> Option<String> {
        let _ = model;
        None
    }

    /// How many requests each call sends, for the plan.
    fn trips(&self) -> ConsumerTrips {
        ConsumerTrips::default()
    }

    /// Looks without touching: is it there, may we write it, is it of a kind that can be written without loss?
    ///
    /// # Errors
    ///
    /// Whatever would make [`install`](Self::install) fail or destroy something. It is called before a token is issued,
    /// and again after every wait.
    async fn preflight(&self) -> Result<Slot>;

    /// Puts `token` there, if the place is still as `expected`. Twice is the same as once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) without effect when the place changed since it was read.
    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation>;

    /// Whether the token works there, and whether it is this one. `slot` is what [`install`](Self::install) gave back,
    /// or what [`preflight`](Self::preflight) read when nothing is known of an installation.
    ///
    /// A check that the token before would pass too says [`Answer::Unknown`] to the second question.
    ///
    /// # Errors
    ///
    /// When the check itself could not be run.
    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification>;
}

/// Forwards every method; a new one cannot be forgotten.
macro_rules! forward {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: Consumer + ?Sized> Consumer for $pointer<T> {
            fn name(&self) -> &str {
                self.as_ref().name()
            }
            fn capabilities(&self) -> ConsumerCapabilities {
                self.as_ref().capabilities()
            }
            fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
                self.as_ref().required_scopes(model)
            }
            fn refuses(&self, model: ScopeModel) -> Option<String> {
                self.as_ref().refuses(model)
            }
            fn trips(&self) -> ConsumerTrips {
                self.as_ref().trips()
            }
            async fn preflight(&self) -> Result<Slot> {
                self.as_ref().preflight().await
            }
            async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
                self.as_ref().install(token, expected).await
            }
            async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
                self.as_ref().verify(token, slot).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// What a consumer can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "a record of what it can do, each a question of its own")]
pub struct ConsumerCapabilities {
    /// To which application it belongs, such as `Jenkins`. A token shared by several earns a warning.
    pub application: String,
    /// Whether [`Consumer::verify`] can show that the token works, without side effects.
    pub works: Proof,
    /// Whether it can show that the token is the new one.
    pub new: Proof,
    /// Whether its slot's version changes with every token that is written there, whoever writes it: one that has not moved
    /// then shows that none was.
    #[serde(default)]
    pub versioned: bool,
    /// Whether the old token can be put back.
    pub restorable: bool,
    /// Whether writing disturbs what runs there.
    pub disruptive: bool,
    /// Whether a person must do the writing.
    pub by_person: bool,
    /// Whether it holds the key by which other consumers are written: it goes last.
    pub own_key: bool,
    /// What a person must do and confirm before the old token may go, where what uses this place keeps tokens in memory.
    pub confirmation: Option<String>,
}

impl ConsumerCapabilities {
    /// A place of this application that can be restored, is not disturbed by a write, and proves nothing.
    pub fn new(application: impl Into<String>) -> Self {
        Self {
            application: application.into(),
            works: Proof::Never,
            new: Proof::Never,
            versioned: false,
            restorable: true,
            disruptive: false,
            by_person: false,
            own_key: false,
            confirmation: None,
        }
    }

    /// What [`Consumer::verify`] can show.
    #[must_use]
    pub fn proving(mut self, works: Proof, new: Proof) -> Self {
        self.works = works;
        self.new = new;
        self
    }

    /// Its slot's version changes with every token that is written there.
    #[must_use]
    pub fn versioned(mut self) -> Self {
        self.versioned = true;
        self
    }

    /// The old token cannot be put back.
    #[must_use]
    pub fn irreversible(mut self) -> Self {
        self.restorable = false;
        self
    }

    /// Writing disturbs what runs there.
    #[must_use]
    pub fn disruptive(mut self) -> Self {
        self.disruptive = true;
        self
    }

    /// A person must do the writing.
    #[must_use]
    pub fn by_person(mut self) -> Self {
        self.by_person = true;
        self
    }

    /// It holds our own key.
    #[must_use]
    pub fn own_key(mut self) -> Self {
        self.own_key = true;
        self
    }

    /// A person must do and confirm this before the old token may go.
    #[must_use]
    pub fn confirmed_by_person(mut self, what: impl Into<String>) -> Self {
        self.confirmation = Some(what.into());
        self
    }

    /// When it is written, after which others.
    #[must_use]
    pub fn order(&self) -> Order {
        match self {
            Self { own_key: true, .. } => Order::OwnKey,
            Self { restorable: false, .. } => Order::Irreversible,
            Self { disruptive: true, .. } => Order::Disruptive,
            _ => Order::Reversible,
        }
    }

    /// Whether [`Consumer::verify`] is worth calling.
    #[must_use]
    pub fn proves_something(&self) -> bool {
        self.works != Proof::Never || self.new != Proof::Never
    }
}

/// Whether something can be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Proof {
    /// It cannot.
    Never,
    /// It can under conditions that cannot be foreseen. It is taken where it comes and not waited for.
    Sometimes,
    /// It can. Revoking the old token waits for it.
    Always,
}

/// The order in which consumers are written: what is easy to undo before what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Order {
    /// The one that the caller wants to see working first.
    Canary,
    /// Those that can be put back without a trace.
    Reversible,
    /// Those that disturb what runs.
    Disruptive,
    /// Those that cannot be put back.
    Irreversible,
    /// Those that hold our own keys.
    OwnKey,
}

/// The far side's state as read: its version and what is there, never the secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Slot {
    /// What changes when the place changes, other than by its token perhaps. `None` where the place has nothing of the kind.
    pub version: Option<String>,
    /// What the consumer wants to find again later. No secret, and nothing a secret could be guessed from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// What a person should know before the write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Slot {
    /// A place of which nothing can be read.
    #[must_use]
    pub fn opaque() -> Self {
        Self::default()
    }

    /// Whether both have a version, and it is not the same.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        self.moved_to(other) == Some(true)
    }

    /// Whether the version of the other is not this one. `None` where either has none.
    pub(crate) fn moved_to(&self, other: &Self) -> Option<bool> {
        self.version.as_ref().zip(other.version.as_ref()).map(|(one, two)| one != two)
    }

    /// A place at this version.
    pub fn at(version: impl Into<String>) -> Self {
        Self { version: Some(version.into()), ..Self::default() }
    }

    /// With something to find again later.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// With something a person should know.
    #[must_use]
    pub fn with_warning(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// What was kept under this name.
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.get(name).map(String::as_str)
    }
}

/// What came of installing a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the engine must handle each")]
pub enum Installation {
    /// The far side took it; this is the place as it is then.
    Done(Slot),
    /// A person must do it. The token comes to them by `Rotator::reveal`.
    Guided(Guide),
}

/// Two answers: does the token work there, and is it the new one?
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// Whether what is stored there works.
    pub works: Answer,
    /// Whether what is stored there is this token.
    pub new: Answer,
    /// How it was found out, in our words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Verification {
    /// The two answers.
    #[must_use]
    pub fn new(works: Answer, new: Answer) -> Self {
        Self { works, new, note: None }
    }

    /// How it was found out.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Whether either answer is no.
    #[must_use]
    pub fn is_refuted(&self) -> bool {
        self.works == Answer::Refuted || self.new == Answer::Refuted
    }
}
