//! Our requests and our fake of GitHub, held to GitHub's published OpenAPI description by Prism's proxy.
//!
//! The description is that of github.com: it has no `/login/...`, where apps and devices get tokens, and nothing of the
//! administration of an Enterprise Server.

mod app;
#[path = "../github_app/keys.rs"]
#[expect(dead_code, reason = "the formats of keys are tested in github_app")]
mod keys;
mod ledger;
mod oauth_app;
mod personal;
mod prism;
mod recorder;
mod trimmed;
mod wrong;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use tokenturn::Http;
use tokenturn::testing::GitHubFake;

use crate::ledger::operations;
use crate::recorder::Recorder;

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().build().unwrap()
}

#[tokio::test]
async fn requests_and_fake_hold_githubs_description() {
    let Some(folder) = prism::folder() else { return };
    let fake = Arc::new(GitHubFake::start().await.unwrap());
    let recorder = Recorder::start(&folder, &fake.base()).await;
    personal::looks(&fake, &recorder.base()).await;
    personal::refusals(&fake, &recorder.base()).await;
    personal::revocations(&fake, &recorder.base()).await;
    oauth_app::life(&fake, &recorder.base()).await;
    oauth_app::refusals(&fake, &recorder.base()).await;
    app::life(&fake, &recorder.base()).await;
    app::lookups_refused(&fake, &recorder.base()).await;
    app::creation_refused(&fake, &recorder).await;
    app::looks_and_ends_refused(&fake, &recorder.base()).await;

    let ledger = recorder.ledger();
    std::io::stdout().write_all(ledger.to_string().as_bytes()).unwrap();
    assert_eq!(ledger.violations(), Vec::<String>::new());
    assert_eq!(ledger.called(), operations().collect::<BTreeSet<_>>(), "every operation that the crate calls");
    assert_eq!(ledger.unmet(), Vec::<String>::new(), "an exception that nothing meets is none");
}
