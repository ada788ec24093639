//! Who may write, and until when.

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a law fails where the journal does, and panics where it is broken"
)]

use std::time::Duration;

use super::{Stage, TTL, batch, fenced, granted};
use crate::error::Result;
use crate::journal::{Claim, Seq};

/// A second before a lease ends.
const ALMOST: Duration = TTL.saturating_sub(Duration::from_secs(1));

/// While one holder has a credential nobody else gets it; other credentials are free.
pub async fn a_claim_is_granted_to_one_holder_at_a_time(stage: Stage) -> Result<()> {
    let lease = granted(stage.claim("bot", "a").await?)?;
    assert_eq!((lease.credential.as_str(), lease.holder.as_str(), lease.ttl), ("bot", "a", TTL));
    match stage.claim("bot", "b").await? {
        Claim::HeldFor(wait) => assert!(!wait.is_zero() && wait <= TTL, "{wait:?}"),
        Claim::Granted(lease) => panic!("granted twice: {lease:?}"),
    }
    stage.lease("other", "b").await?;
    Ok(())
}

/// Who has it gets it again, and the lease before counts no more.
pub async fn a_holder_claims_again_under_a_higher_epoch(stage: Stage) -> Result<()> {
    let first = stage.lease("bot", "a").await?;
    let again = stage.lease("bot", "a").await?;
    assert!(again.epoch > first.epoch);
    assert!(fenced(stage.journal.append(&first, Seq::ZERO, &batch(&first, Seq::ZERO, 1)?).await));
    stage.journal.append(&again, Seq::ZERO, &batch(&again, Seq::ZERO, 1)?).await?;
    Ok(())
}

/// Taken over, an engine stores nothing more, however often it tries.
pub async fn only_the_newest_lease_writes(stage: Stage) -> Result<()> {
    let first = stage.lease("bot", "a").await?;
    stage.journal.append(&first, Seq::ZERO, &batch(&first, Seq::ZERO, 2)?).await?;
    stage.clock.advance(TTL);
    let second = stage.lease("bot", "b").await?;
    for after in [0, 2, 3].map(Seq::new) {
        assert!(fenced(stage.journal.append(&first, after, &batch(&first, after, 1)?).await), "{after}");
    }
    stage.journal.append(&second, Seq::new(2), &batch(&second, Seq::new(2), 1)?).await?;
    assert_eq!(stage.all("bot").await?.records.len(), 3);
    Ok(())
}

/// A lease that was not renewed ends; until then it counts to the last moment.
pub async fn a_lease_runs_out(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    stage.clock.advance(ALMOST);
    match stage.claim("bot", "b").await? {
        Claim::HeldFor(wait) => assert_eq!(wait, Duration::from_secs(1)),
        Claim::Granted(lease) => panic!("granted too early: {lease:?}"),
    }
    stage.clock.advance(Duration::from_secs(1));
    // Run out, but not taken over: it still writes.
    stage.journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO, 1)?).await?;
    stage.clock.advance(TTL);
    stage.lease("bot", "b").await?;
    Ok(())
}

/// Every append lets the lease last for its whole length again, one without records too.
pub async fn an_append_renews_the_lease(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    for _ in 0..3 {
        stage.clock.advance(ALMOST);
        let last = stage.journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO, 0)?).await?;
        assert_eq!(last, Seq::ZERO);
    }
    assert!(matches!(stage.claim("bot", "b").await?, Claim::HeldFor(_)));
    Ok(())
}

/// What was given back is free at once, and only the newest lease can give it back.
pub async fn a_released_credential_is_free_and_an_old_lease_releases_nothing(stage: Stage) -> Result<()> {
    let first = stage.lease("bot", "a").await?;
    let again = stage.lease("bot", "a").await?;
    stage.journal.release(first).await?;
    assert!(matches!(stage.claim("bot", "b").await?, Claim::HeldFor(_)));
    stage.journal.release(again).await?;
    stage.lease("bot", "b").await?;
    Ok(())
}

/// Each grant has a higher epoch than all before, whatever ended the one before and whatever the head says.
pub async fn epochs_only_rise(stage: Stage) -> Result<()> {
    let (mut before, mut last) = (0, Seq::ZERO);
    for (round, by) in ["a", "a", "b", "a", "c", "c"].into_iter().enumerate() {
        let lease = stage.lease("bot", by).await?;
        assert!(lease.epoch > before, "round {round}");
        before = lease.epoch;
        if round % 2 == 0 {
            last = stage.journal.append(&lease, last, &batch(&lease, last, 1)?).await?;
        }
        if round % 3 == 0 {
            stage.clock.advance(TTL);
        } else {
            stage.journal.release(lease).await?;
        }
        if let Claim::Granted(due) = stage.claim("bot", by).await? {
            assert!(due.epoch > before, "round {round}");
            before = due.epoch;
            stage.journal.release(due).await?;
        }
    }
    Ok(())
}

/// Trying whether there is room changes nothing, and is for the newest lease alone.
pub async fn a_rehearsal_is_fenced_and_leaves_nothing(stage: Stage) -> Result<()> {
    let first = stage.lease("bot", "a").await?;
    let lease = stage.lease("bot", "a").await?;
    assert!(fenced(stage.journal.rehearse(&first, 1000).await));
    stage.journal.rehearse(&lease, 20_000).await?;
    let log = stage.all("bot").await?;
    assert!(log.records.is_empty() && log.values.is_empty() && log.head.last == Seq::ZERO);
    stage.journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO, 1)?).await?;
    Ok(())
}
