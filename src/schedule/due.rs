//! When a token is due, and why then.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// When the next run of a credential is due. It is said, and never acted upon: beginning is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Due {
    /// What the rule says, jitter included, whatever the windows.
    pub wanted: Timestamp,
    /// When to begin. It may have passed: then begin now. Where a window was missed it is the next one.
    pub at: Timestamp,
    /// The last moment at which a run that begins is over in time.
    pub latest: Timestamp,
    /// The rule that decided.
    pub why: Why,
    /// What the windows made of it.
    pub shift: Shift,
    /// Whether `latest` has passed.
    pub overdue: bool,
}

/// The rule by which a token is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// Two thirds of its life are over.
    TwoThirds,
    /// Its end is near.
    Margin,
    /// Its end is near enough for a person to need the time that is left.
    Lead,
    /// It is as old as it may become, less the lead where a person makes the next.
    MaximumAge,
}

/// What the change windows and freezes made of the moment that the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shift {
    /// Nothing: it is open then.
    Unmoved,
    /// It waits for the next window.
    Later,
    /// No window opens before it would be too late, so it moves to the last one before.
    Earlier,
    /// No window is left at all. The token's end counts for more.
    Overridden,
}

impl Due {
    /// Whether a run should begin by now.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.at <= now
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, latest, why, .. } = self;
        let shift = self.shift.note();
        if self.overdue {
            write!(f, "overdue since {latest}: {why}{shift}")
        } else {
            write!(f, "due {at}, {latest} at the latest: {why}{shift}")
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoThirds => "two thirds of its life are over",
            Self::Margin => "its end is near",
            Self::Lead => "its end is near for a person who makes the next",
            Self::MaximumAge => "it is as old as it may become",
        })
    }
}

impl Shift {
    /// What is to be added to a line that says when and why.
    fn note(self) -> &'static str {
        match self {
            Self::Unmoved => "",
            Self::Later => " (moved to the next change window)",
            Self::Earlier => " (moved before a time in which nothing may begin)",
            Self::Overridden => " (no change window is left before that)",
        }
    }
}
