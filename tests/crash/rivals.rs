//! Two engines at one journal: the first is stopped between its check and its send, its lease runs out, the second takes
//! over, and somewhere on its way the first one wakes and sends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenturn::testing::Power;
use tokenturn::{ErrorKind, OnFailure};
use tokio::sync::Notify;

use crate::enumerate::{block_on, say, stride};
use crate::laws;
use crate::people;
use crate::scenario::{Kind, Scenario, Trouble};
use crate::world::World;

struct Meeting {
    /// How many boundaries the second one crossed.
    crossed: usize,
    fenced: bool,
    violations: Vec<String>,
}

/// One engine, until it is done or fenced.
async fn engine(world: &World, power: &Power) -> bool {
    match people::live_until(world, power, |_| false).await {
        Some(error) if error.kind() == ErrorKind::Fenced => true,
        Some(error) => {
            world.truth.violate(format!("a call failed: {error:?}"));
            false
        }
        None => false,
    }
}

/// The first is held at `first`, and wakes when the second comes to `second`.
async fn meet(scenario: Scenario, first: usize, second: usize) -> Meeting {
    let world = World::new(scenario);
    world.truth.rivals.store(true, Ordering::SeqCst);
    let (one, two) = (world.watched(Power::hold_at(first)), world.watched(Power::hold_at(second)));
    let (one_is_done, two_is_done) = (Notify::new(), Notify::new());
    let older = async {
        let fenced = engine(&world, &one).await;
        one_is_done.notify_one();
        fenced
    };
    let newer = async {
        one.held().await;
        world.wait(Duration::from_mins(11));
        let takes_over = async {
            engine(&world, &two).await;
            two_is_done.notify_one();
        };
        let wakes = async {
            tokio::select! { () = two.held() => {}, () = two_is_done.notified() => {} }
            one.let_go();
            one_is_done.notified().await;
            two.let_go();
        };
        tokio::join!(takes_over, wakes);
    };
    let (fenced, ()) = tokio::join!(older, newer);
    // Whoever comes last finds everything done, or does it.
    let power = world.power(None);
    people::live(&world, &power).await;
    laws::after_a_cut(&world.truth, world.errand_count()).await;
    laws::everybody_has_one(&world.truth, world.errand_count());
    let what = |violation| format!("{scenario}, held at {first}, woken at {second}: {violation}");
    let violations = world.truth.violations().into_iter().map(what).collect();
    Meeting { crossed: two.crossed(), fenced, violations }
}

fn every_meeting(kind: Kind, trouble: Trouble) {
    let scenario = Scenario::new(kind, trouble, 2);
    let alone = block_on(async {
        let world = World::new(scenario);
        let power = world.power(None);
        people::live(&world, &power).await;
        power.crossed()
    });
    let (mut meetings, mut fenced, mut violations) = (0, 0, Vec::new());
    for first in 1..=alone {
        let last = block_on(meet(scenario, first, usize::MAX));
        let crossed = last.crossed;
        let others = (1 + first % stride()..=crossed)
            .step_by(stride().max(5))
            .map(|second| block_on(meet(scenario, first, second)));
        for meeting in others.chain([last]) {
            meetings += 1;
            fenced += usize::from(meeting.fenced);
            violations.extend(meeting.violations);
        }
    }
    say(&format!("{scenario}: {meetings} meetings, the first one fenced in {fenced}, {} violations", violations.len()));
    for violation in violations.iter().take(12) {
        say(violation);
    }
    assert!(fenced > 0, "the first one was never overtaken");
    assert_eq!(violations.len(), 0, "somebody was left without a token: see above");
}

#[test]
fn an_engine_that_wakes_too_late_harms_nobody_where_an_interface_issues() {
    every_meeting(Kind::Overlap, Trouble::None);
}

#[test]
fn an_engine_that_wakes_too_late_harms_nobody_where_a_person_issues() {
    every_meeting(Kind::Guided, Trouble::None);
}

#[test]
fn an_engine_that_wakes_while_the_other_goes_back_harms_nobody() {
    every_meeting(Kind::Overlap, Trouble::Fails(OnFailure::RollBack));
}

#[test]
fn an_engine_that_wakes_in_the_run_after_its_own_harms_nobody() {
    every_meeting(Kind::Kept, Trouble::None);
}
