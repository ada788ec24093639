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
    /// How many of them are older than its newest run.
    older: usize,
    /// Of which tokens it keeps the value.
    sealed: BTreeSet<Fingerprint>,
}

/// What the journal says of every credential.
pub(crate) type Books = BTreeMap<String, Book>;

/// Nothing is known yet.
pub(crate) fn blank() -> Books {
    fleet().into_iter().map(|member| (member.name.clone(), Book::blank(member))).collect()
}

/// Opens the journal anew, as after a crash, and reads on.
pub(crate) async fn read_on(books: &mut Books, directory: &Path, clock: Arc<dyn Clock>) {
    let journal = journal::journal(directory, clock);
    let sealer = journal::sealer(directory);
    for book in books.values_mut() {
        book.read_on(&*journal, &*sealer).await;
    }
}

impl Book {
    fn blank(member: Member) -> Self {
        Self { member, status: Status::Idle, facts: Vec::new(), older: 0, sealed: BTreeSet::new() }
    }

    async fn read_on(&mut self, journal: &dyn Journal, sealer: &dyn Sealer) {
        let known = self.facts.len() as u64;
        let name = CredentialName::new(&self.member.name).unwrap();
        let log = journal.load(&name, Span::From(Seq::new(known).next())).await.unwrap();
        self.facts.extend(log.records.iter().map(|record| serde_json::from_str::<Fact>(&record.fact).unwrap()));
        assert_eq!(log.head.last.get(), self.facts.len() as u64, "what was durable once is durable for ever");
        self.status = log.head.status;
        self.older = usize::try_from(log.head.since.before().get()).unwrap();
        self.sealed.clear();
        for value in &log.values {
            self.sealed.insert(sealer.open(&value.sealed, &value.context).await.unwrap().fingerprint());
        }
    }

    fn newest_run(&self) -> &[Fact] {
        &self.facts[self.older..]
    }

    /// Whether it leads to this token: it keeps its value, or says that a token of this name may live.
    pub(crate) fn leads_to(&self, living: &Living) -> bool {
        let reported = |label: &Label| {
            self.facts.iter().any(|fact| match fact {
                Fact::OrphanPossible { label: named, .. } | Fact::TokenLost { label: named, .. } => named == label,
                _ => false,
            })
        };
        self.keeps(living) || living.label.as_ref().is_some_and(reported)
    }

    /// Whether it keeps the value of this token.
    pub(crate) fn keeps(&self, living: &Living) -> bool {
        self.sealed.contains(&living.fingerprint)
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
        let newest = world.newest.get(&self.member.name);
        let last = calls.last().map(String::as_str);
        let called = |name: &str| calls.iter().any(|call| call == name);
        let stage = match self.facts.last() {
            None | Some(Fact::Ended { .. }) => "looking around",
            Some(Fact::Issuing { label, .. }) if newest == Some(label) => "issuing, made and not stored",
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
            Some(Fact::TokenLost { .. }) => "lost for good, and said so",
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
