//! What is written together.

use rusqlite::{Connection, params};

use super::failure::damaged;
use super::operation::{Desk, micros};
use super::{lease, statement};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Batch, Head, Lease, Seq, Status};
use crate::name::CredentialName;

pub(super) fn append(desk: &Desk<'_>, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
    let id = lease::fence(desk, lease)?;
    if last(desk.db, id)? != after {
        return Err(Error::new(ErrorKind::Fenced, "the log went on without this engine: stop, and load it again"));
    }
    write(desk, id, &lease.credential, after, batch)?;
    lease::renew(desk, id, lease)?;
    Ok(batch.head.last)
}

/// The last record of a credential.
pub(super) fn last(db: &Connection, id: i64) -> Result<Seq> {
    let sql = "SELECT last FROM head WHERE credential = ?1";
    let last: Option<i64> = statement::first(db, sql, [id], |row| row.get(0))?;
    u64::try_from(last.unwrap_or_default()).map(Seq::new).map_err(|_| damaged("a record's number is below zero"))
}

/// Writes a batch behind what is there.
pub(super) fn write(desk: &Desk<'_>, id: i64, credential: &CredentialName, after: Seq, batch: &Batch) -> Result<()> {
    check(credential, after, batch)?;
    let record_sql =
        "INSERT INTO record (credential, seq, epoch, run, at, fact, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let value_sql = "INSERT INTO value (credential, id, context, sealed) VALUES (?1, ?2, ?3, ?4)";
    for record in &batch.records {
        let (seq, epoch) = (number(record.seq.get())?, number(record.epoch)?);
        let (run, at) = (record.run.as_str(), record.at.to_string());
        let columns = params![id, seq, epoch, run, at, record.fact, record.mac.as_bytes()];
        statement::execute(desk.db, record_sql, columns)?;
    }
    for value in &batch.keep {
        let context = serde_json::to_string(&value.context)
            .map_err(|_| Error::new(ErrorKind::Internal, "what a value is sealed to could not be written down"))?;
        destroy(desk, id, value.id.as_str())?;
        statement::execute(desk.db, value_sql, params![id, value.id.as_str(), context, value.sealed.bytes()?])?;
    }
    for value in &batch.destroy {
        destroy(desk, id, value.as_str())?;
    }
    write_head(desk, id, &batch.head)
}

/// A batch that does not follow what is there would make a log that nobody can read.
fn check(credential: &CredentialName, after: Seq, batch: &Batch) -> Result<()> {
    let mut last = after;
    for record in &batch.records {
        if record.seq != last.next() {
            return Err(Error::new(ErrorKind::Internal, "records were to be written that do not follow each other"));
        }
        last = record.seq;
    }
    if batch.head.last != last || batch.head.credential != *credential {
        return Err(Error::new(ErrorKind::Internal, "a head was to be written that does not fit its records"));
    }
    Ok(())
}

fn destroy(desk: &Desk<'_>, id: i64, value: &str) -> Result<()> {
    let gone = statement::execute(desk.db, "DELETE FROM value WHERE credential = ?1 AND id = ?2", params![id, value])?;
    if gone > 0 {
        desk.traces.destroyed.set(true);
    }
    Ok(())
}

fn write_head(desk: &Desk<'_>, id: i64, head: &Head) -> Result<()> {
    let body = serde_json::to_string(head)
        .map_err(|_| Error::new(ErrorKind::Internal, "how a credential stands could not be written down"))?;
    let open = head.status.is_open();
    let due_at = match head.status {
        // Whoever was at it has died, or has the lease: a clock that was ahead then hides no run from those who look now.
        Status::Running => Some(0),
        _ => head.wake_at.filter(|_| open).map(micros),
    };
    let in_use = head.current.as_ref().map(|current| current.fingerprint.to_string());
    statement::execute(
            desk.db,
            "INSERT INTO head (credential, last, open, due_at, in_use, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (credential) DO UPDATE SET last = excluded.last, open = excluded.open, due_at = excluded.due_at,
             in_use = excluded.in_use, body = excluded.body",
            params![id, number(head.last.get())?, open, due_at, in_use, body],
        )?;
    Ok(())
}

/// A number as the tables hold it.
pub(super) fn number(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::new(ErrorKind::Internal, "a number was to be written that is too large"))
}

/// Writes so many bytes as a record would, to be removed with the next group. No disk can make them smaller.
pub(super) fn rehearse(desk: &Desk<'_>, lease: &Lease, bytes: usize) -> Result<()> {
    desk.same_rescue()?;
    lease::fence(desk, lease)?;
    let size = i64::try_from(bytes).unwrap_or(i64::MAX);
    statement::execute(desk.db, "INSERT INTO rehearsal (body) VALUES (randomblob(?1))", [size])?;
    desk.traces.rehearsed.set(true);
    Ok(())
}
