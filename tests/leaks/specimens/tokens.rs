//! What holds tokens, and who makes them.

use std::time::Duration;

use tokenturn::consumer::Installation;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Provider, Request, Revocation, Supplied, Wish};
use tokenturn::testing::{admitted, retired_pair};
use tokenturn::{CredentialName, Error, ErrorKind, Grant, Guide, Label, Predecessor, ScopeSet, Timestamp, Token};

use crate::canary::{self, COMPANION, TICKET, TOKEN};
use crate::channels::{Otherwise as _, Said};

pub(super) async fn show(said: &Said) {
    let (token, companion) = (canary::token(), canary::companion());
    let ticket = Token::new(TICKET).unwrap();
    specimen!(said, token, token.fingerprint(), token.format(), token.hints(), Token::from_paste(TOKEN));
    specimen!(said, admitted(&token, Grant::of(&token, "build-bot")).unwrap(), retired_pair(&token, Some(&companion)));
    let candidate = Candidate::new(token.clone()).with_companion(Some(companion.clone()));
    let now = Timestamp::from_unix_seconds(1_900_000_000);
    let guide = Guide::new("Agree");
    let pending = |request| Issuance::Pending {
        guide: guide.clone(),
        ticket: ticket.clone(),
        poll_after: now,
        until: now,
        request,
    };
    specimen!(said, candidate, Issuance::Minted(candidate.clone()), Issuance::Guided(guide.clone()));
    specimen!(said, pending(Request::Another), pending(Request::Open), pending(Request::Unsaid), Request::Open);
    let (name, label, scopes) =
        (CredentialName::new("bot").unwrap(), Label::new("tokenturn-bot-1").unwrap(), ScopeSet::of(["repo"]));
    specimen!(said, IssueRequest::new(&name, &label, &scopes).with_current(Some(&token), Some(&companion)));
    let renewable = Predecessor::Renewable { token: token.clone(), companion: companion.clone() };
    specimen!(said, Predecessor::Held(token.clone()), renewable, Predecessor::Kept, Predecessor::None);
    specimen!(said, Revocation::Done, Revocation::Accepted { look_after: Duration::ZERO });
    specimen!(said, Revocation::Guided(guide.clone()), Installation::Guided(guide));
    supplied(said).await;
    refused(said);
}

/// A provider of functions that know the token, and what is told to them.
async fn supplied(said: &Said) {
    let (wishes, mut told) = tokio::sync::mpsc::unbounded_channel::<Wish>();
    let token = canary::token();
    let supplied = Supplied::new(
        "vault",
        move |wish| {
            wishes.send(wish).unwrap();
            async { Ok(Candidate::new(canary::token()).with_companion(Some(canary::companion()))) }
        },
        move |seen: Token| async move { Ok(Grant::of(&seen, "build-bot")) },
    );
    let (name, label, scopes) =
        (CredentialName::new("bot").unwrap(), Label::new("tokenturn-bot-1").unwrap(), ScopeSet::new());
    let companion = canary::companion();
    let request = IssueRequest::new(&name, &label, &scopes).with_current(Some(&token), Some(&companion));
    specimen!(said, supplied, supplied.issue(&request).await, told.recv().await.unwrap());
    let memory = MemoryProvider::new().with_companions();
    let minted = memory.mint("build-bot", scopes.clone());
    specimen!(said, memory, memory.issue(&request).await, memory.inspect(&minted).await, memory.inspect(&token).await);
}

/// What is said of values that no token can be, and of errors that were told one.
fn refused(said: &Said) {
    for bad in [format!("{TOKEN}\n{COMPANION}"), format!("{TOKEN} "), format!("{TOKEN}\u{e9}"), format!("\0{TOKEN}")] {
        let error = Token::new(&bad).unwrap_err();
        said.error(&error);
        specimen!(said, error, error.problem(), error.kind(), error.effect(), Token::from_paste(&bad));
    }
    said.error(&Error::new(ErrorKind::Protocol, "no answer").with_subject("bot").with_source(std::fmt::Error));
}
