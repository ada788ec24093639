//! The proof: killed again and again, and nothing is ever lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::books::STAGES;
use crate::fleet::fleet;
use crate::trial::Trial;

/// How often everything is finished and counted.
const AUDIT: usize = 20;

/// How many calls a worker makes at most before it is killed: about two rotations of each credential.
const CALLS: u64 = 280;

fn rounds() -> usize {
    std::env::var("TOKENTURN_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(200)
}

/// What is printed in the end.
#[derive(Debug, Default)]
struct Tally {
    lost: BTreeSet<String>,
    down: BTreeSet<String>,
    at_work: usize,
    in_flight: usize,
    orphans: usize,
    spared: usize,
    /// Credentials whose run has lost two attempts.
    at_the_edge: BTreeSet<String>,
    stages: BTreeMap<String, usize>,
}

#[test]
fn whenever_a_process_is_killed_no_token_is_lost_no_place_is_down_and_none_is_revoked_early() {
    let Some(mut trial) = Trial::begin() else { return };
    let mut tally = Tally::default();
    for round in 1..=rounds() {
        one(&mut trial, &mut tally);
        if round % AUDIT == 0 || round == rounds() {
            trial.finish();
            let lost = trial.lost();
            if lost.is_empty() {
                tally.orphans += trial.delete_reported();
            }
            tally.lost.extend(lost);
            tally.down.extend(trial.verdict().down);
        }
    }
    let world = trial.verdict();
    let decided = |kind: &str| world.decisions.get(kind).copied().unwrap_or_default();
    println!(
        "rounds {}, with work in flight at the kill {}, calls in flight {}",
        rounds(),
        tally.at_work,
        tally.in_flight
    );
    println!("tokens {}, live {}", world.tokens, world.live.len());
    println!("reported as orphans, and deleted by a person {}", tally.orphans);
    println!(
        "lost {}, stale {}, revoked early {}",
        tally.lost.len(),
        world.stale + tally.down.len(),
        world.revoked_early
    );
    println!("asked for twice {}", world.issued_twice);
    println!(
        "needs_person: overlap {}, guided {}, replace with reissue {}, replace without {}",
        decided("Overlap"),
        decided("Guided"),
        decided("Reissue"),
        decided("Replace")
    );
    println!("kills put off until a third attempt had arrived: {}", tally.spared);
    println!("state at the kill:");
    for (stage, times) in &tally.stages {
        println!("  {times:>5}  {stage}");
    }
    assert_eq!(tally.lost, BTreeSet::new(), "live tokens that no record leads to");
    assert_eq!(world.live.len(), fleet().len(), "in the end one token lives for each credential");
    assert_eq!((world.stale, tally.down), (0, BTreeSet::new()), "places with a dead token");
    assert_eq!(world.revoked_early, 0, "tokens that a place held");
    assert_eq!(world.issued_twice, 0, "labels that were asked for twice");
    for kind in ["Overlap", "Guided", "Reissue"] {
        assert_eq!(decided(kind), 0, "{kind} must not need a person");
    }
    assert_eq!(world.complaints, Vec::<String>::new());
    assert_eq!(tally.at_work, rounds(), "work was in flight at every kill");
    let never: Vec<_> = STAGES.iter().filter(|stage| !tally.stages.contains_key(**stage)).collect();
    assert!(never.is_empty(), "never killed there: {never:?}");
}

fn one(trial: &mut Trial, tally: &mut Tally) {
    let worker = trial.worker(false);
    trial.random_instant(CALLS);
    // A run that has lost two tokens asks a person when the third is lost too. That is so by design, and nothing new.
    tally.spared += usize::from(!tally.at_the_edge.is_empty());
    while !tally.at_the_edge.is_empty() {
        trial.let_work(1);
        let books = trial.books();
        tally.at_the_edge.retain(|name| books[name].has_lost_enough());
    }
    let in_flight = trial.kill(worker);
    tally.lost.extend(trial.unheard_of());
    let world = trial.verdict();
    let books = trial.books();
    tally.in_flight += in_flight;
    let begun = world.calls.values().any(|calls| !calls.is_empty());
    tally.at_work += usize::from(in_flight > 0 || begun || books.values().any(|book| book.status.is_open()));
    for (name, book) in books {
        if book.has_lost_enough() {
            tally.at_the_edge.insert(name.clone());
        }
        *tally.stages.entry(book.stage(&world)).or_default() += 1;
    }
}
