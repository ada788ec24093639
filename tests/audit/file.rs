//! What befalls the file: crashes, other hands, other handles, and a change of files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use tokenturn::ErrorKind;
use tokenturn::audit::{Audit, AuditFile, verify};
use tokenturn::journal::{InProcess, Seq};

use crate::folder::Folder;
use crate::support::{event, events, plain};

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn add(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

async fn last(audit: &AuditFile, credential: &str) -> Option<u64> {
    audit.last(&tokenturn::CredentialName::new(credential).unwrap()).await.unwrap().map(Seq::get)
}

#[tokio::test]
async fn what_was_appended_is_known_again_and_is_not_appended_twice() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let audit = AuditFile::open(&path).unwrap();
    assert_eq!(last(&audit, "bot").await, None);
    audit.append_all(&events("bot", 1..=3)).await.unwrap();
    let before = read(&path);
    audit.append_all(&events("bot", 2..=3)).await.unwrap();
    assert_eq!(read(&path), before);
    drop(audit);
    let audit = AuditFile::open(&path).unwrap();
    assert_eq!((last(&audit, "bot").await, last(&audit, "other").await), (Some(3), None));
    audit.append_all(&events("bot", 3..=4)).await.unwrap();
    assert_eq!(plain(&read(&path)).unwrap(), audit.verified().await.unwrap());
}

#[tokio::test]
async fn a_hole_is_refused_and_nothing_of_it_is_written() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let audit = AuditFile::open(&path).unwrap();
    audit.append(&event("bot", 1)).await.unwrap();
    let before = read(&path);
    let error = audit.append_all(&[event("bot", 2), event("bot", 4)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Audit);
    assert_eq!(read(&path), before);
}

#[tokio::test]
async fn whatever_a_crash_left_of_a_line_is_cut_off_and_appended_again() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let audit = AuditFile::open(&path).unwrap();
    audit.append(&event("bot", 1)).await.unwrap();
    let before = read(&path);
    audit.append(&event("bot", 2)).await.unwrap();
    let after = read(&path);
    drop(audit);
    // From nothing but the first byte of the file to all but the last of the second line.
    for length in 0..after.len() {
        fs::write(&path, &after[..length]).unwrap();
        let audit = AuditFile::open(&path).unwrap();
        let there = last(&audit, "bot").await.unwrap_or_default();
        assert_eq!(there, u64::from(length >= before.len()), "{length}");
        audit.append_all(&events("bot", there + 1..=2)).await.unwrap();
        assert_eq!(read(&path), after, "{length}");
    }
}

#[tokio::test]
async fn another_handle_that_died_in_the_middle_of_a_line_leaves_nothing() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let audit = AuditFile::open(&path).unwrap();
    add(&path, b"{\"credential\":\"bo");
    audit.append(&event("bot", 1)).await.unwrap();
    assert_eq!(plain(&read(&path)).unwrap().lines, 2);
}

#[tokio::test]
async fn a_log_that_was_changed_is_not_opened_and_nothing_is_appended_to_it() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let audit = AuditFile::open(&path).unwrap();
    audit.append_all(&events("bot", 1..=2)).await.unwrap();
    add(&path, b"{\"credential\":\"bot\",\"seq\":3}\n");
    let changed = read(&path);
    assert_eq!(audit.append(&event("bot", 3)).await.unwrap_err().kind(), ErrorKind::Audit);
    let error = AuditFile::open(&path).unwrap_err();
    assert!(error.to_string().contains("damaged at line 4"), "{error}");
    assert_eq!(read(&path), changed);
}

#[tokio::test]
async fn a_file_that_was_cut_back_removed_or_replaced_while_it_is_open_is_refused() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let audit = AuditFile::open(&path).unwrap();
    audit.append(&event("bot", 1)).await.unwrap();
    let whole = read(&path);
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = audit.append(&event("bot", 2)).await.unwrap_err();
    assert!(error.to_string().contains("cut back"), "{error}");
    fs::rename(&path, folder.path("moved")).unwrap();
    let error = audit.append(&event("bot", 2)).await.unwrap_err();
    assert!(error.to_string().contains("removed or replaced"), "{error}");
    AuditFile::open(&path).unwrap();
    assert!(audit.append(&event("bot", 2)).await.is_err(), "another file has its name");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_on_one_file_make_one_chain() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let mut tasks = Vec::new();
    for name in ["a", "b", "c"] {
        let audit = AuditFile::open(&path).unwrap();
        tasks.push(tokio::spawn(async move {
            for seq in 1..=20 {
                audit.append(&event(name, seq)).await.unwrap();
                // Two engines may hand in the same.
                audit.append(&event("all", 1)).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(plain(&read(&path)).unwrap().lines, 1 + 60 + 1);
}

#[tokio::test]
async fn a_new_file_goes_on_from_the_one_that_was_moved_away() {
    let folder = Folder::new();
    let (path, moved) = (folder.path("audit"), folder.path("audit.1"));
    let audit = AuditFile::open(&path).unwrap();
    audit.append_all(&events("bot", 1..=3)).await.unwrap();
    drop(audit);
    fs::rename(&path, &moved).unwrap();
    let before = verify(fs::File::open(&moved).unwrap(), &InProcess::new()).unwrap();
    let audit = AuditFile::continuing(&path, Arc::new(InProcess::new()), &before).unwrap();
    assert_eq!(last(&audit, "bot").await, Some(3), "nothing is written twice");
    audit.append(&event("bot", 4)).await.unwrap();
    let log = read(&path);
    assert!(
        String::from_utf8_lossy(&log).contains(&before.last.to_string()),
        "the first line names the last one there"
    );
    assert_eq!(plain(&log).unwrap().lines, 2);
    // A restart finds it as it is.
    let again = AuditFile::open(&path).unwrap();
    assert_eq!(last(&again, "bot").await, Some(4));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn the_file_is_its_owners_alone() {
        let folder = Folder::new();
        let path = folder.path("audit");
        AuditFile::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_others_reach_or_may_lead_elsewhere_is_refused_and_left_as_it_is() {
        let folder = Folder::new();
        let path = folder.path("audit");
        let refused = || AuditFile::open(&path).unwrap_err().kind();
        for open in [0o640, 0o604, 0o620, 0o602] {
            fs::write(&path, b"").unwrap();
            mode(&path, open);
            assert_eq!(refused(), ErrorKind::Configuration, "{open:o}");
            assert_eq!(read(&path), b"");
        }
        fs::remove_file(&path).unwrap();
        fs::write(folder.path("elsewhere"), b"").unwrap();
        symlink(folder.path("elsewhere"), &path).unwrap();
        assert_eq!(refused(), ErrorKind::Configuration, "a symbolic link");
        fs::remove_file(&path).unwrap();
        fs::hard_link(folder.path("elsewhere"), &path).unwrap();
        mode(&path, 0o600);
        assert_eq!(refused(), ErrorKind::Configuration, "a second name");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(refused(), ErrorKind::Configuration, "a directory");
        assert_eq!(read(&folder.path("elsewhere")), b"");
    }

    #[tokio::test]
    async fn a_directory_in_which_others_write_is_refused() {
        let folder = Folder::new();
        fs::create_dir(folder.path("shared")).unwrap();
        mode(&folder.path("shared"), 0o777);
        let error = AuditFile::open(folder.path("shared/audit")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}
