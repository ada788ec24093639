//! Batches as the engine writes them, and a few words for what is asked of a journal.

use std::time::Duration;

use tokenturn::journal::{
    Batch, Claim, Head, Journal, Lease, Mac, Record, SealContext, Sealed, SealedValue, Seq, Span, SqliteJournal,
    Status, ValueId,
};
use tokenturn::{CredentialName, Holder, Result, RunId, Timestamp};

pub(crate) fn bot() -> CredentialName {
    CredentialName::new("bot").unwrap()
}

pub(crate) async fn claim(journal: &SqliteJournal, credential: &str, by: &str) -> Result<Lease> {
    let (credential, holder) = (CredentialName::new(credential).unwrap(), Holder::new(by).unwrap());
    match journal.claim(&credential, &holder, Duration::from_mins(1)).await? {
        Claim::Granted(lease) => Ok(lease),
        Claim::HeldFor(wait) => panic!("held for {wait:?}"),
    }
}

/// One record behind `after`, told from others by the lease's epoch.
pub(crate) fn batch(lease: &Lease, after: u64) -> Batch {
    let (seq, run) = (Seq::new(after + 1), RunId::new("run-1").unwrap());
    let mut mac = [1; 32];
    mac[..8].copy_from_slice(&seq.get().to_be_bytes());
    mac[8..16].copy_from_slice(&lease.epoch.to_be_bytes());
    let at = Timestamp::from_unix_seconds(1_900_000_000);
    let record = Record::new(seq, lease.epoch, run.clone(), at, "{\"fact\":\"issued\"}".into(), Mac::new(mac));
    let mut head = Head::new(lease.credential.clone());
    (head.run, head.since, head.last, head.status) = (Some(run), Seq::new(1), seq, Status::Running);
    let mut batch = Batch::new(head);
    batch.records = vec![record];
    batch
}

pub(crate) fn value(lease: &Lease, id: &str, bytes: &[u8]) -> SealedValue {
    let (id, run) = (ValueId::new(id), RunId::new("run-1").unwrap());
    let context = SealContext::new(lease.credential.clone(), run, lease.epoch, Seq::new(1), id.clone());
    SealedValue::new(id, context, Sealed::from_bytes(bytes.to_vec()))
}

/// The numbers of the records that are there.
pub(crate) async fn numbers(journal: &SqliteJournal) -> Vec<u64> {
    let log = journal.load(&bot(), Span::From(Seq::ZERO)).await.unwrap();
    assert_eq!(log.head.last.get(), log.records.last().map_or(0, |record| record.seq.get()));
    log.records.iter().map(|record| record.seq.get()).collect()
}

/// The names and bytes of what is kept.
pub(crate) async fn kept(journal: &SqliteJournal) -> Vec<(String, Vec<u8>)> {
    let log = journal.load(&bot(), Span::Head).await.unwrap();
    log.values.iter().map(|value| (value.id.as_str().into(), value.sealed.bytes().unwrap().into())).collect()
}

/// Bytes that no other value has, and that do not compress or repeat.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub(crate) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|part| part == needle)
}
