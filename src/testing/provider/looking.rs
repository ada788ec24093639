//! What a look leaves as it was.

use std::time::Duration;

use super::super::law::demand;
use super::scene::Scene;
use super::{Ruling, Stage};
use crate::token::Grant;

/// The time between two looks, where a token lives long enough for three.
const BETWEEN: Duration = Duration::from_hours(1);

/// `inspect` reads: it finds the same twice, the token lives on, no other comes or goes, and where the last use is told, a
/// look is none.
///
/// # Errors
///
/// Why it was not shown to be kept.
pub async fn a_look_harms_nothing(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    let token = &scene.current.token;
    let tells = scene.can().tells_last_use;
    let between = scene.can().longest_life.map_or(BETWEEN, |life| BETWEEN.min(life / 4));
    let living = scene.living().await.ok();
    let mut seen: Vec<Grant> = Vec::new();
    for _ in 0..3 {
        let mut grant = scene.inspect(token).await?;
        // Where it is not claimed that a look is no use, it may be one.
        grant.last_used = grant.last_used.filter(|_| tells);
        seen.push(grant);
        scene.source.clock().advance(between);
    }
    demand(seen.iter().all(|grant| *grant == seen[0]), || {
        "`inspect` found another grant the second or third time, and nobody did anything: leave out what changes by itself, \
         and do not claim `tells_last_use` where a look counts as a use"
            .to_owned()
    })?;
    scene.is_alive(token, "a token was looked at three times").await?;
    demand(scene.living().await.ok() == living, || {
        "`inspect` made or ended a token: ask on a path that only reads".to_owned()
    })
}
