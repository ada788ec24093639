//! stub
#![forbid(unsafe_code)]
pub mod consumer;
pub mod provider;
pub mod rotation;
pub mod journal;
mod rotator;
pub use rotator::*;
mod clock;
mod error;
mod event;
mod fault;
mod guide;
mod name;
mod token;
#[cfg(feature = "testing")]
pub mod testing;
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Effect, Error, ErrorKind, Problem, Result};
pub use event::{Event, Observer};
pub use guide::{Guide, GuideStep};
pub use name::{ConsumerName, CredentialName, Holder, Label, RunId, TokenId};
pub use token::*;
