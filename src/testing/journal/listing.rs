//! What is found without knowing its name.

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a law fails where the journal does, and panics where it is broken"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Stage, TTL, batch};
use crate::clock::{Clock as _, Timestamp};
use crate::error::Result;
use crate::journal::{Claim, Current, Head, HeadFilter, Page, Seq, Status};
use crate::name::{CredentialName, Holder, TokenId};
use crate::token::{Expiry, Token};

/// A token of its own for each name.
fn token(name: &str) -> Result<Token> {
    let number = name.bytes().fold(0_u64, |number, byte| number * 251 + u64::from(byte));
    Token::new(&format!("memory-token-{number}"))
}

/// Writes how a credential stands, and gives it back.
async fn stands(stage: &Stage, name: &str, status: Status, wake_at: Option<Timestamp>) -> Result<Head> {
    let lease = stage.lease(name, "writer").await?;
    let mut batch = batch(&lease, Seq::ZERO, 1)?;
    let token = token(name)?;
    let current = Current::new(token.fingerprint(), "memory", stage.clock.now());
    let expiry = Expiry::At(Timestamp::from_unix_seconds(1_950_000_000));
    batch.head.current = Some(current.known_as(Some(TokenId::new("17")?), None, expiry));
    (batch.head.status, batch.head.wake_at) = (status, wake_at);
    stage.journal.append(&lease, Seq::ZERO, &batch).await?;
    stage.journal.release(lease).await?;
    Ok(batch.head)
}

async fn names(stage: &Stage, filter: &HeadFilter, page: Page) -> Result<Vec<String>> {
    let heads = stage.journal.heads(filter, page).await?;
    Ok(heads.into_iter().map(|head| head.credential.to_string()).collect())
}

/// In order of their bytes, each page behind the one before, and as they were written.
pub async fn heads_come_in_order_of_their_names_and_page_by_page(stage: Stage) -> Result<()> {
    let all = ["B", "a", "a-1", "a b", "b", "bot", "ä", "\u{1f511}"];
    let mut written = Vec::new();
    for name in ["bot", "ä", "a b", "B", "b", "\u{1f511}", "a-1", "a"] {
        written.push(stands(&stage, name, Status::Idle, None).await?);
    }
    written.sort_by(|one, other| one.credential.cmp(&other.credential));
    assert_eq!(stage.journal.heads(&HeadFilter::all(), Page::first(100)).await?, written);
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let (mut seen, mut page) = (Vec::new(), Page::first(3));
    loop {
        let part = names(&stage, &HeadFilter::all(), page).await?;
        let Some(last) = part.last() else { break };
        page = Page::after(CredentialName::new(last)?, 3);
        seen.extend(part);
    }
    assert_eq!(seen, sorted);
    assert!(names(&stage, &HeadFilter::all(), Page::first(0)).await?.is_empty());
    Ok(())
}

/// By name, by the token in use, by whether a run is open, and by when it is due; and by several of these.
pub async fn heads_are_filtered(stage: Stage) -> Result<()> {
    let now = stage.clock.now();
    let later = |seconds: u64| Some(now.plus(Duration::from_millis(seconds * 1000 + 500)));
    stands(&stage, "idle", Status::Idle, later(0)).await?;
    stands(&stage, "waits", Status::AwaitingPerson, None).await?;
    stands(&stage, "soon", Status::Draining, later(10)).await?;
    let head = stands(&stage, "late", Status::BackingOff, later(20)).await?;
    let name = |name| CredentialName::new(name);
    let at = |seconds| now.plus(Duration::from_secs(seconds));
    let filters = [
        (HeadFilter::all(), vec!["idle", "late", "soon", "waits"]),
        (HeadFilter::all().open(), vec!["late", "soon", "waits"]),
        (HeadFilter::all().due(at(10)), vec![]),
        (HeadFilter::all().due(at(11)), vec!["soon"]),
        (HeadFilter::all().due(at(100)), vec!["late", "soon"]),
        (HeadFilter::among([name("late")?, name("idle")?, name("unknown")?]).open(), vec!["late"]),
        (HeadFilter::of(&name("soon")?), vec!["soon"]),
        (HeadFilter::among([]), vec![]),
        (HeadFilter::holding(token("late")?.fingerprint()), vec!["late"]),
        (HeadFilter::holding(token("nobody")?.fingerprint()), vec![]),
    ];
    for (filter, expected) in filters {
        assert_eq!(names(&stage, &filter, Page::first(10)).await?, expected, "{filter:?}");
    }
    assert_eq!(stage.journal.heads(&HeadFilter::of(&head.credential), Page::first(1)).await?, [head]);
    Ok(())
}

/// Those first that wait longest, no more than asked for, and none that waits for a person or for later.
pub async fn due_runs_are_claimed_by_how_long_they_wait(stage: Stage) -> Result<()> {
    let now = stage.clock.now();
    let at = |seconds: u64| Some(now.plus(Duration::from_secs(seconds)));
    for (name, seconds) in [("c", 10), ("a", 30), ("b", 20), ("d", 40), ("later", 1000)] {
        stands(&stage, name, Status::Draining, at(seconds)).await?;
    }
    stands(&stage, "over", Status::Idle, at(0)).await?;
    stands(&stage, "asks", Status::NeedsPerson, None).await?;
    stage.clock.advance(Duration::from_secs(100));
    let holder = Holder::new("engine")?;
    let due = |filter: HeadFilter, limit| {
        let (journal, holder) = (stage.journal.clone(), holder.clone());
        async move {
            let leases = journal.claim_due(&filter, &holder, TTL, limit).await?;
            Ok::<_, crate::Error>(leases.into_iter().map(|lease| lease.credential.to_string()).collect::<BTreeSet<_>>())
        }
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(due(HeadFilter::all(), 0).await?, set(&[]));
    assert_eq!(due(HeadFilter::all(), 2).await?, set(&["b", "c"]));
    assert_eq!(due(HeadFilter::of(&CredentialName::new("d")?), 9).await?, set(&["d"]));
    assert_eq!(due(HeadFilter::all(), 9).await?, set(&["a", "b", "c", "d"]), "its own it gets again");
    assert!(matches!(stage.claim("a", "another").await?, Claim::HeldFor(_)));
    Ok(())
}

/// Somebody else's work is not taken away, and is there again when the lease has run out.
pub async fn what_is_due_and_held_is_left_to_its_holder(stage: Stage) -> Result<()> {
    for name in ["a", "b"] {
        stands(&stage, name, Status::Draining, Some(stage.clock.now())).await?;
    }
    let first = stage.lease("a", "another").await?;
    let holder = Holder::new("engine")?;
    let all = HeadFilter::all();
    let due = || stage.journal.claim_due(&all, &holder, TTL, 1);
    assert_eq!(due().await?[0].credential.as_str(), "b", "one that is held takes nobody's place");
    stage.clock.advance(TTL);
    let lease = stage.journal.claim_due(&HeadFilter::all(), &holder, TTL, 2).await?;
    assert_eq!(lease.len(), 2);
    assert!(lease.iter().all(|lease| lease.credential != first.credential || lease.epoch > first.epoch));
    Ok(())
}
