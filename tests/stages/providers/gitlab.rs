//! A GitLab with tokens that rotate themselves, and such as a key makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::provider::{Candidate, Provider};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{GitLabFake, Trouble, VirtualClock};
use tokenturn::{GitLab, GitLabAccessLevel, Guide, Result, ScopeSet, Token};

use super::{LIFE, http, no_key, no_person};

const SELF: &str = "/api/v4/personal_access_tokens/self";

/// Whose tokens, and what makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rotated,
    User,
    Project,
    Group,
    ServiceAccount,
}

/// A GitLab on the first of January 2030, with a group, a project, and who has a say in them.
pub(crate) struct GitLabSource {
    fake: GitLabFake,
    clock: VirtualClock,
    kind: Kind,
    /// Whose tokens they are, but for a project's and a group's.
    user: u64,
    key: Token,
    current: Token,
    refused: AtomicBool,
}

pub(crate) async fn rotated() -> Result<GitLabSource> {
    GitLabSource::start(Kind::Rotated).await
}

pub(crate) async fn of_user() -> Result<GitLabSource> {
    GitLabSource::start(Kind::User).await
}

pub(crate) async fn of_project() -> Result<GitLabSource> {
    GitLabSource::start(Kind::Project).await
}

pub(crate) async fn of_group() -> Result<GitLabSource> {
    GitLabSource::start(Kind::Group).await
}

pub(crate) async fn of_service_account() -> Result<GitLabSource> {
    GitLabSource::start(Kind::ServiceAccount).await
}

impl GitLabSource {
    async fn start(kind: Kind) -> Result<Self> {
        let clock = VirtualClock::new();
        let fake = GitLabFake::start_with_clock(Arc::new(clock.clone())).await?;
        let (root, owner, bot) = (fake.administrator("root"), fake.user("owner"), fake.user("build-bot"));
        let _ = (fake.project("acme/site"), fake.group("acme"));
        fake.add_member("acme/site", owner, GitLabAccessLevel::Owner);
        fake.add_member("acme", owner, GitLabAccessLevel::Owner);
        let account = fake.service_account("acme", "deployer");
        let key = fake.personal(if kind == Kind::User { root } else { owner }, "key", &["api"]);
        let user = if kind == Kind::ServiceAccount { account } else { bot };
        let role = GitLabAccessLevel::Developer;
        let current = match kind {
            Kind::Rotated => fake.personal(user, "old", &["read_api", "self_rotate"]),
            Kind::Project => fake.project_token("acme/site", "old", &["read_api"], role),
            Kind::Group => fake.group_token("acme", "old", &["read_api"], role),
            Kind::User | Kind::ServiceAccount => fake.personal(user, "old", &["read_api"]),
        };
        Ok(Self { fake, clock, kind, user, key, current, refused: AtomicBool::new(false) })
    }

    fn key(&self) -> SecretString {
        let refused = self.refused.load(Ordering::Relaxed);
        SecretString::from(if refused { "glpat-FAKEwithdrawn0123456789" } else { self.key.expose() })
    }
}

#[async_trait]
impl Source for GitLabSource {
    fn provider(&self) -> Arc<dyn Provider> {
        let (http, clock, role) = (http(), Arc::new(self.clock.clone()), GitLabAccessLevel::Developer);
        let builder = match self.kind {
            Kind::Rotated => {
                let builder = GitLab::personal(&http).server(self.fake.base()).clock(clock);
                return Arc::new(builder.build().unwrap());
            }
            Kind::User => GitLab::of_user(&http, self.user, self.key()),
            Kind::Project => GitLab::of_project(&http, "acme/site", role, self.key()),
            Kind::Group => GitLab::of_group(&http, "acme", role, self.key()),
            Kind::ServiceAccount => GitLab::of_service_account(&http, "acme", self.user, self.key()),
        };
        Arc::new(builder.server(self.fake.base()).clock(clock).build().unwrap())
    }

    fn current(&self) -> Candidate {
        Candidate::new(self.current.clone()).with_id(self.fake.id_of(&self.current))
    }

    fn terms(&self) -> Terms {
        let (scopes, owner) = match self.kind {
            Kind::Rotated => (&["read_api", "self_rotate"][..], format!("user {}", self.user)),
            Kind::User | Kind::ServiceAccount => (&["read_api"][..], format!("user {}", self.user)),
            Kind::Project => (&["read_api"][..], "project acme/site".to_owned()),
            Kind::Group => (&["read_api"][..], "group acme".to_owned()),
        };
        Terms::new(ScopeSet::of(scopes.iter().copied())).lasting(LIFE).owned_by(owner)
    }

    fn stranger(&self) -> Token {
        Token::new("glpat-FAKEneverlived0123456789").unwrap()
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.fake.is_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.live().len())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        self.fake.revoke(&token.token);
        Ok(())
    }

    async fn follow(&self, _: &Guide, _: Person) -> Result<Option<Token>, NotApplicable> {
        no_person()
    }

    async fn delete(&self, _: &Guide) -> Result<(), NotApplicable> {
        no_person()
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let line = match (call, self.kind) {
            (Call::Inspect, _) => format!("GET {SELF}"),
            (Call::Issue, Kind::Rotated) => format!("POST {SELF}/rotate"),
            (Call::Issue, Kind::User) => "POST /api/v4/users/".to_owned(),
            (Call::Issue, Kind::Project) => "POST /api/v4/projects/acme%2Fsite/access_tokens".to_owned(),
            (Call::Issue, Kind::Group) => "POST /api/v4/groups/acme/access_tokens".to_owned(),
            (Call::Issue, Kind::ServiceAccount) => "POST /api/v4/groups/acme/service_accounts/".to_owned(),
            (Call::Revoke, Kind::Project) => "DELETE /api/v4/projects/acme%2Fsite/access_tokens".to_owned(),
            (Call::Revoke, Kind::Group) => "DELETE /api/v4/groups/acme/access_tokens".to_owned(),
            (Call::Revoke, _) => format!("DELETE {SELF}"),
        };
        self.fake.trouble(&line, trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        self.trouble(Call::Issue, Trouble::Garble(vec!["token".to_owned()])).await
    }

    /// The address is banned.
    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.fake.ban(true);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        if self.kind == Kind::Rotated {
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
        vec![self.key.expose().to_owned(), "glpat-FAKEwithdrawn0123456789".to_owned()]
    }
}
