//! The database killed with SIGKILL, all of its processes at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokenturn::Effect;
use tokenturn::journal::{Journal, PostgresJournal, Seq};

use crate::fleet::fleet;
use crate::journal;
use crate::place::{Place, connect};
use crate::server::Server;
use crate::support::{all, assert_whole, batch, lease, mac};
use crate::trial::Trial;

/// How often it is killed.
const ROUNDS: usize = 6;

/// One writer: appends, and looks where it has no answer, until it is told to stop. How many appends it was answered, and
/// how many were unknown and found to be there.
async fn write(
    journal: Arc<PostgresJournal>,
    number: usize,
    until: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
) -> (u64, u64) {
    let name = format!("bot-{number}");
    let lease = lease(&*journal, &name, "me").await;
    let (mut last, mut known, mut found) = (Seq::ZERO, 0, 0);
    while until.load(Ordering::Relaxed) == 0 {
        match journal.append(&lease, last, &batch(&lease, last)).await {
            Ok(seq) => {
                (last, known) = (seq, known + 1);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let log = loop {
                    match all(&*journal, &name).await {
                        Ok(log) => break log,
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                };
                assert!(log.head.last == last || log.head.last == last.next(), "{} {last}", log.head.last);
                if log.head.last == last.next() {
                    assert_eq!(error.effect(), Effect::Unknown, "it said that nothing was stored: {error}");
                    assert_eq!(log.records.last().unwrap().mac, mac(last.next()));
                    found += 1;
                }
                last = log.head.last;
            }
        }
    }
    let log = all(&*journal, &name).await.unwrap();
    assert_eq!(log.head.last, last, "what was answered is there, and nothing else");
    assert_whole(&log);
    (known, found)
}

#[tokio::test]
async fn what_was_answered_before_the_database_was_killed_is_there_and_what_was_not_is_looked_up() {
    // What the server would lose by itself, the journal does not.
    let Some(mut server) = Server::start(&["wal_writer_delay=10s"]) else { return };
    connect(&server.address())
        .await
        .batch_execute("ALTER DATABASE postgres SET synchronous_commit = off")
        .await
        .unwrap();
    let place = Place::new(&server.address(), "tokenturn");
    let journal = Arc::new(place.options().timeout(Duration::from_secs(5)).open(&place.secret()).await.unwrap());
    let (until, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> =
        (0..24).map(|number| tokio::spawn(write(journal.clone(), number, until.clone(), answered.clone()))).collect();
    for round in 1..=ROUNDS {
        let enough = answered.load(Ordering::Relaxed) + 300;
        while answered.load(Ordering::Relaxed) < enough {
            // One that ends now has found something to be wrong.
            assert!(
                !writers.iter().any(tokio::task::JoinHandle::is_finished),
                "a writer has given up in round {round}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server = tokio::task::spawn_blocking(move || {
            server.kill();
            server.up();
            server
        })
        .await
        .unwrap();
        println!("killed {round} times, with {} appends answered", answered.load(Ordering::Relaxed));
    }
    until.store(1, Ordering::Relaxed);
    let ended = join_all(writers).await.into_iter().map(Result::unwrap);
    let (known, found) = ended.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    println!("answered {known}, unknown and found to be there {found}, lost 0");
    assert!(known > 0);
}

#[test]
fn a_database_that_is_killed_while_workers_rotate_loses_no_token() {
    let Some(mut server) = Server::start(&[]) else { return };
    let Some(mut trial) = Trial::begin() else { return };
    journal::use_server(trial.directory(), &server.address());
    let mut worker = trial.worker(false);
    for _ in 0..ROUNDS {
        let calls = usize::try_from(100 + trial.dice.roll(120)).unwrap();
        trial.let_work(calls);
        server.kill();
        server.up();
    }
    trial.let_work(100);
    worker.no_more();
    worker.hear("finished");
    assert!(worker.ended().success());
    trial.finish();
    assert_eq!(trial.lost(), BTreeSet::new(), "live tokens that no record leads to");
    let orphans = trial.delete_reported();
    let world = trial.verdict();
    println!("tokens {}, live {}, reported as orphans {orphans}", world.tokens, world.live.len());
    assert_eq!(world.live.len(), fleet().len(), "in the end one token lives for each credential");
    assert_eq!((world.stale, &world.down), (0, &BTreeSet::new()), "places with a dead token");
    assert_eq!((world.revoked_early, world.issued_twice), (0, 0));
}
