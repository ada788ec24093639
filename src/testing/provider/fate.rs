//! What becomes of the token before, and from what another is made.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::Trouble;
use super::super::law::{demand, in_time, violated};
use super::scene::{Basis, Made, Scene, named};
use super::{Call, Exception, NotApplicable, Ruling, Stage};
use crate::provider::{Candidate, Fate};

/// No account holds so many tokens: a cap beyond this is not tried out.
const MOST: u32 = 64;

/// Issuing does to the token before what the capabilities say: it lives on, it dies, or the oldest of too many dies.
pub async fn the_predecessors_fate_is_as_claimed(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let old = &scene.current.token;
    match scene.can().fate {
        Fate::Survives => {
            scene.issue().await?;
            scene.source.settle().await;
            scene.inspect(old).await?;
            scene.is_alive(old, "old and new overlap, as is claimed, and another was issued").await
        }
        Fate::Dies => {
            scene.issue().await?;
            scene.source.settle().await;
            scene
                .is_dead(old, "the old token dies with the new one's birth, as is claimed, and another was issued")
                .await
        }
        Fate::DiesBeyond(most) if most > MOST => {
            Err(NotApplicable::because("so many tokens are not made for a test").into())
        }
        Fate::DiesBeyond(most) => {
            let mut made = Vec::new();
            while made.len() + 1 < most as usize {
                made.push(scene.issue().await?);
            }
            scene.inspect(old).await?;
            made.push(scene.issue().await?);
            scene
                .is_dead(old, &format!("the oldest of more than {most} dies, as is claimed, and one more was issued"))
                .await?;
            for made in &made {
                scene.is_alive(made.token(), "an older one died, as there were too many").await?;
            }
            Ok(())
        }
    }
}

/// A replaced token is never presented where tokens are made from others: whatever is done with it, its successor lives.
/// Services take that for theft, and end all that came from it.
pub async fn nothing_done_with_a_replaced_token_harms_its_successor(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    if scene.can().fate != Fate::Dies {
        return Err(NotApplicable::because("its tokens do not replace the one before").into());
    }
    let made = scene.issue().await?;
    everything_with_the_old(&scene).await?;
    scene.is_alive(made.token(), "everything was done with the token that it replaced").await?;
    // The engine hands no dead token in; two engines at once might.
    let _ = scene.try_issue().await?;
    scene.is_alive(made.token(), "another was asked for from the token that it replaced").await?;
    // Nor does a lost answer make a dead token one to try again with.
    let scene = Scene::open(&stage).await?;
    let before = scene.living().await?;
    scene.source.trouble(Call::Issue, Trouble::DropAfter).await?;
    let _ = scene.try_issue().await?;
    everything_with_the_old(&scene).await?;
    let living = scene.living().await?;
    demand(living == before, || {
        format!(
            "an answer to `issue` was lost and everything was done with the old token: {before} tokens lived before, and \
             {living} do now: the successor must live"
        )
    })
}

async fn everything_with_the_old(scene: &Scene) -> Ruling {
    let old = Made { candidate: scene.current.clone(), label: named("tokenturn-before")? };
    for _ in 0..2 {
        // What comes of it is for other laws to say.
        let _ = scene.try_inspect(old.token()).await?;
        let _ = scene.try_revoke(&old.retired()).await?;
        let _ = in_time("find", scene.provider.find(&old.label)).await?;
        if let Some(id) = &old.candidate.id {
            let _ = in_time("status", scene.provider.status(id)).await?;
        }
    }
    Ok(())
}

/// Where it is claimed, a token is issued though no current one is at hand, and though the answer to an earlier request was
/// lost: whatever was made then does not stand in the way.
pub async fn another_is_issued_without_the_current_one_where_that_is_claimed(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    if !scene.can().reissues {
        return Err(NotApplicable::because("it does not claim to issue without the current token").into());
    }
    let nothing = Basis { current: None, companion: None, after_a_lost_answer: false };
    scene.kill(&scene.current).await?;
    scene.reconnect();
    made_from(&scene, nothing, "no current token was at hand").await?;
    let mut scene = Scene::open(&stage).await?;
    if scene.source.trouble(Call::Issue, Trouble::DropAfter).await.is_err() {
        return Ok(());
    }
    drop(scene.try_issue().await?);
    scene.reconnect();
    made_from(
        &scene,
        Basis { after_a_lost_answer: true, ..nothing },
        "an answer was lost and no current token was at hand",
    )
    .await
    .map(drop)
}

/// Where it is claimed, a token is issued from what came with a dead one, and the next from what came with that.
pub async fn a_dead_token_is_renewed_from_what_came_with_it_where_that_is_claimed(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    if !scene.can().renews {
        return Err(NotApplicable::because("nothing comes with its tokens from which others are made").into());
    }
    let mut before: Candidate = scene.current.clone();
    for _ in 0..2 {
        let Some(companion) = before.companion.clone() else {
            return violated(
                "a token came without the secret from which the next is made: use `Candidate::with_companion`",
            );
        };
        scene.kill(&before).await?;
        scene.reconnect();
        let from = Basis { current: None, companion: Some(&companion), after_a_lost_answer: false };
        before = made_from(&scene, from, "the token was dead, and what came with it at hand").await?.candidate;
    }
    Ok(())
}

async fn made_from(scene: &Scene, from: Basis<'_>, when: &str) -> Result<Made, Exception> {
    let made = scene.try_make(scene.label()?, from).await?;
    let made = made.or_else(|error| violated(format!("{when}, and `issue` fails, though it is claimed: {error}")))?;
    scene.is_alive(made.token(), "`issue` answered with a token").await?;
    scene.inspect(made.token()).await?;
    Ok(made)
}
