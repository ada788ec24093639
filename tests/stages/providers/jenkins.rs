//! A Jenkins whose users make API tokens for themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{JenkinsFake, Trouble, VirtualClock};
use tokenturn::{Guide, Jenkins, Result, ScopeSet, Token, TokenId};

use super::{LIFE, http, no_person, row_of};

const USER: &str = "rotator";
const WRONG: &str = "11fakewithdrawnfakewithdrawnfake00";

/// A user with two API tokens: the one that is rotated, and the key by which that is done.
pub(crate) struct ApiTokens {
    fake: JenkinsFake,
    clock: VirtualClock,
    key: SecretString,
    /// The uuids of the key and of the other one.
    ids: [TokenId; 2],
    current: Token,
    refused: AtomicBool,
}

pub(crate) async fn of_user() -> Result<ApiTokens> {
    let (fake, clock) = (JenkinsFake::start().await?, VirtualClock::new());
    fake.use_clock(Arc::new(clock.clone()));
    fake.version(2, 560);
    let current = Token::new("11fakeoldfakeoldfakeoldfakeoldfake")?;
    fake.add_api_token(USER, "made by hand", current.expose());
    let rows = fake.api_tokens(USER);
    let ids = [TokenId::new(rows[0].1.clone())?, TokenId::new(rows[1].1.clone())?];
    Ok(ApiTokens { key: fake.api_token(USER), fake, clock, ids, current, refused: AtomicBool::new(false) })
}

#[async_trait]
impl Source for ApiTokens {
    fn provider(&self) -> Arc<dyn Provider> {
        let refused = self.refused.load(Ordering::Relaxed);
        let key = if refused { SecretString::from(WRONG) } else { self.key.clone() };
        let login = Token::new(key.expose_secret()).unwrap();
        let jenkins = Jenkins::at(&http(), self.fake.base()).unwrap().api_token(USER, key).build().unwrap();
        let [ours, old] = self.ids.clone();
        Arc::new(jenkins.api_tokens().known(&login, ours).known(&self.current, old).build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone()).with_id(Some(self.ids[1].clone()))
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::new()).lasting(LIFE).owned_by(USER)
    }

    fn stranger(&self) -> Token {
        Token::new("11fakeneverlivedfakeneverlivedfake").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.takes(USER, token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.api_tokens(USER).len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        let id = token.id.as_ref().unwrap().as_str();
        let rows = self.fake.api_tokens(USER);
        let (name, _) = rows.iter().find(|(_, uuid)| uuid == id).unwrap();
        self.fake.revoke_api_token(USER, name);
        Ok(())
    }

    async fn follow(&self, _: &Guide, _: Person) -> Result<Option<Token>, NotApplicable> {
        no_person()
    }

    /// A row that the guide names is revoked if it is there. Where only an id was known, the guide knows none, and all that
    /// is left to do is to look.
    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        let row = row_of(guide).unwrap_or_default();
        self.fake.revoke_api_token(USER, row.trim_end_matches(" under \"API Token\""));
        Ok(())
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let line = match call {
            Call::Inspect => "GET /ci/whoAmI/api/json",
            Call::Issue => "/descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken",
            Call::Revoke => "/descriptorByName/jenkins.security.ApiTokenProperty/revoke",
        };
        self.fake.trouble(line, trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        self.trouble(Call::Issue, Trouble::Garble(vec!["data.tokenValue".to_owned()])).await
    }

    /// A proxy takes every login away.
    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.fake.login_stripped(true);
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
        vec![self.key.expose_secret().to_owned(), WRONG.to_owned(), self.fake.password(USER).expose_secret().to_owned()]
    }
}
