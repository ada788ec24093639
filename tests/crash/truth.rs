//! What is true in a world, whatever an engine or its journal says of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::{MemoryJournal, Record};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::Fact;
use tokenturn::testing::{Boundary, Moment};
use tokenturn::{Consumer as _, Fingerprint, Token};

use crate::scenario::Scenario;

/// The outside: it lives on through every crash.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) scenario: Scenario,
    pub(crate) provider: MemoryProvider,
    pub(crate) places: Vec<MemoryConsumer>,
    /// Whether the last place refuses every write.
    pub(crate) broken: AtomicBool,
    pub(crate) old: Token,
    /// Every token that there ever was.
    tokens: Mutex<BTreeMap<Fingerprint, Token>>,
    /// What was issued at a run's request, by the name that it got.
    caused: Mutex<Vec<(String, Token)>>,
    /// Under which name a token was last asked for.
    asked: Mutex<String>,
    /// Which places had a live token when somebody last looked.
    worked: Mutex<Vec<bool>>,
    /// What is on the disk.
    disk: Mutex<MemoryJournal>,
    /// Facts that were read before, by what ties their records.
    read: Mutex<BTreeMap<[u8; 32], Fact>>,
    /// Copies of the disk, one after each append, where somebody wants them.
    pub(crate) backups: Mutex<Option<Vec<MemoryJournal>>>,
    /// Whether two engines are at it, of which one may write what the other wrote before.
    pub(crate) rivals: AtomicBool,
    violations: Mutex<Vec<String>>,
    /// The last boundary that was crossed.
    last: Mutex<Option<Boundary>>,
}

impl Truth {
    pub(crate) fn new(
        scenario: Scenario,
        provider: MemoryProvider,
        places: Vec<MemoryConsumer>,
        old: Token,
        disk: MemoryJournal,
    ) -> Self {
        let truth = Self {
            scenario,
            worked: Mutex::new(vec![false; places.len()]),
            provider,
            places,
            broken: AtomicBool::new(false),
            tokens: Mutex::default(),
            caused: Mutex::default(),
            asked: Mutex::default(),
            disk: Mutex::new(disk),
            read: Mutex::default(),
            backups: Mutex::default(),
            rivals: AtomicBool::new(false),
            violations: Mutex::default(),
            last: Mutex::default(),
            old,
        };
        truth.know(&truth.old);
        truth.look_around();
        truth
    }

    /// There is this token.
    pub(crate) fn know(&self, token: &Token) {
        self.tokens.lock().unwrap().insert(token.fingerprint(), token.clone());
    }

    /// A run had this token issued.
    pub(crate) fn cause(&self, label: &str, token: &Token) {
        self.know(token);
        let mut caused = self.caused.lock().unwrap();
        if caused.iter().any(|(other, _)| other == label) {
            self.violate(format!("I6: two tokens were issued as {label}"));
        }
        caused.push((label.to_owned(), token.clone()));
    }

    /// A token is asked for under this name.
    pub(crate) fn ask(&self, label: &str) {
        label.clone_into(&mut self.asked.lock().unwrap());
    }

    pub(crate) fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn caused(&self) -> Vec<(String, Token)> {
        self.caused.lock().unwrap().clone()
    }

    pub(crate) fn token(&self, fingerprint: Fingerprint) -> Option<Token> {
        self.tokens.lock().unwrap().get(&fingerprint).cloned()
    }

    pub(crate) fn live(&self) -> Vec<Token> {
        self.tokens.lock().unwrap().values().filter(|token| self.provider.is_alive(token)).cloned().collect()
    }

    pub(crate) fn is_held(&self, token: &Token) -> bool {
        self.places.iter().any(|place| place.holds() == Some(token.fingerprint()))
    }

    pub(crate) fn has_live_token(&self, place: &MemoryConsumer) -> bool {
        let held = place.holds().and_then(|held| self.token(held));
        held.is_some_and(|token| self.provider.is_alive(&token))
    }

    /// The token leaked, and its promises are waived.
    pub(crate) fn is_leaked(&self, token: &Token) -> bool {
        self.scenario.is_emergency() && *token == self.old
    }

    /// A token is about to be ended at its provider: I1.
    pub(crate) fn ending(&self, token: &Token) {
        if self.provider.is_alive(token) && self.is_held(token) && !self.is_leaked(token) {
            self.violate(format!("I1: {} is revoked while a place holds it", token.fingerprint()));
        }
    }

    /// What must hold at every moment: I3, and where tokens replace each other I1 alone, which is checked at the revocation.
    pub(crate) fn look_around(&self) {
        let mut worked = self.worked.lock().unwrap();
        for (place, worked) in self.places.iter().zip(worked.iter_mut()) {
            let live = self.has_live_token(place);
            let leaked = place.holds() == Some(self.old.fingerprint()) && self.is_leaked(&self.old);
            if *worked && !live && !leaked && self.scenario.overlaps() {
                self.violate(format!("I3: {} holds a dead token and held a live one", place.name()));
            }
            *worked = live;
        }
    }

    pub(crate) fn crossing(&self, boundary: Boundary) {
        *self.last.lock().unwrap() = Some(boundary);
        self.look_around();
        if let (Some(backups), "append", Moment::After) =
            (self.backups.lock().unwrap().as_mut(), boundary.call, boundary.moment)
        {
            backups.push(self.disk().reboot());
        }
    }

    pub(crate) fn disk(&self) -> MemoryJournal {
        self.disk.lock().unwrap().clone()
    }

    /// The machine starts again, over what was synced.
    pub(crate) fn reboot(&self) {
        let mut disk = self.disk.lock().unwrap();
        *disk = disk.reboot();
    }

    /// The fact of a record. Many histories read the same ones again and again.
    pub(crate) fn fact(&self, record: &Record) -> Fact {
        let mut read = self.read.lock().unwrap();
        if let Some(fact) = read.get(record.mac.as_bytes()) {
            return fact.clone();
        }
        let fact: Fact = serde_json::from_str(&record.fact).unwrap();
        read.insert(*record.mac.as_bytes(), fact.clone());
        fact
    }

    /// Somebody puts a backup of the disk back.
    pub(crate) fn restore(&self, backup: &MemoryJournal) {
        *self.disk.lock().unwrap() = backup.reboot();
    }

    pub(crate) fn violate(&self, what: String) {
        let last = self.last.lock().unwrap().map_or_else(String::new, |boundary| format!(" (last seen: {boundary})"));
        let mut violations = self.violations.lock().unwrap();
        if violations.len() < 20 {
            violations.push(what + &last);
        }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    /// How many set out to do the same.
    pub(crate) fn owners(&self) -> usize {
        1 + usize::from(self.rivals.load(Ordering::SeqCst))
    }

    pub(crate) fn mend(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_broken(&self, place: &str) -> bool {
        self.broken.load(Ordering::SeqCst) && self.places.last().is_some_and(|last| last.name() == place)
    }
}
