//! What a provider says that it can do.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::law::{demand, in_time, violated};
use super::scene::{Basis, Scene, by_id, named};
use super::{NotApplicable, Ruling, Stage};
use crate::error::{Effect, ErrorKind, Result};
use crate::name::TokenId;
use crate::provider::{EndedBy, Issuance, Issuer, Revocation};

/// Name, capabilities and scopes are the same for every handle, before a token was issued and after it.
pub async fn claims_and_name_are_always_the_same(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    let claims =
        |scene: &Scene| (scene.provider.name().to_owned(), scene.provider.capabilities(), scene.provider.scopes());
    let before = claims(&scene);
    demand(!before.0.trim().is_empty(), || "it has no name: the journal knows its tokens by it".to_owned())?;
    let same = |scene: &Scene, when: &str| {
        demand(claims(scene) == before, || {
            format!(
                "{when}, its name, capabilities or scopes are not what they were: the journal knows its tokens by its name, \
                 and the engine relies on every claim for a whole run"
            )
        })
    };
    same(&scene, "asked a second time")?;
    scene.issue().await?;
    same(&scene, "after a token was issued")?;
    scene.reconnect();
    same(&scene, "over another connection")
}

/// What the capabilities do not claim is answered with `Unsupported`, or with a guide where a person could do it, and does
/// nothing.
pub async fn what_is_not_claimed_is_unsupported(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let can = scene.can();
    let made = scene.issue().await?;
    let id = made.candidate.id.clone().map_or_else(|| TokenId::new("1"), Ok);
    let id = id.or_else(|error| violated(error.to_string()))?;
    let mut shown = false;
    if !can.finds_by_label {
        shown = true;
        unsupported("find", &in_time("find", scene.provider.find(&made.label)).await?)?;
    }
    if !can.status_by_id {
        shown = true;
        unsupported("status", &in_time("status", scene.provider.status(&id)).await?)?;
    }
    if !can.ends_by_id && can.ending != EndedBy::Person {
        shown = true;
        let ended = in_time("revoke", scene.provider.revoke(&by_id(&id))).await?;
        if !matches!(ended, Ok(Revocation::Guided(_))) {
            unsupported("revoke", &ended)?;
        }
        scene.is_alive(made.token(), "`revoke` was asked for by an id alone, which is not claimed").await?;
    }
    let asked = scene.try_ask(&named("tokenturn-0a1b2c3d4e5f6a7b-99")?, Basis::token(&scene.current)).await?;
    if can.issuer == Issuer::Api || matches!(asked, Ok(Issuance::Guided(_))) {
        shown = true;
        let ticket = scene.source.stranger();
        unsupported("collect", &in_time("collect", scene.provider.collect(&ticket)).await?)?;
    }
    if shown { Ok(()) } else { Err(NotApplicable::because("it claims everything").into()) }
}

fn unsupported<T: std::fmt::Debug>(call: &str, answer: &Result<T>) -> Ruling {
    let fits = |error: &crate::Error| (error.kind(), error.effect()) == (ErrorKind::Unsupported, Effect::None);
    demand(answer.as_ref().is_err_and(fits), || {
        format!("`{call}` is not claimed, and is answered with {answer:?}: answer Unsupported, or claim it")
    })
}
