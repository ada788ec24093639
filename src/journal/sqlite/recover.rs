//! How a rescued batch comes back: as if it had been appended.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::append;
use super::failure::database;
use super::lease;
use super::operation::Desk;
use super::rescue::Rescued;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Seq;
use crate::name::Holder;

/// Appends what was rescued where the log stands as it stood then, and recognises what is there already.
pub(super) fn bring_back(desk: &Desk<'_>, rescued: &Rescued, claimants: Option<&[Holder]>) -> Result<()> {
    let Rescued { credential, epoch, after, batch, .. } = rescued;
    if let Some(claimants) = claimants
        && !is_stored(desk.db, rescued)?
        && lease::is_at_work(desk, credential, *epoch, claimants)?
    {
        let text =
            "something was rescued, and its engine may still be trying to store it: try again when its lease is over";
        return Err(Error::new(ErrorKind::Busy, text));
    }
    let id = lease::row_of(desk, credential)?;
    if append::last(desk.db, id)? != *after {
        return if is_stored(desk.db, rescued)? { Ok(()) } else { Err(went_on()) };
    }
    append::write(desk, id, credential, *after, batch)?;
    // A log that was restored from an older copy may know of fewer leases than were granted.
    let epoch = append::number(*epoch)?;
    desk.db
        .execute("UPDATE credential SET epoch = max(epoch, ?2) WHERE id = ?1", params![id, epoch])
        .map_err(database)?;
    Ok(())
}

/// Whether its first record stands in the log.
pub(super) fn is_stored(db: &Connection, rescued: &Rescued) -> Result<bool> {
    let Some(record) = rescued.batch.records.first() else { return Ok(false) };
    let sql = "SELECT r.mac FROM record r JOIN credential c ON c.id = r.credential WHERE c.name = ?1 AND r.seq = ?2";
    let place = params![rescued.credential.as_str(), append::number(record.seq.get())?];
    let there: Option<[u8; 32]> = db.query_row(sql, place, |row| row.get(0)).optional().map_err(database)?;
    Ok(there.is_some_and(|mac| mac == *record.mac.as_bytes()))
}

/// Why it has not been brought back.
pub(super) fn why(db: &Connection, rescued: &Rescued) -> Result<String> {
    if is_stored(db, rescued)? {
        return Ok("it was stored after all, and is overwritten here soon".into());
    }
    let sql = "SELECT id FROM credential WHERE name = ?1";
    let id: Option<i64> =
        db.query_row(sql, [rescued.credential.as_str()], |row| row.get(0)).optional().map_err(database)?;
    let last = id.map_or(Ok(Seq::ZERO), |id| append::last(db, id))?;
    Ok(if last == rescued.after { "it waits for the next claim".into() } else { went_on().to_string() })
}

fn went_on() -> Error {
    let text = "something was rescued when it could not be written, and the log went on without it: it may hold a token \
                that nothing else knows. A person must compare it with the log (`SqliteJournal::rescued` lists it), end that \
                token at its provider, and then give it up (`SqliteJournal::discard`); keep the rescue file until then";
    Error::new(ErrorKind::Journal, text)
}
