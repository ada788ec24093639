//! What is never said.

use std::time::Duration;

use super::super::Trouble;
use super::super::law::{json, no_secret_among, words};
use super::super::leak::Ears;
use super::rotation::rotate;
use super::scene::{Placed, Scene};
use super::{Exception, Ruling, Stage};
use crate::error;

/// No token and no key is in any error, `Debug` text, event, plan, run, guide, slot or line of a log, in any form that
/// [`Search`](crate::testing::leak::Search) knows.
///
/// A whole rotation is heard, and what is said when things go wrong. Of logs those of `tracing` are heard, at every level,
/// of the thread that calls this; the older `log` has one ear for the whole process, which is the program's.
///
/// # Errors
///
/// Why it was not shown to be kept.
pub async fn no_secret_is_said(stage: Stage) -> Ruling {
    Box::pin(no_secret_is_heard(stage, &Ears::new())).await
}

/// The same with ears of the caller's, who has them hear more than `tracing`.
///
/// # Errors
///
/// Why it was not shown to be kept.
pub async fn no_secret_is_heard(stage: Stage, ears: &Ears) -> Ruling {
    let listening = ears.listen();
    let scene = Scene::open(&stage).await?;
    match rotate(&scene, ears).await {
        Ok((run, _)) => ears.hear("a run", format!("{run:?}")),
        Err(error) => ears.hear("an error of a rotation", words(&error)),
    }
    let mut secrets = secrets(&scene);
    good(&Scene::open(&stage).await?, ears).await?;
    for trouble in [
        Trouble::Refuse(400),
        Trouble::Refuse(401),
        Trouble::Refuse(403),
        Trouble::Refuse(404),
        Trouble::Refuse(409),
        Trouble::Refuse(422),
        Trouble::Refuse(503),
        Trouble::Echo(400),
        Trouble::Echo(403),
        Trouble::FailAfter(500),
        Trouble::DropBefore,
        Trouble::DropAfter,
        Trouble::Redirect("https://login.example/?back=x".to_owned()),
        Trouble::Flood(9_000_000),
    ] {
        let scene = Scene::open(&stage).await?;
        let slot = scene.look().await?;
        // What a far side cannot do to us needs no words.
        if scene.far.trouble(trouble.clone()).await.is_ok() {
            said(&scene, ears, "install", &scene.try_install(&scene.new, &slot).await?);
            secrets.extend(self::secrets(&scene));
        }
    }
    for act in [Bad::Login, Bad::Throttled, Bad::Stale, Bad::Unplugged] {
        let mut scene = Scene::open(&stage).await?;
        let slot = scene.look().await?;
        let done = match act {
            Bad::Login => scene.far.refuse_login().await,
            Bad::Throttled => scene.far.throttle(Duration::from_mins(10)).await.map(drop),
            Bad::Stale => scene.far.change().await,
            Bad::Unplugged => scene.far.unplug().await,
        };
        if done.is_ok() {
            scene.reconnect();
            said(&scene, ears, "install", &scene.try_install(&scene.new, &slot).await?);
            said(&scene, ears, "preflight", &scene.try_look().await?);
            secrets.extend(self::secrets(&scene));
        }
    }
    drop(listening);
    no_secret_among(secrets, ears)
}

enum Bad {
    Login,
    Throttled,
    Stale,
    Unplugged,
}

fn secrets(scene: &Scene) -> Vec<String> {
    let tokens = [&scene.old, &scene.new].map(|token| token.token().expose().to_owned());
    scene.far.secrets().into_iter().chain(tokens).collect()
}

/// Whatever the parts of a good installation say of themselves.
async fn good(scene: &Scene, ears: &Ears) -> Result<(), Exception> {
    ears.hear("the consumer's claims", format!("{} {:?}", scene.consumer.name(), scene.consumer.capabilities()));
    let mut slot = scene.look().await?;
    ears.hear("a slot of `preflight`", format!("{slot:?} {}", json(&slot)));
    let placed = scene.try_install(&scene.new, &slot).await?;
    said(scene, ears, "install", &placed);
    match placed {
        Ok(Placed::There(installed)) => {
            ears.hear("a slot of `install`", json(&installed));
            slot = installed;
        }
        Ok(Placed::ByPerson(guide)) => ears.hear("a guide", format!("{guide} {guide:?} {}", json(&guide))),
        Err(_) => {}
    }
    let verification = scene.ask(&scene.new, &slot).await?;
    ears.hear("a verification", format!("{verification:?} {}", json(&verification)));
    Ok(())
}

/// Takes down what came of a call, and what the consumer says of itself after it.
fn said<T: std::fmt::Debug>(scene: &Scene, ears: &Ears, call: &str, answer: &error::Result<T>) {
    ears.hear("Debug of the consumer", format!("{:?} {:#?}", scene.consumer, scene.consumer));
    match answer {
        Ok(answer) => ears.hear(format!("what `{call}` gave"), format!("{answer:?}")),
        Err(error) => ears.hear(format!("an error of `{call}`"), words(error)),
    }
}
