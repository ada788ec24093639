//! What the database and the way to it report, in our words.

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::error::{Effect, Error, ErrorKind};

/// A mistake of the caller's.
pub(super) fn wrong(text: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, text)
}

/// What stands in the database makes no sense.
pub(super) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Journal, format!("the journal is damaged: {what}; do not act on it, restore or inspect it"))
}

/// The lease is not the newest, or the log has gone on.
pub(super) fn fenced() -> Error {
    let text =
        "another engine has taken this credential over, or its log went on without this one: stop, and load it again";
    Error::new(ErrorKind::Fenced, text)
}

/// A newer version has changed the tables since they were opened.
pub(super) fn outdated() -> Error {
    let text = "another worker has brought the journal up to a newer version of tokenturn, and this one cannot write it any \
                more: restart it with the newer version";
    Error::new(ErrorKind::Configuration, text)
}

/// No connection was to be had: nothing was sent.
pub(super) fn connection(error: &PoolError) -> Error {
    let text = match error {
        PoolError::Backend(error) => match error.as_db_error() {
            Some(refusal) => return said(refusal, "the database refused the connection"),
            None => {
                "the journal's database cannot be reached, or its certificate is not trusted: look at its address, the \
                 network and its certificate, then try again"
            }
        },
        PoolError::Timeout(_) => {
            "no connection to the journal's database was free in time: it is slow, or there are too few (`connections`)"
        }
        _ => "the journal's connections cannot be used any more: open the journal again",
    };
    Error::new(ErrorKind::Journal, text)
}

/// A failure, and whether the database refused what it was asked, which may do for another.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) refused: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, refused: false }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// Whether the database has undone a statement, and works.
pub(super) fn is_refusal(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| refusal.parsed_severity() == Some(Severity::Error))
}

/// A statement failed. `lost` is what it may have done where the answer never came.
pub(super) fn statement(error: &tokio_postgres::Error, lost: Effect) -> Error {
    match error.as_db_error() {
        // The statement is undone. What ends the whole connection may have come after it was committed.
        Some(refusal) if is_refusal(error) => said(refusal, "the database refused it"),
        Some(refusal) => said(refusal, "the database ended the connection").with_effect(lost),
        None if error.is_closed() || lost == Effect::Unknown => no_answer(lost),
        None => Error::new(ErrorKind::Journal, "the journal's database gave an answer that makes no sense: inspect it"),
    }
}

/// No answer came, or none in time.
pub(super) fn no_answer(lost: Effect) -> Error {
    let text = match lost {
        Effect::None => {
            "the journal's database did not answer: see whether it works and can be reached, then try again"
        }
        Effect::Unknown => {
            "the journal's database did not answer, and may have stored it: see whether it works and can be reached, then \
             look at what is there"
        }
    };
    Error::new(ErrorKind::Journal, text).with_effect(lost)
}

/// What the database said: its code and its message, not the details, which repeat rows.
fn said(refusal: &DbError, what: &str) -> Error {
    let advice = advice(refusal.code());
    let text = format!("the journal: {what} ({}: {}): {advice}", refusal.code().code(), refusal.message());
    Error::new(ErrorKind::Journal, text)
}

fn advice(code: &SqlState) -> &'static str {
    let class = code.code().get(..2).unwrap_or_default();
    match (class, code) {
        (_, code) if *code == SqlState::DISK_FULL => "its disk is full: make room, then go on",
        (_, code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            "it can only be read: name the server that takes writes, or wait until one does"
        }
        (_, code) if *code == SqlState::LOCK_NOT_AVAILABLE => "somebody holds what it needs for too long: find out who",
        (_, code) if *code == SqlState::QUERY_CANCELED => {
            "it took too long, or was cancelled: see what it is busy with"
        }
        (_, code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "grant its user the right to read and write the journal's schema, and to make it where it is not there"
        }
        (_, code) if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::UNDEFINED_COLUMN => {
            "the journal's tables are not as they were made: inspect the schema"
        }
        ("28", _) => "look at the user and the password",
        ("3D", _) => "make the database first",
        ("53", _) => "it is out of room or connections: give it more",
        ("23", _) => "it contradicts what is there, which was damaged or changed by hand: inspect it",
        ("57", _) => "it is starting or stopping: try again",
        _ => "look at what it says, then try again",
    }
}
