//! The provider in memory in all its ways, and one out of functions.

use std::sync::Arc;

use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Provider, ProviderCapabilities, Supplied, Wish,
};
use tokenturn::testing::provider::MemorySource;
use tokenturn::{Error, ErrorKind, Result};

fn with(capabilities: ProviderCapabilities) -> Result<MemorySource> {
    MemorySource::of(|memory| memory.with_capabilities(capabilities))
}

/// A new token replaces the old one.
pub(crate) fn replaced() -> Result<MemorySource> {
    with(ProviderCapabilities::new(Issuer::Api, Fate::Dies).ended_by(EndedBy::Api))
}

/// The same, from what came with the old one.
pub(crate) fn renewed() -> Result<MemorySource> {
    let can = ProviderCapabilities::new(Issuer::Api, Fate::Dies).renewing().ended_by(EndedBy::Api);
    MemorySource::of(|memory| memory.with_capabilities(can).with_companions())
}

/// An account has two tokens at most. They are ended by an interface that answers before it is done.
pub(crate) fn capped() -> Result<MemorySource> {
    with(ProviderCapabilities::new(Issuer::Api, Fate::DiesBeyond(2)).reissuing().ended_by(EndedBy::ApiLater))
}

/// A person makes them and ends them.
pub(crate) fn guided() -> Result<MemorySource> {
    with(ProviderCapabilities::new(Issuer::Person, Fate::Survives).reissuing())
}

/// A person agrees elsewhere.
pub(crate) fn polled() -> Result<MemorySource> {
    with(ProviderCapabilities::new(Issuer::Person, Fate::Survives).reissuing().ended_by(EndedBy::Api))
        .map(MemorySource::polled)
}

/// Functions over the provider in memory.
pub(crate) fn supplied() -> Result<MemorySource> {
    Ok(MemorySource::new()?.seen_as(|memory| Arc::new(functions(&memory))))
}

async fn issue(memory: MemoryProvider, wish: Wish) -> Result<Candidate> {
    let request = IssueRequest::new(&wish.credential, &wish.label, &wish.scopes)
        .with_lifetime(wish.lifetime)
        .with_owner(wish.owner.as_deref())
        .with_current(wish.current.as_ref(), wish.companion.as_ref());
    match memory.issue(&request).await? {
        Issuance::Minted(candidate) => Ok(candidate),
        _ => Err(Error::new(ErrorKind::Internal, "this one issues at once")),
    }
}

/// A function that calls the provider in memory.
macro_rules! calling {
    ($memory:ident, |$it:ident| $call:expr) => {{
        let shared = $memory.clone();
        move |$it| {
            let $memory = shared.clone();
            async move { $call.await }
        }
    }};
}

fn functions(memory: &MemoryProvider) -> Supplied {
    Supplied::new(
        "functions",
        calling!(memory, |wish| issue(memory, wish)),
        calling!(memory, |token| memory.inspect(&token)),
    )
    .with_scopes(memory.scopes())
    .ending_by_id(calling!(memory, |token| memory.revoke(&token)))
    .with_status(calling!(memory, |id| memory.status(&id)))
    .finding(calling!(memory, |label| memory.find(&label)))
    .reissuing()
}
