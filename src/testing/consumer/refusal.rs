//! What is refused, and how.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use std::time::Duration;

use super::super::law::{demand, violated};
use super::scene::Scene;
use super::{Ruling, Stage};
use crate::error::{Effect, Error, ErrorKind};

/// Longer than anybody waits inside a call.
const LONG: Duration = Duration::from_mins(10);

/// Where the place changed since it was read, `install` writes nothing and says `Conflict`; after another look it writes.
pub async fn a_stale_slot_is_refused_without_effect(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let slot = scene.look().await?;
    scene.far.change().await?;
    let (rest, writes) = (scene.far.rest().await.ok(), scene.far.writes().await.ok());
    let Some(error) = scene.stumble(&slot).await? else {
        return violated(
            "`install` wrote over what somebody else had changed since it was read: compare with `expected` just before the \
             write, and answer `Conflict`",
        );
    };
    is(&error, ErrorKind::Conflict, "a stale slot")?;
    scene.holds(&scene.old, "after a stale slot was refused").await?;
    let (rest_after, writes_after) = (scene.far.rest().await.ok(), scene.far.writes().await.ok());
    demand(rest == rest_after && writes == writes_after, || {
        "`install` refused a stale slot, and had written something already: compare first".to_owned()
    })?;
    scene.put(&scene.new).await?;
    scene.holds(&scene.new, "after another look").await
}

/// A login that is refused is no matter of waiting, and nothing has happened.
pub async fn a_refused_login_is_permanent_and_without_effect(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    let slot = scene.look().await?;
    scene.far.refuse_login().await?;
    scene.reconnect();
    let Some(error) = scene.stumble(&slot).await? else {
        return violated("`install` says that it is done, and its login was refused: look at the answer");
    };
    is(&error, ErrorKind::Unauthenticated, "a refused login in `install`")?;
    // Before the look past every interface, which not every far side has.
    match scene.try_look().await? {
        Ok(_) => {
            return violated(
                "`preflight` passes though the login is refused: log in there, for a token is issued after it",
            );
        }
        Err(error) => is(&error, ErrorKind::Unauthenticated, "a refused login in `preflight`")?,
    }
    scene.holds(&scene.old, "after the login was refused").await
}

/// Too many requests are a matter of waiting, the error says how long, and nothing has happened.
pub async fn too_many_requests_are_transient_and_say_how_long_to_wait(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let slot = scene.look().await?;
    let asked = scene.far.throttle(LONG).await?;
    let Some(error) = scene.stumble(&slot).await? else {
        return violated(
            "`install` says that it is done, and the far side wanted to be left alone: look at the answer",
        );
    };
    demand(error.is_transient() && error.effect() == Effect::None, || {
        format!(
            "too many requests must be transient and without effect, as `RateLimited` is, and it is {:?} with {:?}: {error}",
            error.kind(),
            error.effect()
        )
    })?;
    // What is left of a wait is a little less than what was asked for.
    let least = asked.saturating_sub(asked / 10).max(Duration::from_millis(1));
    demand(error.retry_after().is_some_and(|wait| wait >= least), || {
        format!(
            "the far side wants to be left alone for {asked:?}, and the error says {:?}: use `with_retry_after`",
            error.retry_after()
        )
    })?;
    scene.holds(&scene.old, "after there were too many requests").await
}

fn is(error: &Error, kind: ErrorKind, what: &str) -> Ruling {
    demand((error.kind(), error.effect()) == (kind, Effect::None), || {
        format!(
            "{what} must be {kind:?} with Effect::None, and it is {:?} with {:?}: {error}",
            error.kind(),
            error.effect()
        )
    })
}
