//! What is never said.

use super::super::Trouble;
use super::super::law::{json, no_secret_among, words};
use super::super::leak::Ears;
use super::rotation::rotate;
use super::scene::{Basis, Made, Scene, text};
use super::{Call, Exception, Ruling, Stage};
use crate::error::{self, Error};
use crate::provider::{Issuance, Revocation};

/// No token, ticket or key is in any error, `Debug` text, event, plan, run, guide, grant or line of a log, in any form
/// that [`Search`](crate::testing::leak::Search) knows.
///
/// A whole rotation is heard, and what is said when things go wrong and the far side says back what it was sent. Of logs those
/// of `tracing` are heard, at every level, of the thread that calls this; the older `log` has one ear for the whole process,
/// which is the program's.
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
    let mut secrets = Vec::new();
    let listening = ears.listen();
    let scene = Scene::open(&stage).await?;
    if let Err(error) = rotate(&scene, ears).await? {
        ears.hear("an error of a rotation", words(&error));
    }
    known(&scene, &mut secrets);
    good(&Scene::open(&stage).await?, ears, &mut secrets).await?;
    for call in [Call::Inspect, Call::Issue, Call::Revoke] {
        let mut scene = Scene::open(&stage).await?;
        known(&scene, &mut secrets);
        for trouble in [
            Trouble::Refuse(400),
            Trouble::Refuse(401),
            Trouble::Refuse(403),
            Trouble::Refuse(404),
            Trouble::Refuse(503),
            Trouble::Echo(400),
            Trouble::Echo(401),
            Trouble::Echo(403),
            Trouble::Echo(422),
            Trouble::FailAfter(500),
            Trouble::DropAfter,
            Trouble::Redirect("https://login.example/?back=x".to_owned()),
            Trouble::Flood(9_000_000),
        ] {
            bad(&scene, call, trouble, ears, &mut secrets).await?;
            if scene.is_alive(&scene.current.token, "").await.is_err() {
                scene = Scene::open(&stage).await?;
            }
        }
    }
    for at in 0..3 {
        let mut scene = Scene::open(&stage).await?;
        let done = match at {
            0 => scene.source.refuse_login().await,
            1 => scene.source.lock_out().await,
            _ => scene.source.unplug().await,
        };
        if done.is_ok() {
            scene.reconnect();
            looked(&scene, ears).await?;
            made(&scene, ears, &mut secrets).await?;
            known(&scene, &mut secrets);
        }
    }
    drop(listening);
    no_secret_among(secrets, ears)
}

/// What must not be said of all that is there at first.
fn known(scene: &Scene, secrets: &mut Vec<String>) {
    secrets.push(scene.current.token.expose().to_owned());
    secrets.extend(scene.current.companion.iter().map(|companion| companion.expose().to_owned()));
    secrets.extend(scene.source.secrets());
}

async fn bad(
    scene: &Scene,
    call: Call,
    trouble: Trouble,
    ears: &Ears,
    secrets: &mut Vec<String>,
) -> Result<(), Exception> {
    let token = if call == Call::Revoke { made(scene, ears, secrets).await? } else { None };
    // What a far side cannot do to us needs no words.
    if scene.source.trouble(call, trouble).await.is_err() {
        return Ok(());
    }
    known(scene, secrets);
    match (call, token) {
        (Call::Inspect, _) => looked(scene, ears).await,
        (Call::Issue, _) => made(scene, ears, secrets).await.map(drop),
        (Call::Revoke, Some(token)) => ended(scene, ears, &token).await,
        (Call::Revoke, None) => Ok(()),
    }
}

/// Whatever the parts of a good life say of themselves.
async fn good(scene: &Scene, ears: &Ears, secrets: &mut Vec<String>) -> Result<(), Exception> {
    ears.hear("the provider's claims", format!("{} {:?}", scene.provider.name(), scene.provider.capabilities()));
    looked(scene, ears).await?;
    if let Some(made) = made(scene, ears, secrets).await? {
        ears.hear("Debug of what is to be ended", format!("{:?}", made.retired()));
        said(scene, ears, "find", &scene.provider.find(&made.label).await);
        if let Some(id) = &made.candidate.id {
            said(scene, ears, "status", &scene.provider.status(id).await);
        }
        ended(scene, ears, &made).await?;
    }
    known(scene, secrets);
    Ok(())
}

async fn looked(scene: &Scene, ears: &Ears) -> Result<(), Exception> {
    let grant = scene.try_inspect(&scene.current.token).await?;
    if let Ok(grant) = &grant {
        ears.hear("a grant", json(grant));
    }
    said(scene, ears, "inspect", &grant);
    Ok(())
}

/// Has a token made, and hears what is said on the way.
async fn made(scene: &Scene, ears: &Ears, secrets: &mut Vec<String>) -> Result<Option<Made>, Exception> {
    let label = scene.label()?;
    let issued = scene.try_ask(&label, Basis::token(&scene.current)).await?;
    match &issued {
        Ok(Issuance::Guided(guide)) => ears.hear("a guide", format!("{} {guide:?} {}", text(guide), json(guide))),
        Ok(Issuance::Pending { guide, ticket, .. }) => {
            secrets.push(ticket.expose().to_owned());
            ears.hear("a guide", format!("{} {guide:?} {}", text(guide), json(guide)));
        }
        _ => {}
    }
    if let Ok(Issuance::Minted(candidate)) = &issued {
        secrets.push(candidate.token.expose().to_owned());
        secrets.extend(candidate.companion.iter().map(|companion| companion.expose().to_owned()));
    }
    said(scene, ears, "issue", &issued);
    let made = match issued {
        Ok(Issuance::Minted(candidate)) => Ok(Made { candidate, label }),
        Err(_) => return Ok(None),
        Ok(_) => scene.try_issue().await?,
    };
    said(scene, ears, "collect", &made);
    if let Ok(made) = &made {
        secrets.push(made.token().expose().to_owned());
    }
    Ok(made.ok())
}

async fn ended(scene: &Scene, ears: &Ears, made: &Made) -> Result<(), Exception> {
    let ended = super::super::law::in_time("revoke", scene.provider.revoke(&made.retired())).await?;
    if let Ok(Revocation::Guided(guide)) = &ended {
        ears.hear("a guide", format!("{} {}", text(guide), json(guide)));
    }
    said(scene, ears, "revoke", &ended);
    Ok(())
}

/// Takes down what came of a call, and what the provider says of itself after it.
fn said<T: std::fmt::Debug>(scene: &Scene, ears: &Ears, call: &str, answer: &error::Result<T, Error>) {
    ears.hear("Debug of the provider", format!("{:?} {:#?}", scene.provider, scene.provider));
    match answer {
        Ok(answer) => ears.hear(format!("what `{call}` gave"), format!("{answer:?}")),
        Err(error) => ears.hear(format!("an error of `{call}`"), words(error)),
    }
}
