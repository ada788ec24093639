//! What is written together, and how it is read.

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a law fails where the journal does, and panics where it is broken"
)]

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::{Stage, batch, fenced, kept, mac, value};
use crate::error::Result;
use crate::journal::{Head, Seq, Span, ValueId};
use crate::name::CredentialName;

/// A credential that was never written has a log: an empty one.
pub async fn what_is_unknown_is_an_empty_log(stage: Stage) -> Result<()> {
    let name = CredentialName::new("nobody")?;
    for span in [Span::Head, Span::NewestRun, Span::From(Seq::new(7))] {
        let log = stage.journal.load(&name, span).await?;
        assert_eq!(log.head, Head::new(name.clone()));
        assert!(log.records.is_empty() && log.values.is_empty());
    }
    stage.lease("nobody", "a").await?;
    assert_eq!(stage.all("nobody").await?.head, Head::new(name), "a claim is no log");
    Ok(())
}

/// Records, values with what they were sealed to, and the head: to the last byte.
pub async fn a_batch_is_read_as_it_was_written(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let mut written = batch(&lease, Seq::ZERO, 3)?;
    written.keep = vec![value(&lease, "run-1/new-1", &[0, 255, 7])?, value(&lease, "current", &[])?];
    assert_eq!(stage.journal.append(&lease, Seq::ZERO, &written).await?, Seq::new(3));
    let log = stage.all("bot").await?;
    assert_eq!((&log.records, &log.head), (&written.records, &written.head));
    assert_eq!(kept(&log)?, [("current".into(), vec![]), ("run-1/new-1".into(), vec![0, 255, 7])]);
    for ours in &written.keep {
        assert!(log.values.iter().any(|there| there.id == ours.id && there.context == ours.context));
    }
    Ok(())
}

/// Who does not know the last record must load it first, and nothing of what it sent is there.
pub async fn a_writer_that_missed_something_is_fenced_and_leaves_nothing(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let mut first = batch(&lease, Seq::ZERO, 2)?;
    first.keep = vec![value(&lease, "current", b"sealed-1")?];
    stage.journal.append(&lease, Seq::ZERO, &first).await?;
    for after in [0, 1, 3, u64::MAX / 4].map(Seq::new) {
        let mut other = batch(&lease, after, 1)?;
        other.keep = vec![value(&lease, "current", b"sealed-2")?, value(&lease, "more", b"sealed-3")?];
        other.destroy = vec![ValueId::new("current")];
        assert!(fenced(stage.journal.append(&lease, after, &other).await), "{after}");
    }
    let log = stage.all("bot").await?;
    assert_eq!((log.records.len(), log.head.clone()), (2, first.head));
    assert_eq!(kept(&log)?, [("current".into(), b"sealed-1".to_vec())]);
    Ok(())
}

/// A fenced batch is not there in part: no record, no value, no head, nothing destroyed.
pub async fn a_writer_whose_lease_is_gone_leaves_nothing(stage: Stage) -> Result<()> {
    let old = stage.lease("bot", "a").await?;
    let lease = stage.lease("bot", "a").await?;
    let mut first = batch(&lease, Seq::ZERO, 1)?;
    first.keep = vec![value(&lease, "current", b"sealed-1")?];
    stage.journal.append(&lease, Seq::ZERO, &first).await?;
    let mut late = batch(&old, Seq::new(1), 2)?;
    late.keep = vec![value(&old, "late", b"sealed-2")?];
    late.destroy = vec![ValueId::new("current")];
    assert!(fenced(stage.journal.append(&old, Seq::new(1), &late).await));
    let log = stage.all("bot").await?;
    assert_eq!((log.records, log.head.clone()), (first.records, first.head));
    assert_eq!(kept(&stage.all("bot").await?)?, [("current".into(), b"sealed-1".to_vec())]);
    Ok(())
}

/// Sent at the same time, one wins and the other learns of it.
pub async fn of_two_appends_behind_the_same_record_one_is_stored(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    for round in 0..10 {
        let batches = [batch(&lease, Seq::new(round), 1)?, batch(&lease, Seq::new(round), 1)?];
        let sent = batches.iter().map(|batch| stage.journal.append(&lease, Seq::new(round), batch));
        let answers = join_all(sent).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(answers.into_iter().all(|answer| answer.is_ok() || fenced(answer)));
    }
    assert_eq!(stage.all("bot").await?.records.len(), 10);
    Ok(())
}

