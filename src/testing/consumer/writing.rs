//! What a write does, and what it leaves alone.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::law::demand;
use super::scene::{Scene, by_person};
use super::{NotApplicable, Ruling, Stage};
use crate::token::Fingerprint;

/// What `install` called done is stored on the far side.
pub async fn installing_reaches_the_far_side(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    scene.put(&scene.new).await?;
    scene.holds(&scene.new, "after `install` answered `Done`").await
}

/// Where the capabilities say that the slot's version changes with every token that is written, it does.
pub async fn a_version_changes_with_every_write_where_that_is_claimed(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    if !scene.consumer.capabilities().versioned {
        return Err(NotApplicable::because("it does not claim that a version changes with every write").into());
    }
    let before = scene.look().await?;
    scene.put(&scene.new).await?;
    let after = scene.look().await?;
    demand(before.differs_from(&after), || {
        "the slot has the same version after a token was written as before, or none: do not claim `versioned`, for a roll \
         back leaves places alone whose version has not moved"
            .to_owned()
    })
}

/// A second installation of the same token, after another look, is no error and leaves what the first one left.
pub async fn installing_twice_is_the_same_as_once(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    scene.put(&scene.new).await?;
    let (once, rest) = (scene.stored().await?, scene.far.rest().await.ok());
    scene.put(&scene.new).await?;
    demand(scene.stored().await? == once && scene.far.rest().await.ok() == rest, || {
        "a second `install` of the same token left the far side otherwise than the first: let twice be the same as once, for \
         the engine installs again when it does not know whether it did"
            .to_owned()
    })?;
    scene.holds(&scene.new, "after the second `install`").await
}

/// Where the capabilities say that the old token can be put back, `install` puts it back, and all is as it was.
pub async fn the_old_token_can_be_put_back_where_that_is_claimed(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    if !scene.consumer.capabilities().restorable {
        return Err(NotApplicable::because("it does not claim that the old token can be put back").into());
    }
    let before = scene.far.rest().await.ok();
    scene.put(&scene.new).await?;
    scene.put(&scene.old).await?;
    scene.holds(&scene.old, "after `install` put the old token back").await?;
    demand(scene.far.rest().await.ok() == before, || {
        "after the old token was put back, something beside it was otherwise than at first: put back nothing but the token"
            .to_owned()
    })
}

/// Beside the token, the place and what lies around it stay as they were.
pub async fn nothing_else_there_changes(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    if scene.consumer.capabilities().by_person {
        return Err(by_person().into());
    }
    let before = scene.far.rest().await?;
    scene.put(&scene.new).await?;
    let after = scene.far.rest().await?;
    demand(after == before, || {
        format!(
            "`install` changed more than the token: send back what was read, fields that are not known included\n  before: \
             {before}\n  after:  {after}"
        )
    })
}

/// `preflight` reads: it leaves everything as it is, and finds the same twice.
pub async fn a_look_changes_nothing(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let before = seen(&scene).await;
    let (first, second) = (scene.look().await?, scene.look().await?);
    demand(first == second, || {
        "`preflight` found another slot the second time, and nobody changed anything: leave out what changes by itself"
            .to_owned()
    })?;
    demand(before == seen(&scene).await, || {
        "`preflight` wrote: it must only read, for it is called for a plan too".to_owned()
    })?;
    // Where nobody can look, nothing was shown.
    scene.far.stored().await?;
    Ok(())
}

/// All that can be seen of the place past its interface.
async fn seen(scene: &Scene) -> (Option<Option<Fingerprint>>, Option<String>, Option<usize>) {
    let far = &scene.far;
    (far.stored().await.ok(), far.rest().await.ok(), far.writes().await.ok())
}
