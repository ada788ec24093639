//! Two processes and one file.

use tokenturn::audit::{Audit, AuditFile};

use crate::child;
use crate::folder::Folder;
use crate::support::{event, plain};

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
