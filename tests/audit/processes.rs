//! Two processes and one file, and a disk that is full.

use tokenturn::ErrorKind;
use tokenturn::audit::{Audit, AuditFile};

use crate::child;
use crate::folder::Folder;
use crate::support::{event, events, plain};

const SHARE: u64 = 25;

#[tokio::test]
async fn a_process_that_appends() {
    let Some(path) = child::file() else { return };
    let audit = AuditFile::open(path).unwrap();
    let name = format!("p{}", std::process::id());
    for seq in 1..=SHARE {
        audit.append(&event(&name, seq)).await.unwrap();
        audit.append(&event("shared", seq)).await.unwrap();
    }
    println!("@@ {name}");
}

#[test]
fn two_processes_make_one_chain_and_what_both_hand_in_stands_there_once() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let test = "processes::a_process_that_appends";
    let children: Vec<_> = (0..2).map(|_| child::command("", test, &path).spawn().unwrap()).collect();
    let said: Vec<String> =
        children.into_iter().flat_map(|child| child::said(&child.wait_with_output().unwrap())).collect();
    let verified = plain(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((said.len(), verified.known.len()), (2, 3));
    assert_eq!(verified.lines, 1 + 3 * SHARE);
}

/// Fills what it may write.
#[tokio::test]
async fn a_process_that_fills_its_disk() {
    let Some(path) = child::file() else { return };
    let audit = AuditFile::open(&path).unwrap();
    let mut last = 0;
    let error = loop {
        match audit.append_all(&events("bot", last + 1..=last + 3)).await {
            Ok(()) => last += 3,
            Err(error) => break error,
        }
        assert!(last < 1000, "the limit does not work");
    };
    assert_eq!(error.kind(), ErrorKind::Audit, "{error:?}");
    assert_eq!(plain(&std::fs::read(&path).unwrap()).unwrap().lines, 1 + last, "nothing is left of what failed");
    println!("@@ {last}");
}

#[tokio::test]
async fn a_full_disk_leaves_no_half_line_and_the_log_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let path = folder.path("audit");
    // The signal would end the process.
    let mut child = child::command("trap '' XFSZ; ulimit -f 8; ", "processes::a_process_that_fills_its_disk", &path);
    let last: u64 = child::said(&child.output().unwrap())[0].parse().unwrap();
    AuditFile::open(&path).unwrap().append(&event("bot", last + 1)).await.unwrap();
    assert_eq!(plain(&std::fs::read(&path).unwrap()).unwrap().lines, 2 + last);
}
