//! SIGTERM: a program that was asked to stop loses nothing and leaves nothing locked.

use std::collections::BTreeSet;

use crate::trial::Trial;
use crate::wire::Call;

#[test]
fn a_program_that_is_told_to_stop_keeps_the_token_that_is_on_its_way() {
    let mut trial = Trial::begin();
    trial.ask(Call::Hold);
    let mut worker = trial.worker(false);
    trial.ask(Call::Held);
    // A token was made, and its answer is on the line.
    worker.terminate();
    worker.hear("draining");
    trial.ask(Call::Release);
    worker.hear("drained");
    assert!(worker.ended().success());
    assert_eq!(trial.unsealed(), BTreeSet::new(), "every live token is kept, before anything is resumed");
    assert!(trial.verdict().live.iter().any(|living| living.label.is_some()), "tokens were made");

    // No time has passed, so that a lease that was not given back would keep the next process out.
    trial.finish();
    let world = trial.verdict();
    assert_eq!(world.complaints, Vec::<String>::new());
    assert_eq!((world.stale, &world.down), (0, &BTreeSet::new()));
    for book in trial.books().values() {
        assert_eq!(book.attempts(), 1, "{}: it was asked for once", book.member.name);
    }
}
