//! A whole rotation of a token of this provider.

use std::sync::Arc;
use std::time::Duration;

use super::super::TestSealer;
use super::super::law::{Trips, demand, json, violated};
use super::super::leak::Ears;
use super::scene::Scene;
use super::{Exception, Person, Ruling, Stage};
use crate::consumer::ConsumerCapabilities;
use crate::consumer::memory::MemoryConsumer;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::journal::MemoryJournal;
use crate::provider::memory::MemoryProvider;
use crate::rotation::{Ask, Decision, OldEnd, Outcome};
use crate::rotator::{Policy, Predecessor, Rotator, Run};
use crate::token::{Fingerprint, UnknownAccess};

/// So many times a run is taken up again. One that is not over by then goes nowhere.
const ROUNDS: usize = 30;

/// The engine rotates a token to the end: issues, looks, installs in a place, revokes, and sees that the old one is dead.
/// Where a person does something, they do it at once, and as they are told. No more requests are sent than the plan says.
///
/// # Errors
///
/// Why it was not shown to be kept.
pub async fn a_whole_rotation_goes_through(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let Played { run, holds, trips } =
        rotate(&scene, &Ears::default()).await?.or_else(|error| violated(format!("a rotation failed: {error}")))?;
    let Outcome::Completed(completion) = &run.outcome else {
        return violated(format!(
            "a rotation must complete, with nothing in its way, and it came to: {:?}",
            run.outcome
        ));
    };
    demand(matches!(completion.old, OldEnd::Dead(_)), || {
        format!("after a whole rotation the old token must be seen dead, and it is {:?}", completion.old)
    })?;
    demand(holds.is_some() && holds == completion.fingerprint, || {
        "after a whole rotation the place does not hold the new token".to_owned()
    })?;
    trips.hold()?;
    match scene.source.lives(&scene.current.token).await {
        Ok(lives) => demand(!lives, || "after a whole rotation the old token lives".to_owned()),
        // Nobody can look: the run itself was all there is to see.
        Err(_) => Ok(()),
    }
}

/// A whole rotation.
pub(super) struct Played {
    run: Run,
    /// What the place holds at the end.
    holds: Option<Fingerprint>,
    trips: Trips,
}

/// Rotates, and has everything heard that a front end is told.
pub(super) async fn rotate(scene: &Scene, ears: &Ears) -> std::result::Result<Result<Played>, Exception> {
    let (bot, place) = match built(scene, ears) {
        Ok(built) => built,
        Err(error) => return Ok(Err(error)),
    };
    let (token, companion) = (scene.current.token.clone(), scene.current.companion.clone());
    let held = || match companion.clone() {
        Some(companion) => Predecessor::Renewable { token: token.clone(), companion },
        None => Predecessor::Held(token.clone()),
    };
    ears.hear("Debug of a rotator", format!("{bot:?}"));
    let mut trips = match bot.plan(&held()).await {
        Ok(plan) => {
            ears.hear("a plan", format!("{plan} {plan:?} {}", json(&plan)));
            Trips::planned(&plan, scene.provider.name(), scene.source.requests())
        }
        Err(error) => return Ok(Err(error)),
    };
    let mut run = match bot.rotate(held()).await {
        Ok(run) => run,
        Err(error) => return Ok(Err(error)),
    };
    let mut deletions = 0;
    for _ in 0..ROUNDS {
        deletions += u32::from(asks_to_delete(&run.outcome));
        if matches!(run.outcome, Outcome::BackingOff { .. }) || deletions > 1 {
            // Something is tried again, or was not dead yet.
            trips.sent(scene.source.requests());
        }
        ears.hear("a run", format!("{run:?} {}", json(&run)));
        scene.source.settle().await;
        let next = match &run.outcome {
            outcome if outcome.is_over() => break,
            Outcome::NeedsPerson { .. } => break,
            Outcome::AwaitingPerson { asks, .. } => match asks.first() {
                Some(ask) => person(scene, &bot, &run, ask).await?,
                None => break,
            },
            _ => {
                scene.source.clock().advance(Duration::from_hours(1));
                bot.resume(run.id.clone()).await
            }
        };
        run = match next {
            Ok(run) => run,
            Err(error) => return Ok(Err(error)),
        };
    }
    trips.sent(scene.source.requests());
    Ok(Ok(Played { run, holds: place.holds(), trips }))
}

fn asks_to_delete(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::AwaitingPerson { asks, .. } if matches!(asks.first(), Some(Ask::Deletion { .. })))
}

fn built(scene: &Scene, ears: &Ears) -> Result<(Rotator, MemoryConsumer)> {
    // It asks nobody whether what it holds works, so it claims to prove nothing.
    let place = MemoryConsumer::new("place", &MemoryProvider::new())?
        .with_capabilities(ConsumerCapabilities::new("place"))
        .requiring(Some(scene.terms.scopes.clone()));
    place.put(&scene.current.token);
    let mut policy = Policy::default()
        .grace(Duration::ZERO)
        .linger(Duration::ZERO)
        .settle(Duration::ZERO)
        .minimum_life(Duration::ZERO)
        .unknown_access(UnknownAccess::AcceptProbed);
    if let Some(life) = scene.terms.lifetime {
        policy = policy.lifetime(life);
    }
    let told = ears.clone();
    let clock = Arc::new(scene.source.clock());
    let bot = Rotator::builder("conformance", scene.provider.clone())
        .consumer(place.clone())
        .policy(policy)
        .clock(clock.clone())
        .journal(Arc::new(MemoryJournal::pretending_to_be_durable(clock)))
        .sealer(Arc::new(TestSealer::new()))
        .accept_unrecoverable(true)
        .observe(move |event: &Event| told.hear("an event", format!("{event} {event:?} {}", json(event))))
        .build()?;
    Ok((bot, place))
}

/// What a person does about what is asked of them.
async fn person(scene: &Scene, bot: &Rotator, run: &Run, ask: &Ask) -> std::result::Result<Result<Run>, Exception> {
    Ok(match ask {
        Ask::Token { guide, refusal: None, polled: None } => match scene.source.follow(guide, Person::Careful).await? {
            Some(token) => bot.supply(run.id.clone(), token).await,
            None => return violated("the person agreed to a guide that asks for a paste: answer `Pending`"),
        },
        Ask::Token { guide, refusal: None, polled: Some(_) } => {
            scene.source.follow(guide, Person::Careful).await?;
            scene.source.clock().advance(Duration::from_mins(1));
            bot.resume(run.id.clone()).await
        }
        Ask::Deletion { token, guide } => {
            scene.source.delete(guide).await?;
            scene.source.clock().advance(Duration::from_mins(1));
            bot.resolve(run.id.clone(), Decision::RevokedByHand(token.clone())).await
        }
        Ask::Installation { consumer, .. } | Ask::Confirmation { consumer, .. } => {
            bot.resolve(run.id.clone(), Decision::Confirm(consumer.clone())).await
        }
        Ask::Token { refusal: Some(refusal), .. } | Ask::Cure { refusal } => Err(Error::new(
            ErrorKind::Refused,
            format!("the token that was made as the guide says is refused: {refusal}"),
        )),
    })
}
