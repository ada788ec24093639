//! Whole runs of every provider and every consumer, good and bad, over its stateful fake: everything that they log by either
//! facade, everything that a front end is told, and every address that is asked.

use std::future::Future;

use tokenturn::testing::law::{Exception, Ruling};
use tokenturn::testing::leak::Ears;
use tokenturn::testing::{consumer, provider};
use tokio::runtime::Builder;

use crate::channels::hear_log;
use crate::stages;

/// What a law says of a stage, on a thread that nothing else uses; answers how much was heard.
fn judged<F: Future<Output = Ruling>>(law: impl FnOnce(Ears) -> F) -> (usize, Ruling) {
    let ears = Ears::new();
    hear_log(&ears);
    let ruling = Builder::new_current_thread().enable_all().build().unwrap().block_on(law(ears.clone()));
    (ears.heard().len(), ruling)
}

fn kept(name: &str, (heard, ruling): (usize, Ruling)) -> Option<String> {
    println!("{name}: {heard} texts");
    match ruling {
        Ok(()) if heard > 0 => None,
        Ok(()) => Some(format!("{name}: nothing was heard")),
        Err(Exception::NotApplicable(reason)) => Some(format!("{name}: {reason}")),
        Err(Exception::Violated(text)) => Some(format!("{name}: {text}")),
    }
}

#[test]
fn no_provider_says_a_secret_in_a_whole_run_or_in_a_bad_one() {
    let sources = stages::providers::sources();
    let bad: Vec<_> = sources
        .into_iter()
        .filter_map(|(name, stage)| {
            kept(name, judged(|ears| async move { provider::no_secret_is_heard(stage, &ears).await }))
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn no_consumer_says_a_secret_in_a_whole_run_or_in_a_bad_one() {
    let far_sides = stages::far_sides();
    let bad: Vec<_> = far_sides
        .into_iter()
        .filter_map(|(name, stage)| {
            kept(name, judged(|ears| async move { consumer::no_secret_is_heard(stage, &ears).await }))
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
