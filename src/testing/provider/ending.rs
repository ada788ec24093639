//! What the end of a token is.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::scene::{Made, Scene};
use super::{Ruling, Stage};

/// After `revoke`, `inspect` comes to say that the provider does not know the token, and no other token went with it.
pub async fn a_revoked_token_is_not_known_any_more(stage: Stage) -> Ruling {
    let (scene, _) = revoked(&stage).await?;
    if scene.can().fate == crate::provider::Fate::Survives {
        scene.is_alive(&scene.current.token, "another token was revoked").await?;
    }
    Ok(())
}

async fn revoked(stage: &Stage) -> Result<(Scene, Made), super::Exception> {
    let scene = Scene::open(stage).await?;
    let made = scene.issue().await?;
    scene.inspect(made.token()).await?;
    scene.revoke(&made.retired(), "a live token was handed in").await?;
    scene.is_dead(made.token(), "a token was revoked").await?;
    Ok((scene, made))
}

/// `revoke` of a token that it has ended is no error, from this process or another.
pub async fn revoking_twice_is_a_success(stage: Stage) -> Ruling {
    let (mut scene, made) = revoked(&stage).await?;
    scene.revoke(&made.retired(), "the token was revoked before").await?;
    scene.reconnect();
    scene.revoke(&made.retired(), "the token was revoked before by another process").await
}

/// `revoke` of a token that somebody else ended, or that never lived, is no error.
pub async fn revoking_what_is_gone_already_is_a_success(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let made = scene.issue().await?;
    scene.kill(&made.candidate).await?;
    scene.revoke(&made.retired(), "somebody else ended the token").await?;
    scene.is_dead(made.token(), "somebody else ended the token").await?;
    let stranger = crate::testing::retired(&scene.source.stranger());
    scene.revoke(&stranger, "the token never lived").await
}
