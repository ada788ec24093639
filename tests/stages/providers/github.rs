//! A GitHub with personal access tokens, which people make.

use std::sync::Arc;

use async_trait::async_trait;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{GitHubFake, Trouble, VirtualClock};
use tokenturn::{Clock as _, GitHub, Guide, Result, ScopeSet, Token};

use super::{LIFE, http, no_key, person_ends, person_makes, row_of};

const BOT: &str = "build-bot";
const OLD: &str = "made by hand";

/// Which tokens, and how they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ClassicByApi,
    ClassicByPerson,
    FineGrained,
}

/// Classic or fine-grained tokens of a bot.
pub(crate) struct Personal {
    fake: GitHubFake,
    clock: VirtualClock,
    kind: Kind,
    current: Token,
}

/// A revoked one is taken once more.
pub(crate) async fn classic_by_api() -> Result<Personal> {
    let source = Personal::start(Kind::ClassicByApi).await?;
    source.fake.revoke_after_logins(1);
    Ok(source)
}

pub(crate) async fn classic_by_person() -> Result<Personal> {
    Personal::start(Kind::ClassicByPerson).await
}

pub(crate) async fn fine_grained() -> Result<Personal> {
    Personal::start(Kind::FineGrained).await
}

impl Personal {
    async fn start(kind: Kind) -> Result<Self> {
        let clock = VirtualClock::new();
        let fake = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
        fake.private_repository("acme/site", &[BOT]);
        let current = match kind {
            Kind::FineGrained => fake.fine_grained(BOT, OLD),
            _ => fake.classic(BOT, OLD, &["repo", "admin:repo_hook"]),
        };
        Ok(Self { fake, clock, kind, current })
    }

    /// The row of a live token.
    fn row(&self, token: &Token) -> Option<String> {
        self.fake.rows(BOT).into_iter().find(|name| self.fake.value_of(name).as_ref() == Some(token))
    }
}

/// Dead tokens of an account are presented, until GitHub locks it.
pub(super) async fn lock(fake: &GitHubFake, clock: &VirtualClock, login: &str) {
    let dead = fake.classic(login, "dead", &[]);
    fake.expire_at(&dead, clock.now());
    while !fake.is_locked(login) {
        let looks = GitHub::classic(&http()).revoke_by_person().server(fake.base()).build().unwrap();
        let _ = looks.inspect(&dead).await;
    }
}

#[async_trait]
impl Source for Personal {
    fn provider(&self) -> Arc<dyn Provider> {
        let builder = match self.kind {
            Kind::FineGrained => GitHub::fine_grained(&http()).must_read("acme/site").revoke_by_person(),
            Kind::ClassicByPerson => GitHub::classic(&http()).revoke_by_person(),
            Kind::ClassicByApi => GitHub::classic(&http()).revoke_by_api(),
        };
        Arc::new(builder.server(self.fake.base()).account(BOT).build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone())
    }

    fn terms(&self) -> Terms {
        let scopes = match self.kind {
            Kind::FineGrained => ScopeSet::of(["contents=read"]),
            _ => ScopeSet::of(["repo", "admin:repo_hook"]),
        };
        Terms::new(scopes).lasting(LIFE).owned_by(BOT)
    }

    fn stranger(&self) -> Token {
        Token::new("ghp_FAKEneverlived0123456789abcdefghijk").unwrap()
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
        self.fake.delete(&self.row(&token.token).unwrap()).unwrap();
        Ok(())
    }

    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable> {
        let mut guide = guide.clone();
        let who = if person == Person::WrongAccount { "mallory" } else { BOT };
        if person == Person::WrongScopes {
            if self.kind == Kind::FineGrained {
                return Err(NotApplicable::because("GitHub tells nobody what a fine-grained token may do"));
            }
            let link = guide.link.as_mut().unwrap();
            link.set_query(Some("description=mine&scopes=gist&default_expires_at=90"));
        }
        let pasted = self.fake.generate(who, &guide).unwrap();
        Ok(Some(Token::new(&pasted).unwrap()))
    }

    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        let row = row_of(guide).or_else(|| self.row(&self.current));
        // What is not there, nobody deletes.
        let _ = row.map(|row| self.fake.delete(&row));
        Ok(())
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let line = match (call, self.kind) {
            (Call::Inspect, _) => "GET /api/v3/user",
            (Call::Issue, _) => return person_makes(),
            (Call::Revoke, Kind::ClassicByApi) => "POST /api/v3/credentials/revoke",
            (Call::Revoke, _) => return person_ends(),
        };
        self.fake.trouble(line, trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        person_makes()
    }

    async fn lock_out(&self) -> Result<(), NotApplicable> {
        lock(&self.fake, &self.clock, BOT).await;
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
