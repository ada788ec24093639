//! What is asked of the database again and again: each statement is made ready once for each connection.

use rusqlite::{Connection, OptionalExtension as _, Params, Row};

use super::failure::database;
use crate::error::Result;

/// Runs it: how many rows it has changed.
pub(super) fn execute(db: &Connection, sql: &str, values: impl Params) -> Result<usize> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(database)
}

/// The first row that it finds.
pub(super) fn first<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    db.prepare_cached(sql).and_then(|mut statement| statement.query_row(values, read).optional()).map_err(database)
}
