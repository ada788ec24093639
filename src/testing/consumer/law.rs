//! What a law answers, and the list of them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{FarSide, NotApplicable};
use crate::error::Result;

/// What a law answers: nothing where it is kept.
pub type Ruling = std::result::Result<(), Exception>;

/// Why a law was not shown to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by nature: it does not apply, or it is broken")]
pub enum Exception {
    /// It does not apply to this consumer, or its far side cannot show it.
    NotApplicable(NotApplicable),
    /// The consumer breaks it: what it did, and what it should do.
    Violated(String),
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotApplicable(reason) => write!(f, "not applicable: {reason}"),
            Self::Violated(text) => f.write_str(text),
        }
    }
}

impl From<NotApplicable> for Exception {
    fn from(reason: NotApplicable) -> Self {
        Self::NotApplicable(reason)
    }
}

/// The law is broken in this way.
pub(super) fn violated<T>(text: impl Into<String>) -> std::result::Result<T, Exception> {
    Err(Exception::Violated(text.into()))
}

/// The law is broken in this way, unless `kept`.
pub(super) fn demand(kept: bool, text: impl FnOnce() -> String) -> Ruling {
    if kept { Ok(()) } else { violated(text()) }
}

type Raised = Pin<Box<dyn Future<Output = Result<Box<dyn FarSide>>> + Send>>;

/// Where a law plays: it raises a new far side for each act.
#[derive(Clone)]
pub struct Stage(Arc<dyn Fn() -> Raised + Send + Sync>);

impl Stage {
    /// A stage on which this closure raises the far sides.
    pub fn new<F, S>(raise: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<S>> + Send + 'static,
        S: FarSide,
    {
        Self(Arc::new(move || {
            let far = raise();
            Box::pin(async move { Ok(Box::new(far.await?) as Box<dyn FarSide>) })
        }))
    }

    pub(super) async fn raise(&self) -> std::result::Result<Box<dyn FarSide>, Exception> {
        (self.0)().await.or_else(|error| violated(format!("the far side could not be raised: {error}")))
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stage")
    }
}

/// A law, by its name.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Law {
    /// Its name, which is a sentence with underscores.
    pub name: &'static str,
    judge: fn(Stage) -> Pin<Box<dyn Future<Output = Ruling>>>,
}

impl Law {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, judge: fn(Stage) -> Pin<Box<dyn Future<Output = Ruling>>>) -> Self {
        Self { name, judge }
    }

    /// Holds the consumer of this stage to it. Call it on a runtime of one thread: what is logged is heard there alone.
    ///
    /// # Errors
    ///
    /// Why it was not shown to be kept.
    pub async fn judge(&self, stage: Stage) -> Ruling {
        (self.judge)(stage).await
    }
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
