//! What a check may say.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::law::{demand, violated};
use super::scene::{Placed, Scene};
use super::{NotApplicable, Ruling, Stage};
use crate::consumer::{Proof, Slot, Verification};
use crate::name::ConsumerName;
use crate::token::{Answer, ScopeModel};

/// `verify` never says of a token that it is there while another one is: not before it came, not when it is gone again.
pub async fn the_old_token_is_never_called_new(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let before = scene.look().await?;
    not_there(&scene.ask(&scene.new, &before).await?, "the old token is there, and it was asked about the new one")?;
    let Placed::There(installed) = placed(&scene, &before).await? else {
        return Ok(());
    };
    let after = scene.look().await?;
    for slot in [&installed, &before, &after] {
        not_there(&scene.ask(&scene.old, slot).await?, "the new token is there, and it was asked about the old one")?;
    }
    demand(scene.ask(&scene.new, &installed).await?.new != Answer::Refuted, || {
        "the new token is there, and `verify` says that it is not: answer Unknown where it cannot tell".to_owned()
    })?;
    if !scene.consumer.capabilities().restorable {
        return Ok(());
    }
    let restored = scene.put(&scene.old).await?;
    for slot in [&restored, &installed, &scene.look().await?] {
        not_there(&scene.ask(&scene.new, slot).await?, "the old token is back, and it was asked about the new one")?;
    }
    Ok(())
}

/// So often a dead token is asked about: a place may take several answers to forget that it lived.
const QUESTIONS: usize = 4;

/// `verify` never says of a token that it works when its provider no longer knows it; an error is a fair answer too.
pub async fn a_dead_token_is_not_called_working(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    if scene.consumer.capabilities().works == Proof::Never {
        return Err(NotApplicable::because("it never says that a token works").into());
    }
    let slot = scene.put(&scene.new).await?;
    scene.far.kill(&scene.new).await?;
    for asked in 1..=QUESTIONS {
        let seen = scene.try_ask(&scene.new, &slot).await?;
        demand(!seen.is_ok_and(|seen| seen.works == Answer::Proven), || {
            format!(
                "the new token is there and its provider no longer knows it, and `verify`, asked {asked} times, says Proven to \
                 `works`: have the place log in with it, and do not take an answer from before for one of now"
            )
        })?;
        scene.far.settle().await;
    }
    Ok(())
}

/// What is `Always` proven is proven after an installation, what is `Never` proven never is, and what is `Sometimes`
/// proven is not denied then.
pub async fn works_and_new_are_proven_only_as_claimed(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let can = scene.consumer.capabilities();
    let fits = |verification: &Verification| {
        let fits = |proof, answer| proof != Proof::Always || answer == Answer::Proven;
        fits(can.works, verification.works) && fits(can.new, verification.new)
    };
    let before = scene.look().await?;
    let asked = scene.ask(&scene.new, &before).await?;
    for (word, proof, answer) in [("works", can.works, asked.works), ("new", can.new, asked.new)] {
        never_more(word, proof, answer)?;
    }
    let Placed::There(slot) = placed(&scene, &before).await? else {
        return Ok(());
    };
    let asked = scene.ask_until(&scene.new, &slot, fits).await?;
    for (word, proof, answer) in [("works", can.works, asked.works), ("new", can.new, asked.new)] {
        never_more(word, proof, answer)?;
        match (proof, answer) {
            (Proof::Always, answer) if answer != Answer::Proven => {
                return violated(format!(
                    "`{word}` is claimed to be proven Always, and after an installation `verify` answers {answer:?}: the old \
                     token could never go; claim Sometimes"
                ));
            }
            (_, Answer::Refuted) => {
                return violated(format!(
                    "the new token is there and lives, and `verify` denies that in `{word}`: answer Unknown where it cannot tell"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The name is one, and name, capabilities and scopes are the same for every connection, before a write and after it.
pub async fn claims_and_name_are_always_the_same(stage: Stage) -> Ruling {
    let mut scene = Scene::open(&stage).await?;
    let claims = |scene: &Scene| {
        let consumer = &scene.consumer;
        let models = [ScopeModel::GITHUB_CLASSIC, ScopeModel::GITHUB_FINE_GRAINED, ScopeModel::GITLAB];
        let scopes = models.map(|model| (consumer.required_scopes(model), consumer.refuses(model)));
        (consumer.name().to_owned(), consumer.capabilities(), scopes)
    };
    let before = claims(&scene);
    ConsumerName::new(&before.0).or_else(|error| violated(format!("its name is none: {error}")))?;
    let same = |scene: &Scene, when: &str| {
        demand(claims(scene) == before, || {
            format!(
                "{when}, its name, capabilities or scopes are not what they were: the journal knows the place by its name, and \
                 the engine relies on every claim for a whole run"
            )
        })
    };
    same(&scene, "asked a second time")?;
    let slot = scene.look().await?;
    placed(&scene, &slot).await?;
    same(&scene, "after a write")?;
    scene.reconnect();
    same(&scene, "over another connection")
}

fn not_there(verification: &Verification, when: &str) -> Ruling {
    demand(verification.new != Answer::Proven, || {
        format!(
            "{when}, and `verify` says Proven to `new`: a check that the other token would pass too must answer Unknown, or \
             tokens are revoked that are in use"
        )
    })
}

fn never_more(word: &str, proof: Proof, answer: Answer) -> Ruling {
    demand(proof != Proof::Never || answer != Answer::Proven, || {
        format!("`{word}` is claimed to be Never proven, and `verify` says Proven: claim Sometimes, or answer Unknown")
    })
}

async fn placed(scene: &Scene, slot: &Slot) -> Result<Placed, super::Exception> {
    let placed = scene.try_install(&scene.new, slot).await?;
    scene.far.settle().await;
    placed.or_else(|error| violated(format!("`install` fails with nothing in its way: {error}")))
}
