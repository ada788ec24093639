//! What can go on, claimed so that no other worker takes it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::catalog::{Catalog, look_up};
use super::turn::{Turn, Turns, give_back};
use crate::error::{ErrorKind, Problem, Result};
use crate::journal::{HeadFilter, Journal, Lease};
use crate::name::Holder;

/// How many are claimed at a time.
const BATCH: usize = 8;

/// How long a claim lasts that has no place yet. With its place it is claimed anew, for as long as the policy says.
const CLAIM: Duration = Duration::from_mins(2);

/// Open runs that can go on without a person by now.
#[derive(Debug)]
pub(super) struct Claims {
    journal: Arc<dyn Journal>,
    catalog: Arc<dyn Catalog>,
    leases: VecDeque<Lease>,
}

impl Claims {
    pub(super) fn new(journal: Arc<dyn Journal>, catalog: Arc<dyn Catalog>) -> Self {
        Self { journal, catalog, leases: VecDeque::new() }
    }
}

#[async_trait]
impl Turns for Claims {
    async fn next(&mut self) -> Result<Option<Turn>> {
        if self.leases.is_empty() {
            // Another holder each time: to claim as the same one again would take from ourselves what is under way.
            let holder = Holder::random()?;
            self.leases = self.journal.claim_due(&HeadFilter::all(), &holder, CLAIM, BATCH).await?.into();
        }
        let Some(lease) = self.leases.pop_front() else { return Ok(None) };
        let problem = match look_up(&*self.catalog, &lease.credential).await {
            Ok(Some(turn)) => return Ok(Some(turn.claimed(self.journal.clone(), lease))),
            Ok(None) => Problem::new(
                ErrorKind::NotFound,
                "the catalog does not know this credential, and its run is open: add it, or leave it to who knows it",
            ),
            Err(error) => error.problem(),
        };
        // The lease runs out by itself: given back, it would be claimed again at once, and forever.
        Ok(Some(Turn::told(lease.credential, problem)))
    }

    async fn close(&mut self) {
        for lease in std::mem::take(&mut self.leases) {
            give_back(&*self.journal, lease).await;
        }
    }
}
