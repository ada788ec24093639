//! What is refused, and how.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use std::time::Duration;

use super::super::Trouble;
use super::super::law::{demand, violated};
use super::scene::Scene;
use super::{Call, Exception, NotApplicable, Ruling, Stage};
use crate::error::{Effect, Error, ErrorKind};
use crate::provider::{Fate, Issuer};

/// Longer than anybody waits inside a call.
const LONG: Duration = Duration::from_mins(10);

/// A request for a token that was refused, or that reached nobody, made none, and the error says so. Where the current one
/// had to be ended before another could be asked for, the error does not call that nothing.
pub async fn a_refused_or_unsent_issue_has_no_effect(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    // The last one: nothing is sent for a while after it.
    for status in [400, 401, 403, 404, 409, 422, 429] {
        scene.source.trouble(Call::Issue, Trouble::Refuse(status)).await?;
        match scene.stumble().await? {
            None => {
                return violated(format!("`issue` gave a token, and was refused with {status}: look at the answer"));
            }
            Some(error) if ended_first(&scene).await => {
                no_less_than_it_did(&error, &format!("a refusal ({status}) of `issue`"))?;
                scene = Scene::open(&stage).await?;
            }
            Some(error) => {
                without_effect(&error, &format!("a refusal ({status}) of `issue`"))?;
                scene.is_alive(&scene.current.token, "the making of another was refused").await?;
            }
        }
    }
    let mut scene = Scene::open(&stage).await?;
    scene.source.unplug().await?;
    scene.reconnect();
    match scene.stumble().await? {
        None => violated("`issue` gave a token, and nobody could be reached"),
        Some(error) => {
            demand(error.is_transient(), || {
                format!(
                    "a far side that cannot be reached is a matter of waiting, and {:?} is not: {error}",
                    error.kind()
                )
            })?;
            without_effect(&error, "a far side that could not be reached")
        }
    }
}

fn without_effect(error: &Error, what: &str) -> Ruling {
    demand(error.effect() == Effect::None, || {
        format!(
            "{what} has no effect, and the error says {:?}, so that something is looked for: {error}",
            error.effect()
        )
    })
}

/// Whether the current token was ended before another was asked for, as where a far side keeps one at a time.
async fn ended_first(scene: &Scene) -> bool {
    scene.can().fate == Fate::Dies && scene.is_alive(&scene.current.token, "another was asked for").await.is_err()
}

fn no_less_than_it_did(error: &Error, what: &str) -> Ruling {
    demand(error.effect() == Effect::Unknown, || {
        format!(
            "{what} came after the current token was ended, and the error says {:?}: say Effect::Unknown, for something happened: \
             {error}",
            error.effect()
        )
    })
}

/// Whatever goes wrong: where the error says that nothing happened, as many tokens live as before, the current one too.
pub async fn an_error_without_effect_has_minted_nothing(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    for trouble in [
        Trouble::Refuse(400),
        Trouble::Refuse(401),
        Trouble::Refuse(403),
        Trouble::Refuse(404),
        Trouble::Refuse(409),
        Trouble::Echo(400),
        Trouble::Refuse(503),
        Trouble::Redirect("https://login.example/".to_owned()),
        Trouble::DropBefore,
        Trouble::DropAfter,
        Trouble::FailAfter(500),
        Trouble::FailAfter(502),
        Trouble::Flood(9_000_000),
        Trouble::Wait(600),
    ] {
        let before = scene.living().await?;
        match scene.source.trouble(Call::Issue, trouble.clone()).await {
            // There is no connection on which that could come.
            Err(_) if matches!(trouble, Trouble::Redirect(_) | Trouble::Flood(_)) => continue,
            placed => placed?,
        }
        let Some(error) = scene.stumble().await?.filter(|error| error.effect() == Effect::None) else {
            // Something may have happened: the next one meets a source that is new.
            scene = Scene::open(&stage).await?;
            continue;
        };
        let living = scene.living().await?;
        demand(living == before, || {
            format!(
                "{trouble:?}: the error says that nothing happened, and of {before} live tokens there are {living} now: {error}"
            )
        })?;
        scene.is_alive(&scene.current.token, &format!("{trouble:?}: the error says that nothing happened")).await?;
    }
    Ok(())
}

