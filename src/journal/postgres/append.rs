//! What is written together: one statement, so all of it or nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::{Failure, fenced};
use super::lease::micros_of;
use super::line::Line;
use super::query::column;
use super::schema::{moment, moved_on};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Batch, Head, Lease, Record, SealedValue, Seq, Status};

/// The row of a credential is its fence: whoever changes it has the newest lease, and knows the last record. Who waits for
/// the row meanwhile finds it changed, and changes nothing. What belongs to it is written only where it was changed.
const APPEND: &str = concat!(
    moment!(),
    ", head AS (
        UPDATE credential c SET last = b.last, since = b.since, open = b.open, due_at = b.due_at, in_use = b.in_use,
            head = b.head, leased_until = moment.now + b.length, lease_length = b.length
        FROM moment, unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[],
            $8::bigint[], $9::text[], $10::text[], $11::bigint[])
            AS b (name, epoch, holder, after, last, since, open, due_at, in_use, head, length)
        WHERE c.name = b.name AND c.epoch = b.epoch AND c.holder = b.holder AND c.last = b.after
        RETURNING c.name
    ), written AS (
        INSERT INTO record (credential, seq, epoch, run, at, fact, mac)
        SELECT r.* FROM head JOIN unnest($12::text[], $13::bigint[], $14::bigint[], $15::text[], $16::text[], $17::text[],
            $18::bytea[]) AS r (name, seq, epoch, run, at, fact, mac) ON r.name = head.name
    ), kept AS (
        INSERT INTO value (credential, id, context, sealed)
        SELECT v.* FROM head JOIN unnest($19::text[], $20::text[], $21::text[], $22::bytea[])
            AS v (name, id, context, sealed) ON v.name = head.name
        ON CONFLICT (credential, id) DO UPDATE SET context = excluded.context, sealed = excluded.sealed
    ), destroyed AS (
        DELETE FROM value v USING head JOIN unnest($23::text[], $24::text[]) AS d (name, id) ON d.name = head.name
        WHERE v.credential = d.name AND v.id = d.id
    )
    SELECT head.name FROM moment LEFT JOIN head ON true"
);

/// One append, as the tables hold it.
pub(super) struct Entry {
    name: String,
    epoch: i64,
    holder: String,
    after: i64,
    last: i64,
    since: i64,
    open: bool,
    due_at: Option<i64>,
    in_use: Option<String>,
    head: String,
    length: i64,
    records: Vec<Row>,
    kept: Vec<Kept>,
    destroyed: Vec<String>,
}

/// One record of it.
struct Row {
    seq: i64,
    epoch: i64,
    at: String,
    record: Record,
}

/// One value that it keeps.
struct Kept {
    id: String,
    context: String,
    sealed: Vec<u8>,
}

impl Entry {
    /// # Errors
    ///
    /// When it does not follow what the writer knows, or a value was never sealed.
    pub(super) fn new(lease: &Lease, after: Seq, batch: &Batch) -> Result<Self> {
        check(lease, after, batch)?;
        let head = &batch.head;
        let unwritable = |_| Error::new(ErrorKind::Internal, "how a credential stands could not be written down");
        // One statement writes each row once: the last word of a batch counts.
        let mut kept: BTreeMap<&str, &SealedValue> =
            batch.keep.iter().map(|value| (value.id.as_str(), value)).collect();
        for id in &batch.destroy {
            kept.remove(id.as_str());
        }
        Ok(Self {
            name: lease.credential.to_string(),
            epoch: number(lease.epoch)?,
            holder: lease.holder.to_string(),
            after: number(after.get())?,
            last: number(head.last.get())?,
            since: number(head.since.get())?,
            open: head.status.is_open(),
            due_at: due_at(head),
            in_use: head.current.as_ref().map(|current| current.fingerprint.to_string()),
            head: serde_json::to_string(head).map_err(unwritable)?,
            length: micros_of(lease.ttl),
            records: batch.records.iter().map(Row::new).collect::<Result<_>>()?,
            kept: kept.into_values().map(Kept::new).collect::<Result<_>>()?,
            destroyed: batch.destroy.iter().map(|id| id.as_str().to_owned()).collect(),
        })
    }

    pub(super) fn credential(&self) -> &str {
        &self.name
    }
}

impl Row {
    fn new(record: &Record) -> Result<Self> {
        let (seq, epoch) = (number(record.seq.get())?, number(record.epoch)?);
        Ok(Self { seq, epoch, at: record.at.to_string(), record: record.clone() })
    }
}

