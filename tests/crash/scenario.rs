//! What is to happen in a world, and what goes wrong there.

use std::fmt;
use std::time::Duration;

use tokenturn::provider::{EndedBy, Fate, Issuer, ProviderCapabilities};
use tokenturn::{OnFailure, Policy, Urgency};

/// What kind of rotation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Overlap,
    /// The old token dies with the new one's birth, and another can be issued.
    Reissue,
    /// The same, and no other can be issued.
    Replace,
    /// A person makes the token and deletes the old one.
    Guided,
    /// A person agrees elsewhere.
    Polled,
    RevokeFirst,
    ReplaceNow,
    Adopt,
    /// A rotation, and then the token is brought to one more place.
    Spread,
    /// Two rotations: the second begins with what the first one kept.
    Kept,
}

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// The last place refuses every write, until somebody mends it.
    Fails(OnFailure),
    /// The last place says that it took the token, and did not.
    Lies,
    /// A token is issued, and the answer is lost.
    IssueLost,
    /// The request for a token is lost on its way.
    IssueNeverSent,
    /// A place takes the token, and the answer is lost.
    InstallLost,
    /// A token is ended, and the answer is lost.
    RevokeLost,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) trouble: Trouble,
    pub(crate) places: usize,
}

pub(crate) const KINDS: [Kind; 10] = [
    Kind::Overlap,
    Kind::Reissue,
    Kind::Replace,
    Kind::Guided,
    Kind::Polled,
    Kind::RevokeFirst,
    Kind::ReplaceNow,
    Kind::Adopt,
    Kind::Spread,
    Kind::Kept,
];

pub(crate) const TROUBLES: [Trouble; 8] = [
    Trouble::None,
    Trouble::Fails(OnFailure::RollBack),
    Trouble::Fails(OnFailure::Hold),
    Trouble::Lies,
    Trouble::IssueLost,
    Trouble::IssueNeverSent,
    Trouble::InstallLost,
    Trouble::RevokeLost,
];

/// One thing that the owner of the credential sets out to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    Rotate,
    RotateKept,
    Emergency(Urgency),
    Adopt,
    Spread,
    /// A person made a token after one was lost for ever.
    Recover,
}

impl Scenario {
    pub(crate) fn new(kind: Kind, trouble: Trouble, places: usize) -> Self {
        Self { kind, trouble, places }
    }

    /// Whether this trouble can meet this kind at all.
    pub(crate) fn makes_sense(self) -> bool {
        match self.trouble {
            Trouble::IssueLost | Trouble::IssueNeverSent => self.kind != Kind::Adopt,
            // Nothing is revoked where issuing ends the old token, or a person deletes it.
            Trouble::RevokeLost => !matches!(self.kind, Kind::Reissue | Kind::Replace | Kind::Guided),
            _ => true,
        }
    }

    pub(crate) fn capabilities(self) -> ProviderCapabilities {
        let of = |issuer, fate| {
            ProviderCapabilities::new(issuer, fate).ended_by(EndedBy::Api).finding_by_label().with_status_by_id()
        };
        match self.kind {
            Kind::Reissue => of(Issuer::Api, Fate::Dies).ending_by_id().reissuing(),
            Kind::Replace => ProviderCapabilities::new(Issuer::Api, Fate::Dies).ended_by(EndedBy::Api),
            Kind::Guided => ProviderCapabilities::new(Issuer::Person, Fate::Survives),
            Kind::Polled => of(Issuer::Person, Fate::Survives).ending_by_id(),
            _ => of(Issuer::Api, Fate::Survives).ending_by_id(),
        }
    }

    /// Whether old and new live side by side, so that nobody need ever be down.
    pub(crate) fn overlaps(self) -> bool {
        self.capabilities().fate == Fate::Survives
    }

    pub(crate) fn is_emergency(self) -> bool {
        matches!(self.kind, Kind::RevokeFirst | Kind::ReplaceNow)
    }

    pub(crate) fn policy(self) -> Policy {
        let policy = Policy::default().grace(Duration::from_hours(1)).linger(Duration::from_secs(5));
        match self.trouble {
            Trouble::Fails(on_failure) => policy.on_failure(on_failure),
            _ => policy,
        }
    }

    pub(crate) fn errands(self) -> Vec<Errand> {
        match self.kind {
            Kind::RevokeFirst => vec![Errand::Emergency(Urgency::RevokeFirst)],
            Kind::ReplaceNow => vec![Errand::Emergency(Urgency::ReplaceNow)],
            Kind::Adopt => vec![Errand::Adopt],
            Kind::Spread => vec![Errand::Rotate, Errand::Spread],
            Kind::Kept => vec![Errand::Rotate, Errand::RotateKept],
            _ => vec![Errand::Rotate],
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trouble = match self.trouble {
            Trouble::None => "all succeed",
            Trouble::Fails(OnFailure::Hold) => "a place fails, hold",
            Trouble::Fails(_) => "a place fails, roll back",
            Trouble::Lies => "a place lies",
            Trouble::IssueLost => "answer lost: issue",
            Trouble::IssueNeverSent => "request lost: issue",
            Trouble::InstallLost => "answer lost: install",
            Trouble::RevokeLost => "answer lost: revoke",
        };
        f.pad(&format!("{:?}, {} places, {trouble}", self.kind, self.places))
    }
}
