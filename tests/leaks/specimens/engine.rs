//! What the engine is, plans and tells, over a run of real tokens.

use std::sync::Arc;

use tokenturn::consumer::Manual;
use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::journal::{Key, KeyRing, KeySealer, MemoryJournal, Seq};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::testing::VirtualClock;
use tokenturn::{Grant, Predecessor, Rotator, RotatorBuilder, ScopeSet, Severity, StepKind};

use crate::canary::{self, KEY};
use crate::channels::{Otherwise as _, Said};

fn builder(provider: &MemoryProvider) -> RotatorBuilder {
    let clock = Arc::new(VirtualClock::new());
    let sealer = KeySealer::new(&KeyRing::new(Key::from_bytes(&KEY).unwrap())).unwrap();
    Rotator::builder("bot", provider.clone())
        .consumer(MemoryConsumer::new("a", provider).unwrap())
        .journal(Arc::new(MemoryJournal::with_clock(clock.clone())))
        .sealer(Arc::new(sealer))
        .clock(clock)
}

pub(super) async fn show(said: &Said) {
    let provider = MemoryProvider::new();
    let old = provider.mint("build-bot", ScopeSet::of(["repo"]));
    specimen!(said, builder(&provider));
    let bot = builder(&provider).build().unwrap();
    let held = Predecessor::Held(old);
    let (plan, check) = (bot.plan(&held).await.unwrap(), bot.check(&held).await.unwrap());
    specimen!(said, bot, plan, plan.steps[0], check, check.consumers[0], StepKind::Read, Severity::Info);
    // The token of the canary is refused: the provider does not know it.
    let strange = bot.check(&Predecessor::Held(canary::token())).await;
    let planned = bot.plan(&Predecessor::Held(canary::token())).await.unwrap();
    specimen!(said, strange, planned, planned.findings[0]);
    let run = bot.rotate(held).await.unwrap();
    specimen!(said, run, run.outcome, bot.reseal().await.unwrap());
    for event in bot.events(Seq::ZERO).await.unwrap() {
        said.event(&event);
    }
    let adopted = bot.adopt(canary::token(), Predecessor::Kept).await;
    specimen!(said, adopted, bot);
    let manual = Manual::new("by hand", "Jenkins").unwrap();
    let consumer = MemoryConsumer::new("a", &provider).unwrap();
    consumer.put(&canary::token());
    let admitted = tokenturn::testing::admitted(&canary::token(), Grant::of(&canary::token(), "build-bot")).unwrap();
    for consumer in [&manual as &dyn tokenturn::Consumer, &consumer] {
        let slot = consumer.preflight().await.unwrap();
        specimen!(said, consumer.install(&admitted, &slot).await, consumer.verify(&admitted, &slot).await);
    }
    specimen!(said, manual, consumer, Fault::LostAfter);
}
