//! How turns end: each in one report, whatever goes wrong.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use tokenturn::consumer::memory::Fault;
use tokenturn::fleet::{Fleet, Tenant, Turned};
use tokenturn::{ErrorKind, Outcome};

use crate::world::{World, listening, named};

#[tokio::test(start_paused = true)]
async fn every_credential_ends_in_one_report_whatever_goes_wrong_and_nothing_is_lost() {
    for seed in 0..6_u64 {
        let world = World::new(named("bot", 40));
        let mut state = seed;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for bot in world.bots.values() {
            let calls = ["preflight", "install", "verify"];
            if random(3) == 0 {
                bot.place.plan_fault(calls[usize::try_from(random(3)).unwrap()], Fault::LostAfter);
            }
        }
        // With each report one more thing goes wrong, so that it meets them all.
        let memory = world.far.memory.clone();
        let dice = Mutex::new(random);
        let builder = Fleet::builder().open(7).observe(move |_| {
            let mut random = dice.lock().unwrap();
            let fault = match random(5) {
                0 => Fault::LostBefore,
                1 => Fault::LostAfter,
                2 => Fault::Refused(ErrorKind::Unavailable),
                3 => Fault::Limited(Duration::from_secs(20)),
                _ => Fault::Hangs,
            };
            let calls = ["inspect", "issue", "revoke", "find", "status"];
            memory.plan_fault(calls[usize::try_from(random(5)).unwrap()], fault);
        });
        let (fleet, heard) = listening(builder);
        let summary = fleet.run([Tenant::new("all", world.turns("bot"))]).await;

        let reports = heard.lock().unwrap().clone();
        let names: BTreeSet<_> = reports.iter().map(|report| report.credential.to_string()).collect();
        assert_eq!((reports.len(), names.len()), (40, 40), "seed {seed}");
        assert_eq!(summary.total().reports(), 40);
        assert_eq!(summary.total().begun, 40);
        world.assert_nobody_holds_a_dead_token();

        // What waits, goes on by itself when its time has come; nothing needs a person here.
        for _ in 0..6 {
            world.clock.advance(Duration::from_hours(1));
            for name in world.bots.keys() {
                world.rotator(name).resume_due().await.unwrap();
            }
        }
        // A token that nobody holds is one that an open run tells of: a person decides about it.
        let mut open = 0;
        for name in world.bots.keys() {
            for run in world.rotator(name).open_rotations().await.unwrap() {
                assert!(matches!(run.outcome, Outcome::NeedsPerson { .. }), "seed {seed}: {run:?}");
                open += 1;
            }
        }
        world.assert_nobody_holds_a_dead_token();
        let live = world.far.memory.live();
        assert!((40..=40 + open).contains(&live), "seed {seed}: {live} live, and {open} runs are open");
    }
}

#[tokio::test]
async fn a_provider_that_panics_is_one_report_and_stops_nothing() {
    let world = World::new(named("bot", 9));
    world.far.panic_at(&world.bots["bot-004"].old);
    let (fleet, heard) = listening(Fleet::builder().open(2));
    let summary = fleet.run([Tenant::new("all", world.turns("bot"))]).await;
    let total = summary.total();
    assert_eq!((total.completed, total.panicked, total.reports()), (8, 1, 9), "{total}");
    let heard = heard.lock().unwrap();
    let report = heard.iter().find(|report| report.credential.as_str() == "bot-004").unwrap();
    assert_eq!(report.turned, Turned::Panicked);
    assert_eq!(fleet.progress().in_flight, 0);
    world.assert_nobody_holds_a_dead_token();
}

#[tokio::test]
async fn what_is_summed_up_is_what_was_reported() {
    let world = World::new(named("bot", 12));
    let (fleet, heard) = listening(Fleet::builder().open(3));
    let tenants = [Tenant::new("a", world.turns("bot-00")), Tenant::new("b", world.turns("bot-01"))];
    let summary = fleet.run(tenants).await;
    assert_eq!(summary.tenants["a"].completed, 10);
    assert_eq!(summary.tenants["b"].completed, 2);
    assert_eq!(heard.lock().unwrap().iter().filter(|report| report.tenant == "b").count(), 2);
    assert_eq!(fleet.progress().so_far, summary);
    assert_eq!(summary.total().to_string(), "12 completed");
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<tokenturn::fleet::Summary>(&text).unwrap(), summary);
    world.assert_nothing_is_lost();
}
