//! What the journal says, read by somebody who only looks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tokenturn::journal::{Journal, Sealer, Seq, Span, Status};
use tokenturn::rotation::{Fact, TokenRef};
use tokenturn::{Clock, CredentialName, Fingerprint, Label};

use crate::fleet::{Kind, Member, fleet};
use crate::journal;
use crate::world::{Living, Verdict};

/// What the journal says of one credential.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) member: Member,
    pub(crate) status: Status,
    facts: Vec<Fact>,
    /// Where its newest run begins among them.
    newest: usize,
    /// Of which tokens it keeps the value.
    sealed: BTreeSet<Fingerprint>,
}

/// Opens the journal anew, as after a crash, and reads all of it.
pub(crate) async fn read(directory: &Path, clock: Arc<dyn Clock>) -> BTreeMap<String, Book> {
    let journal = journal::journal(directory, clock);
    let sealer = journal::sealer(directory);
    let mut books = BTreeMap::new();
    for member in fleet() {
        books.insert(member.name.clone(), Book::read(member, &*journal, &*sealer).await);
    }
    books
}

impl Book {
    async fn read(member: Member, journal: &dyn Journal, sealer: &dyn Sealer) -> Self {
        let name = CredentialName::new(&member.name).unwrap();
        let log = journal.load(&name, Span::From(Seq::ZERO)).await.unwrap();
        let mut sealed = BTreeSet::new();
        for value in &log.values {
            sealed.insert(sealer.open(&value.sealed, &value.context).await.unwrap().fingerprint());
        }
        Self {
            member,
            status: log.head.status,
            facts: log.records.iter().map(|record| serde_json::from_str(&record.fact).unwrap()).collect(),
            newest: log.records.iter().take_while(|record| record.seq < log.head.since).count(),
            sealed,
        }
    }

    fn newest_run(&self) -> &[Fact] {
        &self.facts[self.newest..]
    }

    /// Whether it leads to this token: it keeps its value, or says that a token of this name may live.
    pub(crate) fn leads_to(&self, living: &Living) -> bool {
        let reported = |label: &Label| {
            self.facts.iter().any(|fact| match fact {
                Fact::OrphanPossible { label: named, .. } | Fact::TokenLost { label: named, .. } => named == label,
                _ => false,
            })
        };
        self.sealed.contains(&living.fingerprint) || living.label.as_ref().is_some_and(reported)
    }

    /// Whether going on would look for this token by its name.
    pub(crate) fn names(&self, living: &Living) -> bool {
        let asked = |fact: &Fact| matches!(fact, Fact::Issuing { label, .. } if Some(label) == living.label.as_ref());
        self.newest_run().iter().any(asked)
    }

    /// Whether the newest run has lost so many attempts that one more asks a person, as it should.
    pub(crate) fn has_lost_enough(&self) -> bool {
        let run = self.newest_run();
        let asked_again = run.iter().any(|fact| matches!(fact, Fact::Issuing { attempt: 2.., .. }));
        let arrived = run.iter().any(|fact| matches!(fact, Fact::Issued { .. } | Fact::Ended { .. }));
        self.member.kind != Kind::Guided && asked_again && !arrived
    }

    /// How often the newest run asked for a token.
    pub(crate) fn attempts(&self) -> usize {
        self.newest_run().iter().filter(|fact| matches!(fact, Fact::Issuing { .. })).count()
    }

    /// Where the run was when everything stopped: its last durable fact, and what the world saw since.
    pub(crate) fn stage(&self, world: &Verdict) -> String {
        let calls = world.calls.get(&self.member.name).map(Vec::as_slice).unwrap_or_default();
        let last = calls.last().map(String::as_str);
        let called = |name: &str| calls.iter().any(|call| call == name);
        let stage = match self.facts.last() {
            None | Some(Fact::Ended { .. }) => "looking around",
            Some(Fact::Issuing { label, .. }) if world.made.contains(label) => "issuing, made and not stored",
            Some(Fact::Issuing { .. }) => "issuing, not made",
            Some(Fact::TokenAsked { .. }) => "asked a person",
            Some(Fact::Issued { .. }) => "issued",
            Some(Fact::Installing { .. }) if last == Some("verify") => "verifying",
            Some(Fact::Installing { .. }) => "installing",
            Some(Fact::Draining { .. }) if called("inspect") || called("preflight") => "last look",
            Some(Fact::Draining { .. }) => "draining",
            Some(Fact::Revoking { token: TokenRef::Old, .. }) => match last {
                Some("inspect") => "seeing that it is dead",
                Some("verify") if called("revoke") => "verifying after the end",
                _ => "revoking",
            },
            Some(Fact::Revoking { .. }) => "ending an orphan",
            Some(Fact::Stumbled { .. }) => "backing off",
            Some(other) => {
                let text = serde_json::to_value(other).unwrap();
                return text["fact"].as_str().unwrap_or_default().to_owned();
            }
        };
        stage.to_owned()
    }
}

/// Every stage that a run passes.
pub(crate) const STAGES: [&str; 12] = [
    "looking around",
    "issuing, not made",
    "issuing, made and not stored",
    "asked a person",
    "issued",
    "installing",
    "verifying",
    "draining",
    "last look",
    "revoking",
    "seeing that it is dead",
    "verifying after the end",
];
