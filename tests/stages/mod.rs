//! Every consumer and every provider over its stateful fake, for all tests that hold each of them to something.
//!
//! A new consumer gets a module with its far side, and a line in [`far_sides`]; a new provider a module with its source
//! below [`providers`], and a line there.

pub(crate) mod codefresh;
pub(crate) mod codepipeline;
pub(crate) mod icr;
pub(crate) mod jenkins;
pub(crate) mod jenkins_key;
pub(crate) mod manual;
pub(crate) mod providers;
pub(crate) mod table;

use std::time::Duration;

use tokenturn::Http;
use tokenturn::testing::Elsewhere;
use tokenturn::testing::consumer::{MemoryFarSide, Stage};
use url::Url;

/// Every far side, by its name in the table.
pub(crate) fn far_sides() -> Vec<(&'static str, Stage)> {
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

thread_local! {
    static ELSEWHERE: Elsewhere = Elsewhere::open().unwrap();
    /// Certificates are read once, for all that one thread plays: connections belong to its runtime.
    static HTTP: Http =
        // Long enough for a busy machine; what never answers costs as much.
        Http::builder()
            .allow_plain_http_on_loopback()
            .timeout(Duration::from_secs(2))
            .body_limit(1024 * 1024)
            .proxy(elsewhere_url())
            .build()
            .unwrap();
}

/// Every host but this machine, for all that this thread plays: nobody is to come there.
pub(crate) fn elsewhere() -> Elsewhere {
    ELSEWHERE.with(Clone::clone)
}

fn elsewhere_url() -> Url {
    format!("http://127.0.0.1:{}", elsewhere().port()).parse().unwrap()
}

/// What a new process would have.
fn http() -> Http {
    HTTP.with(Http::reboot)
}

/// How many requests went out from this thread.
fn sent() -> u64 {
    HTTP.with(Http::requests_sent)
}
