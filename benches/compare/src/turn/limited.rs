//! Our GitLab under the limit that all requests share, those of the places included.

use std::sync::Arc;

use async_trait::async_trait;
use tokenturn::provider::{Issuance, IssueRequest, Liveness, ProviderCapabilities, Revocation};
use tokenturn::{
    Error, ErrorKind, GitLabTokens, Grant, Label, Provider, Result, RetiredToken, ScopeModel, Token, TokenId,
};
use tokio::sync::{Semaphore, SemaphorePermit};

#[derive(Debug)]
pub(crate) struct Limited {
    pub(crate) gitlab: GitLabTokens,
    pub(crate) permits: Arc<Semaphore>,
}

impl Limited {
    async fn permit(&self) -> Result<SemaphorePermit<'_>> {
        self.permits.acquire().await.map_err(|_| Error::new(ErrorKind::Internal, "the limit is gone"))
    }
}

#[async_trait]
impl Provider for Limited {
    fn name(&self) -> &str {
        self.gitlab.name()
    }
    fn capabilities(&self) -> ProviderCapabilities {
        self.gitlab.capabilities()
    }
    fn scopes(&self) -> ScopeModel {
        self.gitlab.scopes()
    }
    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let _permit = self.permit().await?;
        self.gitlab.inspect(token).await
    }
    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let _permit = self.permit().await?;
        self.gitlab.issue(request).await
    }
    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.gitlab.collect(ticket).await
    }
    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let _permit = self.permit().await?;
        self.gitlab.revoke(token).await
    }
    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        let _permit = self.permit().await?;
        self.gitlab.status(id).await
    }
    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        let _permit = self.permit().await?;
        self.gitlab.find(label).await
    }
}
