//! What `build()` refuses.

use std::sync::Arc;

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::MemoryJournal;
use tokenturn::provider::{Fate, Issuer, ProviderCapabilities};
use tokenturn::rotation::Floor;
use tokenturn::testing::{TestSealer, VirtualClock};
use tokenturn::{ErrorKind, Policy, RotatorBuilder};

use crate::world::{World, overlap, place, replace, repo, seconds};

#[track_caller]
fn refused(builder: RotatorBuilder, kind: ErrorKind, part: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
}

fn durable() -> Arc<MemoryJournal> {
    Arc::new(MemoryJournal::pretending_to_be_durable(Arc::new(VirtualClock::new())))
}

#[test]
fn no_consumer() {
    refused(World::new().bare(), ErrorKind::Configuration, "there is no consumer");
}

#[test]
fn two_consumers_of_one_name() {
    let world = World::new();
    refused(world.builder().consumer(world.a.clone()), ErrorKind::Configuration, "a: two consumers");
}

#[test]
fn an_empty_name_of_the_credential() {
    let world = World::new();
    let builder = tokenturn::Rotator::builder("", world.provider.clone()).consumer(world.a.clone());
    refused(builder, ErrorKind::InvalidInput, "credential's name");
}

#[test]
fn a_floor_that_cannot_be_reached() {
    let world = World::new().with_a(tokenturn::consumer::ConsumerCapabilities::new("mute"));
    let builder = world.builder().floor("a", Floor { works: true, new: false });
    refused(builder, ErrorKind::Configuration, "a: it can never prove");
}

#[test]
fn names_that_nobody_has() {
    let world = World::new();
    refused(world.builder().floor("x", Floor::default()), ErrorKind::Configuration, "x: no consumer");
    refused(world.builder().requires("x", repo()), ErrorKind::Configuration, "x: no consumer");
    refused(world.builder().canary("x"), ErrorKind::Configuration, "x: no consumer");
}

#[test]
fn a_durable_journal_without_a_key() {
    let builder = World::new().builder().journal(durable());
    refused(builder, ErrorKind::Configuration, "a `sealer`");
}

#[test]
fn a_provider_that_kills_over_a_journal_that_forgets() {
    let builder = World::of(replace()).builder().journal(Arc::new(MemoryJournal::new()));
    refused(builder, ErrorKind::Configuration, "use a durable journal");
}

#[test]
fn a_token_that_could_be_lost_for_good_unless_that_is_accepted() {
    let builder = World::of(replace()).builder();
    refused(builder.accept_unrecoverable(false), ErrorKind::Configuration, "accept_unrecoverable");
    assert!(World::of(replace().reissuing()).builder().accept_unrecoverable(false).build().is_ok());
    let sealed = World::of(replace()).builder().journal(durable()).sealer(Arc::new(TestSealer::new()));
    assert!(sealed.build().is_ok());
}

#[test]
fn a_second_secret_that_would_be_presented_twice() {
    let person = ProviderCapabilities::new(Issuer::Person, Fate::Dies);
    for can in [overlap().renewing(), replace().reissuing().renewing(), person.renewing()] {
        refused(World::of(can).builder(), ErrorKind::Configuration, "presented once");
    }
    assert!(World::of(replace().renewing()).builder().build().is_ok());
}

#[test]
fn scopes_that_nobody_named() {
    let world = World::new();
    let shy = || MemoryConsumer::new("shy", &world.provider).unwrap().with_capabilities(place()).requiring(None);
    refused(world.bare().consumer(shy()), ErrorKind::Configuration, "`requires`");
    assert!(world.bare().consumer(shy()).requires("shy", repo()).build().is_ok());
}

#[test]
fn a_policy_that_cannot_work() {
    let lease = Policy::default().lease(seconds(5)).act_timeout(seconds(10));
    refused(World::new().builder().policy(lease), ErrorKind::Configuration, "a lease must outlast");
    let idle = Policy::default().parallel(0);
    refused(World::new().builder().policy(idle), ErrorKind::Configuration, "parallel");
    let short = Policy::default().lifetime(seconds(60));
    refused(World::new().builder().policy(short), ErrorKind::Configuration, "minimum_life");
}

#[test]
fn a_life_that_no_token_of_the_provider_can_have() {
    let hour = seconds(3600);
    let builder = |policy: Policy| World::of(overlap().living_at_most(hour)).builder().policy(policy);
    for minimum in [hour, hour * 24] {
        let policy = Policy::default().grace(seconds(0)).minimum_life(minimum);
        refused(builder(policy), ErrorKind::Configuration, "60 minutes at most, and `minimum_life` asks for no less");
    }
    let fitting = Policy::default().grace(seconds(60)).minimum_life(seconds(3599));
    refused(builder(fitting.clone().lifetime(hour * 2)), ErrorKind::Configuration, "lower `lifetime`");
    refused(builder(fitting.clone().grace(hour)), ErrorKind::Configuration, "shorten `grace`");
    assert!(builder(fitting.clone().lifetime(hour)).build().is_ok() && builder(fitting).build().is_ok());
    // Where the provider says nothing, there is nothing to compare with.
    assert!(World::of(overlap()).builder().policy(Policy::default()).build().is_ok());
}