/// A value stays until it is overwritten or destroyed, and what is destroyed need not be there.
pub async fn values_are_kept_overwritten_and_destroyed(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let mut first = batch(&lease, Seq::ZERO, 1)?;
    first.keep = vec![value(&lease, "a", b"1")?, value(&lease, "b", b"2")?];
    stage.journal.append(&lease, Seq::ZERO, &first).await?;
    let mut second = batch(&lease, Seq::new(1), 1)?;
    second.keep = vec![value(&lease, "b", b"3")?, value(&lease, "c", b"4")?];
    second.destroy = vec![ValueId::new("a"), ValueId::new("never there")];
    stage.journal.append(&lease, Seq::new(1), &second).await?;
    stage.journal.append(&lease, Seq::new(2), &batch(&lease, Seq::new(2), 1)?).await?;
    assert_eq!(kept(&stage.all("bot").await?)?, [("b".into(), b"3".to_vec()), ("c".into(), b"4".to_vec())]);
    Ok(())
}

/// The last record, the newest run with the record before it, or everything from somewhere on.
pub async fn a_span_is_what_was_asked_for(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    stage.journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO, 5)?).await?;
    let mut run = batch(&lease, Seq::new(5), 3)?;
    run.head.since = Seq::new(6);
    run.keep = vec![value(&lease, "current", b"1")?];
    stage.journal.append(&lease, Seq::new(5), &run).await?;
    let spans = [
        (Span::Head, vec![8]),
        (Span::NewestRun, vec![5, 6, 7, 8]),
        (Span::From(Seq::ZERO), (1..=8).collect()),
        (Span::From(Seq::new(7)), vec![7, 8]),
        (Span::From(Seq::new(9)), vec![]),
        (Span::From(Seq::new(u64::MAX)), vec![]),
    ];
    for (span, expected) in spans {
        let log = stage.journal.load(&lease.credential, span).await?;
        let numbers: Vec<u64> = log.records.iter().map(|record| record.seq.get()).collect();
        assert_eq!(numbers, expected, "{span:?}");
        assert_eq!((log.values.len(), &log.head), (1, &run.head), "{span:?}");
    }
    Ok(())
}

/// Hundreds of records and the longest values are one batch like any other.
pub async fn a_big_batch_is_whole(stage: Stage) -> Result<()> {
    let lease = stage.lease("bot", "a").await?;
    let mut big = batch(&lease, Seq::ZERO, 500)?;
    for number in 0..40_u8 {
        big.keep.push(value(&lease, &format!("run-1/new-{number:02}"), &vec![number; 12_000])?);
    }
    stage.journal.append(&lease, Seq::ZERO, &big).await?;
    let log = stage.all("bot").await?;
    assert_eq!(log.records, big.records);
    let kept = kept(&log)?;
    assert_eq!(kept.len(), 40);
    assert!(kept.iter().zip(0..).all(|((_, bytes), number)| *bytes == vec![number; 12_000]));
    Ok(())
}

/// Cut off in the middle, an append is there as a whole or not at all.
pub async fn a_call_that_is_dropped_leaves_all_or_nothing(stage: Stage) -> Result<()> {
    let mut last = Seq::ZERO;
    for round in 0..10 {
        let lease = stage.lease("bot", "a").await?;
        let mut cut = batch(&lease, last, 3)?;
        cut.keep = vec![value(&lease, &format!("value-{round}"), &[round])?];
        let answered = stage.journal.append(&lease, last, &cut).now_or_never();
        // The next claim comes after it, whatever became of it.
        stage.lease("bot", "a").await?;
        let log = stage.all("bot").await?;
        let stored = log.head.last != last;
        assert!(stored || answered.is_none(), "it was answered, and is not there");
        let expected = last.get() + if stored { 3 } else { 0 };
        assert_eq!((log.head.last.get(), log.records.len() as u64), (expected, expected));
        assert_eq!(kept(&log)?.iter().any(|(id, _)| *id == format!("value-{round}")), stored);
        last = log.head.last;
    }
    Ok(())
}

/// Many at once are stored as if each were alone.
pub async fn many_credentials_at_once_do_not_disturb_each_other(stage: Stage) -> Result<()> {
    let stage = &stage;
    let one = |number: usize| async move {
        let (name, holder) = (format!("bot-{number}"), format!("holder-{number}"));
        let lease = stage.lease(&name, &holder).await?;
        for round in 0..5 {
            let mut batch = batch(&lease, Seq::new(round), 1)?;
            batch.keep = vec![value(&lease, "current", format!("{name}-{round}").as_bytes())?];
            stage.journal.append(&lease, Seq::new(round), &batch).await?;
            // One that fails takes no other with it.
            assert!(fenced(stage.journal.append(&lease, Seq::new(round), &batch).await));
        }
        let log = stage.all(&name).await?;
        assert_eq!(
            log.records.iter().map(|record| record.mac).collect::<Vec<_>>(),
            (1..=5).map(mac).collect::<Vec<_>>()
        );
        assert_eq!(kept(&log)?, [("current".to_owned(), format!("{name}-4").into_bytes())]);
        stage.journal.release(lease).await
    };
    join_all((0..64).map(one)).await.into_iter().collect()
}
