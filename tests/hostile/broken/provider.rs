//! A provider of GitLab that lies about what it was told.

use std::sync::Arc;

use async_trait::async_trait;
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, Revocation};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Call, Person, Source, Terms};
use tokenturn::testing::{Trouble, VirtualClock};
use tokenturn::{Access, Effect, Grant, Guide, Label, Result, RetiredToken, ScopeModel, ScopeSet, Token, TokenId};

use crate::stages::providers::gitlab::{self, GitLabSource};

/// What it lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    CallsWhatItCannotReadNothing,
    SaysWhatWasAskedFor,
}

/// Tokens that rotate themselves.
pub(super) async fn lying(lie: Lie) -> Result<Lying> {
    gitlab::rotated().await.map(|source| Lying { source, lie })
}

pub(super) struct Lying {
    source: GitLabSource,
    lie: Lie,
}

#[derive(Debug)]
struct Liar {
    honest: Arc<dyn Provider>,
    lie: Lie,
    asked: ScopeSet,
    owner: String,
}

#[async_trait]
impl Provider for Liar {
    fn name(&self) -> &str {
        self.honest.name()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.honest.capabilities()
    }

    fn scopes(&self) -> ScopeModel {
        self.honest.scopes()
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        if self.lie == Lie::SaysWhatWasAskedFor {
            let asked = Access::Scopes(self.asked.clone());
            return Ok(Grant::of(token, self.owner.clone()).with_access(asked));
        }
        self.honest.inspect(token).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let issued = self.honest.issue(request).await;
        if self.lie == Lie::CallsWhatItCannotReadNothing {
            return issued.map_err(|error| error.with_effect(Effect::None));
        }
        issued
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.honest.collect(ticket).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        self.honest.revoke(token).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.honest.status(id).await
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.honest.find(label).await
    }
}

#[async_trait]
impl Source for Lying {
    fn provider(&self) -> Arc<dyn Provider> {
        let terms = self.source.terms();
        let owner = terms.owner.unwrap_or_default();
        Arc::new(Liar { honest: self.source.provider(), lie: self.lie, asked: terms.scopes, owner })
    }

    fn current(&self) -> Candidate {
        self.source.current()
    }

    fn terms(&self) -> Terms {
        self.source.terms()
    }

    fn stranger(&self) -> Token {
        self.source.stranger()
    }

    fn clock(&self) -> VirtualClock {
        self.source.clock()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        self.source.lives(token).await
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        self.source.living().await
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        self.source.kill(token).await
    }

    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable> {
        self.source.follow(guide, person).await
    }

    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        self.source.delete(guide).await
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        self.source.trouble(call, trouble).await
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.source.trap(trouble).await
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        self.source.malform().await
    }

    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.source.lock_out().await
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.source.refuse_login().await
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.source.unplug().await
    }

    fn secrets(&self) -> Vec<String> {
        self.source.secrets()
    }
}
