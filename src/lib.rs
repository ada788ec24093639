//! stub
#![forbid(unsafe_code)]
pub mod consumer;
pub mod provider;
pub mod rotation;
mod clock;
mod error;
mod guide;
mod name;
mod token;
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Effect, Error, ErrorKind, Problem, Result};
pub use guide::{Guide, GuideStep};
pub use name::{ConsumerName, CredentialName, Holder, Label, RunId, TokenId};
pub use token::*;
