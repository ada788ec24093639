//! A line that breaks between worker and database.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::{Journal, Key, KeySealer, PostgresJournal, Seq};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::{Effect, ErrorKind, Outcome, Policy, Predecessor, Rotator, ScopeSet};

use crate::place::{Own, Place};
use crate::proxy::{Cut, Proxy};
use crate::support::{all, assert_whole, batch, lease};

/// A journal behind a line that can be cut.
async fn behind(place: &Place, proxy: &Proxy) -> PostgresJournal {
    let way = Place::new(&proxy.address(&place.address), &place.schema);
    way.options().timeout(Duration::from_secs(3)).open(&way.secret()).await.unwrap()
}

async fn the_line_is_cut(cut: Cut, stored: bool) {
    let Some(place) = Own::find() else { return };
    let proxy = Proxy::before(&place.address).await;
    let journal = behind(&place, &proxy).await;
    let lease = lease(&journal, "bot", "me").await;
    journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)).await.unwrap();

    let next = batch(&lease, Seq::new(1));
    proxy.cut(cut, 0);
    let error = journal.append(&lease, Seq::new(1), &next).await.unwrap_err();
    assert_eq!((error.kind(), error.effect(), proxy.cuts()), (ErrorKind::Journal, Effect::Unknown, 1), "{error}");

    let log = all(&journal, "bot").await.unwrap();
    assert_whole(&log);
    assert_eq!(log.head.last, Seq::new(if stored { 2 } else { 1 }));
    let again = journal.append(&lease, Seq::new(1), &next).await;
    assert_eq!(again.map_err(|error| error.kind()), if stored { Err(ErrorKind::Fenced) } else { Ok(Seq::new(2)) });
    assert_whole(&all(&journal, "bot").await.unwrap());
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_unknown_and_found_not_to_be_there() {
    the_line_is_cut(Cut::Question, false).await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_unknown_and_found_to_be_there() {
    the_line_is_cut(Cut::Answer, true).await;
}

#[tokio::test]
async fn a_line_that_falls_silent_ends_in_unknown_and_not_in_a_hang() {
    the_line_is_cut(Cut::Silence, true).await;
}

#[tokio::test]
async fn a_question_that_is_lost_has_no_effect_and_the_next_one_is_answered() {
    let Some(place) = Own::find() else { return };
    let proxy = Proxy::before(&place.address).await;
    let journal = behind(&place, &proxy).await;
    let lease = lease(&journal, "bot", "me").await;
    journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)).await.unwrap();
    all(&journal, "bot").await.unwrap();
    proxy.cut(Cut::Answer, 0);
    let error = all(&journal, "bot").await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Journal, Effect::None), "{error}");
    assert_whole(&all(&journal, "bot").await.unwrap());
}

#[tokio::test]
async fn opening_ends_wherever_the_line_falls_silent() {
    let one = |after| async move {
        let Some(place) = Own::find() else { return (after, None) };
        let proxy = Proxy::before(&place.address).await;
        proxy.cut(Cut::Silence, after);
        let way = Place::new(&proxy.address(&place.address), &place.schema);
        let opened = way.options().timeout(Duration::from_secs(1)).open(&way.secret()).await;
        (after, Some((opened.is_ok(), proxy.cuts())))
    };
    let mut cut = 0;
    for (after, opened) in join_all((0..12).map(one)).await {
        let Some((opened, cuts)) = opened else { return };
        assert!(!opened || cuts == 0, "it was opened over a line that fell silent after {after}");
        cut += cuts;
    }
    assert!(cut > 5, "{cut}");
}

/// Rotates once with the line cut after so many questions. Whether it was.
async fn rotates_all_the_same(cut: Cut, after: u64) -> bool {
    let Some(place) = Own::find() else { return false };
    let proxy = Proxy::before(&place.address).await;
    let journal = Arc::new(behind(&place, &proxy).await);
    let provider = MemoryProvider::new();
    let ci = MemoryConsumer::new("ci", &provider).unwrap();
    let old = provider.mint("bot", ScopeSet::of(["repo"]));
    ci.put(&old);
    let key = Key::generate().unwrap();
    let rotator = Rotator::builder("bot", provider.clone())
        .consumer(ci.clone())
        .policy(Policy::default().grace(Duration::ZERO))
        .journal(journal)
        .sealer(Arc::new(KeySealer::new(&key).unwrap()))
        .build()
        .unwrap();
    proxy.cut(cut, after);
    // A call may fail with the line; what it has begun goes on.
    let mut run = rotator.rotate(Predecessor::Held(old.clone())).await;
    for _ in 0..20 {
        match run {
            Ok(run) if matches!(run.outcome, Outcome::Completed(_)) => {
                assert!(!provider.is_alive(&old), "{cut:?} {after}");
                assert_eq!(
                    (provider.live(), ci.holds()),
                    (1, provider.newest().map(|new| new.fingerprint())),
                    "{cut:?} {after}"
                );
                return proxy.cuts() == 1;
            }
            _ => {}
        }
        run = match rotator.open_rotations().await.unwrap().pop() {
            Some(open) => rotator.resume(open.id).await,
            None => rotator.rotate(Predecessor::Held(old.clone())).await,
        };
    }
    panic!("{cut:?} after {after}: {run:?}");
}

#[tokio::test]
async fn a_rotation_comes_to_its_end_wherever_the_line_is_cut() {
    for cut in [Cut::Question, Cut::Answer] {
        let mut after = 0;
        while Box::pin(rotates_all_the_same(cut, after)).await {
            after += 1;
        }
        println!("{cut:?}: {after} places");
        assert!(after > 10 || crate::place::address().is_none(), "{cut:?}: {after}");
    }
}
