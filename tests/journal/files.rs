//! Whose files they are, and what is refused and left as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rusqlite::Connection;
use tokenturn::journal::{Journal, Seq, Span, SqliteJournal};
use tokenturn::{Effect, ErrorKind};

use crate::child;
use crate::folder::Folder;
use crate::support::{batch, bot, claim, numbers};

#[track_caller]
fn refused(path: &Path, kind: ErrorKind, word: &str) {
    let error = SqliteJournal::open(path).unwrap_err();
    assert!(error.kind() == kind && error.to_string().contains(word), "{error:?}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

const NAMES: [&str; 4] = ["journal", "journal-wal", "journal-shm", "journal.rescue"];

/// Opens a journal, writes, and says with which rights its files lie there.
#[tokio::test]
async fn a_process_without_a_mask() {
    let Some(file) = child::file() else { return };
    let journal = SqliteJournal::open(&file).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    let folder = Path::new(&file).parent().unwrap().to_owned();
    for name in NAMES {
        println!("@@ {:o}", mode(&folder.join(name)));
    }
    println!("@@ {:o}", mode(&folder));
}

#[test]
fn files_and_directories_are_ours_alone_whatever_the_mask() {
    for mask in ["umask 000; ", "umask 022; ", "umask 077; "] {
        let folder = Folder::new();
        let file = folder.path("deep").join("down").join("journal");
        let output = child::command(mask, "files::a_process_without_a_mask", &file).output().unwrap();
        assert_eq!(child::said(&output), ["600", "600", "600", "600", "700"], "{mask}");
        assert_eq!(mode(&folder.path("deep")), 0o700);
    }
}

#[test]
fn a_symbolic_link_at_any_path_is_refused_and_not_followed() {
    for name in NAMES {
        let folder = Folder::new();
        symlink(folder.path("target"), folder.path(name)).unwrap();
        refused(&folder.path("journal"), ErrorKind::Configuration, "symbolic link");
        assert!(!folder.path("target").exists(), "{name}");
        fs::write(folder.path("target"), "precious").unwrap();
        fs::set_permissions(folder.path("target"), Permissions::from_mode(0o600)).unwrap();
        refused(&folder.path("journal"), ErrorKind::Configuration, "symbolic link");
        assert_eq!(fs::read(folder.path("target")).unwrap(), b"precious", "{name}");
    }
}

#[test]
fn a_file_that_others_can_reach_is_refused_with_the_command_that_mends_it() {
    for name in NAMES {
        let folder = Folder::new();
        drop(SqliteJournal::open(folder.path("journal")).unwrap());
        if !folder.path(name).exists() {
            fs::write(folder.path(name), "").unwrap();
        }
        for mode in [0o644, 0o640, 0o602] {
            fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
            refused(&folder.path("journal"), ErrorKind::Configuration, "chmod 600");
        }
        fs::set_permissions(folder.path(name), Permissions::from_mode(0o600)).unwrap();
        SqliteJournal::open(folder.path("journal")).unwrap();
    }
}

#[test]
fn a_directory_that_others_can_write_is_refused_sticky_or_not() {
    for mode in [0o777, 0o1777, 0o770, 0o702] {
        let folder = Folder::new();
        let inner = folder.path("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(mode)).unwrap();
        refused(&inner.join("journal"), ErrorKind::Configuration, "chmod go-w");
        let elsewhere = SqliteJournal::options().rescue_at(inner.join("rescue")).open(folder.path("journal"));
        assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::Configuration);
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
    }
}

#[test]
fn what_is_no_file_or_has_two_names_is_refused() {
    let folder = Folder::new();
    for name in NAMES {
        fs::create_dir(folder.path(name)).unwrap();
        refused(&folder.path("journal"), ErrorKind::Configuration, "not a file");
        fs::remove_dir(folder.path(name)).unwrap();
    }
    drop(SqliteJournal::open(folder.path("journal")).unwrap());
    fs::hard_link(folder.path("journal"), folder.path("second")).unwrap();
    refused(&folder.path("journal"), ErrorKind::Configuration, "hard link");
    let same = SqliteJournal::options().rescue_at(folder.path("other")).open(folder.path("other"));
    assert_eq!(same.unwrap_err().kind(), ErrorKind::Configuration);
    refused(Path::new("/"), ErrorKind::Configuration, "names no file");
}

/// Puts bytes or a database there, and shows that opening refuses it and changes nothing.
fn left_alone(make: impl FnOnce(&Path), word: &str) {
    let folder = Folder::new();
    let path = folder.path("journal");
    make(&path);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let before = fs::read(&path).unwrap();
    refused(&path, ErrorKind::Configuration, word);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!folder.path("journal-wal").exists());
}

#[test]
fn a_file_that_is_no_journal_is_refused_and_left_as_it_is() {
    left_alone(|path| fs::write(path, "a diary, not a journal\n".repeat(500)).unwrap(), "not a journal");
    left_alone(|path| fs::write(path, "x").unwrap(), "left as it is");
    let database = |sql: &'static str| move |path: &Path| Connection::open(path).unwrap().execute_batch(sql).unwrap();
    left_alone(database("CREATE TABLE theirs (a)"), "another program");
    left_alone(database("PRAGMA application_id = 7; CREATE TABLE theirs (a)"), "another program");
    left_alone(database("PRAGMA journal_mode = WAL; CREATE TABLE theirs (a)"), "another program");
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.path("journal");
    drop(SqliteJournal::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = fs::read(&path).unwrap();
    refused(&path, ErrorKind::Configuration, "newer version");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_empty_file_is_what_a_crash_leaves_and_becomes_a_journal() {
    let folder = Folder::new();
    let path = folder.path("journal");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let journal = SqliteJournal::open(&path).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    drop(journal);
    // And a crash between its making and its schema leaves an application's mark alone.
    let marked = folder.path("marked");
    Connection::open(&marked).unwrap().execute_batch("PRAGMA application_id = 0x7474726e").unwrap();
    fs::set_permissions(&marked, Permissions::from_mode(0o600)).unwrap();
    SqliteJournal::open(&marked).unwrap();
    assert_eq!(numbers(&SqliteJournal::open(&path).unwrap()).await, [1]);
}

/// What SQLite keeps beside a database of no pages, while it writes the first one.
fn hot_journal() -> Vec<u8> {
    let mut header = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    for number in [0_u32, 7, 0, 512, 4096] {
        header.extend(number.to_be_bytes());
    }
    header.resize(512, 0);
    header
}

fn private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_kill_while_the_journal_is_made_leaves_one_that_opens_ever_after() {
    let folder = Folder::new();
    let path = folder.path("journal");
    Connection::open(&path).unwrap().execute_batch("PRAGMA application_id = 0x7474726e").unwrap();
    private(&folder.path("journal-journal"), &hot_journal());
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    for after in 0..3 {
        let journal = SqliteJournal::open(&path).unwrap();
        let lease = claim(&journal, "bot", "a").await.unwrap();
        journal.append(&lease, Seq::new(after), &batch(&lease, after)).await.unwrap();
    }
    let raw = Connection::open(&path).unwrap();
    let id: i32 = raw.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    assert_eq!(id, 0x7474_726e);
}

#[tokio::test]
async fn a_journal_that_lost_its_mark_is_known_by_its_tables_and_gets_it_back() {
    let folder = Folder::new();
    let path = folder.path("journal");
    drop(SqliteJournal::open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA application_id = 0").unwrap();
    drop(raw);
    drop(SqliteJournal::open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    let id: i32 = raw.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    assert_eq!(id, 0x7474_726e);
}

#[test]
fn a_database_of_another_program_that_lies_in_its_log_alone_is_refused() {
    let folder = Folder::new();
    let (theirs, path) = (folder.path("theirs"), folder.path("journal"));
    let open = Connection::open(&theirs).unwrap();
    open.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE theirs (a)").unwrap();
    private(&path, &fs::read(&theirs).unwrap());
    private(&folder.path("journal-wal"), &fs::read(folder.path("theirs-wal")).unwrap());
    refused(&path, ErrorKind::Configuration, "another program");
    let raw = Connection::open(&path).unwrap();
    let id: i32 = raw.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    assert_eq!(id, 0);
}

#[tokio::test]
async fn odd_names_are_paths_and_never_addresses() {
    let folder = Folder::new();
    for name in ["file:journal?mode=memory", "a b%20c?x=1#y", "j\u{f6}urnal"] {
        let path = folder.path(name);
        let journal = SqliteJournal::open(&path).unwrap();
        let lease = claim(&journal, "bot", "a").await.unwrap();
        journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
        drop(journal);
        assert_eq!(numbers(&SqliteJournal::open(&path).unwrap()).await, [1]);
        assert!(path.is_file(), "{name}");
    }
}

/// The database says of itself that it may only be read, as one on a read-only disk does to everybody, the superuser too.
#[tokio::test]
async fn a_journal_that_can_only_be_read_is_refused() {
    let folder = Folder::new();
    let path = folder.path("journal");
    drop(SqliteJournal::open(&path).unwrap());
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[18] = 9;
    fs::write(&path, &bytes).unwrap();
    refused(&path, ErrorKind::Journal, "writ");
    fs::write(&path, &whole).unwrap();
    SqliteJournal::open(&path).unwrap();
}

#[tokio::test]
async fn a_process_stops_writing_when_a_newer_version_has_changed_the_tables() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let raw = Connection::open(folder.path("journal")).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();
    let error = journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Configuration, Effect::None));
    assert!(error.to_string().contains("restart it with the newer version"), "{error}");
    raw.execute_batch("PRAGMA user_version = 1").unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
}

#[tokio::test]
async fn what_goes_into_a_log_that_was_removed_is_not_called_stored() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    fs::remove_file(folder.path("journal-wal")).unwrap();
    let error = journal.append(&lease, Seq::new(1), &batch(&lease, 1)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Journal && error.to_string().contains("journal-wal"), "{error}");
    assert!(journal.load(&bot(), Span::Head).await.is_err());
}

#[tokio::test]
async fn a_backup_is_a_journal_of_its_moment_for_its_owner_alone() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    journal.backup(folder.path("copy")).await.unwrap();
    journal.append(&lease, Seq::new(1), &batch(&lease, 1)).await.unwrap();
    assert_eq!(mode(&folder.path("copy")), 0o600);
    let error = journal.backup(folder.path("copy")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    drop(journal);
    fs::rename(folder.path("copy"), folder.path("journal")).unwrap();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    assert_eq!(numbers(&journal).await, [1]);
    assert!(journal.rescued().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_journal_that_is_held_for_too_long_is_busy() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let raw = Connection::open(folder.path("journal")).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Busy, Effect::None), "{error}");
}
