//! What goes to the disk together, and what a caller that goes away leaves behind.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokenturn::journal::{Claim, Journal, Seq, SqliteJournal};
use tokenturn::{Clock, Holder, Timestamp};

use crate::folder::Folder;
use crate::support::{batch, bot, claim, numbers};

#[tokio::test]
async fn what_queues_up_shares_a_commit() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let names: Vec<String> = (0..64).map(|number| format!("bot-{number}")).collect();
    let leases = join_all(names.iter().map(|name| claim(&journal, name, "a"))).await;
    let before = journal.stats();
    let batches: Vec<_> =
        leases.into_iter().map(|lease| lease.unwrap()).map(|lease| (batch(&lease, 0), lease)).collect();
    let appends = batches.iter().map(|(batch, lease)| journal.append(lease, Seq::ZERO, batch));
    assert!(join_all(appends).await.iter().all(Result::is_ok));
    let after = journal.stats();
    assert_eq!(after.operations - before.operations, 64);
    assert!(after.commits - before.commits <= 4, "{before:?} {after:?}");
}

#[test]
fn what_was_accepted_is_written_though_the_runtime_is_gone() {
    let folder = Folder::new();
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lease = runtime().block_on(claim(&journal, "bot", "a")).unwrap();
    let (first, gone) = (batch(&lease, 0), runtime());
    let theirs = journal.clone();
    gone.block_on(async {
        tokio::task::spawn(async move { theirs.append(&lease, Seq::ZERO, &first).await });
        tokio::task::yield_now().await;
    });
    drop(gone);
    drop(journal);
    let journal = SqliteJournal::open(folder.path("journal")).unwrap();
    assert_eq!(runtime().block_on(numbers(&journal)), [1]);
}

/// A wall clock that goes where it is told.
#[derive(Debug, Default)]
struct Jumping(Mutex<i64>);

#[async_trait::async_trait]
impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_900_000_000 + *self.0.lock().unwrap())
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_a_lease_for_its_own_length_at_most() {
    let folder = Folder::new();
    let clock = Arc::new(Jumping::default());
    let journal = SqliteJournal::options().clock(clock.clone()).open(folder.path("journal")).unwrap();
    claim(&journal, "bot", "a").await.unwrap();
    *clock.0.lock().unwrap() = -86_400;
    let held = |wait| async move { matches!(wait, Ok(Claim::HeldFor(wait)) if wait == Duration::from_mins(1)) };
    let other = Holder::new("b").unwrap();
    assert!(held(journal.claim(&bot(), &other, Duration::from_mins(1)).await).await);
    *clock.0.lock().unwrap() += 60;
    claim(&journal, "bot", "b").await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_forward_fences_whoever_had_the_lease() {
    let folder = Folder::new();
    let clock = Arc::new(Jumping::default());
    let journal = SqliteJournal::options().clock(clock.clone()).open(folder.path("journal")).unwrap();
    let first = claim(&journal, "bot", "a").await.unwrap();
    *clock.0.lock().unwrap() = 86_400;
    let second = claim(&journal, "bot", "b").await.unwrap();
    assert!(journal.append(&first, Seq::ZERO, &batch(&first, 0)).await.is_err());
    journal.append(&second, Seq::ZERO, &batch(&second, 0)).await.unwrap();
}
