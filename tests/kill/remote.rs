//! The world's provider and places, as a worker reaches them.

use std::net::SocketAddr;

use async_trait::async_trait;
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, Revocation};
use tokenturn::{
    AdmittedToken, Error, ErrorKind, Grant, Label, Result, RetiredToken, ScopeModel, ScopeSet, Token, TokenId,
};

use crate::fleet::Kind;
use crate::wire::{Call, Line, Reply};

#[derive(Debug)]
pub(crate) struct RemoteProvider {
    credential: String,
    kind: Kind,
    line: Line,
}

impl RemoteProvider {
    pub(crate) fn new(world: SocketAddr, credential: &str, kind: Kind) -> Self {
        Self { credential: credential.to_owned(), kind, line: Line::to(world) }
    }

    async fn ask(&self, call: Call) -> Result<Reply> {
        self.line.ask(&self.credential, call).await
    }
}

fn strange<T>(reply: &Reply) -> Result<T> {
    Err(Error::new(ErrorKind::Protocol, format!("the world answered something else: {reply:?}")))
}

#[async_trait]
impl Provider for RemoteProvider {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "world"
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.kind.can()
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITHUB_CLASSIC
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        match self.ask(Call::Inspect { token: token.expose().to_owned() }).await? {
            Reply::Granted(grant) => Ok(*grant),
            other => strange(&other),
        }
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let current = request.current.map(|token| token.expose().to_owned());
        let call = Call::Issue { label: request.label.clone(), scopes: request.scopes.clone(), current };
        match self.ask(call).await? {
            Reply::Minted { token, id } => Ok(Issuance::Minted(Candidate::new(Token::new(&token)?).with_id(id))),
            Reply::Guided(guide) => Ok(Issuance::Guided(guide)),
            other => strange(&other),
        }
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(Error::new(ErrorKind::Unsupported, "nothing is ever pending here"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let value = token.value().map(|token| token.expose().to_owned());
        match self.ask(Call::Revoke { token: value, id: token.id().cloned() }).await? {
            Reply::Done => Ok(Revocation::Done),
            other => strange(&other),
        }
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        match self.ask(Call::Status { id: id.clone() }).await? {
            Reply::Liveness(liveness) => Ok(liveness),
            other => strange(&other),
        }
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        match self.ask(Call::Find { label: label.clone() }).await? {
            Reply::Ids(ids) => Ok(ids),
            other => strange(&other),
        }
    }
}

#[derive(Debug)]
pub(crate) struct RemoteConsumer {
    credential: String,
    place: String,
    line: Line,
}

impl RemoteConsumer {
    pub(crate) fn new(world: SocketAddr, credential: &str, place: String) -> Self {
        Self { credential: credential.to_owned(), place, line: Line::to(world) }
    }
}

#[async_trait]
impl Consumer for RemoteConsumer {
    fn name(&self) -> &str {
        &self.place
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("world").proving(Proof::Always, Proof::Always)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::of(["repo"]))
    }

    async fn preflight(&self) -> Result<Slot> {
        match self.line.ask(&self.credential, Call::Preflight { place: self.place.clone() }).await? {
            Reply::Slot(slot) => Ok(slot),
            other => strange(&other),
        }
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        let (place, grant) = (self.place.clone(), Box::new(token.grant().clone()));
        let call = Call::Install { place, token: token.token().expose().to_owned(), grant, expected: expected.clone() };
        match self.line.ask(&self.credential, call).await? {
            Reply::Slot(slot) => Ok(Installation::Done(slot)),
            other => strange(&other),
        }
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let (place, grant) = (self.place.clone(), Box::new(token.grant().clone()));
        let call = Call::Verify { place, token: token.token().expose().to_owned(), grant, slot: slot.clone() };
        match self.line.ask(&self.credential, call).await? {
            Reply::Verified(verification) => Ok(verification),
            other => strange(&other),
        }
    }
}
