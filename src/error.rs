//! What went wrong, what it did to the outside, and what the caller should do.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; each variant says what a caller does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was handed in cannot be used. Correct it and call again.
    InvalidInput,
    /// The parts do not fit together. Found at `build()`; correct the program.
    Configuration,
    /// The far side does not know the key or token that was presented. Present a live one.
    Unauthenticated,
    /// The far side knows who asks and refuses. Grant the right that the text names.
    PermissionDenied,
    /// The thing is not there, or the far side hides it from this identity.
    NotFound,
    /// It changed under our hands. Read it again, then decide again.
    Conflict,
    /// Too many requests. Wait for [`Error::retry_after`], then try again.
    RateLimited,
    /// Not now: something runs that must not be disturbed, or somebody else holds the lease. Try later.
    Busy,
    /// The far side could not be reached or failed. Try later; mind [`Error::effect`].
    Unavailable,
    /// The far side pointed elsewhere. Redirects are never followed; correct the address or the proxy.
    Redirected,
    /// The answer was not understood, or was larger than allowed. Look at what really answers there.
    Protocol,
    /// The far side, or this kind of object, cannot do what was asked. Choose another way.
    Unsupported,
    /// Doing it would break a promise (I1 to I8 in DESIGN.md). The text says which and what to do instead.
    Refused,
    /// A check ran and its answer was no: the token does not work there, or is not the new one.
    Unverified,
    /// Another engine has taken this credential over. Stop; it goes on from the journal.
    Fenced,
    /// The journal could not be read or written, or does not make sense. Nothing further was done.
    Journal,
    /// The audit could not be written or read, or is damaged. Nothing further was done: mend it, then resume the run.
    Audit,
    /// This crate contradicted itself. Please report it.
    Internal,
}

/// What an error says about the outside world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature: it happened, it may have, it has not")]
pub enum Effect {
    /// Nothing happened.
    None,
    /// It may have happened: look before you act again.
    Unknown,
}

/// An error of this crate: its kind, what it may have done to the outside, and a text that says what to do.
///
/// The text never holds a secret, nor a part of an answer, a header or an address that was not cleaned first.
///
/// ```
/// use tokenturn::{Effect, Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "the vault did not answer: try again later")
///     .with_effect(Effect::Unknown)
///     .with_subject("vault/deploy");
/// assert!(error.is_transient());
/// assert_eq!(error.to_string(), "vault/deploy: the vault did not answer: try again later");
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, thiserror::Error)]
#[error("{}{text}", subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default())]
struct Inner {
    kind: ErrorKind,
    effect: Effect,
    subject: Option<String>,
    retry_after: Option<Duration>,
    text: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without effect on the outside; `text` says what the caller should do.
    pub fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            effect: Effect::None,
            subject: None,
            retry_after: None,
            text: text.into(),
            source: None,
        }))
    }

    /// Says what happened outside.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// The same as another kind of thing.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same for another who waited for it. The cause stays behind.
    #[cfg(any(feature = "github", feature = "jenkins"))]
    pub(crate) fn shared(&self) -> Self {
        let error = Self::from(self.problem());
        self.retry_after().into_iter().fold(error, Self::with_retry_after)
    }

    /// Names the provider, consumer or credential it is about. The innermost name stays.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.0.subject.get_or_insert_with(|| subject.into());
        self
    }

    /// Says how long to wait before the next try.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the cause. The caller vouches that no text of it can hold a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether something may have happened outside all the same.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// The provider, consumer or credential it is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// How long the far side asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether waiting may cure it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::RateLimited
                | ErrorKind::Busy
                | ErrorKind::Unavailable
                | ErrorKind::Conflict
                | ErrorKind::Unverified
        )
    }

    /// What can be kept of it in a journal and shown by a front end.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem {
            kind: self.kind(),
            effect: self.effect(),
            subject: self.subject().map(str::to_owned),
            text: self.0.text.to_string(),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Error");
        all.field("kind", &self.0.kind).field("effect", &self.0.effect).field("text", &self.to_string());
        if let Some(wait) = self.0.retry_after {
            all.field("retry_after", &wait);
        }
        if let Some(source) = &self.0.source {
            all.field("source", source);
        }
        all.finish()
    }
}

/// The part of an [`Error`] that is kept in the journal and shown by front ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// Whether something may have happened outside all the same.
    pub effect: Effect,
    /// The provider, consumer or credential it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What happened and what to do.
    pub text: String,
}

impl Problem {
    /// A problem without effect on the outside.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, effect: Effect::None, subject: None, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{subject}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let error = Self::new(problem.kind, problem.text).with_effect(problem.effect);
        match problem.subject {
            Some(subject) => error.with_subject(subject),
            None => error,
        }
    }
}
