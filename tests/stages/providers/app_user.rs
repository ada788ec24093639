//! A GitHub with apps that users give tokens to: by a code, and by the refresh token of the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{GitHubFake, Trouble, VirtualClock};
use tokenturn::{Clock as _, ErrorKind, GitHub, Guide, Result, ScopeSet, Token};

use super::github::lock;
use super::{http, no_key, no_person, not_applicable};

const APP: &str = "Iv1.fake";
const KEY: &str = "app-secret-FAKE-0123456789";
const WRONG: &str = "app-secret-FAKE-withdrawn";
const BOT: &str = "build-bot";

/// How tokens are obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Of an OAuth app, whose tokens do not expire. It has no secret at hand; tokens end as exposed.
    Device,
    /// Of a GitHub App, whose tokens expire. It checks and ends them itself.
    Refresh,
}

/// Tokens that a bot gives an app.
pub(crate) struct AppUser {
    fake: GitHubFake,
    clock: VirtualClock,
    flow: Flow,
    current: Candidate,
    refused: AtomicBool,
}

/// A revoked one is taken once more.
pub(crate) async fn by_device() -> Result<AppUser> {
    let source = AppUser::start(Flow::Device).await?;
    source.fake.revoke_after_logins(1);
    Ok(source)
}

pub(crate) async fn refreshed() -> Result<AppUser> {
    AppUser::start(Flow::Refresh).await
}

impl AppUser {
    async fn start(flow: Flow) -> Result<Self> {
        let clock = VirtualClock::new();
        let fake = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
        fake.private_repository("acme/site", &[BOT]);
        fake.device_flow_app(APP, KEY);
        if flow == Flow::Refresh {
            fake.is_github_app(APP);
            fake.expire_tokens_of(APP);
        }
        // By a browser: then only the app's secret renews it.
        let (token, refresh_token) = fake.user_token(APP, BOT, "repo", flow == Flow::Device);
        let current = Candidate::new(token).with_companion(refresh_token);
        Ok(Self { fake, clock, flow, current, refused: AtomicBool::new(false) })
    }
}

#[async_trait]
impl Source for AppUser {
    fn provider(&self) -> Arc<dyn Provider> {
        let key = if self.refused.load(Ordering::Relaxed) { WRONG } else { KEY };
        let builder = match self.flow {
            Flow::Device => GitHub::device_flow(&http(), APP).revoke_by_api(),
            Flow::Refresh => {
                GitHub::refreshed(&http(), APP).client_secret(SecretString::from(key)).must_read("acme/site")
            }
        };
        Arc::new(builder.server(self.fake.base()).account(BOT).clock(Arc::new(self.clock.clone())).build().unwrap())
    }

    fn current(&self) -> Candidate {
        self.current.clone()
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::of(["repo"])).owned_by(BOT)
    }

    fn stranger(&self) -> Token {
        Token::new("gho_FAKEneverlived0123456789abcdefghijk").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.is_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.tokens_of(APP).len())
    }

    /// What came with it counts on.
    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        self.fake.expire_at(&token.token, self.clock.now());
        Ok(())
    }

    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable> {
        let who = match (self.flow, person) {
            (Flow::Refresh, _) => return no_person(),
            (Flow::Device, Person::Careful) => BOT,
            (Flow::Device, Person::WrongAccount) => "mallory",
            (Flow::Device, Person::WrongScopes) => return not_applicable("whoever agrees chooses nothing"),
        };
        let step = guide.steps.iter().find(|step| step.key == "user-code").unwrap();
        let code = step.text.split_once("Type the code ").unwrap().1.split('.').next().unwrap();
        match self.fake.enter_code(who, code) {
            // Nobody enters a code twice.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            entered => {
                entered.unwrap();
                Ok(None)
            }
        }
    }

    async fn delete(&self, _: &Guide) -> Result<(), NotApplicable> {
        not_applicable("no person ends its tokens")
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let line = match (call, self.flow) {
            (Call::Issue, _) => "POST /login/oauth/access_token",
            (Call::Inspect, Flow::Device) => "GET /api/v3/user",
            (Call::Inspect, Flow::Refresh) => "POST /api/v3/applications/Iv1.fake/token",
            (Call::Revoke, Flow::Device) => "POST /api/v3/credentials/revoke",
            (Call::Revoke, Flow::Refresh) => "DELETE /api/v3/applications/Iv1.fake/token",
        };
        self.fake.trouble(line, trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        self.trouble(Call::Issue, Trouble::Garble(vec!["access_token".to_owned()])).await
    }

    async fn lock_out(&self) -> Result<(), NotApplicable> {
        lock(&self.fake, &self.clock, BOT).await;
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        if self.flow == Flow::Device {
            return no_key();
        }
        self.refused.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.fake.stop();
        Ok(())
    }

    fn requests(&self) -> Option<u64> {
        Some(super::super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.fake.device_codes();
        secrets.extend([KEY.to_owned(), WRONG.to_owned()]);
        secrets
    }
}
