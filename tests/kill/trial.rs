//! A world, a journal, and workers that come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::books::{self, Book};
use crate::clock::ClockAhead;
use crate::fleet::outage;
use crate::planted::Plant;
use crate::process::{Orders, Process, Role};
use crate::wire::{Call, Reply, ask_once};
use crate::world::{Dice, Verdict};

/// What one test has going.
pub(crate) struct Trial {
    runtime: Runtime,
    directory: TempDir,
    _world: Process,
    address: SocketAddr,
    ahead: Duration,
    pub(crate) dice: Dice,
    pub(crate) plant: Option<Plant>,
    pub(crate) shared: bool,
}

impl Trial {
    pub(crate) fn begin() -> Self {
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
            dice: Dice::new(seed),
            plant: None,
            shared: false,
        }
    }

    /// Starts a worker, and waits until it works.
    pub(crate) fn worker(&self, finish: bool) -> Process {
        let orders = Orders {
            world: self.address,
            directory: self.directory(),
            ahead: self.ahead,
            finish,
            shared: self.shared,
            plant: self.plant,
        };
        let mut worker = Process::start(&Role::Worker(orders));
        worker.hear("ready");
        worker
    }

    fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
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

    pub(crate) fn books(&self) -> BTreeMap<String, Book> {
        self.runtime.block_on(books::read(self.directory.path(), Arc::new(ClockAhead::new(self.ahead))))
    }

    /// Waits for an instant that is random: somewhere in the next so many calls, and somewhere between two of them.
    pub(crate) fn random_instant(&mut self, calls: u64) {
        let roll = usize::try_from(self.dice.roll(calls)).unwrap();
        let calls = self.verdict().served + roll;
        self.ask(Call::Until { calls });
        std::thread::sleep(Duration::from_micros(self.dice.roll(5_000)));
    }

    /// Kills a worker, says how many of its calls were on their way, and lets as much time pass as makes all of them arrive.
    pub(crate) fn kill(&mut self, worker: Process) -> usize {
        worker.kill();
        let in_flight = self.verdict().in_flight;
        self.ask(Call::Quiet);
        self.ahead += outage();
        in_flight
    }

    /// Lets an honest worker finish what is open, and waits for its end.
    pub(crate) fn finish(&mut self) {
        let plant = self.plant.take();
        let mut worker = self.worker(true);
        worker.hear("finished");
        assert!(worker.ended().success());
        self.plant = plant;
    }

    /// Live tokens that no record leads to.
    pub(crate) fn lost(&self) -> BTreeSet<String> {
        let books = self.books();
        let live = self.verdict().live;
        let lost = live.iter().filter(|living| !books[&living.credential].leads_to(living));
        lost.map(|living| format!("{}: {} {:?}", living.credential, living.fingerprint, living.label)).collect()
    }
}
