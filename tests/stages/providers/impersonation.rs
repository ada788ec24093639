//! A GitHub Enterprise Server with a site administrator, who acts as a user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{GitHubFake, Trouble, VirtualClock};
use tokenturn::{GitHub, Guide, Result, ScopeSet, Token};

use super::github::lock;
use super::{http, no_person, not_applicable};

const USER: &str = "octo-bot";
const WRONG: &str = "ghp_FAKEwithdrawn0123456789abcdefghijkl";

/// The one token by which a user is acted as.
pub(crate) struct Impersonation {
    fake: GitHubFake,
    clock: VirtualClock,
    key: Token,
    current: Token,
    refused: AtomicBool,
}

pub(crate) async fn of_user() -> Result<Impersonation> {
    let clock = VirtualClock::new();
    let fake = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
    fake.user(USER);
    let key = fake.site_administrator("root", &["site_admin"]);
    let current = fake.impersonate(USER, &["repo"]);
    Ok(Impersonation { fake, clock, key, current, refused: AtomicBool::new(false) })
}

#[async_trait]
impl Source for Impersonation {
    fn provider(&self) -> Arc<dyn Provider> {
        let key = if self.refused.load(Ordering::Relaxed) { WRONG } else { self.key.expose() };
        let builder = GitHub::impersonation(&http(), self.fake.base(), USER, SecretString::from(key));
        Arc::new(builder.build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone())
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::of(["repo"])).owned_by(USER)
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
        Ok(self.fake.rows(USER).len())
    }

    /// There is one at a time, so it is that one.
    async fn kill(&self, _: &Candidate) -> Result<(), NotApplicable> {
        self.fake.end_impersonation(USER);
        Ok(())
    }

    async fn follow(&self, _: &Guide, _: Person) -> Result<Option<Token>, NotApplicable> {
        no_person()
    }

    async fn delete(&self, _: &Guide) -> Result<(), NotApplicable> {
        not_applicable("no person ends its tokens")
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let making = "POST /api/v3/admin/users/octo-bot/authorizations";
        let line = match call {
            Call::Inspect => "GET /api/v3/user",
            Call::Issue => making,
            Call::Revoke => "DELETE /api/v3/admin/users/octo-bot/authorizations",
        };
        if call == Call::Issue {
            // The first request of this line looks at the token that lives, and makes none: what matters of its answer comes.
            self.fake.trouble(making, Trouble::Garble(vec!["token".to_owned()]));
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

    async fn lock_out(&self) -> Result<(), NotApplicable> {
        lock(&self.fake, &self.clock, USER).await;
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

    fn requests(&self) -> Option<u64> {
        Some(super::super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.key.expose().to_owned(), WRONG.to_owned()]
    }
}
