//! stub
#![forbid(unsafe_code)]
pub mod consumer;
pub mod journal;
pub mod provider;
pub mod rotation;
mod rotator;
pub use rotator::*;
mod clock;
mod error;
mod event;
mod fault;
mod guide;
#[cfg(feature = "http")]
mod http;
mod name;
#[cfg(feature = "http")]
mod service;
mod token;
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Effect, Error, ErrorKind, Problem, Result};
#[cfg(feature = "testing")]
pub mod testing;
pub use event::{Event, Observer};
pub use guide::{Guide, GuideStep};
#[cfg(feature = "http")]
pub use http::{Http, HttpBuilder};
pub use name::{ConsumerName, CredentialName, Holder, Label, RunId, TokenId};
#[cfg(feature = "github")]
pub use service::github::{GitHub, OAuthAppBuilder, OAuthAppTokens, PersonalTokens, PersonalTokensBuilder};
pub use token::*;
