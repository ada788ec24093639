//! Two processes and one file.

use std::collections::BTreeMap;
use std::time::Duration;

use tokenturn::journal::{Claim, Journal, Seq, Span, SqliteJournal};
use tokenturn::{ErrorKind, Holder};

use crate::child;
use crate::folder::Folder;
use crate::support::{batch, bot, numbers};

/// How many batches each process stores.
const SHARE: usize = 40;

/// Claims and appends until its share is stored. Leases end at once, so that each claim takes the credential away from the
/// other process, wherever that is.
#[tokio::test]
async fn a_process_that_fights_for_a_credential() {
    let Some(file) = child::file() else { return };
    let journal = SqliteJournal::open(file).unwrap();
    let holder = Holder::new(std::process::id().to_string()).unwrap();
    let mut stored = 0;
    while stored < SHARE {
        let Claim::Granted(lease) = journal.claim(&bot(), &holder, Duration::ZERO).await.unwrap() else { continue };
        let mut last = journal.load(&bot(), Span::Head).await.unwrap().head.last;
        for _ in 0..3 {
            match journal.append(&lease, last, &batch(&lease, last.get())).await {
                Ok(seq) => {
                    println!("@@ {seq} {}", lease.epoch);
                    (last, stored) = (seq, stored + 1);
                }
                Err(error) if error.kind() == ErrorKind::Fenced => break,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn two_processes_fence_each_other_and_leave_one_log() {
    let folder = Folder::new();
    let file = folder.path("journal");
    let test = "processes::a_process_that_fights_for_a_credential";
    let children: Vec<_> = (0..2).map(|_| child::command("", test, &file).spawn().unwrap()).collect();
    let mut said = BTreeMap::new();
    let mut owners = Vec::new();
    for child in children {
        for line in child::said(&child.wait_with_output().unwrap()) {
            let (seq, epoch) = line.split_once(' ').unwrap();
            assert_eq!(said.insert(seq.parse::<u64>().unwrap(), epoch.parse::<u64>().unwrap()), None, "stored twice");
        }
        owners.push(said.len());
    }
    let journal = SqliteJournal::open(&file).unwrap();
    let all: Vec<u64> = (1..=said.len() as u64).collect();
    assert_eq!(numbers(&journal).await, all, "a gap, a double, or what nobody was answered");
    let log = journal.load(&bot(), Span::From(Seq::ZERO)).await.unwrap();
    for pair in log.records.windows(2) {
        assert!(pair[0].epoch <= pair[1].epoch, "an old epoch wrote");
    }
    assert!(log.records.iter().all(|record| said.get(&record.seq.get()) == Some(&record.epoch)));
    assert!(owners[0] >= SHARE && owners[1] >= 2 * SHARE, "{owners:?}");
}
