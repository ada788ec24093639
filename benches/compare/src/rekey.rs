//! `rekey-core` 0.1.0, as its own program uses it: `rekey WORLD FLEET PLACES FILES DIRECTORY`.
//!
//! Its places are closed, and those that speak HTTP call other programs; so they are files here, which the world reads. It has no
//! overlapping GitLab tokens: it rotates them by their number. A second run in the same directory finds its tokens as the
//! program does, by `list_keys`.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rekey_core::RotationEngine;
use rekey_core::connector::Connector;
use rekey_core::models::{Consumer, ProviderKind, Secret};
use rekey_core::providers::GitlabConnector;
use tokenturn_compare::{KEY, Member, Said, peak_kb};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [world, fleet, places, files, directory] = words.as_slice() else {
        return Err("rekey WORLD FLEET PLACES FILES DIRECTORY".into());
    };
    let (places, begun): (usize, _) = (places.parse()?, Path::new(directory).join("begun"));
    let gitlab = Arc::new(GitlabConnector::new(Some(world.clone()), KEY.to_owned(), Some(90)));
    let again = begun.exists();
    std::fs::write(&begun, "")?;
    let delivered = |name: &str| -> Vec<Consumer> {
        (0..places).map(|place| Consumer::File { path: format!("{files}/{name}-{place}") }).collect()
    };
    let mut secrets: Vec<Secret> = if again {
        gitlab.list_keys().await?
    } else {
        let known = |member: Member| {
            let id = member.id.to_string();
            Secret::new(ProviderKind::Gitlab, id.clone(), member.name, id)
        };
        Member::read(fleet.as_ref())?.map(known).collect()
    };
    // Its own key is in the list, and is not to be turned.
    secrets.retain(|secret| secret.label.starts_with("bot-"));
    for secret in &mut secrets {
        secret.consumers = delivered(&secret.label);
    }
    let times = Arc::new(Mutex::new(HashMap::new()));
    let heard = times.clone();
    let engine = RotationEngine::new(vec![gitlab]).rescue_dir(directory).on_progress(Arc::new(move |id, _, _| {
        let now = Instant::now();
        heard.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert((now, now)).1 = now;
    }));
    let mut said = Said::default();
    for (id, came) in engine.rotate_all(&secrets, true).await {
        match came {
            Ok(outcome) if outcome.is_clean() => {
                said.completed += 1;
                let spent = times.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
                let took = spent.map(|(first, last): (Instant, Instant)| last - first).unwrap_or_default();
                said.latencies_us.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            }
            Ok(outcome) => {
                said.failed += 1;
                for problem in outcome.problems {
                    *said.problems.entry(brief(&problem)).or_default() += 1;
                }
            }
            Err(error) => {
                said.failed += 1;
                *said.problems.entry(brief(&error.to_string())).or_default() += 1;
            }
        }
    }
    said.peak_kb = peak_kb();
    println!("{}", serde_json::to_string(&said)?);
    Ok(())
}

/// Without what differs from one to the next.
fn brief(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).take(100).collect()
}
