//! A copy of one moment in a file of its own.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{failure, file};
use crate::error::Result;

pub(super) fn write(db: &Connection, to: &Path) -> Result<()> {
    let path = file::make_new(to)?;
    let copied = db
        .execute("VACUUM INTO ?1", [path.to_string_lossy()])
        .map_err(failure::database)
        .and_then(|_| file::sync(&path));
    if copied.is_err() {
        // It was made here, and half of it helps nobody.
        let _ = fs::remove_file(&path);
    }
    copied
}
