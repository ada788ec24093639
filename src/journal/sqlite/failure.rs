//! What SQLite and the file system report, in our words.

use std::fmt::Display;

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_WRITE, SQLITE_READONLY_DBMOVED};

use crate::error::{Effect, Error, ErrorKind};

pub(super) use crate::journal::private::failed as file;

/// A failure of the database. It had no effect: what was begun is rolled back.
pub(super) fn database(error: rusqlite::Error) -> Error {
    let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    let kind = match error.sqlite_error_code() {
        Some(code) if busy.contains(&code) => ErrorKind::Busy,
        _ => ErrorKind::Journal,
    };
    Error::new(kind, advice(&error)).with_source(error)
}

/// A commit that failed. Only where the last page cannot have reached the log is it certain that nothing is stored.
pub(super) fn commit(error: rusqlite::Error) -> Error {
    let effect = if left_nothing(&error) { Effect::None } else { Effect::Unknown };
    database(error).with_effect(effect)
}

/// Whether a commit that failed so has stored nothing: what marks it as whole is written last.
pub(super) fn left_nothing(error: &rusqlite::Error) -> bool {
    let known = [
        ErrorCode::DiskFull,
        ErrorCode::ReadOnly,
        ErrorCode::DatabaseBusy,
        ErrorCode::DatabaseLocked,
        ErrorCode::ConstraintViolation,
    ];
    error.sqlite_error().is_some_and(|error| known.contains(&error.code) || error.extended_code == SQLITE_IOERR_WRITE)
}

fn advice(error: &rusqlite::Error) -> &'static str {
    let Some(failure) = error.sqlite_error() else {
        return "the journal holds something that does not belong there: it was damaged, or changed by hand; do not act on \
                it, restore or inspect it";
    };
    match failure.code {
        ErrorCode::DiskFull => "the journal could not be written, the disk is full: make room, then go on",
        ErrorCode::ReadOnly if failure.extended_code == SQLITE_READONLY_DBMOVED => {
            "the journal's file was moved away while it was open: put it back, and open it again"
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            "the journal may not be written: make the file and its disk writable for this user, then go on"
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            "the journal's file is damaged: do not act on it, restore or inspect it"
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another process holds the journal's file for too long: find out which, then try again"
        }
        ErrorCode::CannotOpen => "the journal's file cannot be opened: look at its path and rights",
        ErrorCode::ConstraintViolation => {
            "the journal refuses what contradicts what is there: it was damaged, or changed by hand; inspect it"
        }
        ErrorCode::SystemIoFailure => "the journal's file could not be read or written: look at its disk, then go on",
        _ => "the journal's database failed: look at what it says, then try again",
    }
}

/// What stands in the file makes no sense.
pub(super) fn damaged(what: impl Display) -> Error {
    Error::new(ErrorKind::Journal, format!("the journal is damaged: {what}; do not act on it, restore or inspect it"))
}
