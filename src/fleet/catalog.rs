//! How a credential is turned whose name alone is known.

use std::fmt::Debug;

use async_trait::async_trait;

use super::turn::Turn;
use crate::error::{Error, ErrorKind, Result};
use crate::name::CredentialName;

/// How a credential is turned whose name alone is known, from the journal say: builds its rotator, over that journal.
///
/// ```
/// use std::sync::Arc;
/// use tokenturn::consumer::memory::MemoryConsumer;
/// use tokenturn::fleet::{Catalog, Turn};
/// use tokenturn::provider::memory::MemoryProvider;
/// use tokenturn::{CredentialName, Journal, Predecessor, Result, Rotator};
///
/// #[derive(Debug)]
/// struct Bots {
///     github: MemoryProvider,
///     journal: Arc<dyn Journal>,
/// }
///
/// #[async_trait::async_trait]
/// impl Catalog for Bots {
///     async fn turn(&self, credential: &CredentialName) -> Result<Option<Turn>> {
///         let bot = Rotator::builder(credential.as_str(), self.github.clone())
///             .consumer(MemoryConsumer::new("ci", &self.github)?)
///             .journal(self.journal.clone())
///             .build()?;
///         Ok(Some(Turn::new(bot, Predecessor::Kept).person("alice")))
///     }
/// }
/// ```
#[async_trait]
pub trait Catalog: Debug + Send + Sync + 'static {
    /// The credential's turn, with the predecessor for a run that begins; `None` when it is not known here.
    ///
    /// # Errors
    ///
    /// When the rotator cannot be built. That is reported of this credential, and the others go on.
    async fn turn(&self, credential: &CredentialName) -> Result<Option<Turn>>;
}

/// The turn of this credential, and of no other.
pub(super) async fn look_up(catalog: &dyn Catalog, credential: &CredentialName) -> Result<Option<Turn>> {
    match catalog.turn(credential).await? {
        Some(turn) if turn.credential() != credential => {
            let text =
                "the catalog answered with another credential: have it build the rotator of the name that it is given";
            Err(Error::new(ErrorKind::Configuration, text).with_subject(credential.as_str()))
        }
        found => Ok(found),
    }
}
