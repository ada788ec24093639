//! Tokens, from the first look to the last.
//!
//! ```text
//! Token ──(a provider says)──> Grant ──(a policy judges)──> AdmittedToken ──(replaced)──> RetiredToken
//! ```
//!
//! Neither of the last two has a public constructor: what was not checked cannot be installed, and only the engine, with
//! a reason, revokes.

mod admission;
mod fingerprint;
mod format;
mod grant;
mod readings;
mod redact;
mod retired;
mod scope;
mod secret;

pub use admission::{AdmittedToken, Excess, Lack, Refusal, ScopePolicy, UnknownAccess, Verdict};
pub use fingerprint::Fingerprint;
pub use format::{Format, Hint};
pub use grant::{Access, Answer, Expiry, Grant, Probe, Restriction};
#[cfg(feature = "testing")]
pub(crate) use readings::readings;
pub(crate) use redact::Redactor;
pub use retired::{Reason, RetiredToken};
pub use scope::{Scope, ScopeModel, ScopeSet};
pub use secret::Token;
