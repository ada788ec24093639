//! GitLab's providers against a stateful GitLab on loopback.

mod family;
mod inspect;
mod issued;
mod places;
mod refusals;
mod rotated;
mod rotations;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Provider};
use tokenturn::testing::{GitLabFake, VirtualClock};
use tokenturn::{
    CredentialName, GitLab, GitLabAccessLevel, GitLabRotatedTokens, GitLabTokens, GitLabTokensBuilder, Http, Label,
    Result, ScopeSet, Token,
};

pub(crate) const LABEL: &str = "tokenturn-0a1b-1";

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap()
}

pub(crate) fn secret(token: &Token) -> SecretString {
    SecretString::from(token.expose())
}

pub(crate) fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

/// A GitLab on the first of January 2030, with a group, a project, and who has a say in them.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) fake: GitLabFake,
    pub(crate) bot: u64,
    pub(crate) account: u64,
    pub(crate) admin: Token,
    pub(crate) owner: Token,
}

impl World {
    pub(crate) async fn start() -> Self {
        let clock = VirtualClock::new();
        let fake = GitLabFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
        let (root, owner, bot) = (fake.administrator("root"), fake.user("owner"), fake.user("build-bot"));
        let _ = (fake.project("acme/site"), fake.group("acme"));
        fake.add_member("acme/site", owner, GitLabAccessLevel::Owner);
        fake.add_member("acme", owner, GitLabAccessLevel::Owner);
        let account = fake.service_account("acme", "deployer");
        let (admin, owner) = (fake.personal(root, "admin key", &["api"]), fake.personal(owner, "owner key", &["api"]));
        Self { clock, fake, bot, account, admin, owner }
    }

    pub(crate) fn rotated(&self) -> GitLabRotatedTokens {
        GitLab::personal(&http()).server(self.fake.base()).clock(Arc::new(self.clock.clone())).build().unwrap()
    }

    pub(crate) fn built(&self, builder: GitLabTokensBuilder) -> GitLabTokens {
        builder.server(self.fake.base()).clock(Arc::new(self.clock.clone())).build().unwrap()
    }

    pub(crate) fn of_user(&self) -> GitLabTokens {
        self.built(GitLab::of_user(&http(), self.bot, secret(&self.admin)))
    }

    pub(crate) fn of_project(&self) -> GitLabTokens {
        let role = GitLabAccessLevel::Developer;
        self.built(GitLab::of_project(&http(), "acme/site", role, secret(&self.owner)))
    }

    pub(crate) fn of_group(&self) -> GitLabTokens {
        self.built(GitLab::of_group(&http(), "acme", GitLabAccessLevel::Reporter, secret(&self.owner)))
    }

    pub(crate) fn of_service_account(&self) -> GitLabTokens {
        self.built(GitLab::of_service_account(&http(), "acme", self.account, secret(&self.owner)))
    }

    /// Each kind that is made with a key.
    pub(crate) fn issued(&self) -> [GitLabTokens; 4] {
        [self.of_user(), self.of_project(), self.of_group(), self.of_service_account()]
    }

    /// How many requests began so.
    pub(crate) fn sent(&self, line: &str) -> usize {
        self.fake.seen().iter().filter(|seen| seen.line.starts_with(line)).count()
    }
}

/// Asks for a token that lives for 90 days.
pub(crate) async fn issue(provider: &impl Provider, current: Option<&Token>) -> Result<Candidate> {
    issue_for(provider, current, Some(days(90))).await
}

pub(crate) async fn issue_for(
    provider: &impl Provider,
    current: Option<&Token>,
    life: Option<Duration>,
) -> Result<Candidate> {
    let (name, label) = (CredentialName::new("bot").unwrap(), Label::new(LABEL).unwrap());
    let scopes = ScopeSet::of(["read_api", "self_rotate"]);
    let request = IssueRequest::new(&name, &label, &scopes).with_lifetime(life).with_current(current, None);
    match provider.issue(&request).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        other => panic!("not minted: {other:?}"),
    }
}
