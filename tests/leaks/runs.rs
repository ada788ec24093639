//! Whole runs of every provider and every consumer, good and bad, over its stateful fake: everything that they log by either
//! facade, everything that a front end is told, and every address that is asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokenturn::testing::law::{Exception, Law, Ruling, Stage, rulings};
use tokenturn::testing::leak::Ears;
use tokenturn::testing::{consumer, provider};

use crate::channels::hear_log;
use crate::stages::table::{Findings, at_once};
use crate::stages::{far_sides, providers::sources};

static TEXTS: AtomicUsize = AtomicUsize::new(0);

/// Ears for what this thread logs by the older facade. The law has them hear the rest.
fn ears() -> Ears {
    let ears = Ears::new();
    hear_log(&ears);
    ears
}

/// Nothing was heard that is a secret; and something was heard.
fn kept(ears: &Ears, ruling: Ruling) -> Ruling {
    let heard = ears.heard().len();
    TEXTS.fetch_add(heard, Ordering::Relaxed);
    ruling.and_then(|()| if heard > 0 { Ok(()) } else { Err(Exception::Violated("nothing was heard".to_owned())) })
}

fn hold<S: ?Sized>(law: Law<S>, stages: &[(&str, Stage<S>)]) {
    let mut findings = Findings::default();
    for ((name, _), rulings) in
        stages.iter().zip(at_once(stages.len(), stages, |(_, stage)| rulings(&[law], stage).unwrap()))
    {
        for ruling in &rulings {
            findings.cell(name, law.name, ruling, "kept");
        }
    }
    assert!(findings.violations.is_empty(), "{}", findings.violations.join("\n"));
    assert!(findings.reasons.is_empty(), "it applies to all of them: {:?}", findings.reasons);
    println!("{}: {}, of {} texts so far", law.name, stages.len(), TEXTS.load(Ordering::Relaxed));
}

#[test]
fn no_provider_says_a_secret_in_a_whole_run_or_in_a_bad_one() {
    let law = Law::new("providers that say no secret", |stage| {
        Box::pin(async {
            let ears = ears();
            let ruling = Box::pin(provider::no_secret_is_heard(stage, &ears)).await;
            kept(&ears, ruling)
        })
    });
    hold(law, &sources());
}

#[test]
fn no_consumer_says_a_secret_in_a_whole_run_or_in_a_bad_one() {
    let law = Law::new("consumers that say no secret", |stage| {
        Box::pin(async {
            let ears = ears();
            let ruling = Box::pin(consumer::no_secret_is_heard(stage, &ears)).await;
            kept(&ears, ruling)
        })
    });
    hold(law, &far_sides());
}
