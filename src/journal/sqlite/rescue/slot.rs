//! One rescued batch as bytes: with its length and checksum, so that what was torn is seen.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::journal::sqlite::schema::JournalId;
use crate::journal::{Batch, Head, Lease, Record, SealContext, Sealed, SealedValue, Seq, ValueId};
use crate::name::CredentialName;

/// How large a slot is: a few sealed tokens of the longest kind, and what is said of them.
pub(super) const SLOT: usize = 64 * 1024;
/// What stands before the content: mark, version, length, journal, checksum.
pub(super) const HEADER: usize = 64;

const MARK: &[u8; 8] = b"ttrescue";
const VERSION: u32 = 1;

/// What is in a slot.
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// What was begun and never finished, or has decayed.
    Damaged,
    /// What a newer version wrote.
    Newer,
    /// A batch.
    Batch(Box<Rescued>),
}

/// A batch that could not be appended, with all that appending it takes.
pub(in crate::journal::sqlite) struct Rescued {
    /// Of which journal.
    pub(in crate::journal::sqlite) journal: JournalId,
    /// Of which credential.
    pub(in crate::journal::sqlite) credential: CredentialName,
    /// Under which lease.
    pub(in crate::journal::sqlite) epoch: u64,
    /// Behind which record.
    pub(in crate::journal::sqlite) after: Seq,
    /// What was to be appended.
    pub(in crate::journal::sqlite) batch: Batch,
    /// Tells it from every other.
    pub(in crate::journal::sqlite) checksum: [u8; 32],
}

impl Rescued {
    /// Whether it is an earlier try to keep the same.
    pub(super) fn is_same(&self, journal: JournalId, lease: &Lease, after: Seq, batch: &Batch) -> bool {
        let first = |batch: &Batch| batch.records.first().map(|record| record.mac);
        (self.journal, &self.credential, self.epoch, self.after) == (journal, &lease.credential, lease.epoch, after)
            && first(&self.batch) == first(batch)
    }
}

/// All but the sealed bytes, which follow it.
#[derive(Serialize, Deserialize)]
struct Note {
    credential: CredentialName,
    epoch: u64,
    after: Seq,
    records: Vec<Record>,
    keep: Vec<Kept>,
    destroy: Vec<ValueId>,
    head: Head,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    id: ValueId,
    context: SealContext,
    length: usize,
}

/// A batch as the bytes of a slot, without the zeros behind them.
pub(super) fn encode(journal: JournalId, lease: &Lease, after: Seq, batch: &Batch) -> Result<Vec<u8>> {
    let mut keep = Vec::with_capacity(batch.keep.len());
    let mut sealed = Vec::new();
    for value in &batch.keep {
        let bytes = value.sealed.bytes()?;
        keep.push(Kept { id: value.id.clone(), context: value.context.clone(), length: bytes.len() });
        sealed.extend_from_slice(bytes);
    }
    let (records, destroy, head) = (batch.records.clone(), batch.destroy.clone(), batch.head.clone());
    let note = Note { credential: lease.credential.clone(), epoch: lease.epoch, after, records, keep, destroy, head };
    let note = serde_json::to_vec(&note)
        .map_err(|_| Error::new(ErrorKind::Internal, "what was to be rescued could not be written down"))?;
    let length = 4 + note.len() + sealed.len();
    if length > SLOT - HEADER {
        let text = format!("what was to be rescued has {length} bytes, and a place in the rescue file has {SLOT}");
        return Err(Error::new(ErrorKind::Journal, text));
    }
    Ok(sum(journal, &note, &sealed))
}

/// A note and the sealed bytes behind it, with what shows whether they are whole. They fit into a slot.
pub(super) fn sum(journal: JournalId, note: &[u8], sealed: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let content = [&length(4 + note.len() + sealed.len())[..], &journal].concat();
    let body = [&length(note.len())[..], note, sealed].concat();
    [&MARK[..], &VERSION.to_le_bytes(), &content, &checksum(&content, &body), &body].concat()
}

fn checksum(content: &[u8], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(content).chain_update(body).finalize().into()
}

/// Whether a slot that begins so has never been used, or was overwritten.
pub(super) fn is_empty(header: &[u8]) -> bool {
    header.iter().all(|byte| *byte == 0)
}

/// What the bytes of a slot say.
pub(super) fn decode(slot: &[u8]) -> Content {
    let (header, rest) = slot.split_at(HEADER.min(slot.len()));
    if is_empty(header) {
        return Content::Empty;
    }
    if header.starts_with(MARK) && header.get(8..12).is_some_and(|version| *version != VERSION.to_le_bytes()) {
        return Content::Newer;
    }
    batch(header, rest).map_or(Content::Damaged, |rescued| Content::Batch(Box::new(rescued)))
}

fn batch(header: &[u8], rest: &[u8]) -> Option<Rescued> {
    let content = header.strip_prefix(MARK)?.get(4..24)?;
    let found: [u8; 32] = header.get(32..64)?.try_into().ok()?;
    let (length, journal) = content.split_at(4);
    let body = rest.get(..length_of(length)?)?;
    if checksum(content, body) != found {
        return None;
    }
    let (noted, body) = body.split_at_checked(4)?;
    let (note, mut sealed) = body.split_at_checked(length_of(noted)?)?;
    let Note { credential, epoch, after, records, keep, destroy, head } = serde_json::from_slice(note).ok()?;
    let mut batch = Batch::new(head);
    (batch.records, batch.destroy) = (records, destroy);
    for kept in keep {
        let (bytes, others) = sealed.split_at_checked(kept.length)?;
        batch.keep.push(SealedValue::new(kept.id, kept.context, Sealed::from_bytes(bytes.to_vec())));
        sealed = others;
    }
    Some(Rescued { journal: journal.try_into().ok()?, credential, epoch, after, batch, checksum: found })
}

fn length_of(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}
