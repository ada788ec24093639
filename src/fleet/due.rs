//! What must turn, found in a journal page by page.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;

use super::catalog::{Catalog, look_up};
use super::room::Room;
use super::turn::{Turn, Turns};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::journal::{Head, HeadFilter, Journal, Page};
use crate::name::CredentialName;

/// How many heads are read at a time.
const PAGE: usize = 64;

/// What must turn by then. First what is open, which also says who waits for whom; then what is to begin.
#[derive(Debug)]
pub(super) struct DueTurns {
    journal: Arc<dyn Journal>,
    catalog: Arc<dyn Catalog>,
    by: Timestamp,
    room: Room,
    pass: Pass,
    after: Option<CredentialName>,
    heads: VecDeque<Head>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Open,
    Idle,
    Over,
}

impl DueTurns {
    pub(super) fn new(journal: Arc<dyn Journal>, catalog: Arc<dyn Catalog>, by: Timestamp, room: Room) -> Self {
        Self { journal, catalog, by, room, pass: Pass::Open, after: None, heads: VecDeque::new() }
    }

    /// The next head of this pass, or of the next.
    async fn head(&mut self) -> Result<Option<Head>> {
        while self.heads.is_empty() && self.pass != Pass::Over {
            let filter = if self.pass == Pass::Open { HeadFilter::all().open() } else { HeadFilter::all() };
            let page = self.after.clone().map_or_else(|| Page::first(PAGE), |name| Page::after(name, PAGE));
            self.heads = self.journal.heads(&filter, page).await?.into();
            self.after = self.heads.back().map(|head| head.credential.clone());
            if self.heads.is_empty() {
                self.pass = if self.pass == Pass::Open { Pass::Idle } else { Pass::Over };
            }
        }
        Ok(self.heads.pop_front())
    }

    /// Its turn, if it must turn.
    async fn turn(&self, head: &Head) -> Result<Option<Turn>> {
        // What is open was seen in the first pass.
        if head.status.is_open() != (self.pass == Pass::Open) {
            return Ok(None);
        }
        let Some(turn) = look_up(&*self.catalog, &head.credential).await? else { return Ok(None) };
        if let (Pass::Open, Some(person), Some(rotator)) = (self.pass, &turn.person, turn.rotator()) {
            self.room.recall(person, rotator);
        }
        let must = turn.rotator().is_some_and(|rotator| rotator.must_turn(head, self.by));
        Ok(must.then(|| turn.if_due(self.by)))
    }
}

#[async_trait]
impl Turns for DueTurns {
    async fn next(&mut self) -> Result<Option<Turn>> {
        while let Some(head) = self.head().await? {
            match self.turn(&head).await {
                Ok(None) => {}
                Ok(due) => return Ok(due),
                Err(error) => return Ok(Some(Turn::told(head.credential, error.problem()))),
            }
        }
        Ok(None)
    }
}
