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
pub use token::*;
mod service;
#[cfg(feature = "jenkins")]
pub use service::jenkins::{CodeManaged, Jenkins, JenkinsBuilder, JenkinsCredential};
