//! What people are asked to do, by person and deadline.

use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, look_up};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::journal::{HeadFilter, Journal, Page, Status};
use crate::name::{CredentialName, RunId};
use crate::rotation::{Ask, Outcome};

/// How many open runs are looked at at a time, where one person's are sought.
const PAGE: usize = 64;

/// What people are asked to do, in order of person and deadline, and where the next page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inbox {
    /// What is asked.
    pub entries: Vec<InboxEntry>,
    /// The credential after which the next page begins; `None` on the last.
    pub next: Option<CredentialName>,
}

/// One thing that a person is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InboxEntry {
    /// Who, as the catalog says.
    pub person: Option<String>,
    /// Until when it should be done, where that is said.
    pub deadline: Option<Timestamp>,
    /// For which credential.
    pub credential: CredentialName,
    /// In which run: `supply` or `resolve` it.
    pub run: RunId,
    /// What, with its guide.
    pub ask: Ask,
}

impl Inbox {
    /// What is asked by the open runs of one page, which is counted in open runs; reads only. A page may be empty, and not
    /// the last.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or the catalog cannot build one of them.
    pub async fn page(journal: &dyn Journal, catalog: &dyn Catalog, page: Page) -> Result<Self> {
        let limit = page.limit;
        let heads = journal.heads(&HeadFilter::all().open(), page).await?;
        let full = heads.len() >= limit;
        let next = heads.last().filter(|_| full).map(|head| head.credential.clone());
        let mut entries = Vec::new();
        for head in heads.into_iter().filter(|head| head.status == Status::AwaitingPerson) {
            let Some(turn) = look_up(catalog, &head.credential).await? else { continue };
            let Some(rotator) = turn.rotator() else { continue };
            for run in rotator.open_rotations().await? {
                let Outcome::AwaitingPerson { asks, .. } = run.outcome else { continue };
                entries.extend(asks.into_iter().map(|ask| InboxEntry {
                    person: turn.person.clone(),
                    deadline: ask.guide().and_then(|guide| guide.deadline),
                    credential: head.credential.clone(),
                    run: run.id.clone(),
                    ask,
                }));
            }
        }
        let mut inbox = Self { entries, next };
        inbox.sort();
        Ok(inbox)
    }

    /// All that one person is asked; reads only.
    ///
    /// # Errors
    ///
    /// As [`page`](Self::page).
    pub async fn of(person: &str, journal: &dyn Journal, catalog: &dyn Catalog) -> Result<Self> {
        let (mut all, mut page) = (Self::default(), Page::first(PAGE));
        loop {
            let Self { entries, next } = Self::page(journal, catalog, page).await?;
            all.entries.extend(entries.into_iter().filter(|entry| entry.person.as_deref() == Some(person)));
            let Some(next) = next else { break };
            page = Page::after(next, PAGE);
        }
        all.sort();
        Ok(all)
    }

    /// What has no deadline comes last.
    fn sort(&mut self) {
        let none_last = |deadline: Option<Timestamp>| (deadline.is_none(), deadline);
        self.entries.sort_by(|a, b| {
            let key = |entry: &InboxEntry| (entry.person.clone(), none_last(entry.deadline));
            key(a).cmp(&key(b)).then_with(|| a.credential.cmp(&b.credential))
        });
    }
}
