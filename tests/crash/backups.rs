//! Somebody restores an old backup of the journal: the world has gone on, and the journal knows nothing of it.

use tokenturn::Outcome;

use crate::enumerate::{block_on, say, stride};
use crate::people;
use crate::scenario::{Errand, Kind, Scenario, Trouble};
use crate::world::World;

/// Two rotations, one after the other, cut at this boundary; what was synced after each append until then.
async fn history(kind: Kind, cut_at: Option<usize>) -> (World, usize) {
    let world = World::new(Scenario::new(kind, Trouble::None, 2));
    *world.errands.lock().unwrap() = vec![Errand::Rotate, Errand::RotateKept];
    *world.truth.backups.lock().unwrap() = Some(vec![world.truth.disk().reboot()]);
    let power = world.power(cut_at);
    power.live(people::live(&world, &power)).await;
    (world, power.crossed())
}

/// How many backups there are when this boundary has been crossed.
async fn backups_at(kind: Kind, cut_at: Option<usize>) -> usize {
    history(kind, cut_at).await.0.truth.backups.lock().unwrap().as_ref().map_or(0, Vec::len)
}

/// An engine goes on from this backup. A person is asked, and decides nothing.
async fn restored(kind: Kind, cut_at: Option<usize>, backup: usize) -> Vec<String> {
    let (world, _) = history(kind, cut_at).await;
    let backups = world.truth.backups.lock().unwrap().take().unwrap();
    let before = world.truth.violations().len();
    world.truth.restore(&backups[backup]);
    let power = world.power(None);
    let stuck = |outcome: &Outcome| matches!(outcome, Outcome::NeedsPerson { .. });
    let failed = people::live_until(&world, &power, stuck).await;
    if let Some(error) = failed {
        world.truth.violate(format!("a call failed: {error:?}"));
    }
    world.truth.look_around();
    // A backup knows nothing of names that were given since; what counts is who holds what.
    let counts =
        |violation: &String| ["I1", "I3", "I5", "I8", "a call failed"].iter().any(|law| violation.starts_with(law));
    let moment = cut_at.map_or("the end".into(), |cut| format!("boundary {cut}"));
    let all = world.truth.violations().into_iter().skip(before).filter(counts);
    all.map(|violation| format!("{kind:?}, backup {backup} restored at {moment}: {violation}")).collect()
}

fn restore_each(kind: Kind) {
    let boundaries = block_on(async { history(kind, None).await.1 });
    let moments = (1..=boundaries).step_by(stride().max(3)).map(Some).chain([None]);
    let (mut restored_in_all, mut violations) = (0, Vec::new());
    for moment in moments {
        for backup in 0..block_on(backups_at(kind, moment)) {
            violations.extend(block_on(restored(kind, moment, backup)));
            restored_in_all += 1;
        }
    }
    say(&format!("{kind:?}: {restored_in_all} backups restored, {} violations", violations.len()));
    for violation in violations.iter().take(12) {
        say(violation);
    }
    assert_eq!(violations.len(), 0, "somebody was left without a token: see above");
}

#[test]
fn a_restored_backup_leaves_nobody_without_a_token_where_an_interface_issues() {
    restore_each(Kind::Overlap);
}

#[test]
fn a_restored_backup_leaves_nobody_without_a_token_where_a_person_issues() {
    restore_each(Kind::Guided);
}

#[test]
fn a_restored_backup_leaves_nobody_without_a_token_where_a_person_agrees_elsewhere() {
    restore_each(Kind::Polled);
}
