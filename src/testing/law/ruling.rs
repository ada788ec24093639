//! What a law answers.

use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Whoever does not answer within this has no timeout.
const LIMIT: Duration = Duration::from_mins(1);

/// What a law answers: nothing where it is kept.
pub type Ruling = std::result::Result<(), Exception>;

/// Why a law was not shown to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by nature: it does not apply, or it is broken")]
pub enum Exception {
    /// It does not apply to this implementation, or what stands behind it cannot show it.
    NotApplicable(NotApplicable),
    /// The implementation breaks it: what it did, and what it should do.
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

/// A law does not apply, or what it plays with cannot do what it needs, for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotApplicable {
    reason: String,
}

impl NotApplicable {
    /// For this reason, in words that end a sentence: "nobody but a person can look there".
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for NotApplicable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// The law is broken in this way.
pub(in crate::testing) fn violated<T>(text: impl Into<String>) -> std::result::Result<T, Exception> {
    Err(Exception::Violated(text.into()))
}

/// The law is broken in this way, unless `kept`.
pub(in crate::testing) fn demand(kept: bool, text: impl FnOnce() -> String) -> Ruling {
    if kept { Ok(()) } else { violated(text()) }
}

/// Waits for a call, and not for ever.
pub(in crate::testing) async fn in_time<T>(
    call: &str,
    future: impl Future<Output = T>,
) -> std::result::Result<T, Exception> {
    tokio::time::timeout(LIMIT, future)
        .await
        .or_else(|_| violated(format!("`{call}` was not back after {LIMIT:?}: give its requests a timeout")))
}
