//! The laws of a [`Journal`]: what every implementation must keep, as tests that run against any.

mod batch;
mod durable;
mod lease;
mod listing;
mod rescue;

use std::sync::Arc;
use std::time::Duration;

use super::VirtualClock;
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{
    Batch, Claim, Head, Journal, Lease, Log, Mac, Record, SealContext, Sealed, SealedValue, Seq, Span, Status, ValueId,
};
use crate::name::{CredentialName, Holder, RunId};

pub use batch::*;
pub use durable::*;
pub use lease::*;
pub use listing::*;
pub use rescue::*;

/// Makes one test of each law of a [`Journal`](crate::Journal). The tests need `tokio` with its macros.
///
/// The expression makes, for every test, a closure that opens the journal with a clock: `volatile` ones are empty each
/// time, `durable` ones open the same place again, and `rescuing` ones are durable and have a place for what cannot be
/// appended.
///
/// ```
/// mod laws {
///     use std::sync::Arc;
///     use tokenturn::journal::MemoryJournal;
///
///     tokenturn::journal_conformance!(volatile, |clock| Ok(Arc::new(MemoryJournal::with_clock(clock))));
/// }
/// ```
#[macro_export]
macro_rules! journal_conformance {
    (volatile, $open:expr) => {
        $crate::journal_conformance! { @laws $open;
            a_claim_is_granted_to_one_holder_at_a_time
            a_holder_claims_again_under_a_higher_epoch
            only_the_newest_lease_writes
            a_lease_runs_out
            an_append_renews_the_lease
            a_released_credential_is_free_and_an_old_lease_releases_nothing
            epochs_only_rise
            a_rehearsal_is_fenced_and_leaves_nothing
            what_is_unknown_is_an_empty_log
            a_batch_is_read_as_it_was_written
            a_writer_that_missed_something_is_fenced_and_leaves_nothing
            a_writer_whose_lease_is_gone_leaves_nothing
            of_two_appends_behind_the_same_record_one_is_stored
            values_are_kept_overwritten_and_destroyed
            a_span_is_what_was_asked_for
            a_big_batch_is_whole
            a_call_that_is_dropped_leaves_all_or_nothing
            many_credentials_at_once_do_not_disturb_each_other
            heads_come_in_order_of_their_names_and_page_by_page
            heads_are_filtered
            due_runs_are_claimed_by_how_long_they_wait
            what_is_due_and_held_is_left_to_its_holder
        }
    };
    (durable, $open:expr) => {
        $crate::journal_conformance!(volatile, $open);
        $crate::journal_conformance! { @laws $open;
            what_was_written_is_there_when_it_is_opened_again
            leases_and_epochs_survive
            two_that_are_open_at_once_see_the_same_and_fence_each_other
        }
    };
    (rescuing, $open:expr) => {
        $crate::journal_conformance!(durable, $open);
        $crate::journal_conformance! { @laws $open;
            what_was_rescued_is_there_before_its_credential_is_claimed
            what_was_rescued_survives_and_comes_back_once
            what_was_rescued_and_appended_is_one
            what_was_rescued_is_left_to_its_engine_while_that_has_the_credential
        }
    };
    (@laws $open:expr; $($law:ident)+) => {
        $(
            #[tokio::test]
            async fn $law() {
                let stage = $crate::testing::journal::Stage::new($open).expect("the journal opens");
                $crate::testing::journal::$law(stage).await.expect("the journal answers");
            }
        )+
    };
}

type Open = Box<dyn Fn(Arc<dyn Clock>) -> Result<Arc<dyn Journal>> + Send + Sync>;

/// A journal, and the clock by which its leases run.
#[expect(missing_debug_implementations, reason = "it holds a closure, and nobody looks at it")]
pub struct Stage {
    open: Open,
    clock: VirtualClock,
    journal: Arc<dyn Journal>,
}

