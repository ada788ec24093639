//! A `CloudBees` Unify, where people make tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{CloudBeesFake, Trouble, VirtualClock};
use tokenturn::{CloudBees, Guide, Result, ScopeSet, Token};

use super::{LIFE, http, no_key, not_applicable, person_ends, person_makes, row_of};

const BOT: &str = "deploy-bot";
const OLD: &str = "ci, made by hand";

/// Tokens of a bot that is a member of an organization.
pub(crate) struct Unify {
    fake: CloudBeesFake,
    clock: VirtualClock,
    current: Token,
    rows: Mutex<BTreeMap<String, Token>>,
}

/// A deleted one is taken once more.
pub(crate) async fn unify() -> Result<Unify> {
    let clock = VirtualClock::new();
    let fake = CloudBeesFake::start_with_clock(Arc::new(clock.clone())).await?;
    fake.user(BOT, &["acme.com"]);
    fake.user("colleague", &["acme.com"]);
    fake.user("mallory", &[]);
    fake.delete_after_looks(1);
    let current = fake.token(BOT, OLD, 30);
    let rows = Mutex::new(BTreeMap::from([(OLD.to_owned(), current.clone())]));
    Ok(Unify { fake, clock, current, rows })
}

#[async_trait]
impl Source for Unify {
    fn provider(&self) -> Arc<dyn Provider> {
        let builder = CloudBees::unify(&http()).address(self.fake.base()).account(BOT).organization("acme.com");
        Arc::new(builder.clock(Arc::new(self.clock.clone())).build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone())
    }

    fn terms(&self) -> Terms {
        Terms::new(ScopeSet::new()).lasting(LIFE)
    }

    fn stranger(&self) -> Token {
        Token::new("unify-FAKE-neverlived0123456789").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.is_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.rows(BOT).len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        let rows = self.rows.lock().unwrap();
        let (row, _) = rows.iter().find(|(_, known)| **known == token.token).unwrap();
        self.fake.delete(BOT, row).unwrap();
        Ok(())
    }

    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable> {
        let who = match person {
            Person::Careful => BOT,
            Person::WrongScopes => return not_applicable("there are no scopes to choose"),
            Person::WrongAccount => "mallory",
        };
        let token = Token::new(&self.fake.generate(who, guide).unwrap()).unwrap();
        let name = guide.steps.iter().find(|step| step.key == "name").unwrap().text.trim_start_matches("Name: ");
        self.rows.lock().unwrap().insert(name.to_owned(), token.clone());
        Ok(Some(token))
    }

    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        let row = row_of(guide).unwrap_or_else(|| OLD.to_owned());
        // What is not there, nobody deletes.
        let _ = self.fake.delete(BOT, &row);
        Ok(())
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        match call {
            Call::Inspect => self.fake.trouble("GET /v1/organizations/name", trouble),
            Call::Issue => return person_makes(),
            Call::Revoke => return person_ends(),
        }
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        person_makes()
    }

    /// The bot is no member any more.
    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.fake.user(BOT, &[]);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        no_key()
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.fake.stop();
        Ok(())
    }

    fn requests(&self) -> Option<u64> {
        Some(super::super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}