/// Our own key that is refused is no matter of waiting, has no effect, and is never `Unauthenticated`, which would be said of
/// the token that was asked about.
pub async fn a_refused_key_of_our_own_is_permanent_and_no_word_on_the_token(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    let before = scene.living().await?;
    scene.source.refuse_login().await?;
    scene.reconnect();
    let told = |error: &Error, call: &str| {
        demand(
            !error.is_transient() && error.effect() == Effect::None && error.kind() != ErrorKind::Unauthenticated,
            || {
                format!(
                    "our own key is refused in `{call}`: that is permanent, without effect and not Unauthenticated, such as \
                     PermissionDenied, and it is {:?} with {:?}: {error}",
                    error.kind(),
                    error.effect()
                )
            },
        )
    };
    if scene.can().issuer == Issuer::Api {
        match scene.try_issue().await? {
            Ok(_) => return violated("`issue` gave a token, and its key was refused: look at the answer"),
            Err(error) => told(&error, "issue")?,
        }
    }
    if let Err(error) = scene.try_inspect(&scene.current.token).await? {
        told(&error, "inspect")?;
    }
    let living = scene.living().await?;
    demand(living == before, || format!("our own key was refused, and of {before} live tokens there are {living} now"))
}

/// Too many requests are a matter of waiting, the error says how long, and nothing has happened but what came before the
/// refusal.
pub async fn too_many_requests_are_transient_and_say_how_long_to_wait(stage: Stage) -> Ruling {
    let mut shown = None;
    for call in [Call::Inspect, Call::Issue, Call::Revoke] {
        let scene = Scene::open(&stage).await?;
        let made = if call == Call::Revoke { Some(scene.issue().await?) } else { None };
        if let Err(reason) = scene.source.trouble(call, Trouble::Wait(LONG.as_secs())).await {
            shown.get_or_insert(Err(reason.into()));
            continue;
        }
        let error = match (call, &made) {
            (Call::Inspect, _) => scene.try_inspect(&scene.current.token).await?.err(),
            (Call::Revoke, Some(made)) => scene.try_revoke(&made.retired()).await?.err(),
            _ => scene.stumble().await?,
        };
        let Some(error) = error else {
            return violated(format!(
                "{call:?} is done, it says, and the far side wanted to be left alone: look at the answer"
            ));
        };
        demand(error.is_transient(), || {
            format!(
                "{call:?}: too many requests must be transient, as `RateLimited` is, and it is {:?}: {error}",
                error.kind()
            )
        })?;
        let what = format!("{call:?}: a refusal of too many requests");
        if call == Call::Issue && ended_first(&scene).await {
            no_less_than_it_did(&error, &what)?;
        } else {
            without_effect(&error, &what)?;
        }
        // What is left of a wait is a little less than what was asked for.
        demand(error.retry_after().is_some_and(|wait| wait >= LONG.saturating_sub(LONG / 10)), || {
            format!(
                "{call:?}: the far side wants to be left alone for {LONG:?}, and the error says {:?}: use `with_retry_after`",
                error.retry_after()
            )
        })?;
        shown = Some(Ok(()));
    }
    shown.unwrap_or_else(|| Err(NotApplicable::because("nothing is sent that could be too much").into()))
}

/// Where no answer ever comes, every call is back all the same, and says that it is worth another try.
pub async fn no_call_hangs(stage: Stage) -> Ruling {
    // At once: each takes as long as the timeout of a request.
    let calls = [Call::Inspect, Call::Issue, Call::Revoke].map(|call| comes_back(&stage, call));
    let rulings = futures_util::future::join_all(calls).await;
    let violated = rulings.iter().find(|ruling| matches!(ruling, Err(Exception::Violated(_))));
    violated.or_else(|| rulings.iter().find(|ruling| ruling.is_ok())).or(rulings.first()).cloned().unwrap_or(Ok(()))
}

async fn comes_back(stage: &Stage, call: Call) -> Ruling {
    let scene = Scene::open(stage).await?;
    let made = if call == Call::Revoke { Some(scene.issue().await?) } else { None };
    scene.source.trouble(call, Trouble::Silence).await?;
    let error = match (call, &made) {
        (Call::Inspect, _) => scene.try_inspect(&scene.current.token).await?.err(),
        (Call::Revoke, Some(made)) => scene.try_revoke(&made.retired()).await?.err(),
        _ => scene.stumble().await?,
    };
    demand(error.as_ref().is_none_or(Error::is_transient), || {
        format!("{call:?}: no answer came, which is a matter of waiting, and the error is permanent: {error:?}")
    })
}
