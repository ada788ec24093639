//! SIGTERM: a program that was asked to stop loses nothing and leaves nothing locked.

use std::collections::BTreeSet;

use crate::fleet::{Kind, fleet};
use crate::planted::Plant;
use crate::process::Process;
use crate::trial::Trial;
use crate::wire::Call;

/// A worker whose every token that an interface makes was made, with the answers still on the line, is told to stop.
fn told_to_stop(trial: &Trial) -> Process {
    trial.ask(Call::Hold);
    let mut worker = trial.worker(false);
    let issuing = fleet().iter().filter(|member| member.kind != Kind::Guided).count();
    trial.ask(Call::Held { answers: issuing });
    worker.terminate();
    worker.hear("draining");
    assert_eq!(trial.verdict().newest.len(), issuing);
    worker
}

#[test]
fn a_program_that_is_told_to_stop_keeps_every_token_that_is_on_its_way_and_leaves_nothing_locked() {
    let Some(mut trial) = Trial::begin() else { return };
    let mut worker = told_to_stop(&trial);
    trial.ask(Call::Release);
    worker.hear("drained");
    assert!(worker.ended().success());
    assert_eq!(trial.unsealed(), BTreeSet::new(), "every live token is kept, before anything is resumed");

    // No time has passed, so that a lease that was not given back would keep the next process out.
    trial.finish();
    let world = trial.verdict();
    assert_eq!(world.complaints, Vec::<String>::new());
    assert_eq!((world.stale, &world.down), (0, &BTreeSet::new()));
    for book in trial.books().values() {
        assert_eq!(book.attempts(), 1, "{}: it was asked for once", book.member.name);
    }
}

#[test]
fn a_program_that_ends_at_once_instead_has_none_of_them() {
    let Some(mut trial) = Trial::begin() else { return };
    trial.plant = Some(Plant::Hasty);
    let worker = told_to_stop(&trial);
    assert!(worker.ended().success());
    assert_eq!(trial.unsealed().len(), trial.verdict().newest.len());
}
