//! Providers and consumers of other hands that say a secret back.

use async_trait::async_trait;
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::journal::{Seq, Span};
use tokenturn::{AdmittedToken, Answer, CredentialName, Error, ErrorKind, Result, ScopeModel, ScopeSet};

use crate::world::{World, completed, swift};

/// What it says everything with.
#[derive(Debug)]
struct Gossip {
    fails: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Consumer for Gossip {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "gossip"
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("gossip")
            .proving(tokenturn::consumer::Proof::Always, tokenturn::consumer::Proof::Always)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::of(["repo"]))
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::opaque())
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        let said = token.token().expose();
        if self.fails.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Busy, format!("cannot store {said} now")));
        }
        let slot = Slot::at(said).with_detail("stored", format!("<{said}>")).with_warning(said.to_uppercase());
        Ok(Installation::Done(slot))
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let reversed: String = token.token().expose().chars().rev().collect();
        Ok(Verification::new(Answer::Proven, Answer::Proven).with_note(reversed))
    }
}

#[tokio::test]
async fn what_repeats_a_secret_is_neither_written_down_nor_told() {
    let world = World::new();
    let bot = world.bare().consumer(Gossip { fails: true.into() }).policy(swift()).build().unwrap();
    let plan = bot.plan(&world.held()).await.unwrap();
    let run = bot.rotate(world.held()).await.unwrap();
    completed(&run);
    let check = bot.check(&tokenturn::Predecessor::Kept).await.unwrap();
    let name = CredentialName::new("bot").unwrap();
    let log = world.journal.load(&name, Span::From(Seq::ZERO)).await.unwrap();
    let records: String = log.records.iter().map(|record| record.fact.clone()).collect();
    let told = format!("{:?}{:?}", world.told.lock().unwrap(), (&run, &check, &plan));
    assert!(records.contains("withheld: it repeats a secret"));
    for token in [&world.old, &world.newest()] {
        let secret = token.expose();
        let reversed: String = secret.chars().rev().collect();
        for form in [secret.to_owned(), secret.to_uppercase(), reversed] {
            assert!(!records.contains(&form) && !told.contains(&form), "{form}");
        }
    }
}

/// Its ids are the first part of its tokens.
#[derive(Debug)]
struct Telling(tokenturn::provider::memory::MemoryProvider);

#[async_trait]
impl tokenturn::Provider for Telling {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "telling"
    }

    fn capabilities(&self) -> tokenturn::provider::ProviderCapabilities {
        self.0.capabilities()
    }

    fn scopes(&self) -> ScopeModel {
        self.0.scopes()
    }

    async fn inspect(&self, token: &tokenturn::Token) -> Result<tokenturn::Grant> {
        self.0.inspect(token).await
    }

    async fn issue(&self, request: &tokenturn::provider::IssueRequest<'_>) -> Result<tokenturn::provider::Issuance> {
        let mut issued = self.0.issue(request).await?;
        if let tokenturn::provider::Issuance::Minted(candidate) = &mut issued {
            let value = candidate.token.expose();
            candidate.id = Some(tokenturn::TokenId::new(&value[..value.len() - 1]).unwrap());
        }
        Ok(issued)
    }

    async fn collect(&self, ticket: &tokenturn::Token) -> Result<tokenturn::provider::Issuance> {
        self.0.collect(ticket).await
    }

    async fn revoke(&self, token: &tokenturn::RetiredToken) -> Result<tokenturn::provider::Revocation> {
        self.0.revoke(token).await
    }

    async fn status(&self, id: &tokenturn::TokenId) -> Result<tokenturn::provider::Liveness> {
        self.0.status(id).await
    }

    async fn find(&self, label: &tokenturn::Label) -> Result<Vec<tokenturn::TokenId>> {
        self.0.find(label).await
    }
}

#[tokio::test]
async fn an_id_is_kept_as_it_is_for_a_token_is_ended_by_it() {
    let world = World::new();
    let bot = tokenturn::Rotator::builder("bot", Telling(world.provider.clone()))
        .consumer(world.a.clone())
        .policy(swift())
        .journal(world.journal.clone())
        .clock(std::sync::Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    completed(&bot.rotate(world.held()).await.unwrap());
    let filter = tokenturn::journal::HeadFilter::all();
    let head = world.journal.heads(&filter, tokenturn::journal::Page::first(1)).await.unwrap().remove(0);
    let id = head.current.unwrap().id.unwrap();
    assert!(world.newest().expose().starts_with(id.as_str()), "{id}");
}
