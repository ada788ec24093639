//! One world, and the lives that engines live in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::journal::{MemoryJournal, Span};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::testing::{Power, Powered, TestSealer, VirtualClock};
use tokenturn::{Clock, Consumer, Event, Journal, Provider, Rotator, ScopeSet, Token};

use crate::flaws::{Flaw, FlawedJournal, FlawedPlace, FlawedProvider};
use crate::laws;
use crate::scenario::{Errand, Kind, Scenario, Trouble};
use crate::truth::Truth;
use crate::witness::{WitnessedPlace, WitnessedProvider};

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) clock: VirtualClock,
    pub(crate) truth: Arc<Truth>,
    /// What the owner of the credential sets out to do, one after the other.
    pub(crate) errands: Mutex<Vec<Errand>>,
    /// The token that a person has in hand.
    pub(crate) in_hand: Mutex<Option<Token>>,
    troubled: AtomicBool,
    /// Whether all that is told is searched for secrets. It takes time, and changes little from cut to cut.
    pub(crate) thorough: bool,
    /// What is broken on purpose, if anything.
    pub(crate) flaw: Option<Flaw>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let clock = VirtualClock::new();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let provider = MemoryProvider::with_clock(shared.clone()).with_capabilities(scenario.capabilities());
        let provider = if scenario.kind == Kind::Polled { provider.polled() } else { provider };
        let old = provider.mint("bot", ScopeSet::of(["repo"]));
        let place = |name: &&str| MemoryConsumer::new(name, &provider).unwrap();
        let places: Vec<_> = NAMES[..scenario.places].iter().map(place).collect();
        let empty = usize::from(scenario.kind == Kind::Spread);
        for place in &places[..places.len() - empty] {
            place.put(&old);
        }
        let disk = MemoryJournal::pretending_to_be_durable(shared);
        let truth = Arc::new(Truth::new(scenario, provider, places, old, disk));
        let in_hand = (scenario.kind == Kind::Adopt).then(|| {
            let token = truth.provider.mint("bot", ScopeSet::of(["repo"]));
            truth.know(&token);
            token
        });
        Self {
            scenario,
            clock,
            truth,
            errands: Mutex::new(scenario.errands()),
            in_hand: Mutex::new(in_hand),
            troubled: AtomicBool::new(false),
            thorough: false,
            flaw: None,
        }
    }

    /// Power that is cut there, if anywhere, and watched.
    pub(crate) fn power(&self, cut_at: Option<usize>) -> Power {
        self.watched(cut_at.map_or_else(Power::steady, Power::cut_at))
    }

    pub(crate) fn watched(&self, power: Power) -> Power {
        let truth = self.truth.clone();
        power.watched_by(move |boundary| truth.crossing(boundary))
    }

    /// An engine, as after a start of its process.
    pub(crate) fn rotator(&self, power: &Power, errand: usize) -> Rotator {
        let (truth, thorough, off) = (self.truth.clone(), self.thorough, power.clone());
        let places = self.truth.places.len() - usize::from(self.scenario.kind == Kind::Spread && errand == 0);
        let places = self.truth.places[..places].iter();
        Rotator::builder("bot", self.provider(power))
            .consumers(places.map(|place| self.place(place, power)))
            .canary("a")
            .policy(self.scenario.policy())
            .journal(self.journal(power))
            .sealer(Arc::new(TestSealer::new()))
            .accept_unrecoverable(true)
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| told(&truth, event, thorough, &off))
            .build()
            .unwrap()
    }

    fn provider(&self, power: &Power) -> Arc<dyn Provider> {
        let provider = WitnessedProvider::new(&self.truth);
        match self.flaw {
            Some(flaw) => Arc::new(Powered::new(FlawedProvider(flaw, provider), power)),
            None => Arc::new(Powered::new(provider, power)),
        }
    }

    fn place(&self, place: &MemoryConsumer, power: &Power) -> Arc<dyn Consumer> {
        let place = WitnessedPlace::new(place, &self.truth);
        match self.flaw {
            Some(flaw) => Arc::new(Powered::new(FlawedPlace(flaw, place), power)),
            None => Arc::new(Powered::new(place, power)),
        }
    }

    fn journal(&self, power: &Power) -> Arc<dyn Journal> {
        let disk = self.truth.disk();
        match self.flaw {
            Some(flaw) => Arc::new(Powered::new(FlawedJournal::new(flaw, disk), power)),
            None => Arc::new(Powered::new(disk, power)),
        }
    }

    /// What is to go wrong begins to, with the last errand.
    pub(crate) fn trouble(&self, errand: usize) {
        if errand + 1 < self.scenario.errands().len() || self.troubled.swap(true, Ordering::SeqCst) {
            return;
        }
        let last = self.truth.places.last().unwrap();
        let issue = if self.scenario.kind == Kind::Polled { "collect" } else { "issue" };
        match self.scenario.trouble {
            Trouble::None => {}
            Trouble::Fails(_) => self.truth.broken.store(true, Ordering::SeqCst),
            Trouble::Lies => {
                last.plan_fault("install", Fault::Lied);
                last.plan_fault("install", Fault::Lied);
            }
            Trouble::IssueLost => self.truth.provider.plan_fault(issue, Fault::LostAfter),
            Trouble::IssueNeverSent => self.truth.provider.plan_fault(issue, Fault::LostBefore),
            Trouble::InstallLost => last.plan_fault("install", Fault::LostAfter),
            Trouble::RevokeLost => self.truth.provider.plan_fault("revoke", Fault::LostAfter),
        }
    }

    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn errand_count(&self) -> usize {
        self.errands.lock().unwrap().len()
    }
}

/// I5 and I8: what is told is on the disk, and shows nothing.
fn told(truth: &Truth, event: &Event, thorough: bool, power: &Power) {
    if power.is_cut() {
        // It happens in the very moment of the cut, and reaches nobody.
        return;
    }
    let log = truth.disk().synced(&laws::bot(), Span::From(event.seq));
    let there = log.records.first().filter(|record| record.seq == event.seq);
    if there.is_none_or(|record| truth.fact(record) != event.fact) {
        truth.violate(format!("I5: told before it was synced: {event:#}"));
    }
    if thorough {
        let all = format!("{event} {event:?} {}", serde_json::to_string(event).unwrap());
        laws::no_secret(truth, "an event", &all);
    }
}
