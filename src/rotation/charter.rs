//! What a run is about: everything that the decisions rest upon and that must not change under it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::consumer::{ConsumerCapabilities, Order, Proof, Verification};
use crate::name::{ConsumerName, CredentialName, Label, RunId, TokenId};
use crate::provider::ProviderCapabilities;
use crate::token::{Answer, Fingerprint};

/// What a run is about, written down when it begins. A restart with another configuration does not change it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Charter {
    /// Which run.
    pub run: RunId,
    /// Of which credential.
    pub credential: CredentialName,
    /// Where the new token comes from.
    pub source: Source,
    /// Its id at the provider, where it was handed in or kept with one.
    #[serde(default)]
    pub source_id: Option<TokenId>,
    /// Whether a second secret was handed in or kept with it.
    #[serde(default)]
    pub source_companion: bool,
    /// The token before.
    pub predecessor: OldToken,
    /// The provider's name.
    pub provider: String,
    /// What the provider can do.
    pub can: ProviderCapabilities,
    /// Where the token is used.
    pub places: Vec<Place>,
    /// What to do when a place fails for good.
    pub on_failure: OnFailure,
    /// What becomes of the old token.
    pub old: OldPolicy,
}

impl Charter {
    /// A run that issues a token without predecessor or places, holds on failure, and revokes the old token at once.
    pub fn new(run: RunId, credential: CredentialName, provider: impl Into<String>, can: ProviderCapabilities) -> Self {
        Self {
            run,
            credential,
            source: Source::Issue,
            source_id: None,
            source_companion: false,
            predecessor: OldToken::absent(),
            provider: provider.into(),
            can,
            places: Vec::new(),
            on_failure: OnFailure::Hold,
            old: OldPolicy::Revoke { grace: Duration::ZERO },
        }
    }

    /// Where the new token comes from.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// What came with a new token that was handed in or kept: its id at the provider, and whether there is a second secret.
    #[must_use]
    pub fn with_source_known_as(mut self, id: Option<TokenId>, companion: bool) -> Self {
        self.source_id = id;
        self.source_companion = companion;
        self
    }

    /// The token before.
    #[must_use]
    pub fn with_predecessor(mut self, predecessor: OldToken) -> Self {
        self.predecessor = predecessor;
        self
    }

    /// One more place.
    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// What to do when a place fails for good.
    #[must_use]
    pub fn with_on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// What becomes of the old token.
    #[must_use]
    pub fn with_old(mut self, old: OldPolicy) -> Self {
        self.old = old;
        self
    }
}

/// Where a run's new token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// The provider issues it, or a person guided by it.
    Issue,
    /// It was made elsewhere and handed in. We did not cause it, and never revoke it on failure.
    Given(Fingerprint),
    /// It is the current one, brought to further places.
    Kept(Fingerprint),
}

/// What is known of the token before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OldToken {
    /// How we have it.
    pub held: Possession,
    /// What may be shown of it.
    pub fingerprint: Option<Fingerprint>,
    /// Its id at the provider.
    pub id: Option<TokenId>,
    /// The name that it carries there, where a run gave it one.
    #[serde(default)]
    pub label: Option<Label>,
    /// Whether we have the second secret that came with it.
    #[serde(default)]
    pub companion: bool,
}

impl OldToken {
    /// There is none: a first installation.
    #[must_use]
    pub fn absent() -> Self {
        Self { held: Possession::Absent, fingerprint: None, id: None, label: None, companion: false }
    }

    /// We have its value, handed in or kept.
    #[must_use]
    pub fn held(held: Possession, fingerprint: Fingerprint, id: Option<TokenId>) -> Self {
        Self { held, fingerprint: Some(fingerprint), id, label: None, companion: false }
    }

    /// We know its id alone.
    #[must_use]
    pub fn known(id: TokenId) -> Self {
        Self { held: Possession::Known, fingerprint: None, id: Some(id), label: None, companion: false }
    }

    /// The name that it carries at the provider.
    #[must_use]
    pub fn with_label(mut self, label: Option<Label>) -> Self {
        self.label = label;
        self
    }

    /// Whether we have the second secret that came with it.
    #[must_use]
    pub fn with_companion(mut self, companion: bool) -> Self {
        self.companion = companion;
        self
    }

    /// Whether its value is at hand.
    #[must_use]
    pub fn has_value(&self) -> bool {
        matches!(self.held, Possession::Held | Possession::Kept)
    }
}

/// How we have the token before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Possession {
    /// The caller handed it in.
    Held,
    /// We kept it sealed since the last run.
    Kept,
    /// Its id alone is known.
    Known,
    /// There is none.
    Absent,
}

/// One place in a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// Its name.
    pub name: ConsumerName,
    /// What it can do.
    pub can: ConsumerCapabilities,
    /// What must be proven there before the old token may go.
    pub floor: Floor,
    /// Whether it goes before all others.
    pub canary: bool,
}

impl Place {
    /// A place with the floor that it can reach.
    #[must_use]
    pub fn new(name: ConsumerName, can: ConsumerCapabilities) -> Self {
        Self { floor: Floor::of(&can), name, can, canary: false }
    }

    /// With another floor.
    #[must_use]
    pub fn with_floor(mut self, floor: Floor) -> Self {
        self.floor = floor;
        self
    }

    /// It goes before all others.
    #[must_use]
    pub fn canary(mut self) -> Self {
        self.canary = true;
        self
    }

    /// When it is written, after which others.
    #[must_use]
    pub fn order(&self) -> Order {
        if self.canary { Order::Canary } else { self.can.order() }
    }
}

/// What must be proven at a place before the old token may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the two questions of a verification")]
pub struct Floor {
    /// That the token works there.
    pub works: bool,
    /// That it is the new one.
    pub new: bool,
}

impl Floor {
    /// All that a place can always prove.
    #[must_use]
    pub fn of(can: &ConsumerCapabilities) -> Self {
        Self { works: can.works == Proof::Always, new: can.new == Proof::Always }
    }

    /// Whether a verification reaches it. A no is never enough, whatever the floor.
    #[must_use]
    pub fn is_met_by(self, verification: &Verification) -> bool {
        !verification.is_refuted()
            && (!self.works || verification.works == Answer::Proven)
            && (!self.new || verification.new == Answer::Proven)
    }
}

/// What to do when a place fails for good before every place has the new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnFailure {
    /// Stop, keep both tokens alive, and ask a person.
    Hold,
    /// Put the old token back everywhere and revoke the new one, where that is possible; hold where it is not.
    RollBack,
}

/// What becomes of the old token once every place has the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OldPolicy {
    /// It is revoked after a time of grace, for jobs that still run with it.
    Revoke {
        /// How long to wait.
        grace: Duration,
    },
    /// It is left to expire.
    LetExpire,
    /// It stays.
    Keep,
}
