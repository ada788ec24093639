//! A world, a journal, and workers that come and go.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::books::{self, Book, Books};
use crate::clock::ClockAhead;
use crate::fleet::{fleet, outage};
use crate::journal;
use crate::planted::Plant;
use crate::process::{Orders, Process, Role};
use crate::wire::{Call, Reply, ask_once};
use crate::world::{Dice, Living, Verdict};

/// What one test has going.
pub(crate) struct Trial {
    runtime: Runtime,
    directory: TempDir,
    _world: Process,
    address: SocketAddr,
    ahead: Duration,
    books: Books,
    /// How many calls there had been when the last worker was killed.
    served: usize,
    pub(crate) dice: Dice,
    pub(crate) plant: Option<Plant>,
    pub(crate) shared: bool,
}

impl Trial {
    /// A trial, where there is a journal for it.
    pub(crate) fn begin() -> Option<Self> {
        journal::is_there().then(Self::new)
    }

    fn new() -> Self {
        let seed = std::env::var("TOKENTURN_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!(
            "seed {seed}: TOKENTURN_KILL_SEED={seed} rolls the same dice, though no two runs meet the same instants"
        );
        let mut world = Process::start(&Role::World { seed });
        let address = world.hear("listening").parse().unwrap();
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            directory: tempfile::tempdir().unwrap(),
            _world: world,
            address,
            ahead: Duration::ZERO,
            books: books::blank(),
            served: 0,
            dice: Dice::new(seed),
            plant: None,
            shared: false,
        }
    }

    /// Starts a worker, and waits until it works.
    pub(crate) fn worker(&self, finish: bool) -> Process {
        let orders = Orders {
            world: self.address,
            directory: self.directory().to_owned(),
            ahead: self.ahead,
            finish,
            shared: self.shared,
            plant: self.plant,
        };
        let mut worker = Process::start(&Role::Worker(orders));
        worker.hear("ready");
        worker
    }

    /// Where the journal's key is, and the journal where it is a file.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn ask(&self, call: Call) -> Reply {
        self.runtime.block_on(ask_once(self.address, "", call))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self.ask(Call::Judge) {
            Reply::Verdict(verdict) => *verdict,
            other => panic!("{other:?}"),
        }
    }

    /// What the journal says now.
    pub(crate) fn books(&mut self) -> &Books {
        let clock = Arc::new(ClockAhead::new(self.ahead));
        self.runtime.block_on(books::read_on(&mut self.books, self.directory.path(), clock));
        &self.books
    }

    /// Waits for a random instant in the life of a worker that has just begun: somewhere in its first so many calls, and
    /// somewhere between two of them.
    pub(crate) fn random_instant(&mut self, calls: u64) {
        let roll = usize::try_from(self.dice.roll(calls)).unwrap();
        // Each credential says once that it begins.
        let calls = self.served + fleet().len() + 1 + roll;
        self.ask(Call::Until { calls });
        std::thread::sleep(Duration::from_micros(self.dice.roll(5_000)));
    }

    /// Waits until the world has heard so many calls more.
    pub(crate) fn let_work(&self, calls: usize) {
        let calls = self.verdict().served + calls;
        self.ask(Call::Until { calls });
    }

    /// Kills a worker, says how many of its calls were on their way, and lets as much time pass as makes all of them arrive.
    pub(crate) fn kill(&mut self, worker: Process) -> usize {
        worker.kill();
        let in_flight = self.verdict().in_flight;
        self.ask(Call::Quiet);
        self.served = self.verdict().served;
        self.ahead += outage();
        in_flight
    }

    /// Lets an honest worker finish what is open, and waits for its end.
    pub(crate) fn finish(&mut self) {
        let plant = self.plant.take();
        let mut worker = self.worker(true);
        worker.hear("finished");
        assert!(worker.ended().success());
        self.served = self.verdict().served;
        self.plant = plant;
    }

    /// Live tokens that no record leads to once everything is finished.
    pub(crate) fn lost(&mut self) -> BTreeSet<String> {
        self.live_but(Book::leads_to)
    }

    /// Live tokens that no record leads to, not even by their name, which going on would look for.
    pub(crate) fn unheard_of(&mut self) -> BTreeSet<String> {
        // What a person made and has not handed in is in that person's hand.
        self.live_but(|book, living| book.leads_to(living) || book.names(living) || living.label.is_none())
    }

    /// A person deletes what finished runs have reported as orphans. How many there were.
    pub(crate) fn delete_reported(&mut self) -> usize {
        let live = self.verdict().live;
        let books = self.books();
        let reported: Vec<_> = live.into_iter().filter(|living| !books[&living.credential].keeps(living)).collect();
        for Living { credential, label, .. } in &reported {
            let call = Call::Delete { label: label.clone().unwrap() };
            self.runtime.block_on(ask_once(self.address, credential, call));
        }
        reported.len()
    }

    /// Live tokens that an interface made and whose value is not on record.
    pub(crate) fn unsealed(&mut self) -> BTreeSet<String> {
        self.live_but(|book, living| book.keeps(living) || living.label.is_none())
    }

    fn live_but(&mut self, known: impl Fn(&Book, &Living) -> bool) -> BTreeSet<String> {
        let live = self.verdict().live;
        let books = self.books();
        let unknown = live.iter().filter(|living| !known(&books[&living.credential], living));
        unknown.map(|living| format!("{}: {} {:?}", living.credential, living.fingerprint, living.label)).collect()
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        journal::remove(self.directory.path());
    }
}
