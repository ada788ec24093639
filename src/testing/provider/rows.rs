//! What is done by a label or an id alone.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use std::collections::BTreeSet;

use super::super::law::{demand, in_time, violated};
use super::scene::{Basis, Made, Scene, by_id, named};
use super::{Exception, NotApplicable, Ruling, Stage};
use crate::name::{Label, TokenId};
use crate::provider::Liveness;

/// Where it is claimed, `find` finds the live tokens of exactly this label, by an id that is theirs, and from any process.
pub async fn the_label_finds_the_orphan_and_nothing_else_where_that_is_claimed(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    if !scene.can().finds_by_label {
        return Err(NotApplicable::because("it does not claim to find tokens by their label").into());
    }
    let label = named("tokenturn-0a1b2c3d4e5f6a7b-7")?;
    demand(found(&scene, &label).await?.is_empty(), || {
        "`find` found something under a label that nothing has: answer with an empty list".to_owned()
    })?;
    let made = under(&scene, label.clone()).await?;
    // Many searches find whatever contains or begins with the words.
    let longer = named("tokenturn-0a1b2c3d4e5f6a7b-77")?;
    under(&scene, longer).await?;
    scene.reconnect();
    let ids = found(&scene, &label).await?;
    demand(ids.len() == 1, || {
        format!(
            "one live token has this label, another has one that begins with it, and `find` found {}: compare the whole name",
            ids.len()
        )
    })?;
    demand(made.candidate.id.as_ref().is_none_or(|id| ids.contains(id)), || {
        "`find` found another id than the token was issued with".to_owned()
    })?;
    for id in ids {
        scene.revoke(&by_id(&id), "an orphan's id was handed in, as `find` gave it").await?;
    }
    scene.source.settle().await;
    scene.is_dead(made.token(), "what `find` found was revoked").await?;
    demand(found(&scene, &label).await?.is_empty(), || {
        "`find` found a token that was revoked: leave out what is dead".to_owned()
    })
}

async fn under(scene: &Scene, label: Label) -> Result<Made, Exception> {
    let made = scene.try_make(label, Basis::token(&scene.current)).await?;
    made.or_else(|error| violated(format!("`issue` fails with nothing in its way: {error}")))
}

async fn found(scene: &Scene, label: &Label) -> Result<BTreeSet<TokenId>, Exception> {
    let found = in_time("find", scene.provider.find(label)).await?;
    let found = found.or_else(|error| violated(format!("`find` fails with nothing in its way: {error}")))?;
    Ok(found.into_iter().collect())
}

/// Where it is claimed, `status` says of an id whether its token lives: alive, revoked, and ended by somebody else.
pub async fn the_status_of_an_id_is_the_truth_where_that_is_claimed(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    if !scene.can().status_by_id {
        return Err(NotApplicable::because("it does not claim to tell whether an id lives").into());
    }
    let (revoked, killed, lives) = (scene.issue().await?, scene.issue().await?, scene.issue().await?);
    for made in [&revoked, &killed, &lives] {
        status_is(&scene, made, Liveness::Alive, "it was just issued").await?;
    }
    scene.revoke(&revoked.retired(), "a live token was handed in").await?;
    scene.is_dead(revoked.token(), "a token was revoked").await?;
    scene.kill(&killed.candidate).await?;
    scene.reconnect();
    status_is(&scene, &revoked, Liveness::Dead, "it was revoked").await?;
    status_is(&scene, &killed, Liveness::Dead, "somebody else ended it").await?;
    status_is(&scene, &lives, Liveness::Alive, "others were revoked").await
}

async fn status_is(scene: &Scene, made: &Made, truth: Liveness, why: &str) -> Ruling {
    let status = in_time("status", scene.provider.status(id_of(made)?)).await?;
    let status = status.or_else(|error| violated(format!("`status` fails with nothing in its way: {error}")))?;
    demand(status == truth, || format!("a token is {truth:?}, as {why}, and `status` says {status:?} of its id"))
}

fn id_of(made: &Made) -> Result<&TokenId, Exception> {
    let without = "something is claimed that is done by an id, and `issue` gives none: use `Candidate::with_id`";
    made.candidate.id.as_ref().map_or_else(|| violated(without), Ok)
}

/// Where it is claimed, `revoke` ends a token of which nothing but its id is known, twice if need be, and no other.
pub async fn an_id_ends_its_own_token_and_no_other_where_that_is_claimed(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    if !scene.can().ends_by_id {
        return Err(NotApplicable::because("it does not claim to end a token by its id alone").into());
    }
    let (made, beside) = (scene.issue().await?, scene.issue().await?);
    scene.reconnect();
    let retired = by_id(id_of(&made)?);
    scene.revoke(&retired, "the id of a live token was handed in").await?;
    scene.is_dead(made.token(), "a token was revoked by its id").await?;
    scene.is_alive(beside.token(), "another token was revoked by its id").await?;
    scene.revoke(&retired, "the id was revoked before").await?;
    scene.is_alive(beside.token(), "another token was revoked twice by its id").await
}
