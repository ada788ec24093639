//! What is written together: one statement, so all of it or nothing.

use std::collections::BTreeMap;

use super::failure::fenced;
use super::lease::micros_of;
use super::line::Line;
use super::query::column;
use super::schema::{moment, moved_on};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Batch, Head, Lease, SealedValue, Seq, Status, ValueId};

/// The row of the credential is the fence: whoever changes it has the newest lease, and knows the last record. Somebody
/// who waits for the row meanwhile finds it changed, and changes nothing.
const APPEND: &str = concat!(
    moment!(),
    ", head AS (
        UPDATE credential c SET last = $5, since = $6, open = $7, due_at = $8, in_use = $9, head = $10,
            leased_until = moment.now + $11, lease_length = $11
        FROM moment WHERE c.name = $1 AND c.epoch = $2 AND c.holder = $3 AND c.last = $4
        RETURNING c.name
    ), written AS (
        INSERT INTO record (credential, seq, epoch, run, at, fact, mac)
        SELECT head.name, r.* FROM head,
            unnest($12::bigint[], $13::bigint[], $14::text[], $15::text[], $16::text[], $17::bytea[]) AS r
    ), kept AS (
        INSERT INTO value (credential, id, context, sealed)
        SELECT head.name, v.* FROM head, unnest($18::text[], $19::text[], $20::bytea[]) AS v
        ON CONFLICT (credential, id) DO UPDATE SET context = excluded.context, sealed = excluded.sealed
    ), destroyed AS (
        DELETE FROM value v USING head WHERE v.credential = head.name AND v.id = ANY ($21::text[])
    )
    SELECT head.name IS NOT NULL FROM moment LEFT JOIN head ON true"
);

pub(super) async fn append(line: &Line, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
    check(lease, after, batch)?;
    let head = &batch.head;
    let body = serde_json::to_string(head)
        .map_err(|_| Error::new(ErrorKind::Internal, "how a credential stands could not be written down"))?;
    let in_use = head.current.as_ref().map(|current| current.fingerprint.to_string());
    let records = Records::of(batch)?;
    let values = Values::of(batch)?;
    let destroyed: Vec<&str> = batch.destroy.iter().map(ValueId::as_str).collect();
    let rows = line
        .write(
            APPEND,
            &[
                &lease.credential.as_str(),
                &number(lease.epoch)?,
                &lease.holder.as_str(),
                &number(after.get())?,
                &number(head.last.get())?,
                &number(head.since.get())?,
                &head.status.is_open(),
                &due_at(head),
                &in_use,
                &body,
                &micros_of(lease.ttl),
                &records.seqs,
                &records.epochs,
                &records.runs,
                &records.times,
                &records.facts,
                &records.macs,
                &values.ids,
                &values.contexts,
                &values.sealed,
                &destroyed,
            ],
        )
        .await?;
    if column(moved_on(rows.first())?, 0)? { Ok(head.last) } else { Err(fenced()) }
}

/// The records of a batch, column by column.
struct Records<'a> {
    seqs: Vec<i64>,
    epochs: Vec<i64>,
    runs: Vec<&'a str>,
    times: Vec<String>,
    facts: Vec<&'a str>,
    macs: Vec<&'a [u8]>,
}

impl<'a> Records<'a> {
    fn of(batch: &'a Batch) -> Result<Self> {
        let records = || batch.records.iter();
        Ok(Self {
            seqs: records().map(|record| number(record.seq.get())).collect::<Result<_>>()?,
            epochs: records().map(|record| number(record.epoch)).collect::<Result<_>>()?,
            runs: records().map(|record| record.run.as_str()).collect(),
            times: records().map(|record| record.at.to_string()).collect(),
            facts: records().map(|record| record.fact.as_str()).collect(),
            macs: records().map(|record| record.mac.as_bytes().as_slice()).collect(),
        })
    }
}

/// The values that a batch keeps, column by column.
struct Values<'a> {
    ids: Vec<&'a str>,
    contexts: Vec<String>,
    sealed: Vec<&'a [u8]>,
}

impl<'a> Values<'a> {
    fn of(batch: &'a Batch) -> Result<Self> {
        // One statement writes each row once: the last word of a batch counts.
        let mut kept: BTreeMap<&str, &SealedValue> =
            batch.keep.iter().map(|value| (value.id.as_str(), value)).collect();
        for id in &batch.destroy {
            kept.remove(id.as_str());
        }
        let mut values = Self { ids: Vec::new(), contexts: Vec::new(), sealed: Vec::new() };
        for (id, value) in kept {
            values.ids.push(id);
            values.contexts.push(
                serde_json::to_string(&value.context).map_err(|_| {
                    Error::new(ErrorKind::Internal, "what a value is sealed to could not be written down")
                })?,
            );
            values.sealed.push(value.sealed.bytes()?);
        }
        Ok(values)
    }
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
