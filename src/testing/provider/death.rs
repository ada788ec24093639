//! What is, and what is not, the death of a token.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::Trouble;
use super::super::law::{demand, violated};
use super::scene::Scene;
use super::{Call, Exception, Ruling, Stage};
use crate::error::{Effect, ErrorKind};
use crate::token::Grant;

/// More often than a look is tried again.
const AGAIN: usize = 8;

/// `inspect` answers `Unauthenticated` of a token that the provider ended or never knew, and of no other: not for the words
/// of a proxy, a login page or an outage. The lock and our own key that is refused have laws of their own.
pub async fn only_the_providers_own_word_is_death(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    scene.is_dead(&scene.source.stranger(), "a token never lived").await?;
    scene.kill(&scene.current).await?;
    scene.is_dead(&scene.current.token, "somebody ended the token").await?;
    for trouble in [Trouble::DropBefore, Trouble::Refuse(503), Trouble::FailAfter(500)] {
        let scene = Scene::open(&stage).await?;
        for _ in 0..AGAIN {
            scene.source.trouble(Call::Inspect, trouble.clone()).await?;
        }
        refused(&scene, &format!("{trouble:?}, again and again")).await?;
    }
    let scene = Scene::open(&stage).await?;
    let (mut somebody, mut nobody) = (false, None);
    for trouble in [
        Trouble::Refuse(401),
        Trouble::Echo(401),
        Trouble::Redirect("https://login.example/?back=x".to_owned()),
        Trouble::Flood(9_000_000),
    ] {
        match scene.source.trouble(Call::Inspect, trouble.clone()).await {
            Ok(()) => {
                somebody = true;
                refused(&scene, &format!("{trouble:?}")).await?;
            }
            Err(reason) => nobody = Some(reason),
        }
    }
    // Within one process nobody stands between; where somebody does, all of these can be.
    if let (true, Some(reason)) = (somebody, nobody) {
        return Err(reason.into());
    }
    for trouble in [
        Trouble::Refuse(403),
        Trouble::Refuse(404),
        Trouble::Refuse(407),
        Trouble::Refuse(410),
        Trouble::Echo(403),
        Trouble::Echo(404),
        // The last one: nothing is sent for a while after it.
        Trouble::Wait(600),
    ] {
        scene.source.trouble(Call::Inspect, trouble.clone()).await?;
        refused(&scene, &format!("{trouble:?}")).await?;
    }
    let mut scene = Scene::open(&stage).await?;
    scene.source.unplug().await?;
    scene.reconnect();
    refused(&scene, "nobody could be reached").await
}

/// A token that is kept out for a reason that is none of its own, as a locked account, is not called dead: it comes back.
/// A right that was taken may show in its grant.
pub async fn a_token_that_is_locked_out_is_not_called_dead(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    let before = scene.inspect(&scene.current.token).await?;
    scene.source.lock_out().await?;
    scene.reconnect();
    let may = |grant: &Grant| (grant.access.clone(), grant.restrictions.clone(), grant.probes.clone());
    match not_dead(&scene, "the owner was locked out").await? {
        Some(grant) if may(&grant) == may(&before) => taken("the owner was locked out"),
        _ => Ok(()),
    }
}

/// Demands that a look fails, and not by calling this live token dead.
async fn refused(scene: &Scene, when: &str) -> Ruling {
    match not_dead(scene, when).await? {
        Some(_) => taken(when),
        None => Ok(()),
    }
}

/// Demands that a look does not call this live token dead, and answers what it says of it, if anything.
async fn not_dead(scene: &Scene, when: &str) -> Result<Option<Grant>, Exception> {
    let token = &scene.current.token;
    scene.is_alive(token, when).await?;
    match scene.try_inspect(token).await? {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => violated(format!(
            "{when}: the token lives, and `inspect` says Unauthenticated, from which its death is concluded: say so only where \
             the provider itself says that it does not know the token: {error}"
        )),
        Err(error) => demand(error.effect() == Effect::None, || {
            format!("{when}: a look changes nothing, and its error says that it may have: {error}")
        })
        .map(|()| None),
        Ok(grant) => Ok(Some(grant)),
    }
}

fn taken(when: &str) -> Ruling {
    violated(format!(
        "{when}: `inspect` takes the token all the same: either it does not look at the answer, or its request is not the one \
         that the source puts this in the way of: correct the source"
    ))
}
