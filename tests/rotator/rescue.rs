//! A journal that cannot be written, at the worst moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokenturn::ErrorKind;
use tokenturn::journal::Claim;
use tokenturn::rotation::Fact;

use crate::world::{Stumble, Stumbling, World, completed, replace, seconds};

fn rescuing(mut world: World) -> (World, Arc<Stumbling>) {
    let journal = Stumbling::rescuing(world.journal.clone());
    world.journal = journal.clone();
    (world, journal)
}

/// Brings back what was rescued, as a journal does before it is claimed again.
async fn recover(world: &World, journal: &Stumbling) {
    world.clock.advance(seconds(3600));
    let (after, batch) = journal.rescued.lock().unwrap().last().cloned().unwrap();
    let holder = tokenturn::Holder::new("recovery").unwrap();
    let claim = journal.inner.claim(&batch.head.credential, &holder, seconds(60)).await.unwrap();
    let Claim::Granted(lease) = claim else { panic!("it is held") };
    journal.inner.append(&lease, after, &batch).await.unwrap();
    journal.inner.release(lease).await.unwrap();
}

#[tokio::test]
async fn a_token_that_cannot_be_stored_goes_to_the_rescue_file_and_is_found_again() {
    for world in [World::new(), World::of(replace())] {
        let (world, journal) = rescuing(world);
        (0..20).for_each(|_| journal.at("issued", Stumble::Refused));
        let error = world.rotator().rotate(world.held()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.to_string().contains("rescue file"), "{error}");
        let new = world.newest();
        assert!(world.provider.is_alive(&new), "it is kept, not given up");

        recover(&world, &journal).await;
        let journal = world.rotator();
        completed(&journal.resume_due().await.unwrap().unwrap());
        assert!(world.all_hold(&new));
        assert_eq!(world.provider.live(), 1);
        assert_eq!(world.count(|fact| matches!(fact, Fact::Issuing { .. })), 1);
    }
}

#[tokio::test]
async fn a_token_is_rescued_at_once_and_not_when_patience_ends() {
    let (world, journal) = rescuing(World::of(replace()));
    journal.at("issued", Stumble::Refused);
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    assert_eq!(journal.rescued.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_issued_while_a_record_could_not_be_stored() {
    let (world, journal) = rescuing(World::of(replace()));
    journal.full.store(true, Ordering::SeqCst);
    let error = world.rotator().rotate(world.held()).await.unwrap_err();
    assert!(error.to_string().contains("free some of it"), "{error}");
    assert_eq!(world.provider.live(), 1);
    assert!(world.provider.is_alive(&world.old) && world.all_hold(&world.old));
    journal.full.store(false, Ordering::SeqCst);
    world.clock.advance(seconds(3600));
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let largest = 8 * 1024;
    assert!(journal.rehearsed.lock().unwrap().iter().all(|bytes| *bytes > 2 * largest), "a token and its companion");
}
