//! By whose clock a lease runs.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::{Claim, HeadFilter, Journal, Key, KeySealer, Seq};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::{Clock, ErrorKind, Outcome, Policy, Predecessor, Rotator, ScopeSet};

use crate::clock::ClockAhead;
use crate::place::Own;
use crate::support::{TTL, batch, holder, lease, name};

#[tokio::test]
async fn a_lease_ends_by_the_clock_of_the_database() {
    let Some(place) = Own::find() else { return };
    let (journal, other) = (place.open().await.unwrap(), place.open().await.unwrap());
    let short = Duration::from_millis(1500);
    let claim = |by| {
        let (journal, by) = (other.clone(), holder(by));
        async move { journal.claim(&name("bot"), &by, short).await.unwrap() }
    };
    let Claim::Granted(first) = journal.claim(&name("bot"), &holder("me"), short).await.unwrap() else { panic!() };
    let wait = match claim("other").await {
        Claim::HeldFor(wait) => wait,
        Claim::Granted(lease) => panic!("{lease:?}"),
    };
    assert!(wait <= short, "{wait:?}");
    tokio::time::sleep(wait + Duration::from_millis(20)).await;
    let Claim::Granted(second) = claim("other").await else { panic!("it has run out") };
    assert!(second.epoch > first.epoch);
    let late = journal.append(&first, Seq::ZERO, &batch(&first, Seq::ZERO)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Fenced);
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_nobody_out_for_longer_than_a_lease() {
    let Some(place) = Own::find() else { return };
    let (journal, admin) = (place.open().await.unwrap(), place.admin().await);
    let held = lease(&journal, "bot", "me").await;
    let mut due = batch(&held, Seq::ZERO);
    due.head.wake_at = Some(tokenturn::Timestamp::from_unix_seconds(0));
    journal.append(&held, Seq::ZERO, &due).await.unwrap();
    for claimed_by_name in [true, false] {
        // As after a year that never was.
        let year = "UPDATE credential SET leased_until = leased_until + 31536000000000::bigint";
        admin.execute(year, &[]).await.unwrap();
        if claimed_by_name {
            match journal.claim(&held.credential, &holder("other"), TTL).await.unwrap() {
                Claim::HeldFor(wait) => assert!(wait <= TTL, "{wait:?}"),
                Claim::Granted(lease) => panic!("{lease:?}"),
            }
        } else {
            let claimed = journal.claim_due(&HeadFilter::all(), &holder("other"), TTL, 1).await.unwrap();
            assert!(claimed.is_empty(), "{claimed:?}");
        }
        let left = "SELECT leased_until - clock() FROM credential";
        let left: i64 = admin.query_one(left, &[]).await.unwrap().get(0);
        assert!(left <= i64::try_from(TTL.as_micros()).unwrap(), "{left}");
    }
}

#[tokio::test]
async fn a_lease_that_was_lost_with_the_database_is_told_from_the_one_that_has_its_number() {
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    let first = lease(&journal, "bot", "me").await;
    // As after a failover to a server that did not have it yet.
    place.admin().await.execute("UPDATE credential SET epoch = 0, holder = NULL", &[]).await.unwrap();
    let second = lease(&journal, "bot", "other").await;
    assert_eq!(first.epoch, second.epoch);
    let late = journal.append(&first, Seq::ZERO, &batch(&first, Seq::ZERO)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Fenced);
    assert_eq!(journal.rehearse(&first, 10).await.unwrap_err().kind(), ErrorKind::Fenced);
    journal.release(first).await.unwrap();
    journal.append(&second, Seq::ZERO, &batch(&second, Seq::ZERO)).await.unwrap();
}

#[tokio::test]
async fn workers_whose_clocks_are_a_day_apart_share_a_credential() {
    let Some(place) = Own::find() else { return };
    let provider = MemoryProvider::new();
    let ci = MemoryConsumer::new("ci", &provider).unwrap();
    let mut old = provider.mint("bot", ScopeSet::of(["repo"]));
    ci.put(&old);
    let sealer = Arc::new(KeySealer::new(&Key::generate().unwrap()).unwrap());
    let mut workers = Vec::new();
    for ahead in [0, 86_400] {
        let clock: Arc<dyn Clock> = Arc::new(ClockAhead::new(Duration::from_secs(ahead)));
        let rotator = Rotator::builder("bot", provider.clone())
            .consumer(ci.clone())
            .policy(Policy::default().grace(Duration::ZERO))
            .journal(Arc::new(place.open().await.unwrap()))
            .sealer(sealer.clone())
            .clock(clock);
        workers.push(rotator.build().unwrap());
    }
    for turn in 0..6 {
        let (one, other) = (&workers[turn % 2], &workers[(turn + 1) % 2]);
        let both =
            tokio::join!(one.rotate(Predecessor::Held(old.clone())), other.rotate(Predecessor::Held(old.clone())));
        let mut ended = 0;
        for run in [both.0, both.1] {
            match run {
                Ok(run) => ended += usize::from(matches!(run.outcome, Outcome::Completed(_))),
                // The other one was at it, or has replaced that token already.
                Err(error) => {
                    let known =
                        [ErrorKind::Busy, ErrorKind::Refused, ErrorKind::Unauthenticated, ErrorKind::InvalidInput];
                    assert!(known.contains(&error.kind()), "{error:?}");
                    assert!(error.retry_after().is_none_or(|wait| wait <= Policy::default().lease), "{error:?}");
                }
            }
        }
        assert_eq!(ended, 1, "turn {turn}");
        assert_eq!(provider.live(), 1, "turn {turn}");
        old = provider.newest().unwrap();
        assert_eq!(ci.holds(), Some(old.fingerprint()));
    }
}
