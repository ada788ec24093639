//! What survives.

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a law fails where the journal does, and panics where it is broken"
)]

use super::{Stage, TTL, batch, claim, fenced, granted, kept, value};
use crate::error::Result;
use crate::journal::{Claim, Durability, Seq, ValueId};

/// All that was answered is there after a restart.
pub async fn what_was_written_is_there_when_it_is_opened_again(stage: Stage) -> Result<()> {
    assert_eq!(stage.journal.durability(), Durability::Durable);
    let lease = stage.lease("bot", "a").await?;
    let mut first = batch(&lease, Seq::ZERO, 2)?;
    first.keep = vec![value(&lease, "a", b"1")?, value(&lease, "b", b"2")?];
    stage.journal.append(&lease, Seq::ZERO, &first).await?;
    let mut second = batch(&lease, Seq::new(2), 1)?;
    second.destroy = vec![ValueId::new("a")];
    stage.journal.append(&lease, Seq::new(2), &second).await?;
    let stage = stage.reopened()?;
    let log = stage.all("bot").await?;
    first.records.extend(second.records);
    assert_eq!((&log.records, &log.head), (&first.records, &second.head));
    assert_eq!(kept(&log)?, [("b".into(), b"2".to_vec())]);
    Ok(())
}

/// A restart neither frees a credential nor lets an old lease write.
pub async fn leases_and_epochs_survive(stage: Stage) -> Result<()> {
    let first = stage.lease("bot", "a").await?;
    let stage = stage.reopened()?;
    assert!(matches!(stage.claim("bot", "b").await?, Claim::HeldFor(wait) if wait <= TTL));
    let again = stage.lease("bot", "a").await?;
    assert!(again.epoch > first.epoch);
    let stage = stage.reopened()?;
    stage.journal.append(&again, Seq::ZERO, &batch(&again, Seq::ZERO, 1)?).await?;
    assert!(fenced(stage.journal.append(&first, Seq::new(1), &batch(&first, Seq::new(1), 1)?).await));
    stage.clock.advance(TTL);
    assert!(stage.lease("bot", "b").await?.epoch > again.epoch);
    Ok(())
}

/// Opened twice, it is one journal.
pub async fn two_that_are_open_at_once_see_the_same_and_fence_each_other(stage: Stage) -> Result<()> {
    let other = stage.another()?;
    let first = stage.lease("bot", "a").await?;
    assert!(matches!(claim(&*other, "bot", "b").await?, Claim::HeldFor(_)));
    stage.journal.append(&first, Seq::ZERO, &batch(&first, Seq::ZERO, 1)?).await?;
    stage.clock.advance(TTL);
    let second = granted(claim(&*other, "bot", "b").await?)?;
    assert!(second.epoch > first.epoch);
    assert!(fenced(stage.journal.append(&first, Seq::new(1), &batch(&first, Seq::new(1), 1)?).await));
    other.append(&second, Seq::new(1), &batch(&second, Seq::new(1), 1)?).await?;
    assert_eq!(stage.all("bot").await?.records.len(), 2);
    Ok(())
}
