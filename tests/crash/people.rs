//! The owner of the credential, and the people who do as they are asked.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenturn::rotation::{Ending, Fact, TokenRef};
use tokenturn::testing::Power;
use tokenturn::{
    Ask, Clock, Consumer as _, Decision, Error, ErrorKind, Outcome, Predecessor, Result, Rotator, Run, RunId, ScopeSet,
    Token,
};

use crate::laws;
use crate::scenario::Errand;
use crate::witness::numbered;
use crate::world::World;

/// How many calls a life takes at most.
const TURNS: usize = 60;

/// Lives until every errand is done, alone.
pub(crate) async fn live(world: &World, power: &Power) {
    if let Some(error) = Box::pin(live_until(world, power, |_| false)).await {
        world.truth.violate(format!("a call failed: {error:?}"));
    }
}

/// Lives until every errand is done, a run stands as it should, or a call fails for good.
pub(crate) async fn live_until(world: &World, power: &Power, so: impl Fn(&Outcome) -> bool) -> Option<Error> {
    let mut engine: Option<(usize, Rotator)> = None;
    for _ in 0..TURNS {
        let facts = laws::facts(&world.truth);
        let ended = laws::ended(&facts);
        recover(world, &facts, ended);
        let errand = world.errands.lock().unwrap().get(ended).copied()?;
        let (_, bot) = match engine.take() {
            Some((of, bot)) if of == ended => engine.insert((of, bot)),
            _ => engine.insert((ended, world.rotator(power, ended))),
        };
        let answer = if laws::open(&facts) {
            Box::pin(go_on(world, bot)).await
        } else {
            world.trouble(ended);
            Box::pin(begin(world, bot, errand)).await.map(Some)
        };
        match answer {
            Ok(None) => {}
            Ok(Some(run)) => {
                returned(world, &run);
                if so(&run.outcome) {
                    return None;
                }
            }
            Err(error) => {
                laws::judged(&world.truth, &error);
                match error.kind() {
                    ErrorKind::Busy => world.wait(error.retry_after().unwrap_or(Duration::from_secs(1))),
                    ErrorKind::Refused | ErrorKind::InvalidInput => {}
                    // Somebody else brought it to its end meanwhile.
                    ErrorKind::NotFound if world.truth.rivals.load(Ordering::SeqCst) => {}
                    _ => return Some(error),
                }
            }
        }
    }
    let facts = laws::facts(&world.truth);
    let last: Vec<_> = facts.iter().rev().take(4).collect();
    world.truth.violate(format!("the run does not end: {last:?}"));
    None
}

/// What a call returned is durable, and shows nothing.
fn returned(world: &World, run: &Run) {
    if !world.truth.rivals.load(Ordering::SeqCst) {
        laws::durable(&world.truth, &run.outcome, world.clock.now());
    }
    if world.thorough {
        laws::no_secret(&world.truth, "an outcome", &format!("{run:?} {}", serde_json::to_string(run).unwrap()));
    }
    if matches!(run.outcome, Outcome::NeedsPerson { .. }) {
        laws::both_alive(&world.truth, &laws::facts(&world.truth));
    }
}

/// A token that is lost for ever is made anew by hand.
fn recover(world: &World, facts: &[Fact], ended: usize) {
    let mut errands = world.errands.lock().unwrap();
    if ended == errands.len() && matches!(facts.last(), Some(Fact::Ended { ending: Ending::Abandoned })) {
        errands.push(Errand::Recover);
    }
}

async fn begin(world: &World, bot: &Rotator, errand: Errand) -> Result<Run> {
    let old = Predecessor::Held(world.truth.old.clone());
    match errand {
        Errand::Rotate => bot.rotate(old).await,
        Errand::RotateKept => bot.rotate(Predecessor::Kept).await,
        Errand::Emergency(mode) => bot.emergency(old, mode).await,
        Errand::Spread => bot.spread(&[world.truth.places.last().unwrap().name()]).await,
        Errand::Adopt | Errand::Recover => bot.adopt(made(world), old).await,
    }
}

/// The token that a person made, and keeps in hand until it is taken.
fn made(world: &World) -> Token {
    let mut in_hand = world.in_hand.lock().unwrap();
    let token = in_hand.get_or_insert_with(|| world.truth.provider.mint("bot", ScopeSet::of(["repo"])));
    world.truth.know(token);
    token.clone()
}

async fn go_on(world: &World, bot: &Rotator) -> Result<Option<Run>> {
    let Some(run) = bot.open_rotations().await?.pop() else { return Ok(None) };
    match run.outcome {
        Outcome::AwaitingPerson { asks, .. } => answer(world, bot, run.id, asks[0].clone()).await,
        Outcome::NeedsPerson { .. } => decide(world, bot, run.id).await.map(Some),
        Outcome::BackingOff { until, .. } | Outcome::Draining { until, .. } => {
            world.wait(world.clock.now().until(until));
            bot.resume_due().await
        }
        _ => bot.resume(run.id).await.map(Some),
    }
}

async fn answer(world: &World, bot: &Rotator, run: RunId, ask: Ask) -> Result<Option<Run>> {
    let run = match ask {
        Ask::Token { polled: Some(at), .. } => {
            world.truth.provider.agree();
            world.wait(world.clock.now().until(at));
            bot.resume(run).await
        }
        Ask::Token { .. } => {
            let supplied = bot.supply(run, made(world)).await;
            if supplied.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidInput) {
                // It was taken before, and given up: another is wanted.
                *world.in_hand.lock().unwrap() = None;
            }
            supplied
        }
        Ask::Deletion { token, .. } => {
            delete(world, &token);
            bot.resolve(run, Decision::RevokedByHand(token)).await
        }
        Ask::Confirmation { consumer, .. } => bot.resolve(run, Decision::Confirm(consumer)).await,
        other => Err(Error::new(ErrorKind::Unsupported, format!("nobody knows how to do {other:?}"))),
    };
    run.map(Some)
}

/// What failed is put right, and tried again; where that is of no use, the run goes back, or ends as it is.
async fn decide(world: &World, bot: &Rotator, run: RunId) -> Result<Run> {
    world.truth.mend();
    for decision in [Decision::Retry, Decision::RollBack] {
        match bot.resolve(run.clone(), decision).await {
            Err(error) if error.kind() == ErrorKind::Refused => laws::judged(&world.truth, &error),
            other => return other,
        }
    }
    bot.resolve(run, Decision::Abandon).await
}

/// A person deletes a token at its provider.
fn delete(world: &World, token: &TokenRef) {
    let facts = laws::facts(&world.truth);
    let run = laws::runs(&facts).pop().unwrap_or_default();
    let which = run.iter().find_map(|fact| match (fact, token) {
        (Fact::Begun(charter), TokenRef::Old) => charter.predecessor.fingerprint,
        (Fact::Issued { attempt, fingerprint, .. }, TokenRef::New(wanted)) if attempt == wanted => Some(*fingerprint),
        _ => None,
    });
    let found = match token {
        TokenRef::Found(id) => id.as_str().parse().ok().map(numbered),
        _ => which.and_then(|fingerprint| world.truth.token(fingerprint)),
    };
    if let Some(token) = found {
        world.truth.ending(&token);
        world.truth.provider.kill(&token);
    }
}
