//! A log of all that happened, for those who look whether it was right: kept beside the journal, and tied together.

mod chain;
mod file;

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::event::Event;
use crate::journal::Seq;
use crate::name::CredentialName;

pub use chain::{Verified, verify};
pub use file::AuditFile;

/// Takes every event that observers are told, and answers only when it has it. An [`Observer`](crate::Observer) cannot fail;
/// this can, and [`AuditPolicy`] says what becomes of the run then.
///
/// Events come in the order of their numbers, each after its record is durable and before anything else is done. What an
/// audit lacks after a crash or a failure is read from the journal and appended first, so that there is no hole: an audit
/// that knows nothing of a credential is given all that the journal has. It is asynchronous, as it may stand behind a network;
/// it has a quarter of [`Policy::act_timeout`](crate::Policy::act_timeout) to answer. No event holds a secret.
#[async_trait]
pub trait Audit: Debug + Send + Sync + 'static {
    /// The last event that it has of this credential, if it has any.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    async fn last(&self, credential: &CredentialName) -> Result<Option<Seq>>;

    /// Appends an event, and answers when it is durable. One whose number it has already changes nothing: two engines may
    /// hand in the same.
    ///
    /// # Errors
    ///
    /// When it is not durable, or may not be.
    async fn append(&self, event: &Event) -> Result<()>;

    /// Appends events of one credential in their order, each as by [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// When not all of them are durable; those at the beginning may be.
    async fn append_all(&self, events: &[Event]) -> Result<()> {
        for event in events {
            self.append(event).await?;
        }
        Ok(())
    }
}

/// What becomes of a run while its audit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditPolicy {
    /// It stops before anything else is done outside, and stays open: mend the audit and resume it. Nothing is lost, as the
    /// journal has everything first; but where an old token died with the new one's birth, places are without one meanwhile.
    ///
    /// A token that was asked for or handed in is made durable before that. And a run in which a token leaked goes on:
    /// whoever misuses it may have filled the disk, and ending it comes first. The audit is given the rest later.
    Block,
    /// It goes on, and a warning is logged. The audit is given what it lacks when the call ends or by a later one.
    Continue,
}
