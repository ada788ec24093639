//! A Bitbucket Data Center, which makes tokens for whoever has a password.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{BitbucketDataCenterFake, Trouble, VirtualClock};
use tokenturn::{Bitbucket, Guide, Result, ScopeSet, Token, TokenId};

use super::{LIFE, http, no_person, row_of};

const BOT: &str = "bot";
const LIST: &str = "users/bot";
const PASSWORD: &str = "password-FAKE-0123456789";
const WRONG: &str = "password-FAKE-changed";

/// Tokens of a user, one of which was made by hand, and whose number we know.
pub(crate) struct DataCenter {
    fake: BitbucketDataCenterFake,
    clock: VirtualClock,
    current: Token,
    id: TokenId,
    refused: AtomicBool,
}

/// A revoked one is taken once more.
pub(crate) async fn of_user() -> Result<DataCenter> {
    let clock = VirtualClock::new();
    let fake = BitbucketDataCenterFake::start_with_clock(Arc::new(clock.clone())).await?;
    fake.user(BOT, PASSWORD);
    fake.revoke_after_looks(1);
    let (current, id) = fake.token(LIST, "made by hand", &["REPO_WRITE"]);
    let id = TokenId::new(id.to_string())?;
    Ok(DataCenter { fake, clock, current, id, refused: AtomicBool::new(false) })
}

#[async_trait]
impl Source for DataCenter {
    fn provider(&self) -> Arc<dyn Provider> {
        let password = if self.refused.load(Ordering::Relaxed) { WRONG } else { PASSWORD };
        let builder = Bitbucket::data_center(&http(), self.fake.base()).login(BOT, SecretString::from(password));
        let builder = builder.known(&self.current, self.id.clone()).clock(Arc::new(self.clock.clone()));
        Arc::new(builder.build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone()).with_id(Some(self.id.clone()))
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::of(["REPO_WRITE"])).lasting(LIFE).owned_by(BOT)
    }

    fn stranger(&self) -> Token {
        Token::new("BBDC-FAKEneverlived0123456789").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.is_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.rows(LIST).len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        self.fake.delete(token.id.as_ref().unwrap().as_str().parse().unwrap());
        Ok(())
    }

    async fn follow(&self, _: &Guide, _: Person) -> Result<Option<Token>, NotApplicable> {
        no_person()
    }

    /// Asked for only where no number is known: of tokens that this user never had.
    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        let row = row_of(guide);
        let there = self.fake.rows(LIST).into_iter().any(|(name, _)| Some(&name) == row.as_ref());
        if there { no_person() } else { Ok(()) }
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let line = match call {
            Call::Inspect => "GET /bitbucket/rest/api/latest/projects",
            Call::Issue => "PUT /bitbucket/rest/access-tokens/latest/users/bot",
            Call::Revoke => "DELETE /bitbucket/rest/access-tokens/latest/users/bot",
        };
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

    /// The login that makes tokens is locked behind a CAPTCHA.
    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.refused.store(true, Ordering::Relaxed);
        while !self.fake.is_locked(BOT) {
            let _ = self.provider().status(&self.id).await;
        }
        self.refused.store(false, Ordering::Relaxed);
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
        vec![PASSWORD.to_owned(), WRONG.to_owned()]
    }
}
