//! A Bitbucket Cloud, where people make tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{BitbucketCloudFake, Trouble, VirtualClock};
use tokenturn::{Bitbucket, Guide, Result, ScopeSet, Token};

use super::{LIFE, http, misread, no_key, not_applicable, person_ends, person_makes, row_of};

const ACCOUNT: &str = "bot@acme.example";
const REPOSITORY: &str = "acme/site";
const OLD: &str = "made by hand";

/// Tokens of an account, or of a repository.
pub(crate) struct Cloud {
    fake: BitbucketCloudFake,
    clock: VirtualClock,
    owner: &'static str,
    scope: &'static str,
    current: Token,
    rows: Mutex<BTreeMap<String, Token>>,
}

pub(crate) async fn api_token() -> Result<Cloud> {
    Cloud::start(ACCOUNT, "read:repository:bitbucket").await
}

/// A revoked one is taken once more.
pub(crate) async fn of_repository() -> Result<Cloud> {
    let source = Cloud::start(REPOSITORY, "repository").await?;
    source.fake.revoke_after_looks(1);
    Ok(source)
}

impl Cloud {
    async fn start(owner: &'static str, scope: &'static str) -> Result<Self> {
        let clock = VirtualClock::new();
        let fake = BitbucketCloudFake::start_with_clock(Arc::new(clock.clone())).await?;
        fake.private_repository(REPOSITORY, &[ACCOUNT]);
        let current = fake.token(owner, OLD, &[scope]);
        let rows = Mutex::new(BTreeMap::from([(OLD.to_owned(), current.clone())]));
        Ok(Self { fake, clock, owner, scope, current, rows })
    }

    fn is_of_account(&self) -> bool {
        self.owner == ACCOUNT
    }
}

#[async_trait]
impl Source for Cloud {
    fn provider(&self) -> Arc<dyn Provider> {
        let builder = if self.is_of_account() {
            Bitbucket::api_tokens(&http(), ACCOUNT).must_read(REPOSITORY)
        } else {
            Bitbucket::repository_tokens(&http(), REPOSITORY)
        };
        Arc::new(builder.address(self.fake.base()).clock(Arc::new(self.clock.clone())).build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone())
    }

    fn terms(&self) -> Terms {
        let owner = if self.is_of_account() { ACCOUNT.to_owned() } else { format!("repository {REPOSITORY}") };
        Terms::new(ScopeSet::of([self.scope])).lasting(LIFE).owned_by(owner)
    }

    fn stranger(&self) -> Token {
        Token::new("ATATTFAKEneverlived0123456789").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.is_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.rows(self.owner).len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        let rows = self.rows.lock().unwrap();
        let (row, _) = rows.iter().find(|(_, known)| **known == token.token).unwrap();
        self.fake.revoke(self.owner, row).unwrap();
        Ok(())
    }

    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable> {
        let wrong = if self.is_of_account() { "Scopes: read:user:bitbucket." } else { "Scopes: webhook." };
        let (who, guide) = match person {
            Person::Careful => (self.owner, guide.clone()),
            Person::WrongScopes => (self.owner, misread(guide, "scopes", wrong)),
            Person::WrongAccount if self.is_of_account() => ("mallory@acme.example", guide.clone()),
            Person::WrongAccount => ("acme/other", guide.clone()),
        };
        let token = Token::new(&self.fake.create(who, &guide).unwrap()).unwrap();
        let name = guide.steps.iter().find(|step| step.key == "name").unwrap().text.trim_start_matches("Name: ");
        self.rows.lock().unwrap().insert(name.to_owned(), token.clone());
        Ok(Some(token))
    }

    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        let row = row_of(guide).unwrap_or_else(|| OLD.to_owned());
        // What is not there, nobody revokes.
        let _ = self.fake.revoke(self.owner, &row);
        Ok(())
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        match call {
            Call::Inspect => self.fake.trouble("GET /2.0/repositories", trouble),
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

    /// The account is no member any more.
    async fn lock_out(&self) -> Result<(), NotApplicable> {
        if !self.is_of_account() {
            return not_applicable("a repository's token always sees the repository");
        }
        self.fake.private_repository(REPOSITORY, &[]);
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
