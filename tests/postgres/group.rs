//! Appends that come together.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokenturn::journal::{Batch, Journal, Lease, PostgresJournal, SealContext, Sealed, SealedValue, Seq, ValueId};
use tokenturn::{Effect, ErrorKind};

use crate::place::Own;
use crate::support::{all, assert_whole, batch, lease};

const MANY: usize = 20;

async fn leases(journal: &PostgresJournal) -> Vec<Lease> {
    join_all((0..MANY).map(|number| {
        let name = format!("bot-{number:02}");
        async move { lease(journal, &name, "me").await }
    }))
    .await
}

#[tokio::test]
async fn what_comes_together_is_one_transaction() {
    let Some(place) = Own::find() else { return };
    let (journal, admin) = (place.open().await.unwrap(), place.admin().await);
    let leases = leases(&journal).await;
    let batches: Vec<Batch> = leases.iter().map(|lease| batch(lease, Seq::ZERO)).collect();
    let sent = leases.iter().zip(&batches).map(|(lease, batch)| journal.append(lease, Seq::ZERO, batch));
    assert!(join_all(sent).await.into_iter().all(|answer| answer.unwrap() == Seq::new(1)));
    let rows = admin.query("SELECT xmin::text FROM credential", &[]).await.unwrap();
    let transactions: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(transactions.len() <= 3, "{} rows of {} transactions", rows.len(), transactions.len());
    for lease in &leases {
        assert_whole(&all(&journal, lease.credential.as_str()).await.unwrap());
    }
}

#[tokio::test]
async fn one_that_is_fenced_takes_no_other_with_it() {
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    let leases = leases(&journal).await;
    let after = |number: usize| Seq::new(if number.is_multiple_of(3) { 7 } else { 0 });
    let batches: Vec<Batch> = leases.iter().enumerate().map(|(number, lease)| batch(lease, after(number))).collect();
    let sent = leases.iter().zip(&batches).enumerate();
    let answers = join_all(sent.map(|(number, (lease, batch))| journal.append(lease, after(number), batch))).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.is_err_and(|error| error.kind() == ErrorKind::Fenced), number.is_multiple_of(3), "{number}");
    }
    for (number, lease) in leases.iter().enumerate() {
        let log = all(&journal, lease.credential.as_str()).await.unwrap();
        assert_eq!(log.records.len(), usize::from(!number.is_multiple_of(3)), "{number}");
    }
}

#[tokio::test]
async fn one_that_the_database_refuses_takes_no_other_with_it() {
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    let leases = leases(&journal).await;
    let mut batches: Vec<Batch> = leases.iter().map(|lease| batch(lease, Seq::ZERO)).collect();
    // A name that no text of the database can hold.
    let (id, run) = (ValueId::new("\0"), batches[5].records[0].run.clone());
    let context = SealContext::new(leases[5].credential.clone(), run, leases[5].epoch, Seq::new(1), id.clone());
    batches[5].keep.push(SealedValue::new(id, context, Sealed::from_bytes(vec![1])));
    let sent = leases.iter().zip(&batches).map(|(lease, batch)| journal.append(lease, Seq::ZERO, batch));
    let answers = join_all(sent).await;
    for (number, answer) in answers.into_iter().enumerate() {
        let refused = answer.map_err(|error| (error.kind(), error.effect()));
        assert_eq!(refused, if number == 5 { Err((ErrorKind::Journal, Effect::None)) } else { Ok(Seq::new(1)) });
    }
    assert!(all(&journal, "bot-05").await.unwrap().records.is_empty());
    assert_whole(&all(&journal, "bot-06").await.unwrap());
}

#[tokio::test]
async fn one_whose_row_is_held_holds_no_other_up_for_longer_than_the_time_for_one() {
    let Some(place) = Own::find() else { return };
    let journal = place.options().timeout(Duration::from_millis(500)).open(&place.secret()).await.unwrap();
    let leases = leases(&journal).await;
    let mut other = place.admin().await;
    let at_it = other.transaction().await.unwrap();
    at_it.execute("SELECT 1 FROM credential WHERE name = 'bot-05' FOR UPDATE", &[]).await.unwrap();
    let batches: Vec<Batch> = leases.iter().map(|lease| batch(lease, Seq::ZERO)).collect();
    let sent = leases.iter().zip(&batches).map(|(lease, batch)| journal.append(lease, Seq::ZERO, batch));
    let stored: Vec<bool> = join_all(sent).await.iter().map(Result::is_ok).collect();
    assert_eq!(stored, (0..MANY).map(|number| number != 5).collect::<Vec<_>>());
    at_it.rollback().await.unwrap();
}

#[test]
fn an_append_whose_runtime_is_gone_does_not_hold_up_those_of_another() {
    let Some(place) = Own::find() else { return };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (journal, held) = first.block_on(async {
        let journal = place.open().await.unwrap();
        let held = lease(&journal, "bot", "me").await;
        (journal, held)
    });
    drop(first);
    for _ in 0..3 {
        let cut = runtime();
        let (journal, batch) = (journal.clone(), batch(&held, Seq::ZERO));
        let held = Lease::new(held.credential.clone(), held.holder.clone(), 99, held.ttl);
        // Begun, and cut off with all that it was at.
        drop(cut.spawn(async move { journal.append(&held, Seq::ZERO, &batch).await }));
        cut.block_on(tokio::task::yield_now());
        drop(cut);
    }
    runtime().block_on(async {
        journal.append(&held, Seq::ZERO, &batch(&held, Seq::ZERO)).await.unwrap();
        assert_whole(&all(&journal, "bot").await.unwrap());
    });
}
