//! What a fleet is handed, and what it tells, over a token that the provider refuses and one that a person is asked for.

use std::sync::{Arc, Mutex};

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::fleet::{Catalog, Fleet, Inbox, Report, Tenant, Turn, Turned};
use tokenturn::journal::{MemoryJournal, Page};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Fate, Issuer, ProviderCapabilities};
use tokenturn::{CredentialName, Journal, Predecessor, Result, Rotator};

use crate::canary;
use crate::channels::{Otherwise as _, Said};

/// Bots whose old token is the one that must not be said.
#[derive(Debug)]
struct Bots {
    provider: MemoryProvider,
    journal: Arc<dyn Journal>,
}

impl Bots {
    fn bot(&self, name: &str) -> Turn {
        let consumer = MemoryConsumer::new("a", &self.provider).unwrap();
        consumer.put(&canary::token());
        let rotator = Rotator::builder(name, self.provider.clone()).consumer(consumer).journal(self.journal.clone());
        Turn::new(rotator.build().unwrap(), Predecessor::Held(canary::token())).person("alice")
    }
}

#[async_trait::async_trait]
impl Catalog for Bots {
    async fn turn(&self, credential: &CredentialName) -> Result<Option<Turn>> {
        Ok(Some(self.bot(credential.as_str())))
    }
}

pub(super) async fn show(said: &Said) {
    let by_hand = ProviderCapabilities::new(Issuer::Person, Fate::Survives);
    let provider = MemoryProvider::new().with_capabilities(by_hand);
    let bots = Bots { provider, journal: Arc::new(MemoryJournal::new()) };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let reports = heard.clone();
    let tell = move |report: &Report| reports.lock().unwrap().push(report.clone());
    specimen!(said, Fleet::builder().observe(tell.clone()), bots, bots.bot("one"));
    let fleet = Fleet::builder().per_person(1).observe(tell).build().unwrap();
    let turns = vec![bots.bot("one"), bots.bot("two")];
    let tenant = Tenant::new("all", turns.into_iter());
    specimen!(said, fleet, tenant);
    let summary = fleet.run([tenant]).await;
    let reports = heard.lock().unwrap().clone();
    assert_eq!(reports.len(), 2);
    for report in reports {
        specimen!(said, report, report.turned);
    }
    specimen!(said, Turned::Panicked, summary, summary.total(), fleet.progress(), fleet);
    let inbox = Inbox::page(&*bots.journal, &bots, Page::first(10)).await.unwrap();
    assert!(!inbox.entries.is_empty(), "nobody is asked for anything");
    specimen!(said, inbox, inbox.entries[0]);
}
