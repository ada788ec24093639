//! What was lost on the way.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::Trouble;
use super::super::law::{demand, violated};
use super::scene::Scene;
use super::{Ruling, Stage};
use crate::error::Effect;
use crate::token::Answer;

/// A write that arrived, and whose answer did not, may have happened, and the error says so. Another look finds it, or
/// another installation puts it right.
pub async fn a_lost_answer_leaves_its_effect_unknown_and_another_look_settles_it(stage: Stage) -> Ruling {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502), Trouble::SilenceAfter] {
        let scene = Scene::open(&stage).await?;
        let slot = scene.look().await?;
        scene.far.trouble(trouble.clone()).await?;
        match scene.stumble(&slot).await? {
            // It looked by itself, and so it is done.
            None => scene.holds(&scene.new, &format!("{trouble:?}: after `install` answered `Done`")).await?,
            Some(error) => demand(error.effect() == Effect::Unknown, || {
                format!(
                    "{trouble:?}: the write was done and its answer was lost, and the error says {:?}: say Effect::Unknown of \
                     whatever fails after the request was sent: {error}",
                    error.effect()
                )
            })?,
        }
        scene.far.settle().await;
        let slot = scene.look().await?;
        let asked = scene.ask(&scene.new, &slot).await?;
        let there = scene.stored().await? == Some(scene.new.fingerprint());
        demand(!(there && asked.new == Answer::Refuted), || {
            format!(
                "{trouble:?}: the new token is there, and `verify` says that it is not: answer Unknown where it cannot tell"
            )
        })?;
        scene.install(&scene.new, &slot).await?;
        scene.holds(&scene.new, &format!("{trouble:?}: after another look and another `install`")).await?;
    }
    Ok(())
}

/// What never arrived is not done: not by the answer of `install`, and not by that of `verify`.
pub async fn a_request_that_never_arrived_is_never_called_done(stage: Stage) -> Ruling {
    for trouble in [Trouble::DropBefore, Trouble::Silence] {
        let scene = Scene::open(&stage).await?;
        let slot = scene.look().await?;
        scene.far.trouble(trouble.clone()).await?;
        match scene.stumble(&slot).await? {
            // It was sent again, as may be done where twice is the same as once.
            None => scene.holds(&scene.new, &format!("{trouble:?}: after `install` answered `Done`")).await?,
            Some(error) => demand(error.is_transient(), || {
                format!(
                    "{trouble:?}: a request that was lost is worth another try, and {:?} is not: {error}",
                    error.kind()
                )
            })?,
        }
        let slot = scene.look().await?;
        let asked = scene.ask(&scene.new, &slot).await?;
        let there = scene.stored().await? == Some(scene.new.fingerprint());
        demand(there || asked.new != Answer::Proven, || {
            format!(
                "{trouble:?}: the write never arrived, and `verify` says that the new token is there: look at the place itself"
            )
        })?;
    }
    let scene = Scene::open(&stage).await?;
    let slot = scene.look().await?;
    scene.far.unplug().await?;
    match scene.stumble(&slot).await? {
        None => violated("`install` says that it is done, and nobody could be reached"),
        Some(error) => demand(error.is_transient(), || {
            format!("a far side that cannot be reached is a matter of waiting, and {:?} is not: {error}", error.kind())
        }),
    }
}
