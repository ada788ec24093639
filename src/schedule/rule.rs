//! The rule itself: what is in use, and a moment, to when it is due. Whole seconds, and nothing overflows.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::calendar::Calendar;
use super::{Due, MOST_JITTER, Schedule, Shift, USUAL_AGE, Why};
use crate::clock::Timestamp;
use crate::journal::Current;
use crate::name::CredentialName;
use crate::provider::Issuer;
use crate::token::Expiry;

/// What bounds a token's time.
struct Bound {
    /// When the next run should begin.
    wanted: i64,
    /// When it must have begun.
    latest: i64,
    /// How long a run needs, by the schedule.
    room: i64,
    why: Why,
}

impl Bound {
    /// Both together: whichever is wanted first, and the earlier of what is the latest.
    fn and(self, other: Self) -> Self {
        let latest = self.latest.min(other.latest);
        let first = if other.wanted < self.wanted { other } else { self };
        Self { latest, ..first }
    }
}

impl Schedule {
    /// When the token in use is due to be replaced by one of this issuer, as seen at `now`.
    ///
    /// Any end gives an answer: one that lies before the token was in use makes it due at that end.
    #[must_use]
    pub fn due(&self, credential: &CredentialName, in_use: &Current, issuer: Issuer, now: Timestamp) -> Due {
        let lead = match issuer {
            Issuer::Person => seconds(self.lead),
            Issuer::Api => 0,
        };
        let since = in_use.since.unix_seconds();
        let mut bound = match (in_use.expiry, self.maximum_age) {
            (Expiry::At(end), None) => self.by_end(since, end.unix_seconds(), lead),
            (Expiry::At(end), Some(age)) => {
                self.by_end(since, end.unix_seconds(), lead).and(self.by_age(since, seconds(age), lead))
            }
            (Expiry::Never | Expiry::Unknown, age) => self.by_age(since, seconds(age.unwrap_or(USUAL_AGE)), lead),
        };
        bound.wanted = bound.wanted.saturating_sub(self.jitter(credential, in_use, bound.wanted.saturating_sub(since)));
        self.place(&bound, since, now.unix_seconds())
    }

    /// Two thirds of its life, or early enough before its end.
    fn by_end(&self, since: i64, end: i64, lead: i64) -> Bound {
        let life = end.saturating_sub(since).max(0);
        let margin = seconds(self.margin).min(life / 2);
        let room = margin.saturating_add(lead).min(life / 2);
        let latest = end.saturating_sub(room);
        let thirds = since.saturating_add(life.saturating_sub(life.div_euclid(3)));
        let why = if thirds <= latest {
            Why::TwoThirds
        } else if room > margin {
            Why::Lead
        } else {
            Why::Margin
        };
        Bound { wanted: thirds.min(latest), latest, room, why }
    }

    /// At its greatest age. That is no cliff, so there is no margin before it; a person needs time all the same.
    fn by_age(&self, since: i64, age: i64, lead: i64) -> Bound {
        let latest = since.saturating_add(age.saturating_sub(lead.min(age / 2)));
        let room = seconds(self.margin).saturating_add(lead).min(age / 2);
        Bound { wanted: latest, latest, room, why: Why::MaximumAge }
    }

    /// How much earlier this token is due than the rule says. It never makes it later, so that it never makes it too late.
    fn jitter(&self, credential: &CredentialName, in_use: &Current, interval: i64) -> i64 {
        let digest = Sha256::new()
            .chain_update(credential.as_str())
            .chain_update([0])
            .chain_update(in_use.fingerprint.to_string())
            .finalize();
        let drawn = digest.iter().take(8).fold(0_u64, |drawn, byte| drawn << 8 | u64::from(*byte));
        let percent = u128::from(self.jitter_percent.min(MOST_JITTER));
        let most = u128::from(interval.max(0).unsigned_abs()) * percent / 100;
        // A share of the most: what is drawn, as a fraction of 2^64.
        i64::try_from((most * u128::from(drawn)) >> 64).unwrap_or_default()
    }

    /// The moment in a window, and never after the latest.
    fn place(&self, bound: &Bound, since: i64, now: i64) -> Due {
        let Bound { wanted, latest, room, why } = *bound;
        let calendar = Calendar::new(&self.windows, &self.freezes);
        let from = wanted.max(now);
        let (at, shift) = if from > latest {
            // Too late for anything but now.
            (latest, if calendar.is_open(from) { Shift::Unmoved } else { Shift::Overridden })
        } else if calendar.is_open(from) {
            let at = wanted.max(calendar.opened(from).min(from));
            (at, if at > wanted { Shift::Later } else { Shift::Unmoved })
        } else if let Some(next) = calendar.next(from, latest) {
            (next, Shift::Later)
        } else if let Some(last) = calendar.last(from, since.max(now)) {
            // As late in it as leaves a run the time that it needs.
            (calendar.opened(last).max(last.saturating_sub(room)).max(since), Shift::Earlier)
        } else {
            (latest, Shift::Overridden)
        };
        Due {
            wanted: Timestamp::from_unix_seconds(wanted),
            at: Timestamp::from_unix_seconds(at),
            latest: Timestamp::from_unix_seconds(latest),
            why,
            shift,
            overdue: now > latest,
        }
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
