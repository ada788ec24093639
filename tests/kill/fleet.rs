//! The credentials that are rotated: two of each kind.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokenturn::provider::{EndedBy, Fate, Issuer, ProviderCapabilities};
use tokenturn::{Patience, Policy};

/// How a credential's tokens come, and what becomes of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// An interface issues, and both live for a while.
    Overlap,
    /// The new one ends the old one; another can be had without it.
    Reissue,
    /// The new one ends the old one, and is made from nothing else.
    Replace,
    /// A person makes it.
    Guided,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Overlap, Self::Reissue, Self::Replace, Self::Guided];

    pub(crate) fn can(self) -> ProviderCapabilities {
        match self {
            Self::Overlap => ProviderCapabilities::new(Issuer::Api, Fate::Survives)
                .ended_by(EndedBy::Api)
                .ending_by_id()
                .finding_by_label()
                .with_status_by_id(),
            Self::Reissue => ProviderCapabilities::new(Issuer::Api, Fate::Dies).ended_by(EndedBy::Api).reissuing(),
            Self::Replace => ProviderCapabilities::new(Issuer::Api, Fate::Dies).ended_by(EndedBy::Api),
            Self::Guided => ProviderCapabilities::new(Issuer::Person, Fate::Survives).ended_by(EndedBy::Api),
        }
    }

    /// Whether no place may be without a live token at any moment.
    pub(crate) fn overlaps(self) -> bool {
        self.can().fate == Fate::Survives
    }
}

/// One credential.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether its first place is written before the second.
    pub(crate) canary: bool,
}

impl Member {
    /// Its two places.
    pub(crate) fn places(&self) -> [String; 2] {
        [format!("{}/a", self.name), format!("{}/b", self.name)]
    }
}

pub(crate) fn fleet() -> Vec<Member> {
    let named = |kind: Kind, canary: bool| {
        let name = format!("{kind:?}-{}", if canary { "in-turn" } else { "at-once" });
        Member { name: name.to_lowercase(), kind, canary }
    };
    Kind::ALL.iter().flat_map(|kind| [named(*kind, false), named(*kind, true)]).collect()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Enough time for every act, little for grace, and patience without end: what fails here is the process.
pub(crate) fn policy() -> Policy {
    Policy::default()
        .grace(Duration::from_millis(25))
        .act_timeout(seconds(5))
        .lease(seconds(10))
        .patience(Patience::new(Duration::from_millis(20), seconds(1), seconds(86_400)))
}

/// The same with less to wait for whoever takes over from a dead engine by the machine's own time.
pub(crate) fn brisk() -> Policy {
    policy().act_timeout(seconds(2)).settle(seconds(1)).lease(seconds(3))
}

/// By when a dead worker's lease has run out, and nothing that it sent can still arrive.
pub(crate) fn outage() -> Duration {
    seconds(30)
}
