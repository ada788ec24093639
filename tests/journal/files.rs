//! Whose files they are, and what is refused and left as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rusqlite::Connection;
use tokenturn::ErrorKind;
use tokenturn::journal::{Journal, Seq, SqliteJournal};

use crate::child;
use crate::folder::Folder;
use crate::support::{batch, claim, numbers};

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
