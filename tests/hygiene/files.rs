//! Who else can reach the files of a journal. What its own tests have is not repeated: links in place of a file, rights that
//! are too wide, masks, directories that others can write.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use tokenturn::ErrorKind;
use tokenturn::journal::{KeyFile, KeySource, SqliteJournal};

use crate::folder::Folder;

const NAMES: [&str; 4] = ["journal", "journal-wal", "journal-shm", "journal.rescue"];

#[test]
fn none_of_the_files_may_have_a_second_name() {
    for name in NAMES {
        let folder = Folder::new();
        let journal = SqliteJournal::open(folder.path("journal")).unwrap();
        fs::hard_link(folder.path(name), folder.path("second")).unwrap();
        let error = SqliteJournal::open(folder.path("journal")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{name}: {error}");
        assert!(error.to_string().contains("hard link"), "{name}: {error}");
        drop(journal);
    }
}

#[test]
fn in_a_directory_that_everybody_can_read_the_files_are_still_for_their_owner_alone() {
    let folder = Folder::new();
    fs::set_permissions(folder.path(""), Permissions::from_mode(0o755)).unwrap();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    KeyFile::at(folder.path("key")).keys().unwrap();
    for name in NAMES.into_iter().chain(["key"]) {
        assert_eq!(fs::metadata(folder.path(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    drop(journal);
}

#[test]
fn a_directory_behind_a_link_is_judged_by_what_it_leads_to() {
    let folder = Folder::new();
    fs::create_dir(folder.path("open")).unwrap();
    fs::set_permissions(folder.path("open"), Permissions::from_mode(0o777)).unwrap();
    symlink(folder.path("open"), folder.path("link")).unwrap();
    for path in ["link/journal", "link/../open/journal"] {
        let error = SqliteJournal::open(folder.path(path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{path}: {error}");
    }
    let key = KeyFile::at(folder.path("link/key")).keys().unwrap_err();
    assert_eq!(key.kind(), ErrorKind::Configuration, "{key}");
    assert_eq!(fs::read_dir(folder.path("open")).unwrap().count(), 0);
}

#[test]
fn a_key_file_leaves_no_other_copy_of_its_key_when_it_is_changed() {
    let folder = Folder::new();
    let file = KeyFile::at(folder.path("key"));
    file.keys().unwrap();
    file.rotate().unwrap();
    file.forget_replaced().unwrap();
    let names: Vec<_> = fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["key"]);
}
