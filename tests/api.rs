//! What the public types promise to the compiler.

use std::sync::Arc;

use tokenturn::audit::{Audit, AuditFile, AuditPolicy, Verified};
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::fleet::{Catalog, Inbox, Progress, Report, Summary, Tenant, Turn};
use tokenturn::journal::{InProcess, MemoryJournal, Sealer};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{Fact, State};
use tokenturn::{
    Check, Clock, Consumer, Decision, Due, Error, Event, Fleet, Grant, Guide, Journal, Observer, Outcome, Plan, Policy,
    Predecessor, Problem, Provider, Rotator, Run, Schedule, SystemClock, Token,
};

fn shared<T: Send + Sync + 'static>() {}
fn debug<T: std::fmt::Debug>() {}
fn for_front_ends<T: serde::Serialize + serde::de::DeserializeOwned + Clone + PartialEq>() {}

#[test]
fn what_is_shared_between_threads_can_be() {
    shared::<Rotator>();
    shared::<Token>();
    shared::<Error>();
    shared::<Predecessor>();
    shared::<State>();
    shared::<Fleet>();
    shared::<Arc<dyn Catalog>>();
    shared::<Arc<dyn Provider>>();
    shared::<Arc<dyn Consumer>>();
    shared::<Arc<dyn Journal>>();
    shared::<Arc<dyn Sealer>>();
    shared::<Arc<dyn Audit>>();
    shared::<AuditFile>();
    shared::<Arc<dyn Clock>>();
    shared::<Arc<dyn Observer>>();
    #[cfg(feature = "http")]
    shared::<tokenturn::Http>();
}

#[test]
fn every_type_can_be_debugged() {
    debug::<Rotator>();
    debug::<Token>();
    debug::<Predecessor>();
    debug::<Fleet>();
    debug::<Turn>();
    debug::<Tenant>();
    debug::<MemoryJournal>();
    debug::<InProcess>();
    debug::<AuditFile>();
    debug::<SystemClock>();
    debug::<MemoryProvider>();
    debug::<MemoryConsumer>();
}

#[test]
fn what_a_front_end_sees_it_can_pass_on() {
    for_front_ends::<Run>();
    for_front_ends::<Outcome>();
    for_front_ends::<Report>();
    for_front_ends::<Summary>();
    for_front_ends::<Progress>();
    for_front_ends::<Inbox>();
    for_front_ends::<Event>();
    for_front_ends::<Fact>();
    for_front_ends::<Plan>();
    for_front_ends::<Check>();
    for_front_ends::<Decision>();
    for_front_ends::<Guide>();
    for_front_ends::<Grant>();
    for_front_ends::<Policy>();
    for_front_ends::<Due>();
    for_front_ends::<Schedule>();
    for_front_ends::<Problem>();
    for_front_ends::<AuditPolicy>();
    for_front_ends::<Verified>();
}

#[test]
fn a_boxed_provider_or_consumer_is_one_itself() {
    fn provider(_: impl Provider) {}
    fn consumer(_: impl Consumer) {}
    let memory = MemoryProvider::new();
    let boxed: Box<dyn Consumer> = Box::new(MemoryConsumer::new("a", &memory).unwrap());
    consumer(boxed);
    let shared: Arc<dyn Provider> = Arc::new(memory);
    provider(shared);
}

#[tokio::test]
async fn the_futures_can_be_spawned() {
    fn spawnable<T: Send>(_: &T) {}
    let provider = MemoryProvider::new();
    let consumer = MemoryConsumer::new("a", &provider).unwrap();
    let bot = Rotator::builder("bot", provider).consumer(consumer).build().unwrap();
    let rotate = bot.rotate(Predecessor::None);
    spawnable(&rotate);
    let none = Predecessor::None;
    let plan = bot.plan(&none);
    spawnable(&plan);
    let due = bot.resume_due();
    spawnable(&due);
    let fleet = Fleet::builder().build().unwrap();
    let run = fleet.run([Tenant::new("all", std::iter::empty())]);
    spawnable(&run);
}
