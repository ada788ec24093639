//! The database: how it is opened, what is in it, and how an older one becomes a newer one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::rescue::RescueId;
use super::{failure, file};
use crate::error::{Error, ErrorKind, Result};

/// Says that a file is a journal of this crate: the letters `ttrn`.
const APPLICATION: i32 = 0x7474_726e;

/// A shorter file is no database, though SQLite takes it for an empty one.
const SMALLEST: u64 = 512;

/// How long one process waits for another.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How many statements stay ready: more than there are.
const STATEMENTS: usize = 64;

/// What leads from one version to the next. What was released is never changed, only followed.
const MIGRATIONS: &[&str] = &["
    -- `rescue` is the rescue file that belongs to it, and `rescue_at` where that lay last.
    CREATE TABLE journal (id BLOB NOT NULL, rescue BLOB, rescue_at TEXT) STRICT;
    INSERT INTO journal (id) VALUES (randomblob(16));

    -- Who may write. Apart from the heads, so that no writing of those can set an epoch back.
    CREATE TABLE credential (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        epoch INTEGER NOT NULL DEFAULT 0,
        holder TEXT,
        leased_until INTEGER NOT NULL DEFAULT 0,
        lease_length INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- `body` is the head; the other columns find it.
    CREATE TABLE head (
        credential INTEGER PRIMARY KEY REFERENCES credential,
        last INTEGER NOT NULL,
        open INTEGER NOT NULL,
        due_at INTEGER,
        in_use TEXT,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX head_due ON head (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX head_in_use ON head (in_use) WHERE in_use IS NOT NULL;

    CREATE TABLE record (
        credential INTEGER NOT NULL REFERENCES credential,
        seq INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        run TEXT NOT NULL,
        at TEXT NOT NULL,
        fact TEXT NOT NULL,
        mac BLOB NOT NULL,
        UNIQUE (credential, seq)
    ) STRICT;

    CREATE TABLE value (
        credential INTEGER NOT NULL REFERENCES credential,
        id TEXT NOT NULL,
        context TEXT NOT NULL,
        sealed BLOB NOT NULL,
        UNIQUE (credential, id)
    ) STRICT;

    -- Where it is tried whether a record could be written.
    CREATE TABLE rehearsal (body BLOB NOT NULL) STRICT;
"];

/// Which file a journal is in, whatever its path: what was rescued from one is not brought into another.
pub(super) type JournalId = [u8; 16];

/// Refuses a file that is not ours, without touching it: read as it lies there, without its log and without a lock.
pub(super) fn probe(path: &Path) -> Result<()> {
    // Asked before it is read: what is made meanwhile by another process is no reason to refuse it.
    let length = std::fs::metadata(path).map(|found| found.len()).unwrap_or_default();
    // Beside a log of changes to undo, what lies there means nothing before they are undone.
    if length == 0 || file::beside(path, "-journal").exists() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match Connection::open_with_flags(address(path), flags).and_then(|db| Content::of(&db)) {
        Ok(Content::Foreign) => Err(foreign(path, "is a database of another program")),
        Ok(Content::Empty) if length < SMALLEST => Err(foreign(path, "is not a journal")),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(foreign(path, "is not a journal, or was damaged beyond recognition"))
        }
        // Read without a lock it may look torn while another process writes; opened properly, it shows what it is.
        Ok(Content::Empty | Content::Ours) | Err(_) => Ok(()),
    }
}

/// Whose database it is.
enum Content {
    Empty,
    Ours,
    Foreign,
}

impl Content {
    /// The mark says it, or the tables do: a crash while the journal was made may have left either without the other.
    fn of(db: &Connection) -> rusqlite::Result<Self> {
        let application: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let sql = "SELECT count(*), count(*) FILTER (WHERE type = 'table' AND name IN
                   ('journal', 'credential', 'head', 'record', 'value')) FROM sqlite_schema";
        let (all, ours): (i64, i64) = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(match application {
            APPLICATION | 0 if all == 0 && version == 0 => Self::Empty,
            APPLICATION => Self::Ours,
            0 if ours == 5 => Self::Ours,
            _ => Self::Foreign,
        })
    }
}

fn foreign(path: &Path, what: &str) -> Error {
    let text = format!("{} {what}, and was left as it is: give the journal a path of its own", path.display());
    Error::new(ErrorKind::Configuration, text)
}

/// The address by which SQLite reads a file and nothing beside it.
fn address(path: &Path) -> String {
    let mut address = String::from("file://");
    let path = path.as_os_str().as_encoded_bytes();
    if path.first() != Some(&b'/') {
        address.push('/');
    }
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b':' => {
                address.push(char::from(*byte));
            }
            _ => {
                let _ = write!(address, "%{byte:02x}");
            }
        }
    }
    address.push_str("?immutable=1");
    address
}

