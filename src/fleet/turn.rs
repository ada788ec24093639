//! What is handed to a fleet: turns, and where they come from.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Problem, Result};
use crate::journal::{Journal, Lease};
use crate::name::CredentialName;
use crate::rotator::{Predecessor, Rotator};

/// One credential that is to be turned over.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    pub(super) credential: CredentialName,
    pub(super) errand: Errand,
    pub(super) person: Option<String>,
    pub(super) lane: String,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Errand {
    /// As [`Rotator::rotate`] does.
    Rotate(Rotator, Predecessor),
    /// The same, or to go on, where that must be by then.
    IfDue(Rotator, Predecessor, Timestamp),
    /// To go on under a lease of this journal.
    Claimed(Rotator, Arc<dyn Journal>, Lease),
    /// Nothing: it is only to be told.
    Tell(Problem),
}

impl Turn {
    /// A credential, and the token that is to be replaced. With a run open already, it goes on with that.
    pub fn new(rotator: Rotator, predecessor: Predecessor) -> Self {
        let lane = rotator.provider_name().to_owned();
        let credential = rotator.credential().clone();
        Self { credential, errand: Errand::Rotate(rotator, predecessor), person: None, lane }
    }

    /// One that is only to be told of.
    pub(super) fn told(credential: CredentialName, problem: Problem) -> Self {
        Self { credential, errand: Errand::Tell(problem), person: None, lane: String::new() }
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
        &self.credential
    }

    pub(super) fn rotator(&self) -> Option<&Rotator> {
        match &self.errand {
            Errand::Rotate(rotator, _) | Errand::IfDue(rotator, ..) | Errand::Claimed(rotator, ..) => Some(rotator),
            Errand::Tell(_) => None,
        }
    }

    /// The same where it must be by then.
    pub(super) fn if_due(mut self, by: Timestamp) -> Self {
        if let Errand::Rotate(rotator, predecessor) = self.errand {
            self.errand = Errand::IfDue(rotator, predecessor, by);
        }
        self
    }

    /// The same under a lease.
    pub(super) fn claimed(mut self, journal: Arc<dyn Journal>, lease: Lease) -> Self {
        if let Errand::Rotate(rotator, _) = self.errand {
            self.errand = Errand::Claimed(rotator, journal, lease);
        }
        self
    }

    /// It does not come to its turn: what it holds is given back.
    pub(super) async fn leave(self) -> CredentialName {
        if let Errand::Claimed(_, journal, lease) = self.errand {
            give_back(&*journal, lease).await;
        }
        self.credential
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

    /// It is asked for no more, because the fleet was drained: gives back what it holds.
    async fn close(&mut self) {}
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

/// Gives a lease back that nothing was done with.
pub(super) async fn give_back(journal: &dyn Journal, lease: Lease) {
    let credential = lease.credential.clone();
    if let Err(error) = journal.release(lease).await {
        // It runs out by itself.
        tracing::warn!(%credential, %error, "a lease could not be given back");
    }
}
