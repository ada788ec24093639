//! Workers that are broken on purpose: the judge finds each.

use crate::planted::Plant;
use crate::trial::Trial;

/// So many rounds at most.
const ROUNDS: usize = 40;

/// Kills broken workers until the judge has found what is to be found.
fn until(plant: Plant, found: impl Fn(&mut Trial) -> bool) -> usize {
    let mut trial = Trial::begin().unwrap();
    trial.plant = Some(plant);
    for round in 1..=ROUNDS {
        let worker = trial.worker(false);
        trial.random_instant(200);
        trial.kill(worker);
        if found(&mut trial) {
            return round;
        }
    }
    panic!("{plant:?} was not found in {ROUNDS} rounds");
}

#[test]
fn a_journal_that_answers_before_it_has_stored_loses_tokens_and_is_found() {
    let rounds = until(Plant::AnswersFirst, |trial| !trial.unheard_of().is_empty());
    println!("found in round {rounds}");
}

#[test]
fn a_place_that_lies_has_its_token_revoked_early_and_is_found() {
    let rounds = until(Plant::Liar, |trial| {
        let world = trial.verdict();
        world.revoked_early > 0 && world.stale > 0
    });
    println!("found in round {rounds}");
}
