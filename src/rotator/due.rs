//! When the next run should begin, and who may go on with the open one.

use super::session::Session;
use super::{Predecessor, Rotator, Run, engine, read};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Head, Lease, Span};
use crate::schedule::Due;

impl Rotator {
    /// When the next run should begin, by the policy's [`Schedule`](crate::Schedule); reads only how the credential
    /// stands, and begins nothing.
    ///
    /// `None` where no token is in use yet, and while a run is open: none can begin then, and some places hold the next
    /// token already. What an open run waits for, [`open_rotations`](Self::open_rotations) says, and
    /// [`resume_due`](Self::resume_due) goes on with it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tokenturn::consumer::memory::MemoryConsumer;
    /// use tokenturn::provider::memory::MemoryProvider;
    /// use tokenturn::{Clock, Policy, Predecessor, Rotator, Schedule, SystemClock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> tokenturn::Result<()> {
    /// let github = MemoryProvider::new();
    /// let monthly = Schedule::default().maximum_age(Duration::from_hours(30 * 24));
    /// let bot = Rotator::builder("deploy-bot", github.clone())
    ///     .consumer(MemoryConsumer::new("ci", &github)?)
    ///     .policy(Policy::default().schedule(monthly))
    ///     .build()?;
    /// let now = SystemClock::new().now();
    /// assert!(bot.next_due(now).await?.is_none()); // nothing is in use yet
    ///
    /// bot.rotate(Predecessor::None).await?;
    /// if let Some(due) = bot.next_due(now).await? {
    ///     println!("{due}");
    ///     assert!(!due.is_due(now) && due.is_due(now.plus(Duration::from_hours(31 * 24))));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when the journal cannot be read.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Due>> {
        let head = read::load(&self.inner, Span::Head).await?.head;
        Ok(self.next_after(&head, now))
    }

    fn next_after(&self, head: &Head, now: Timestamp) -> Option<Due> {
        let inner = &*self.inner;
        // Who issues the next token counts, not who issued this one.
        let issuer = inner.provider.capabilities().issuer;
        let in_use = head.current.as_ref().filter(|_| !head.status.is_open());
        in_use.map(|current| inner.policy.schedule.due(&inner.name, current, issuer, now))
    }

    /// Whether there is something to do by then: to go on with the open run, or to begin the next.
    pub(crate) fn must_turn(&self, head: &Head, by: Timestamp) -> bool {
        head.is_due(by) || self.next_after(head, by).is_some_and(|due| due.is_due(by))
    }

    /// Goes on with the open run or begins the next, where that must be by then: what stands in the journal is looked at
    /// under the lease, so that of many workers who saw the credential due one turns it.
    pub(crate) async fn turn_if_due(&self, predecessor: Predecessor, by: Timestamp) -> Result<Option<Run>> {
        let session = Session::open(self.inner.clone()).await?;
        if !self.must_turn(&session.reading.head, by) {
            session.close().await?;
            return Ok(None);
        }
        if session.open_run().is_some() {
            return Box::pin(engine::resume(session)).await.map(Some);
        }
        Box::pin(self.begin_with(session, None, predecessor, &self.inner.places)).await.map(Some)
    }

    /// Goes on with the open run under a lease that [`Journal::claim_due`](crate::Journal::claim_due) has granted, or gives
    /// it back where there is nothing to do any more. It need not be fresh: its holder claims the credential again, so that
    /// its time counts from here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the lease is of another credential; and as [`rotate`](Self::rotate).
    pub async fn resume_claimed(&self, lease: Lease) -> Result<Option<Run>> {
        if lease.credential != self.inner.name {
            let text = "this lease is of another credential: hand it to that one's rotator";
            return Err(Error::new(ErrorKind::InvalidInput, text).with_subject(lease.credential.as_str()));
        }
        let session = match Session::open_as(self.inner.clone(), &lease.holder).await {
            Ok(session) => session,
            Err(error) => {
                // Whoever comes next need not wait for it to run out.
                let _ = self.inner.journal.release(lease).await;
                return Err(error);
            }
        };
        if session.open_run().is_none() || !session.reading.head.is_due(session.now()) {
            session.close().await?;
            return Ok(None);
        }
        Box::pin(engine::resume(session)).await.map(Some)
    }
}