impl Kept {
    fn new(value: &SealedValue) -> Result<Self> {
        let unwritable = |_| Error::new(ErrorKind::Internal, "what a value is sealed to could not be written down");
        Ok(Self {
            id: value.id.as_str().to_owned(),
            context: serde_json::to_string(&value.context).map_err(unwritable)?,
            sealed: value.sealed.bytes()?.to_vec(),
        })
    }
}

/// Writes what is of different credentials, each as if it were alone. Of which it is stored.
pub(super) async fn write(line: &Line, entries: &[Entry]) -> Result<BTreeSet<String>, Failure> {
    macro_rules! each {
        ($of:expr, $entry:pat => $column:expr) => {
            &$of.map(|$entry| $column).collect::<Vec<_>>()
        };
    }
    let all = || entries.iter();
    let records = || all().flat_map(|entry| entry.records.iter().map(|row| (entry.name.as_str(), row)));
    let kept = || all().flat_map(|entry| entry.kept.iter().map(|value| (entry.name.as_str(), value)));
    let destroyed = || all().flat_map(|entry| entry.destroyed.iter().map(|id| (entry.name.as_str(), id.as_str())));
    let rows = line
        .write_or_tell(
            APPEND,
            &[
                each!(all(), entry => entry.name.as_str()),
                each!(all(), entry => entry.epoch),
                each!(all(), entry => entry.holder.as_str()),
                each!(all(), entry => entry.after),
                each!(all(), entry => entry.last),
                each!(all(), entry => entry.since),
                each!(all(), entry => entry.open),
                each!(all(), entry => entry.due_at),
                each!(all(), entry => entry.in_use.as_deref()),
                each!(all(), entry => entry.head.as_str()),
                each!(all(), entry => entry.length),
                each!(records(), (name, _) => name),
                each!(records(), (_, row) => row.seq),
                each!(records(), (_, row) => row.epoch),
                each!(records(), (_, row) => row.record.run.as_str()),
                each!(records(), (_, row) => row.at.as_str()),
                each!(records(), (_, row) => row.record.fact.as_str()),
                each!(records(), (_, row) => row.record.mac.as_bytes().as_slice()),
                each!(kept(), (name, _) => name),
                each!(kept(), (_, value) => value.id.as_str()),
                each!(kept(), (_, value) => value.context.as_str()),
                each!(kept(), (_, value) => value.sealed.as_slice()),
                each!(destroyed(), (name, _) => name),
                each!(destroyed(), (_, id) => id),
            ],
        )
        .await?;
    moved_on(rows.first())?;
    let stored = rows.iter().filter_map(|row| column::<Option<String>>(row, 0).transpose());
    Ok(stored.collect::<Result<_>>()?)
}

/// A batch that does not follow what is there would make a log that nobody can read.
fn check(lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
    let mut last = after;
    for record in &batch.records {
        if record.seq != last.next() {
            return Err(Error::new(ErrorKind::Internal, "records were to be written that do not follow each other"));
        }
        last = record.seq;
    }
    if batch.head.last != last || batch.head.credential != lease.credential {
        return Err(Error::new(ErrorKind::Internal, "a head was to be written that does not fit its records"));
    }
    Ok(())
}

/// When a run can go on without a person.
fn due_at(head: &Head) -> Option<i64> {
    match head.status {
        // Whoever was at it has died, or has the lease: a clock that was ahead then hides no run from those who look now.
        Status::Running => Some(0),
        // Never earlier than it was said, though that may have been finer.
        _ => head.wake_at.filter(|_| head.status.is_open()).map(|at| {
            let nanos = Timestamp::from_unix_seconds(0).until(at).as_nanos();
            i64::try_from(nanos.div_ceil(1000)).unwrap_or(i64::MAX)
        }),
    }
}

/// A number as the tables hold it.
fn number(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::new(ErrorKind::Internal, "a number was to be written that is too large"))
}

/// Commits so many bytes, and their end: what could keep a record from the disk, or from a standby that must have it, shows.
const REHEARSE: &str = concat!(
    moment!(),
    ", tried AS (
        SELECT c.name, rehearse(c.name, $4) FROM credential c, moment WHERE c.name = $1 AND c.epoch = $2 AND c.holder = $3
    )
    SELECT tried.name IS NOT NULL FROM moment LEFT JOIN tried ON true"
);

pub(super) async fn rehearse(line: &Line, lease: &Lease, bytes: usize) -> Result<()> {
    let size = i32::try_from(bytes).unwrap_or(i32::MAX);
    let (name, epoch, holder) = (lease.credential.as_str(), number(lease.epoch)?, lease.holder.as_str());
    let rows = line.write(REHEARSE, &[&name, &epoch, &holder, &size]).await?;
    if column(moved_on(rows.first())?, 0)? { Ok(()) } else { Err(fenced()) }
}
