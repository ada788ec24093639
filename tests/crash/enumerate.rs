//! A crash at each boundary, and at each pair of them.

use std::io::Write as _;

use tokenturn::testing::Boundary;

use crate::flaws::Flaw;
use crate::laws;
use crate::people;
use crate::scenario::Scenario;
use crate::world::World;

/// Every how many cases one is tried: with `TOKENTURN_WHOLE`, each of them. A build that is not optimised takes hours
/// for all.
pub(crate) fn stride() -> usize {
    if std::env::var_os("TOKENTURN_WHOLE").is_some() { 1 } else { 25 }
}

/// What came of one scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) boundaries: usize,
    pub(crate) pairs: usize,
    pub(crate) runs: usize,
    pub(crate) violations: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.boundaries += other.boundaries;
        self.pairs += other.pairs;
        self.runs += other.runs;
        self.violations.extend(other.violations.iter().cloned());
    }
}

/// What came of one history.
pub(crate) struct History {
    /// How many boundaries the last life crossed.
    pub(crate) crossed: usize,
    pub(crate) violations: Vec<String>,
}

/// Runs a history to its end, in a runtime of its own: what a cut left behind goes with it.
pub(crate) fn block_on<F: Future>(history: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(history)
}

fn history(scenario: Scenario, cuts: &[usize], thorough: bool) -> History {
    history_with(scenario, cuts, thorough, None)
}

/// A history with a crash at each of these boundaries, one a life, and a last life to the end.
pub(crate) fn history_with(scenario: Scenario, cuts: &[usize], thorough: bool, flaw: Option<Flaw>) -> History {
    block_on(async {
        let mut world = World::new(scenario);
        (world.thorough, world.flaw) = (thorough, flaw);
        let mut trail: Vec<Option<Boundary>> = Vec::new();
        for cut in cuts {
            let power = world.power(Some(*cut));
            power.live(people::live(&world, &power)).await;
            trail.push(power.trail().last().copied());
            world.truth.reboot();
            laws::after_a_cut(&world.truth, world.errand_count()).await;
        }
        let power = world.power(None);
        people::live(&world, &power).await;
        laws::at_the_end(&world.truth, world.errand_count()).await;
        let cut: Vec<_> = trail.iter().flatten().zip(cuts).map(|(at, n)| format!("{at} [{n}]")).collect();
        let what = |violation| format!("{scenario}, cut {}: {violation}", cut.join(" and "));
        History { crossed: power.crossed(), violations: world.truth.violations().into_iter().map(what).collect() }
    })
}

/// A crash at every boundary; with `pairs`, at every pair, or every so many of them.
pub(crate) fn enumerate(scenario: Scenario, pairs: bool) -> Tally {
    let whole = history(scenario, &[], true);
    let mut tally = Tally { boundaries: whole.crossed, pairs: 0, runs: 1, violations: whole.violations };
    for first in 1..=whole.crossed {
        let single = history(scenario, &[first], !pairs);
        tally.runs += 1;
        tally.violations.extend(single.violations);
        if !pairs {
            continue;
        }
        // Another part of them after each first one.
        for second in (1 + first % stride()..=single.crossed).step_by(stride()) {
            let pair = history(scenario, &[first, second], false);
            tally.runs += 1;
            tally.pairs += 1;
            tally.violations.extend(pair.violations);
        }
        if tally.violations.len() > 40 {
            break;
        }
    }
    tally
}

/// Says it whether the test passes or not.
pub(crate) fn say(words: &str) {
    std::io::stdout().write_all(format!("{words}\n").as_bytes()).unwrap();
}
