//! How a rescued batch comes back: as if it had been appended.

use rusqlite::{OptionalExtension as _, params};

use super::append;
use super::failure::database;
use super::lease;
use super::operation::Desk;
use super::rescue::Rescued;
use crate::error::{Error, ErrorKind, Result};

/// Appends what was rescued where the log stands as it stood then, and recognises what is there already.
pub(super) fn bring_back(desk: &Desk<'_>, rescued: &Rescued) -> Result<()> {
    let Rescued { credential, after, batch, .. } = rescued;
    let id = lease::row_of(desk, credential)?;
    if append::last(desk, id)? != *after {
        return if is_there(desk, id, rescued)? { Ok(()) } else { Err(went_on()) };
    }
    append::write(desk, id, credential, *after, batch)?;
    // A log that was restored from an older copy may know of fewer leases than were granted.
    let epoch = append::number(rescued.epoch)?;
    desk.db
        .execute("UPDATE credential SET epoch = max(epoch, ?2) WHERE id = ?1", params![id, epoch])
        .map_err(database)?;
    Ok(())
}

fn is_there(desk: &Desk<'_>, id: i64, rescued: &Rescued) -> Result<bool> {
    let Some(record) = rescued.batch.records.first() else { return Ok(false) };
    let sql = "SELECT mac FROM record WHERE credential = ?1 AND seq = ?2";
    let seq = append::number(record.seq.get())?;
    let there: Option<[u8; 32]> = desk.db.query_row(sql, [id, seq], |row| row.get(0)).optional().map_err(database)?;
    Ok(there.is_some_and(|mac| mac == *record.mac.as_bytes()))
}

fn went_on() -> Error {
    let text = "something was rescued when it could not be written, and the log went on without it: it may hold a token \
                that nothing else knows. Keep the rescue file, and have a person compare it with the log";
    Error::new(ErrorKind::Journal, text)
}
