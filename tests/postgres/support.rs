//! Batches that fit what is there.

use std::time::Duration;

use tokenturn::journal::{
    Batch, Claim, Head, Journal, Lease, Log, Mac, Record, SealContext, Sealed, SealedValue, Seq, Span, Status, ValueId,
};
use tokenturn::{CredentialName, Holder, Result, RunId, Timestamp};

pub(crate) const TTL: Duration = Duration::from_mins(1);

pub(crate) fn name(text: &str) -> CredentialName {
    CredentialName::new(text).unwrap()
}

pub(crate) fn holder(text: &str) -> Holder {
    Holder::new(text).unwrap()
}

/// The lease that somebody gets.
pub(crate) async fn lease(journal: &dyn Journal, credential: &str, by: &str) -> Lease {
    match journal.claim(&name(credential), &holder(by), TTL).await.unwrap() {
        Claim::Granted(lease) => lease,
        Claim::HeldFor(wait) => panic!("{credential} is held for {wait:?}"),
    }
}

/// One record behind this one, with a value.
pub(crate) fn batch(lease: &Lease, after: Seq) -> Batch {
    let (seq, run) = (after.next(), RunId::new("run-1").unwrap());
    let at = Timestamp::from_unix_seconds(1_900_000_000);
    let mut head = Head::new(lease.credential.clone());
    (head.run, head.status, head.since, head.last) = (Some(run.clone()), Status::Running, Seq::new(1), seq);
    let mut batch = Batch::new(head);
    batch.records.push(Record::new(seq, lease.epoch, run.clone(), at, "{\"fact\":\"noted\"}".into(), mac(seq)));
    let id = ValueId::new("current");
    let context = SealContext::new(lease.credential.clone(), run, lease.epoch, seq, id.clone());
    batch.keep.push(SealedValue::new(id, context, Sealed::from_bytes(seq.get().to_be_bytes().to_vec())));
    batch
}

pub(crate) fn mac(seq: Seq) -> Mac {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seq.get().to_be_bytes());
    Mac::new(bytes)
}

pub(crate) async fn all(journal: &dyn Journal, credential: &str) -> Result<Log> {
    journal.load(&name(credential), Span::From(Seq::ZERO)).await
}

/// That a log is whole: records one after the other, and the value of the last.
pub(crate) fn assert_whole(log: &Log) {
    let numbers: Vec<u64> = log.records.iter().map(|record| record.seq.get()).collect();
    assert_eq!(numbers, (1..=log.head.last.get()).collect::<Vec<_>>());
    assert!(log.records.iter().all(|record| record.mac == mac(record.seq)));
    let values: Vec<_> = log.values.iter().map(|value| value.sealed.bytes().unwrap()).collect();
    assert_eq!(values, log.records.last().map(|last| last.seq.get().to_be_bytes()).iter().collect::<Vec<_>>());
}
