//! A GitHub with an app that is installed in an organisation, and makes tokens of that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{GitHubFake, Trouble, VirtualClock};
use tokenturn::{CredentialName, GitHub, Guide, Label, Result, ScopeSet, Token};

use super::{http, no_person, not_applicable};

#[path = "../../github_app/keys.rs"]
pub(crate) mod keys;

const APP: u64 = 123_456;
const INSTALLATION: u64 = 42;

/// All tokens live for so long.
const HOUR: Duration = Duration::from_hours(1);

/// With this begins every JSON Web Token that the app signs.
const SIGNED: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";

/// The key of another app.
fn wrong() -> &'static SecretString {
    static WRONG: OnceLock<SecretString> = OnceLock::new();
    WRONG.get_or_init(keys::other)
}

/// An app with a token that another program of it asked for.
pub(crate) struct App {
    fake: GitHubFake,
    clock: VirtualClock,
    current: Token,
    refused: AtomicBool,
}

pub(crate) async fn installed() -> Result<App> {
    let clock = VirtualClock::new();
    let fake = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
    fake.github_app(APP, "deployer", keys::public());
    fake.install_app(APP, INSTALLATION, "acme", &["site"], &["contents=write", "issues=read"]);
    let current = made_before(&*provider(&fake, &clock, keys::pkcs8())).await?;
    Ok(App { fake, clock, current, refused: AtomicBool::new(false) })
}

fn provider(fake: &GitHubFake, clock: &VirtualClock, key: SecretString) -> Arc<dyn Provider> {
    let builder = GitHub::app(&http(), APP, key).organization("acme").repositories(["site"]);
    Arc::new(builder.server(fake.base()).clock(Arc::new(clock.clone())).build().unwrap())
}

async fn made_before(provider: &dyn Provider) -> Result<Token> {
    let (name, label) = (CredentialName::new("before")?, Label::new("tokenturn-before")?);
    let scopes = ScopeSet::of(["contents=write"]);
    match provider.issue(&IssueRequest::new(&name, &label, &scopes)).await? {
        Issuance::Minted(candidate) => Ok(candidate.token),
        other => panic!("not minted: {other:?}"),
    }
}

#[async_trait]
impl Source for App {
    fn provider(&self) -> Arc<dyn Provider> {
        let key = if self.refused.load(Ordering::Relaxed) { wrong().clone() } else { keys::pkcs1() };
        provider(&self.fake, &self.clock, key)
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone())
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::of(["contents=write"])).lasting(HOUR).owned_by("deployer[bot] of acme")
    }

    fn stranger(&self) -> Token {
        Token::new("ghs_FAKEneverlived0123456789abcdefghijk").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.is_app_token_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.app_tokens().len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        self.fake.end_app_token(&token.token);
        Ok(())
    }

    async fn follow(&self, _: &Guide, _: Person) -> Result<Option<Token>, NotApplicable> {
        no_person()
    }

    async fn delete(&self, _: &Guide) -> Result<(), NotApplicable> {
        not_applicable("no person ends its tokens")
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let line = match call {
            Call::Inspect => "GET /api/v3/installation/repositories",
            Call::Issue => "POST /api/v3/app/installations/42/access_tokens",
            Call::Revoke => "DELETE /api/v3/installation/token",
        };
        if trouble == Trouble::Refuse(401) && matches!(call, Call::Issue) {
            // The first is for what was signed before, and is signed anew.
            self.fake.trouble(line, trouble.clone());
        }
        self.fake.trouble(line, trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        self.trouble(Call::Issue, Trouble::Garble(vec!["token".to_owned()])).await
    }

    /// Somebody suspends the installation.
    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.fake.suspend_app(INSTALLATION, true);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.refused.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.fake.stop();
        Ok(())
    }

    /// Of the keys each line, but for the short ones at their ends.
    fn requests(&self) -> Option<u64> {
        Some(super::super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        let keys = [keys::pkcs1(), keys::pkcs8(), wrong().clone()];
        let lines = keys.iter().flat_map(|key| key.expose_secret().lines());
        let lines = lines.filter(|line| line.len() == 64).map(str::to_owned);
        lines.chain([SIGNED.to_owned()]).collect()
    }
}
