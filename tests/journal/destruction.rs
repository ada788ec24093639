//! What was destroyed is in none of the files.

use std::collections::HashSet;
use std::fs;

use tokenturn::journal::{Batch, Journal, Lease, Seq, SqliteJournal, ValueId};

use crate::folder::Folder;
use crate::support::{batch, claim, noise, value};

/// How many bytes in a row are no accident.
const PART: usize = 16;

/// Every part of every file of the journal.
fn parts(folder: &Folder) -> HashSet<[u8; PART]> {
    let names = ["journal", "journal-wal", "journal-shm", "journal.rescue"];
    let files = names.iter().filter_map(|name| fs::read(folder.path(name)).ok());
    files
        .flat_map(|bytes| bytes.array_windows().copied().filter(|part| *part != [0; PART]).collect::<Vec<_>>())
        .collect()
}

/// How many parts of these bytes are still in a file.
fn left(folder: &Folder, bytes: &[u8]) -> usize {
    let there = parts(folder);
    bytes.array_windows().filter(|part| there.contains(*part)).count()
}

#[tokio::test]
async fn a_destroyed_value_and_one_that_was_overwritten_are_in_no_file() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let (gone, replaced, stays) = (noise(1, 200), noise(2, 9000), noise(3, 200));
    let mut first = batch(&lease, 0);
    first.keep =
        vec![value(&lease, "gone", &gone), value(&lease, "replaced", &replaced), value(&lease, "stays", &stays)];
    journal.append(&lease, Seq::ZERO, &first).await.unwrap();
    assert!(left(&folder, &gone) > 100, "the search finds what is there");
    let mut second = batch(&lease, 1);
    second.keep = vec![value(&lease, "replaced", &noise(4, 300))];
    second.destroy = vec![ValueId::new("gone")];
    journal.append(&lease, Seq::new(1), &second).await.unwrap();
    journal.checkpoint().await.unwrap();
    assert_eq!((left(&folder, &gone), left(&folder, &replaced)), (0, 0));
    assert!(left(&folder, &stays) > 100);
}

/// A journal, the right to write it, and a batch that keeps a value.
async fn keeping(folder: &Folder) -> (SqliteJournal, Lease, Vec<u8>, Batch) {
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let gone = noise(1, 400);
    let mut first = batch(&lease, 0);
    first.keep = vec![value(&lease, "gone", &gone)];
    (journal, lease, gone, first)
}

/// Destroys it with the next record.
async fn destroy(journal: &SqliteJournal, lease: &Lease) {
    let mut second = batch(lease, 1);
    second.destroy = vec![ValueId::new("gone")];
    journal.append(lease, Seq::new(1), &second).await.unwrap();
}

#[tokio::test]
async fn dropping_the_journal_is_enough() {
    let folder = Folder::new();
    let (journal, lease, gone, first) = keeping(&folder).await;
    journal.append(&lease, Seq::ZERO, &first).await.unwrap();
    destroy(&journal, &lease).await;
    drop(journal);
    assert_eq!(left(&folder, &gone), 0);
}

#[tokio::test]
async fn a_rescued_value_is_not_left_in_the_rescue_file() {
    let folder = Folder::new();
    let (journal, lease, gone, first) = keeping(&folder).await;
    journal.rescue(&lease, Seq::ZERO, &first).await.unwrap();
    assert!(left(&folder, &gone) > 300);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    destroy(&journal, &lease).await;
    journal.checkpoint().await.unwrap();
    assert_eq!(left(&folder, &gone), 0);
}

#[tokio::test]
async fn a_value_that_was_rescued_and_stored_after_all_is_not_left_in_the_rescue_file() {
    let folder = Folder::new();
    let (journal, lease, gone, first) = keeping(&folder).await;
    journal.rescue(&lease, Seq::ZERO, &first).await.unwrap();
    journal.append(&lease, Seq::ZERO, &first).await.unwrap();
    destroy(&journal, &lease).await;
    journal.checkpoint().await.unwrap();
    assert_eq!(left(&folder, &gone), 0);
}

#[tokio::test]
async fn it_is_gone_by_itself_when_the_journal_is_quiet() {
    let folder = Folder::new();
    let (journal, lease, gone, first) = keeping(&folder).await;
    journal.append(&lease, Seq::ZERO, &first).await.unwrap();
    journal.checkpoint().await.unwrap();
    let before = journal.stats().checkpoints;
    destroy(&journal, &lease).await;
    while journal.stats().checkpoints == before {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(left(&folder, &gone), 0);
}

/// Pages split and merge as values come and go, and no copy of one may stay behind in what becomes free.
#[tokio::test]
async fn no_part_of_many_destroyed_values_stays_behind_as_pages_move() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let mut alive: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut dead = Vec::new();
    for round in 0..60_u64 {
        let mut next = batch(&lease, round);
        for part in 0..4 {
            let number = round * 4 + part;
            let length = 64 + usize::try_from(number * 7919 % 1900).unwrap();
            let bytes = noise(number + 1, length);
            next.keep.push(value(&lease, &format!("value-{:03}", number * 37 % 240), &bytes));
            alive.push((number * 37 % 240, bytes));
        }
        if round % 3 == 2 {
            for _ in 0..9 {
                let (id, bytes) = alive.remove(usize::try_from(round * 31).unwrap() % alive.len());
                next.destroy.push(ValueId::new(format!("value-{id:03}")));
                dead.push(bytes);
            }
        }
        journal.append(&lease, Seq::new(round), &next).await.unwrap();
    }
    journal.checkpoint().await.unwrap();
    let there = parts(&folder);
    let is_there = |part: &&[u8; PART]| there.contains(*part);
    assert!(alive.iter().all(|(_, bytes)| bytes.array_windows().any(|part| is_there(&part))));
    assert_eq!(dead.iter().flat_map(|bytes| bytes.array_windows()).filter(is_there).count(), 0);
}

/// Numbers that look random and are the same each time.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    }
}

#[tokio::test]
async fn nothing_of_what_was_destroyed_stays_whatever_its_size_and_order() {
    for seed in 1..=12 {
        let folder = Folder::new();
        let journal = SqliteJournal::open(folder.path("journal")).unwrap();
        let lease = claim(&journal, "bot", "a").await.unwrap();
        let mut next = numbers(seed);
        let mut alive: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut dead = Vec::new();
        for round in 0..25 {
            let mut step = batch(&lease, round);
            for part in 0..=next(6) {
                let size = [40, 120, 300, 900, 5000][usize::try_from(next(5)).unwrap()];
                let bytes = noise(seed << 32 | round << 8 | part, usize::try_from(40 + next(size)).unwrap());
                let id = round << 8 | part;
                step.keep.push(value(&lease, &format!("value-{id}"), &bytes));
                alive.push((id, bytes));
            }
            for _ in 0..next(7).min(alive.len() as u64) {
                let (id, bytes) = alive.swap_remove(usize::try_from(next(alive.len() as u64)).unwrap());
                step.destroy.push(ValueId::new(format!("value-{id}")));
                dead.push(bytes);
            }
            journal.append(&lease, Seq::new(round), &step).await.unwrap();
        }
        journal.checkpoint().await.unwrap();
        let there = parts(&folder);
        let is_there = |part: &&[u8; PART]| there.contains(*part);
        assert!(alive.iter().all(|(_, bytes)| bytes.array_windows().any(|part| is_there(&part))));
        let left = dead.iter().filter(|bytes| bytes.array_windows().any(|part| is_there(&part))).count();
        assert_eq!(left, 0, "seed {seed}: of {} destroyed values", dead.len());
    }
}
