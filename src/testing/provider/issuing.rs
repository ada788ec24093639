//! What was issued is what was asked for.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use std::time::Duration;

use super::super::law::{demand, violated};
use super::scene::Scene;
use super::{NotApplicable, Ruling, Stage};
use crate::clock::Clock as _;
use crate::token::{Access, Expiry, Scope};

/// Providers count days, some of them begun ones, and round a life up.
const ROUNDING: Duration = Duration::from_hours(2 * 24);

/// A token that was just issued lives, is not the one before, and `inspect` takes it.
pub async fn an_issued_token_inspects(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let made = scene.issue().await?;
    demand(*made.token() != scene.current.token, || {
        "`issue` gave the current token back: answer with a new one".to_owned()
    })?;
    scene.is_alive(made.token(), "`issue` answered with a token").await?;
    let grant = scene.inspect(made.token()).await?;
    demand(grant.fingerprint == made.token().fingerprint(), || {
        "`inspect` gave a grant of another token: begin it with `Grant::of` of the token that was asked about"
            .to_owned()
    })
}

/// As far as the provider says whose a token is and what it may do, that is what was asked for: no less, and no more.
pub async fn owner_and_scopes_are_what_was_asked(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let made = scene.issue().await?;
    let grant = scene.inspect(made.token()).await?;
    if let Some(owner) = &scene.terms.owner {
        demand(grant.owner.eq_ignore_ascii_case(owner), || {
            format!("a token of {owner} was asked for, and the grant says that it is of {}", grant.owner)
        })?;
    }
    let granted = match grant.access {
        Access::Scopes(granted) => granted,
        Access::Permissions(granted) => {
            granted.iter().map(|(name, level)| Scope::new(format!("{name}={level}"))).collect()
        }
        // It does not say, and is held to nothing that it does not say.
        Access::Unknown | Access::Owner if scene.terms.owner.is_some() => return Ok(()),
        Access::Unknown | Access::Owner => {
            return Err(NotApplicable::because("it says neither whose a token is nor what it may do").into());
        }
    };
    let (model, asked) = (scene.provider.scopes(), &scene.terms.scopes);
    let (missing, excess) = (model.missing(asked, &granted), model.excess(asked, &granted));
    demand(missing.is_empty() && excess.is_empty(), || {
        format!(
            "a token with {asked} was asked for, and the grant says {granted}: missing {missing}, too much {excess}"
        )
    })
}

/// Where a life was asked for and the provider says when a token ends, it ends then, or a little later.
pub async fn the_life_is_what_was_asked(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let Some(life) = scene.terms.lifetime else {
        return Err(NotApplicable::because("no life can be asked for").into());
    };
    let now = scene.source.clock().now();
    let made = scene.issue().await?;
    match scene.inspect(made.token()).await?.expiry {
        Expiry::Unknown => Err(NotApplicable::because("it does not say when a token ends").into()),
        Expiry::Never => violated("a token with an end was asked for, and it has none: pass the lifetime on"),
        Expiry::At(end) => {
            let lasts = now.until(end);
            demand(lasts >= life && lasts <= life + ROUNDING, || {
                format!(
                    "a token was asked for that lives {life:?}, and it lives {lasts:?}: never shorter, and days at most longer"
                )
            })
        }
    }
}

/// Whatever else of the answer makes no sense: when the token can be read, it is handed over.
pub async fn a_malformed_rest_of_the_answer_does_not_lose_the_token(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    scene.source.malform().await?;
    match scene.try_issue().await? {
        Ok(made) => scene.is_alive(made.token(), "`issue` read a token out of a malformed answer").await,
        Err(error) => violated(format!(
            "the answer had a token in it and nothing else that was as it should be, and `issue` lost the token: read the \
             token first, and let nothing else fail it: {error}"
        )),
    }
}
