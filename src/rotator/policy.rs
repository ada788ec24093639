//! What a caller chooses about rotations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Fate, ProviderCapabilities};
use crate::rotation::{OldPolicy, OnFailure};
use crate::schedule::Schedule;
use crate::token::{Excess, UnknownAccess};

/// What a caller chooses about the rotations of a credential. The default revokes the old token after a day.
///
/// ```
/// use std::time::Duration;
/// use tokenturn::Policy;
///
/// let policy = Policy::default()
///     .grace(Duration::from_hours(2))
///     .lifetime(Duration::from_hours(90 * 24))
///     .owner("deploy-bot");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Policy {
    /// What becomes of the old token.
    pub old: OldPolicy,
    /// What to do when a place fails for good; `None` holds where a person issues, and rolls back where an API does.
    pub on_failure: Option<OnFailure>,
    /// How long and how often what failed is tried again.
    pub patience: Patience,
    /// Waits up to this long are waited for inside a call; longer ones end the call, to be taken up by `resume_due`.
    pub linger: Duration,
    /// How long a new token should live; `None` leaves it to the provider.
    pub lifetime: Option<Duration>,
    /// How long it must still live at least when it is admitted.
    pub minimum_life: Duration,
    /// What to do about scopes that nobody asked for.
    pub excess: Excess,
    /// What to do when the provider does not say what a token may do.
    pub unknown: UnknownAccess,
    /// Whose token it may be, beside the old one's owner.
    pub owners: Vec<String>,
    /// How many consumers are written at a time.
    pub parallel: usize,
    /// How long one act with the outside may take.
    pub act_timeout: Duration,
    /// How long after its deadline a request may still reach the far side. What was written and never answered is looked at
    /// no sooner, and no other token is written there before.
    pub settle: Duration,
    /// How long a person has for what is asked of them. What is late is told, and nothing follows from it.
    pub answer_within: Duration,
    /// How long a lease lasts. An engine that dies holds a credential up for so long.
    pub lease: Duration,
    /// Whether the token in use is kept, sealed, for the next run.
    pub keep_current: bool,
    /// When the next run is due.
    #[serde(default)]
    pub schedule: Schedule,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            old: OldPolicy::Revoke { grace: Duration::from_hours(24) },
            on_failure: None,
            patience: Patience::default(),
            linger: Duration::from_secs(30),
            lifetime: None,
            minimum_life: Duration::from_hours(24),
            excess: Excess::default(),
            unknown: UnknownAccess::default(),
            owners: Vec::new(),
            parallel: 8,
            act_timeout: Duration::from_mins(2),
            settle: Duration::from_secs(5),
            answer_within: Duration::from_hours(72),
            lease: Duration::from_mins(10),
            keep_current: true,
            schedule: Schedule::default(),
        }
    }
}

