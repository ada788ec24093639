//! What was lost on the way.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::Trouble;
use super::super::law::demand;
use super::scene::Scene;
use super::{Call, NotApplicable, Ruling, Stage};
use crate::error::Effect;

/// A request for a token that arrived, and whose answer did not, may have made one, and the error says so.
pub async fn a_lost_answer_to_an_issue_leaves_its_effect_unknown(stage: Stage) -> Ruling {
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502), Trouble::SilenceAfter, Trouble::Flood(9_000_000)] {
        let scene = Scene::open(&stage).await?;
        match scene.source.trouble(Call::Issue, trouble.clone()).await {
            // There is no connection on which so much could come.
            Err(_) if matches!(trouble, Trouble::Flood(_)) => continue,
            placed => placed?,
        }
        if let Some(error) = scene.stumble().await? {
            demand(error.effect() == Effect::Unknown, || {
                format!(
                    "{trouble:?}: a token was made and the answer was lost, and the error says {:?}: say Effect::Unknown of \
                     whatever fails after the request was sent: {error}",
                    error.effect()
                )
            })?;
        }
    }
    // What never arrived cannot be told from that, and is worth another look.
    let scene = Scene::open(&stage).await?;
    scene.source.trouble(Call::Issue, Trouble::DropBefore).await?;
    match scene.stumble().await? {
        None => Ok(()),
        Some(error) => demand(error.is_transient(), || {
            format!("a request that was lost is worth another look, and {:?} is not: {error}", error.kind())
        }),
    }
}

/// A revocation whose answer was lost may have happened, and a second one comes to the end of it.
pub async fn a_second_revocation_settles_one_whose_answer_was_lost(stage: Stage) -> Ruling {
    let mut tried = None;
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(502), Trouble::SilenceAfter, Trouble::DropBefore] {
        let mut scene = Scene::open(&stage).await?;
        let made = scene.issue().await?;
        scene.inspect(made.token()).await?;
        if let Err(reason) = scene.source.trouble(Call::Revoke, trouble.clone()).await {
            tried.get_or_insert(Err(reason.into()));
            continue;
        }
        tried = Some(Ok(()));
        let done_before_the_answer = trouble != Trouble::DropBefore;
        if let Err(error) = scene.try_revoke(&made.retired()).await? {
            demand(!done_before_the_answer || error.effect() == Effect::Unknown, || {
                format!(
                    "{trouble:?}: a token was revoked and the answer was lost, and the error says {:?}: say Effect::Unknown: \
                     {error}",
                    error.effect()
                )
            })?;
            demand(error.is_transient(), || {
                format!("{trouble:?}: a lost revocation is worth another try, and {:?} is not: {error}", error.kind())
            })?;
        }
        scene.reconnect();
        scene.revoke(&made.retired(), &format!("{trouble:?}: the answer to the first one was lost")).await?;
        scene.is_dead(made.token(), &format!("{trouble:?}: a token was revoked a second time")).await?;
    }
    tried.unwrap_or_else(|| Err(NotApplicable::because("nothing is sent that could be lost").into()))
}
