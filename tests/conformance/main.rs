//! Every consumer and every provider here is held to its laws, over its stateful fake; and every law can be broken.
//!
//! A new consumer gets a module with its far side, and a line in [`far_sides`]; a new provider a module with its source
//! below [`providers`], and a line there.

mod broken;
mod codefresh;
mod codepipeline;
mod icr;
mod jenkins;
mod jenkins_key;
mod laws;
mod manual;
mod providers;
mod table;

use tokenturn::testing::consumer::{MemoryFarSide, Stage};

/// Every far side, by its name in the table.
fn far_sides() -> Vec<(&'static str, Stage)> {
    vec![
        ("memory", Stage::new(|| async { MemoryFarSide::new() })),
        ("a person", Stage::new(|| async { Ok(manual::Desk::new()) })),
        ("Jenkins, secret text", Stage::new(jenkins::secret_text)),
        ("Jenkins, username with password", Stage::new(jenkins::login)),
        ("Jenkins, our own key", Stage::new(jenkins_key::own_key)),
        ("Codefresh, runtime", Stage::new(codefresh::user_token)),
        ("Codefresh, OAuth2 runtime", Stage::new(codefresh::oauth)),
        ("Codefresh, git context", Stage::new(codefresh::context)),
        ("CodePipeline", Stage::new(codepipeline::quiet)),
        ("CodePipeline, started", Stage::new(codepipeline::started)),
        ("iCR, listed credential", Stage::new(icr::listed)),
        ("iCR, form field", Stage::new(|| async { Ok(icr::typed()) })),
    ]
}
