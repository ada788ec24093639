//! A whole rotation through one place.

use std::sync::Arc;
use std::time::Duration;

use super::super::law::{Trips, demand, json, violated};
use super::super::leak::Ears;
use super::issuer::OneToken;
use super::scene::Scene;
use super::{Exception, Ruling, Stage};
use crate::error::Result;
use crate::event::Event;
use crate::rotation::{Ask, Decision, Outcome};
use crate::rotator::{Policy, Predecessor, Rotator, Run};
use crate::testing::VirtualClock;

/// So many times a run is taken up again. One that is not over by then goes nowhere.
const ROUNDS: usize = 30;

/// The engine rotates through this place to the end: reads, installs, verifies, revokes, and verifies once more. Where a
/// person does something, they do it at once. No more requests are sent than the plan says.
///
/// # Errors
///
/// Why it was not shown to be kept.
pub async fn a_whole_rotation_goes_through(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let (run, trips) =
        rotate(&scene, &Ears::default()).await.or_else(|error| violated(format!("a rotation failed: {error}")))?;
    demand(matches!(run.outcome, Outcome::Completed(_)), || {
        format!(
            "a rotation through this place alone must complete, with nothing in its way, and it came to: {:?}",
            run.outcome
        )
    })?;
    trips.hold()?;
    match scene.holds(&scene.new, "after a whole rotation").await {
        // Nobody can look: the run itself was all there is to see.
        Ok(()) | Err(Exception::NotApplicable(_)) => Ok(()),
        violated @ Err(_) => violated,
    }
}

/// Rotates, and has everything heard that a front end is told.
pub(super) async fn rotate(scene: &Scene, ears: &Ears) -> Result<(Run, Trips)> {
    let clock = VirtualClock::new();
    let provider = OneToken::new(scene.old.clone(), scene.new.clone());
    let policy = Policy::default().grace(Duration::ZERO).minimum_life(Duration::ZERO).linger(Duration::ZERO);
    let told = ears.clone();
    let bot = Rotator::builder("conformance", provider)
        .consumer(scene.consumer.clone())
        .policy(policy)
        .clock(Arc::new(clock.clone()))
        .observe(move |event: &Event| told.hear("an event", format!("{event} {event:?} {}", json(event))))
        .build()?;
    let held = Predecessor::Held(scene.old.token().clone());
    ears.hear("Debug of a rotator", format!("{bot:?}"));
    let plan = bot.plan(&held).await?;
    ears.hear("a plan", format!("{plan} {plan:?} {}", json(&plan)));
    let mut trips = Trips::planned(&plan, scene.consumer.name(), scene.far.requests());
    let mut run = bot.rotate(held).await?;
    for _ in 0..ROUNDS {
        ears.hear("a run", format!("{run:?} {}", json(&run)));
        scene.far.settle().await;
        run = match &run.outcome {
            outcome if outcome.is_over() => break,
            Outcome::NeedsPerson { .. } => break,
            Outcome::AwaitingPerson { asks, .. } => {
                let Some(Ask::Installation { consumer, .. } | Ask::Confirmation { consumer, .. }) = asks.first() else {
                    break;
                };
                bot.resolve(run.id.clone(), Decision::Confirm(consumer.clone())).await?
            }
            waiting => {
                if matches!(waiting, Outcome::BackingOff { .. }) {
                    trips.sent(scene.far.requests());
                }
                clock.advance(Duration::from_hours(1));
                bot.resume(run.id.clone()).await?
            }
        };
    }
    trips.sent(scene.far.requests());
    Ok((run, trips))
}
