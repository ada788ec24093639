//! Every scenario with a crash at every boundary, and those of each kind with a second one.

use std::sync::Mutex;

use tokenturn::OnFailure;

use crate::enumerate::{Tally, enumerate, say};
use crate::scenario::{KINDS, Kind, Scenario, TROUBLES, Trouble};

/// Enumerates these scenarios on all cores, prints what came of each, and fails with what was violated.
fn enumerate_all(what: &str, scenarios: &[Scenario], pairs: bool) {
    let next = Mutex::new(scenarios.iter());
    let total = Mutex::new(Tally::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = next.lock().unwrap().next().copied() else { return };
                    let tally = enumerate(scenario, pairs);
                    say(&format!("{scenario:<50} {}", line(&tally)));
                    for violation in tally.violations.iter().take(5) {
                        say(violation);
                    }
                    total.lock().unwrap().add(&tally);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    say(&format!("{:<50} {}", format!("{what}, {} scenarios, in total", scenarios.len()), line(&total)));
    assert_eq!(total.violations.len(), 0, "something was lost: see above");
}

fn line(tally: &Tally) -> String {
    let Tally { boundaries, pairs, runs, violations } = tally;
    format!("{boundaries:>6} boundaries {pairs:>7} pairs {runs:>7} runs {:>3} violations", violations.len())
}

fn all(troubles: &[Trouble], places: usize) -> Vec<Scenario> {
    let all = KINDS.iter().flat_map(|kind| troubles.iter().map(|trouble| Scenario::new(*kind, *trouble, places)));
    all.filter(|scenario| scenario.makes_sense()).collect()
}

#[test]
fn a_crash_at_any_boundary_loses_nothing() {
    enumerate_all("singles", &all(&TROUBLES, 3), false);
}

#[test]
fn a_second_crash_while_the_first_is_mended_loses_nothing() {
    let none = all(&[Trouble::None], 2);
    let failing = [
        Scenario::new(Kind::Overlap, Trouble::Fails(OnFailure::RollBack), 2),
        Scenario::new(Kind::Overlap, Trouble::IssueLost, 2),
        Scenario::new(Kind::Reissue, Trouble::IssueLost, 2),
        Scenario::new(Kind::Replace, Trouble::IssueLost, 2),
        Scenario::new(Kind::Guided, Trouble::Lies, 2),
        Scenario::new(Kind::Polled, Trouble::IssueLost, 2),
        Scenario::new(Kind::RevokeFirst, Trouble::RevokeLost, 2),
        Scenario::new(Kind::ReplaceNow, Trouble::InstallLost, 2),
        Scenario::new(Kind::Adopt, Trouble::Fails(OnFailure::RollBack), 2),
    ];
    enumerate_all("pairs", &none.into_iter().chain(failing).collect::<Vec<_>>(), true);
}