impl Stage {
    /// A journal that this closure opens.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn new(open: impl Fn(Arc<dyn Clock>) -> Result<Arc<dyn Journal>> + Send + Sync + 'static) -> Result<Self> {
        let (open, clock): (Open, _) = (Box::new(open), VirtualClock::new());
        let journal = open(Arc::new(clock.clone()))?;
        Ok(Self { open, clock, journal })
    }

    /// The same place, opened once more.
    fn another(&self) -> Result<Arc<dyn Journal>> {
        (self.open)(Arc::new(self.clock.clone()))
    }

    /// The same place, closed and opened again.
    fn reopened(self) -> Result<Self> {
        let Self { open, clock, journal } = self;
        drop(journal);
        let journal = open(Arc::new(clock.clone()))?;
        Ok(Self { open, clock, journal })
    }

    async fn claim(&self, credential: &str, by: &str) -> Result<Claim> {
        claim(&*self.journal, credential, by).await
    }

    async fn lease(&self, credential: &str, by: &str) -> Result<Lease> {
        granted(self.claim(credential, by).await?)
    }

    async fn all(&self, credential: &str) -> Result<Log> {
        self.journal.load(&CredentialName::new(credential)?, Span::From(Seq::ZERO)).await
    }
}

/// How long leases last in these tests.
const TTL: Duration = Duration::from_mins(1);

async fn claim(journal: &dyn Journal, credential: &str, by: &str) -> Result<Claim> {
    journal.claim(&CredentialName::new(credential)?, &Holder::new(by)?, TTL).await
}

fn granted(claim: Claim) -> Result<Lease> {
    match claim {
        Claim::Granted(lease) => Ok(lease),
        Claim::HeldFor(wait) => Err(Error::new(ErrorKind::Busy, format!("the claim was refused for {wait:?}"))),
    }
}

/// A batch of so many records behind `after`, and the head that fits them.
fn batch(lease: &Lease, after: Seq, count: u64) -> Result<Batch> {
    let mut head = Head::new(lease.credential.clone());
    (head.run, head.status, head.since) = (Some(RunId::new("run-1")?), Status::Running, Seq::ZERO.next());
    let mut batch = Batch::new(head);
    for number in after.get() + 1..=after.get() + count {
        batch.records.push(record(lease, number)?);
    }
    batch.head.last = Seq::new(after.get() + count);
    batch.head.tie = mac(batch.head.last.get() + 1000);
    Ok(batch)
}

fn record(lease: &Lease, number: u64) -> Result<Record> {
    let at = Timestamp::from_unix_seconds(1_900_000_000).plus(Duration::from_nanos(number));
    let fact = format!("{{\"fact\":\"noted\",\"text\":\"{number} 'quoted' \\u0000 \u{1f511}\"}}");
    Ok(Record::new(Seq::new(number), lease.epoch, RunId::new("run-1")?, at, fact, mac(number)))
}

fn mac(number: u64) -> Mac {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Mac::new(bytes)
}

fn value(lease: &Lease, id: &str, bytes: &[u8]) -> Result<SealedValue> {
    let (id, run) = (ValueId::new(id), RunId::new("run-1")?);
    let context = SealContext::new(lease.credential.clone(), run, lease.epoch, Seq::new(1), id.clone());
    Ok(SealedValue::new(id, context, Sealed::from_bytes(bytes.to_vec())))
}

/// The names and bytes of what is kept.
fn kept(log: &Log) -> Result<Vec<(String, Vec<u8>)>> {
    let part = |value: &SealedValue| Ok((value.id.as_str().to_owned(), value.sealed.bytes()?.to_vec()));
    let mut kept = log.values.iter().map(part).collect::<Result<Vec<_>>>()?;
    kept.sort();
    Ok(kept)
}

fn fenced<T>(answer: Result<T>) -> bool {
    answer.is_err_and(|error| error.kind() == ErrorKind::Fenced && error.effect() == crate::error::Effect::None)
}
