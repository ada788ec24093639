//! What must be proven at a place before the old token may go.

use tokenturn::consumer::Verification;
use tokenturn::{Answer, Floor, Outcome};

use crate::retold::Retold;
use crate::world::{World, completed};

/// A place that can always prove both, and does not say one of them of the new token.
fn unsure(world: &World, works: Answer, new: Answer) -> Retold {
    Retold::new(&world.b, move |place, seen| {
        let whole = seen.as_ref().is_ok_and(|seen| *seen == Verification::new(Answer::Proven, Answer::Proven));
        if whole && place.writes() == 1 { Ok(Verification::new(works, new)) } else { seen }
    })
}

#[tokio::test]
async fn what_a_place_can_always_prove_must_be_proven_before_the_old_token_goes() {
    for (works, new) in [(Answer::Unknown, Answer::Proven), (Answer::Proven, Answer::Unknown)] {
        let world = World::new();
        let rotator = world.bare().consumer(unsure(&world, works, new)).build().unwrap();
        let run = rotator.rotate(world.held()).await.unwrap();
        assert!(matches!(run.outcome, Outcome::RolledBack { .. }), "{works:?} {new:?}: {run:?}");
        assert!(world.provider.is_alive(&world.old) && world.b.holds() == Some(world.old.fingerprint()));
    }
}

#[tokio::test]
async fn a_place_of_which_less_is_asked_may_say_less() {
    for (works, new) in [(Answer::Unknown, Answer::Proven), (Answer::Proven, Answer::Unknown)] {
        let world = World::new();
        let floor = Floor { works: works == Answer::Proven, new: new == Answer::Proven };
        let rotator = world.bare().consumer(unsure(&world, works, new)).floor("b", floor).build().unwrap();
        completed(&rotator.rotate(world.held()).await.unwrap());
        assert!(!world.provider.is_alive(&world.old) && world.b.holds() == Some(world.newest().fingerprint()));
    }
}