impl Policy {
    /// The old token is revoked so long after every place has the new one.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.old = OldPolicy::Revoke { grace };
        self
    }

    /// What becomes of the old token.
    #[must_use]
    pub fn old(mut self, old: OldPolicy) -> Self {
        self.old = old;
        self
    }

    /// What to do when a place fails for good.
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = Some(on_failure);
        self
    }

    /// How long and how often what failed is tried again.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// How long a call waits by itself before it ends.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// How long a new token should live.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// How long a new token must still live at least.
    #[must_use]
    pub fn minimum_life(mut self, life: Duration) -> Self {
        self.minimum_life = life;
        self
    }

    /// What to do about scopes that nobody asked for.
    #[must_use]
    pub fn excess(mut self, excess: Excess) -> Self {
        self.excess = excess;
        self
    }

    /// What to do when the provider does not say what a token may do.
    #[must_use]
    pub fn unknown_access(mut self, unknown: UnknownAccess) -> Self {
        self.unknown = unknown;
        self
    }

    /// The token may belong to this account too.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owners.push(owner.into());
        self
    }

    /// How many consumers are written at a time.
    #[must_use]
    pub fn parallel(mut self, parallel: usize) -> Self {
        self.parallel = parallel;
        self
    }

    /// How long one act with the outside may take.
    #[must_use]
    pub fn act_timeout(mut self, timeout: Duration) -> Self {
        self.act_timeout = timeout;
        self
    }

    /// How long after its deadline a request may still reach the far side.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// How long a person has for what is asked of them.
    #[must_use]
    pub fn answer_within(mut self, time: Duration) -> Self {
        self.answer_within = time;
        self
    }

    /// How long a lease lasts.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The token in use is not kept for the next run: it must be handed in again then.
    #[must_use]
    pub fn forget_current(mut self) -> Self {
        self.keep_current = false;
        self
    }

    /// When the next run is due.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// How long a token that was just issued may be unknown to its provider.
    pub(super) fn unknown_for(&self) -> Duration {
        Duration::from_secs(20).min(self.patience.total)
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        if self.parallel == 0 {
            return wrong("the policy writes zero consumers at a time: set `parallel` to one or more");
        }
        if self.act_timeout.is_zero() || self.lease <= self.act_timeout {
            return wrong(
                "a lease must outlast one act with the outside: set `lease` above `act_timeout`, both above zero",
            );
        }
        if self.lifetime.is_some_and(|life| life < self.minimum_life) {
            return wrong(
                "a token would be issued with less life than is asked for: raise `lifetime`, or lower `minimum_life`",
            );
        }
        if self.patience.first.is_zero() || self.patience.longest < self.patience.first {
            return wrong("the first wait must be above zero and at most the longest: correct `patience`");
        }
        self.schedule.check()
    }

    /// Whether the tokens of a provider can live for as long as is asked for. What is found here would otherwise be found
    /// once a token was issued.
    pub(super) fn check_against(&self, can: &ProviderCapabilities) -> Result<()> {
        let Some(longest) = can.longest_life else {
            return Ok(());
        };
        let minutes = longest.as_secs() / 60;
        let wrong = |text: String| Err(Error::new(ErrorKind::Configuration, text));
        // Some of its life has passed whenever a token is looked at.
        if self.minimum_life >= longest {
            return wrong(format!(
                "tokens of this provider live for {minutes} minutes at most, and `minimum_life` asks for no less: a consumer that \
                 stores one would soon be left with a dead one; use another kind of token there, and lower `minimum_life` only \
                 where no consumer keeps the token for longer than that"
            ));
        }
        if self.lifetime.is_some_and(|life| life > longest) {
            return wrong(format!(
                "tokens of this provider live for {minutes} minutes at most: lower `lifetime`, or leave it out"
            ));
        }
        match self.old {
            // Where the old token dies with the birth of the new one, there is no such time.
            OldPolicy::Revoke { grace } if grace >= longest && can.fate != Fate::Dies => wrong(format!(
                "tokens of this provider live for {minutes} minutes at most, and the new one would be dead before the time of \
                 grace of the old one is over: shorten `grace`"
            )),
            _ => Ok(()),
        }
    }
}

/// How long and how often what failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Patience {
    /// How long the first wait is. Each one is about as long as all before it together.
    pub first: Duration,
    /// How long a wait is at most, unless the far side asks for more.
    pub longest: Duration,
    /// When it is given up, counted from the first failure by the clock: a process that calls `resume_due` once an hour needs
    /// more than that.
    pub total: Duration,
}

impl Patience {
    /// How long the first wait is, how long one is at most, and when it is given up.
    #[must_use]
    pub fn new(first: Duration, longest: Duration, total: Duration) -> Self {
        Self { first, longest, total }
    }

    /// When what failed at `now`, and first failed at `since`, is tried again, if at all.
    pub(super) fn again(&self, error: &Error, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let spent = since.until(now);
        if !error.is_transient() || spent >= self.total {
            return None;
        }
        let wait = spent.clamp(self.first, self.longest).max(error.retry_after().unwrap_or_default());
        Some(now.plus(wait))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_mins(5), Duration::from_mins(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_bounded_and_end() {
        let patience = Patience::new(Duration::from_secs(1), Duration::from_mins(1), Duration::from_mins(10));
        let error = || Error::new(ErrorKind::Unavailable, "down");
        let since = Timestamp::from_unix_seconds(0);
        let wait = |error: &Error, spent: i64| {
            let now = Timestamp::from_unix_seconds(spent);
            patience.again(error, since, now).map(|at| now.until(at).as_secs())
        };
        assert_eq!(wait(&error(), 0), Some(1));
        assert_eq!(wait(&error(), 8), Some(8));
        assert_eq!(wait(&error(), 300), Some(60));
        assert_eq!(wait(&error(), 600), None);
        assert_eq!(wait(&error().with_retry_after(Duration::from_secs(90)), 8), Some(90));
        assert_eq!(wait(&Error::new(ErrorKind::PermissionDenied, "no"), 0), None);
    }
}
