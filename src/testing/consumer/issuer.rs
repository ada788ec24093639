//! A provider that issues the one token that a far side expects.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Revocation,
};
use crate::token::{AdmittedToken, Fingerprint, Grant, RetiredToken, ScopeModel, Token};

/// Knows the two tokens of a far side, says of each what its grant says, and issues the new one. Which of them it ended is
/// its own knowledge: at the far side both live on.
#[derive(Clone, Debug)]
pub(super) struct OneToken {
    old: AdmittedToken,
    new: AdmittedToken,
    dead: Arc<Mutex<BTreeSet<Fingerprint>>>,
}

impl OneToken {
    pub(super) fn new(old: AdmittedToken, new: AdmittedToken) -> Self {
        Self { old, new, dead: Arc::default() }
    }
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "this provider of a test cannot do that")
}

#[async_trait]
impl Provider for OneToken {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "one-token"
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Survives).ended_by(EndedBy::Api)
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::NONE
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner).contains(&token.fingerprint());
        let known = [&self.old, &self.new].into_iter().find(|known| known.fingerprint() == token.fingerprint());
        known.filter(|_| !dead).map(|known| known.grant().clone()).ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "the provider does not know this token: hand in a live one")
        })
    }

    async fn issue(&self, _: &IssueRequest<'_>) -> Result<Issuance> {
        Ok(Issuance::Minted(Candidate::new(self.new.token().clone())))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported())
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let value = token.value().ok_or_else(unsupported)?;
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).insert(value.fingerprint());
        Ok(Revocation::Done)
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported())
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported())
    }
}
