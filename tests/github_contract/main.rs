//! Our requests and our fake of GitHub, held to GitHub's published OpenAPI description by Prism's proxy.
//!
//! The description is that of github.com: it has no `/login/...`, where apps and devices get tokens, and nothing of the
//! administration of an Enterprise Server.

mod ledger;
mod oauth_app;
mod personal;
mod prism;
mod recorder;
mod trimmed;
mod wrong;

use std::collections::BTreeSet;
use std::io::Write as _;

use tokenturn::Http;
use tokenturn::testing::GitHubFake;

use crate::ledger::operations;
use crate::recorder::Recorder;

/// Described already, and called by no provider that is driven here.
const NOT_CALLED_YET: [&str; 6] = [
    "GET /installation/repositories",
    "POST /app/installations/{installation_id}/access_tokens",
    "DELETE /installation/token",
    "GET /orgs/{org}/installation",
    "GET /repos/{owner}/{repo}/installation",
    "GET /users/{username}/installation",
];

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().build().unwrap()
}

#[tokio::test]
async fn requests_and_fake_hold_githubs_description() {
    let Some(folder) = prism::folder() else { return };
    let fake = GitHubFake::start().await.unwrap();
    let recorder = Recorder::start(&folder, &fake.base()).await;
    personal::looks(&fake, &recorder.base()).await;
    personal::refusals(&fake, &recorder.base()).await;
    personal::revocations(&fake, &recorder.base()).await;
    oauth_app::life(&fake, &recorder.base()).await;
    oauth_app::refusals(&fake, &recorder.base()).await;

    let ledger = recorder.ledger();
    std::io::stdout().write_all(ledger.to_string().as_bytes()).unwrap();
    assert_eq!(ledger.violations(), Vec::<String>::new());
    let called: BTreeSet<_> = operations().filter(|operation| !NOT_CALLED_YET.contains(operation)).collect();
    assert_eq!(ledger.called(), called, "every operation, and what is called is no longer in NOT_CALLED_YET");
    assert_eq!(ledger.unmet(), Vec::<String>::new(), "an exception that nothing meets is none");
}