/// The connection that writes. Whoever opens holds the rescue file's lock, so that no two make or migrate at once.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let mut db = connect(path)?;
    if db.is_readonly("main").map_err(failure::database)? {
        let text = format!("{} can only be read: make the file and its disk writable for this user", path.display());
        return Err(Error::new(ErrorKind::Journal, text));
    }
    // Asked through the connection, which has undone by now what a crash left half done.
    if matches!(Content::of(&db).map_err(failure::database)?, Content::Foreign) {
        return Err(foreign(path, "is a database of another program"));
    }
    migrate(&mut db)?;
    Ok(db)
}

/// A connection with our settings.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags).and_then(set_up).map_err(failure::database)
}

fn set_up(db: Connection) -> rusqlite::Result<Connection> {
    db.busy_timeout(PATIENCE)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Every commit reaches the disk, freed space is overwritten, and no page goes to a file of SQLite's own choice.
    db.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;
         PRAGMA wal_autocheckpoint = 1000;",
    )?;
    Ok(db)
}

fn version(db: &Connection) -> Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failure::database)
}

/// Begins to write, unless a newer version has changed the tables since they were opened.
pub(super) fn begin(db: &Connection) -> Result<()> {
    db.execute_batch("BEGIN IMMEDIATE").map_err(failure::database)?;
    if usize::try_from(version(db)?) == Ok(MIGRATIONS.len()) {
        return Ok(());
    }
    let text = "another process has brought the journal up to a newer version of tokenturn, and this one cannot write it any \
                more: restart it with the newer version";
    Err(Error::new(ErrorKind::Configuration, text))
}

fn migrate(db: &mut Connection) -> Result<()> {
    let known = |version: i64| {
        usize::try_from(version).ok().filter(|version| *version <= MIGRATIONS.len()).ok_or_else(|| {
            let text =
                "the journal was written by a newer version of tokenturn, and was left as it is: use that version";
            Error::new(ErrorKind::Configuration, text)
        })
    };
    known(version(db)?)?;
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failure::database)?;
    if mode != "wal" {
        let text = "the journal's disk cannot hold a write-ahead log: put the file on a local disk";
        return Err(Error::new(ErrorKind::Configuration, text));
    }
    let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failure::database)?;
    let from = known(version(&change)?)?;
    for step in &MIGRATIONS[from..] {
        change.execute_batch(step).map_err(failure::database)?;
    }
    let application: i32 =
        change.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failure::database)?;
    if application != APPLICATION {
        // With the tables or not at all: a journal that is cut off while it is made is one that has not been made.
        change.pragma_update(None, "application_id", APPLICATION).map_err(failure::database)?;
    }
    if from < MIGRATIONS.len() {
        change
            .pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))
            .map_err(failure::database)?;
    }
    change.commit().map_err(failure::commit)
}

/// Which journal it is.
pub(super) fn id(db: &Connection) -> Result<JournalId> {
    db.query_row("SELECT id FROM journal", [], |row| row.get(0)).map_err(failure::database)
}

/// The rescue file that belongs to it, and where that lay last.
pub(super) fn rescue(db: &Connection) -> Result<Option<(RescueId, PathBuf)>> {
    let (id, path): (Option<RescueId>, Option<String>) = db
        .query_row("SELECT rescue, rescue_at FROM journal", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failure::database)?;
    Ok(id.map(|id| (id, path.unwrap_or_default().into())))
}

/// Says which rescue file belongs to it from now on.
pub(super) fn adopt(db: &Connection, rescue: RescueId, path: &Path) -> Result<()> {
    let change = "UPDATE journal SET rescue = ?1, rescue_at = ?2";
    db.execute(change, params![rescue, path.to_string_lossy()]).map_err(failure::database)?;
    Ok(())
}
