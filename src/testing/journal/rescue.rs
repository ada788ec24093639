//! What is kept elsewhere when it cannot be appended.

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a law fails where the journal does, and panics where it is broken"
)]

use super::{Stage, TTL, batch, kept, value};
use crate::error::Result;
use crate::journal::{Claim, Seq};

/// Whoever claims a credential finds what was rescued of it in its log, and goes on behind that.
pub async fn what_was_rescued_is_there_before_its_credential_is_claimed(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    stage.journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO, 2)?).await?;
    let mut lost = batch(&lease, Seq::new(2), 1)?;
    lost.keep = vec![value(&lease, "run-1/new-1", b"sealed")?];
    stage.journal.rescue(&lease, Seq::new(2), &lost).await?;
    assert_eq!(stage.all("bot").await?.head.last, Seq::new(2));
    stage.clock.advance(TTL);
    let next = stage.lease("bot", "b").await?;
    assert!(next.epoch > lease.epoch);
    let log = stage.all("bot").await?;
    assert_eq!((log.head.clone(), &log.records[2..]), (lost.head, &lost.records[..]));
    assert_eq!(kept(&log)?, [("run-1/new-1".into(), b"sealed".to_vec())]);
    stage.journal.append(&next, Seq::new(3), &batch(&next, Seq::new(3), 1)?).await?;
    Ok(())
}

/// It is there after a restart, and not twice, however often it was tried.
pub async fn what_was_rescued_survives_and_comes_back_once(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let lost = batch(&lease, Seq::ZERO, 1)?;
    for _ in 0..30 {
        stage.journal.rescue(&lease, Seq::ZERO, &lost).await?;
    }
    let stage = stage.reopened()?;
    stage.lease("bot", "a").await?;
    assert_eq!(stage.all("bot").await?.records, lost.records);
    let stage = stage.reopened()?;
    stage.lease("bot", "a").await?;
    assert_eq!(stage.all("bot").await?.records, lost.records);
    Ok(())
}

/// An engine that rescues and then succeeds has written once, and goes on.
pub async fn what_was_rescued_and_appended_is_one(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let first = batch(&lease, Seq::ZERO, 1)?;
    stage.journal.rescue(&lease, Seq::ZERO, &first).await?;
    stage.journal.append(&lease, Seq::ZERO, &first).await?;
    stage.journal.append(&lease, Seq::new(1), &batch(&lease, Seq::new(1), 1)?).await?;
    stage.clock.advance(TTL);
    stage.lease("bot", "b").await?;
    assert_eq!(stage.all("bot").await?.records.len(), 2);
    Ok(())
}

/// Others that claim neither get the credential nor fence its engine, which may still append.
pub async fn what_was_rescued_is_left_to_its_engine_while_that_has_the_credential(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let first = batch(&lease, Seq::ZERO, 1)?;
    stage.journal.rescue(&lease, Seq::ZERO, &first).await?;
    stage.lease("other", "b").await?;
    assert!(matches!(stage.claim("bot", "b").await?, Claim::HeldFor(_)));
    stage.journal.append(&lease, Seq::ZERO, &first).await?;
    Ok(())
}
