//! Many workers that claim what is due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokenturn::journal::{HeadFilter, Journal, PostgresJournal, Seq, Status};
use tokenturn::{ErrorKind, Timestamp};

use crate::place::Own;
use crate::support::{TTL, batch, holder, lease};

/// Writes what is due since so many seconds, and gives it back.
async fn due(journal: &PostgresJournal, credential: &str, seconds: u64) {
    let lease = lease(journal, credential, "writer").await;
    let mut batch = batch(&lease, Seq::ZERO);
    batch.head.status = Status::Draining;
    batch.head.wake_at = Some(Timestamp::from(SystemTime::now()).minus(Duration::from_secs(seconds)));
    journal.append(&lease, Seq::ZERO, &batch).await.unwrap();
    journal.release(lease).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_that_claim_at_once_never_get_the_same_credential() {
    const CREDENTIALS: usize = 120;
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    join_all((0..CREDENTIALS).map(|number| {
        let journal = &journal;
        async move { due(journal, &format!("bot-{number}"), 60).await }
    }))
    .await;
    let workers = join_all((0..6).map(|_| place.open())).await.into_iter().map(|journal| Arc::new(journal.unwrap()));
    let work = |(number, journal): (usize, Arc<PostgresJournal>)| async move {
        let (me, mut mine) = (holder(&format!("worker-{number}")), Vec::new());
        // Rows that another one is just claiming are passed over: only when it comes back for them they are taken or free.
        let mut nothing = 0;
        while nothing < 3 {
            let leases = journal.claim_due(&HeadFilter::all(), &me, TTL, 7).await.unwrap();
            assert!(leases.len() <= 7);
            let before = mine.len();
            for lease in leases {
                let after = Seq::new(1);
                journal.append(&lease, after, &ended(&lease, after)).await.unwrap();
                mine.push(lease.credential.to_string());
            }
            nothing = if mine.len() == before { nothing + 1 } else { 0 };
        }
        mine
    };
    let claimed = join_all(workers.enumerate().map(|each| tokio::spawn(work(each)))).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for name in claimed.into_iter().flat_map(Result::unwrap) {
        *times.entry(name).or_default() += 1;
    }
    assert_eq!(times.len(), CREDENTIALS, "none is left out");
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

/// What a worker writes when it is done.
fn ended(lease: &tokenturn::journal::Lease, after: Seq) -> tokenturn::journal::Batch {
    let mut batch = batch(lease, after);
    batch.head.status = Status::Idle;
    batch
}

#[tokio::test]
async fn those_that_wait_longest_come_first_and_in_order() {
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    for (credential, seconds) in [("c", 30), ("a", 10), ("b", 40), ("d", 20)] {
        due(&journal, credential, seconds).await;
    }
    let leases = journal.claim_due(&HeadFilter::all(), &holder("me"), TTL, 3).await.unwrap();
    let names: Vec<&str> = leases.iter().map(|lease| lease.credential.as_str()).collect();
    assert_eq!(names, ["b", "c", "d"]);
}

#[tokio::test]
async fn a_row_that_another_worker_is_at_holds_nobody_up() {
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    due(&journal, "a", 60).await;
    due(&journal, "b", 30).await;
    let mut other = place.admin().await;
    let at_it = other.transaction().await.unwrap();
    at_it.execute("SELECT 1 FROM credential WHERE name = 'a' FOR UPDATE", &[]).await.unwrap();
    let leases = journal.claim_due(&HeadFilter::all(), &holder("me"), TTL, 5).await.unwrap();
    assert_eq!(leases.iter().map(|lease| lease.credential.as_str()).collect::<Vec<_>>(), ["b"]);
    at_it.rollback().await.unwrap();
    let leases = journal.claim_due(&HeadFilter::all(), &holder("other"), TTL, 5).await.unwrap();
    assert_eq!(leases.iter().map(|lease| lease.credential.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_ends_in_an_error_and_not_in_a_hang() {
    let Some(place) = Own::find() else { return };
    let journal = place.options().timeout(Duration::from_millis(300)).open(&place.secret()).await.unwrap();
    let lease = lease(&journal, "bot", "me").await;
    let mut other = place.admin().await;
    let at_it = other.transaction().await.unwrap();
    at_it.execute("SELECT 1 FROM credential FOR UPDATE", &[]).await.unwrap();
    let error = journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Journal, tokenturn::Effect::None), "{error}");
    at_it.rollback().await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)).await.unwrap();
}
