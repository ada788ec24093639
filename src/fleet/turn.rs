//! What is handed to a fleet: turns, and where they come from.

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::name::CredentialName;
use crate::rotator::{Predecessor, Rotator};

/// One credential that is to be turned over.
#[derive(Clone, Debug)]
#[must_use]
pub struct Turn {
    pub(super) rotator: Rotator,
    pub(super) errand: Errand,
    pub(super) person: Option<String>,
    pub(super) lane: String,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// As [`Rotator::rotate`] does.
    Rotate(Predecessor),
}

impl Turn {
    /// A credential, and the token that is to be replaced. With a run open already, it goes on with that.
    pub fn new(rotator: Rotator, predecessor: Predecessor) -> Self {
        let lane = rotator.provider_name().to_owned();
        Self { rotator, errand: Errand::Rotate(predecessor), person: None, lane }
    }

    /// Who does what a person must do for it. Only so many runs wait for one person at a time.
    pub fn person(mut self, person: impl Into<String>) -> Self {
        self.person = Some(person.into());
        self
    }

    /// What it shares with others that hang when it hangs: the name of its provider, unless set.
    pub fn lane(mut self, lane: impl Into<String>) -> Self {
        self.lane = lane.into();
        self
    }

    /// Of which credential.
    #[must_use]
    pub fn credential(&self) -> &CredentialName {
        self.rotator.credential()
    }
}

/// Where the turns of a tenant come from. It is asked for the next one only while there is room for it, and every iterator
/// is one.
#[async_trait]
pub trait Turns: Send + 'static {
    /// The next one; `None` when there are no more, and then it is not asked again.
    ///
    /// # Errors
    ///
    /// When there may be more and they cannot be had. It is not asked again then, and the summary says so.
    async fn next(&mut self) -> Result<Option<Turn>>;
}

#[async_trait]
impl<I: Iterator<Item = Turn> + Send + 'static> Turns for I {
    async fn next(&mut self) -> Result<Option<Turn>> {
        Ok(Iterator::next(self))
    }
}

/// Whose turns they are: places go round the tenants.
#[must_use]
pub struct Tenant {
    pub(super) name: String,
    pub(super) turns: Box<dyn Turns>,
}

impl Tenant {
    /// A tenant, and where its turns come from.
    pub fn new(name: impl Into<String>, turns: impl Turns) -> Self {
        Self { name: name.into(), turns: Box::new(turns) }
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("name", &self.name).finish_non_exhaustive()
    }
}
