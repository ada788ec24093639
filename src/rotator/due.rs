//! When the next run should begin.

use super::{Rotator, read};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::journal::Span;
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
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when the journal cannot be read.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Due>> {
        let inner = &*self.inner;
        let head = read::load(inner, Span::Head).await?.head;
        // Who issues the next token counts, not who issued this one.
        let issuer = inner.provider.capabilities().issuer;
        let in_use = head.current.filter(|_| !head.status.is_open());
        Ok(in_use.map(|current| inner.policy.schedule.due(&inner.name, &current, issuer, now)))
    }
}
