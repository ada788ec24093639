//! A disk that is full, as far as one process may write.

use std::fmt::Write as _;

use tokenturn::journal::{Journal, Seq, SqliteJournal, ValueId};
use tokenturn::{Effect, ErrorKind};

use crate::child;
use crate::folder::Folder;
use crate::support::{batch, claim, kept, noise, numbers, value};

/// Fills what it may write, and rescues what does not fit.
#[tokio::test]
async fn a_process_that_fills_its_disk() {
    let Some(file) = child::file() else { return };
    let journal = SqliteJournal::open(file).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let mut after = 0;
    let (lost, error) = loop {
        let mut next = batch(&lease, after);
        next.keep = vec![value(&lease, &format!("value-{after}"), &noise(after, 12_000))];
        match journal.append(&lease, Seq::new(after), &next).await {
            Ok(seq) => after = seq.get(),
            Err(error) => break (next, error),
        }
        assert!(after < 1000, "the limit does not work");
    };
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Journal, Effect::None), "{error:?}");
    let error = journal.rehearse(&lease, 20_000).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Journal, Effect::None), "{error:?}");
    assert_eq!(numbers(&journal).await.len() as u64, after, "what was answered is there");
    journal.rescue(&lease, Seq::new(after), &lost).await.unwrap();
    println!("@@ {after}");
}

#[tokio::test]
async fn what_a_full_disk_refuses_is_rescued_and_comes_back_when_there_is_room() {
    let folder = Folder::new();
    let file = folder.path("journal");
    // Room for the rescue file and little more, counted in half kilobytes; the signal would end the process.
    let shell = "trap '' XFSZ; ulimit -f 2100; ";
    let mut child = child::command(shell, "full::a_process_that_fills_its_disk", &file);
    let said = child::said(&child.output().unwrap());
    let stored: u64 = said[0].parse().unwrap();
    let journal = SqliteJournal::open(&file).unwrap();
    assert_eq!(numbers(&journal).await, (1..=stored + 1).collect::<Vec<_>>());
    let mut id = String::new();
    write!(id, "value-{stored}").unwrap();
    assert!(kept(&journal).await.contains(&(id, noise(stored, 12_000))));
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let mut next = batch(&lease, stored + 1);
    next.destroy = vec![ValueId::new("value-0")];
    journal.append(&lease, Seq::new(stored + 1), &next).await.unwrap();
}
