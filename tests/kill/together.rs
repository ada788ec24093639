//! Two processes at the same credentials over one journal.

use std::collections::BTreeSet;

use crate::process::Process;
use crate::trial::Trial;

/// How many calls are made before anything else happens: some five rotations of each credential.
const CALLS: usize = 700;

/// Waits until a worker has come to rest, and says how many rotations it has finished.
fn rotations(mut worker: Process) -> usize {
    let finished = worker.hear("finished").parse().unwrap();
    assert!(worker.ended().success());
    finished
}

fn nothing_is_wrong(trial: &mut Trial) {
    let world = trial.verdict();
    assert_eq!(world.issued_twice, 0, "labels that were asked for twice");
    assert_eq!((world.stale, &world.down), (0, &BTreeSet::new()), "places with a dead token");
    assert_eq!(world.revoked_early, 0, "tokens that a place held");
    assert_eq!(world.complaints, Vec::<String>::new());
    assert_eq!(trial.lost(), BTreeSet::new(), "live tokens that no record leads to");
}

#[test]
fn two_processes_share_a_journal_and_issue_nothing_twice() {
    let Some(mut trial) = Trial::begin() else { return };
    trial.shared = true;
    let (mut one, mut other) = (trial.worker(false), trial.worker(false));
    trial.let_work(CALLS);
    // Both, or the one that goes on would leave the other nothing to finish.
    one.no_more();
    other.no_more();
    let (by_one, by_other) = (rotations(one), rotations(other));
    println!("rotations {by_one} and {by_other}");
    assert!(by_one > 0 && by_other > 0, "both work");
    nothing_is_wrong(&mut trial);
}

#[test]
fn when_one_of_two_processes_is_killed_the_other_finishes_what_it_left_open() {
    let Some(mut trial) = Trial::begin() else { return };
    trial.shared = true;
    let (one, mut other) = (trial.worker(false), trial.worker(false));
    trial.let_work(CALLS);
    one.kill();
    other.no_more();
    rotations(other);
    nothing_is_wrong(&mut trial);
}
