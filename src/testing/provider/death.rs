//! What is, and what is not, the death of a token.

use super::super::Trouble;
use super::super::law::{demand, violated};
use super::scene::Scene;
use super::{Call, NotApplicable, Ruling, Stage};
use crate::error::ErrorKind;

/// `inspect` answers `Unauthenticated` of a token that the provider ended or never knew, and of no other: not for the words
/// of a proxy, a login page, an outage, a ban, a lock, a right that was taken, or our own key that is refused.
///
/// # Errors
///
/// Why it was not shown to be kept.
pub async fn only_the_providers_own_word_is_death(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    scene.is_dead(&scene.source.stranger(), "a token never lived").await?;
    scene.kill(&scene.current).await?;
    scene.is_dead(&scene.current.token, "somebody ended the token").await?;
    let mut tried = false;
    let scene = Scene::open(&stage).await?;
    for trouble in [
        Trouble::Refuse(401),
        Trouble::Refuse(403),
        Trouble::Refuse(404),
        Trouble::Refuse(407),
        Trouble::Refuse(410),
        Trouble::Refuse(503),
        Trouble::Echo(401),
        Trouble::Echo(403),
        Trouble::Echo(404),
        Trouble::Redirect("https://login.example/?back=x".to_owned()),
        Trouble::DropBefore,
        Trouble::FailAfter(500),
        Trouble::Flood(9_000_000),
        // The last one: nothing is sent for a while after it.
        Trouble::Wait(600),
    ] {
        if scene.source.trouble(Call::Inspect, trouble.clone()).await.is_ok() {
            tried = true;
            not_dead(&scene, &format!("{trouble:?}")).await?;
        }
    }
    for obstacle in ["the owner was locked out", "our own key was refused", "nobody could be reached"] {
        let mut scene = Scene::open(&stage).await?;
        let placed = match obstacle {
            "the owner was locked out" => scene.source.lock_out().await,
            "our own key was refused" => scene.source.refuse_login().await,
            _ => scene.source.unplug().await,
        };
        if placed.is_ok() {
            tried = true;
            scene.reconnect();
            not_dead(&scene, obstacle).await?;
        }
    }
    if tried { Ok(()) } else { Err(NotApplicable::because("nothing can come between").into()) }
}

async fn not_dead(scene: &Scene, when: &str) -> Ruling {
    let token = &scene.current.token;
    scene.is_alive(token, when).await?;
    match scene.try_inspect(token).await? {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => violated(format!(
            "{when}: the token lives, and `inspect` says Unauthenticated, from which its death is concluded: say so only where \
             the provider itself says that it does not know the token: {error}"
        )),
        Err(error) => demand(error.effect() == crate::error::Effect::None, || {
            format!("{when}: a look changes nothing, and its error says that it may have: {error}")
        }),
        Ok(_) => Ok(()),
    }
}
