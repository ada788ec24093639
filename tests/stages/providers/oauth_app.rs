//! A GitHub with an OAuth app, whose tokens are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{GitHubFake, Trouble, VirtualClock};
use tokenturn::{GitHub, Guide, Result, ScopeSet, Token};

use super::{http, no_person, not_applicable};

const APP: &str = "Iv1.fake";
const KEY: &str = "app-secret-FAKE-0123456789";
const WRONG: &str = "app-secret-FAKE-withdrawn";

/// A token that a user gave to the app.
pub(crate) struct OAuthApp {
    fake: GitHubFake,
    clock: VirtualClock,
    current: Token,
    refused: AtomicBool,
}

pub(crate) async fn of_app() -> Result<OAuthApp> {
    let clock = VirtualClock::new();
    let fake = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
    fake.oauth_app(APP, KEY);
    let current = fake.oauth_token(APP, "octo-bot", &["repo"]);
    Ok(OAuthApp { fake, clock, current, refused: AtomicBool::new(false) })
}

#[async_trait]
impl Source for OAuthApp {
    fn provider(&self) -> Arc<dyn Provider> {
        let key = if self.refused.load(Ordering::Relaxed) { WRONG } else { KEY };
        let builder = GitHub::oauth_app(&http(), APP, SecretString::from(key));
        Arc::new(builder.server(self.fake.base()).build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone())
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::of(["repo"])).owned_by("octo-bot")
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
        Ok(self.fake.rows("octo-bot").len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        let mut rows = self.fake.rows("octo-bot").into_iter();
        let row = rows.find(|name| self.fake.value_of(name).as_ref() == Some(&token.token)).unwrap();
        self.fake.delete(&row).unwrap();
        Ok(())
    }

    async fn follow(&self, _: &Guide, _: Person) -> Result<Option<Token>, NotApplicable> {
        no_person()
    }

    async fn delete(&self, _: &Guide) -> Result<(), NotApplicable> {
        no_person()
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let method = match call {
            Call::Inspect => "POST",
            Call::Issue => "PATCH",
            Call::Revoke => "DELETE",
        };
        self.fake.trouble(&format!("{method} /api/v3/applications/{APP}/token"), trouble);
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
        not_applicable("the app asks, and no account is locked")
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
        vec![KEY.to_owned(), WRONG.to_owned()]
    }
}
