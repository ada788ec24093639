//! What the facts add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::apply::contradiction;
use super::{
    Act, Charter, Compromised, Death, Ending, Fact, Origin, Orphan, Place, Possession, Source, Standing, TokenRef,
    Urgency,
};
use crate::clock::Timestamp;
use crate::consumer::Slot;
use crate::error::{Problem, Result};
use crate::guide::Guide;
use crate::name::{ConsumerName, Label, TokenId};
use crate::token::{Expiry, Fingerprint, Grant, Reason, Refusal};

/// What the facts of a run add up to. It is made from them alone, and two runs with the same facts are the same.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) charter: Arc<Charter>,
    pub(super) ending: Option<Ending>,
    pub(super) old: Old,
    pub(super) issue: Issue,
    pub(super) attempts: u32,
    pub(super) issued: Vec<Issued>,
    /// Attempts whose answer was lost since a person last said to go on.
    pub(super) lost: u32,
    /// Whether the provider itself refused the last attempt, whatever became of it.
    pub(super) refused: bool,
    /// Whether the last attempt that is over ended without an answer.
    pub(super) answer_lost: bool,
    /// Why the last paste was not taken.
    pub(super) last_refusal: Option<Refusal>,
    /// The attempt whose token is being rolled out.
    pub(super) candidate: Option<u32>,
    /// Tokens that lost attempts left behind.
    pub(super) found: BTreeMap<TokenId, Life>,
    /// Lost attempts whose tokens can be neither found nor excluded.
    pub(super) orphans: Vec<Orphan>,
    pub(super) places: Vec<PlaceState>,
    /// Places in the order in which a new token first went there.
    pub(super) touched: Vec<usize>,
    pub(super) cut_over: bool,
    pub(super) drain_until: Option<Timestamp>,
    pub(super) looked_last: bool,
    pub(super) rolling_back: Option<Problem>,
    pub(super) stumbles: BTreeMap<Act, Stumble>,
    pub(super) gave_up: BTreeMap<Act, Problem>,
    /// Since when a place has lost the new token again and again: it is not restored to it for ever.
    pub(super) relapses: BTreeMap<ConsumerName, Timestamp>,
    /// What leaked, and what comes first then. One leak does not undo another.
    pub(super) emergency: BTreeMap<Compromised, Urgency>,
    /// The last deadline of a person of which it was told that it has passed.
    pub(super) overdue: Option<Timestamp>,
    pub(super) abandoned: bool,
}

/// Equal hashes mean equal decisions: what the run is about never changes in it, and when and why something is tried
/// again does not change what is done.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.ending, &self.old, &self.issue, self.attempts, self.lost, &self.last_refusal).hash(hasher);
        (&self.issued, self.candidate, &self.found, &self.orphans, &self.places, &self.touched).hash(hasher);
        (self.cut_over, self.drain_until, self.looked_last, self.rolling_back.is_some()).hash(hasher);
        (&self.emergency, self.abandoned).hash(hasher);
        self.gave_up.keys().for_each(|act| act.hash(hasher));
    }
}

/// The token before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Old {
    pub(super) standing: Option<Standing>,
    /// Whose it is.
    pub(super) owner: Option<String>,
    /// Whether `standing` was looked up since the last wait.
    pub(super) fresh: bool,
    /// Whether this run saw the provider take it: the control without which a 401 proves nothing.
    pub(super) seen_alive: bool,
    pub(super) life: Life,
    /// A person said that it stays.
    pub(super) kept: bool,
}

/// How the new token comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Issue {
    NotYet,
    /// Asked for; whether anything came of it is unknown until an answer is durable. Asking a person for a paste leaves
    /// nothing behind by itself; a poll whose answer was lost may.
    Issuing {
        attempt: u32,
        label: Label,
        expiry: Expiry,
        look_after: Timestamp,
        polled: bool,
    },
    Asked {
        attempt: u32,
        expiry: Expiry,
        guide: Guide,
        refusal: Option<Refusal>,
    },
    /// A person agrees elsewhere.
    Pending {
        attempt: u32,
        label: Label,
        expiry: Expiry,
        guide: Guide,
        poll_after: Timestamp,
        /// Until when a yes counts, as was said first.
        until: Timestamp,
        /// The poll that has no answer yet: when it must have arrived.
        polled: Option<Timestamp>,
        /// Polls before it that were never answered, any of which may have made a token: when the last must have arrived.
        unanswered: Option<Timestamp>,
    },
    Done,
    /// Its value is lost for ever, and nothing can issue another.
    Lost,
}

/// A token that came to us in this run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Issued {
    pub(super) attempt: u32,
    pub(super) origin: Origin,
    pub(super) fingerprint: Fingerprint,
    pub(super) id: Option<TokenId>,
    /// Whether a second secret came with it that may still count.
    pub(super) companion: bool,
    pub(super) seen_alive: bool,
    pub(super) life: Life,
    pub(super) admission: Admission,
    /// Until when it lives, as its provider said when it was admitted.
    pub(super) expiry: Expiry,
    /// Whether it was ever judged to be what was asked for, or a person vouched for it.
    pub(super) vouched: bool,
    /// Why it is no longer wanted.
    pub(super) discarded: Option<Reason>,
}

/// Whether a token may be installed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Admission {
    /// Nobody has looked, or not since the last wait. A person may have overruled the policy before.
    Unjudged {
        waived: bool,
    },
    Admitted {
        grant: Grant,
        waived: bool,
    },
    Refused {
        refusal: Refusal,
        grant: Option<Grant>,
    },
}

/// From alive to proven dead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Alive,
    /// Asked to be ended, now or `before`; whether it happened is unknown.
    Revoking {
        before: bool,
    },
    /// The provider answered yes; to be seen.
    Promised {
        look_after: Timestamp,
    },
    /// A person was asked to delete it.
    Asked {
        guide: Guide,
    },
    /// A person says so; to be seen.
    Claimed {
        guide: Option<Guide>,
    },
    Dead(Death),
}

/// One place.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PlaceState {
    /// Every token that it may hold. It never misses the one that it does hold.
    pub(super) holds: BTreeSet<TokenRef>,
    pub(super) progress: Progress,
    pub(super) restore: Restore,
    /// Whether it was read since the last wait.
    pub(super) fresh: bool,
    /// Whether it was seen since an engine took the run up: until then the journal may be an old copy, and behind it.
    pub(super) seen: bool,
    /// Whether its check showed, since the last wait, that it holds the old token.
    pub(super) shows_old: bool,
    pub(super) slot: Option<Slot>,
    /// Whether every look of this run has shown the version that the first one showed.
    pub(super) still: bool,
    /// The write that is under way: of which token, and when it must have arrived.
    pub(super) in_flight: Option<(TokenRef, Timestamp)>,
    /// Writes before it that were never answered.
    pub(super) unanswered: BTreeMap<TokenRef, Timestamp>,
    /// Whether the write under way is the first of its kind here: without effect, it leaves no trace.
    pub(super) first_write: bool,
    pub(super) confirmed: bool,
    pub(super) forgotten: bool,
    /// Whether a token that it may have held has died since it was last verified.
    pub(super) unproven: bool,
}

/// How far the new token has come at a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    Waiting,
    Installing,
    Asked(Guide),
    Installed,
    Settled,
}

/// How far the old token has come back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Restore {
    No,
    Restoring,
    Asked(Guide),
    Restored,
    Done,
}

/// An act that failed and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stumble {
    pub(super) problem: Problem,
    pub(super) since: Timestamp,
    pub(super) again_at: Timestamp,
}

impl Issued {
    /// Whether it exists because of us, and is ours to end. A paste that was never found to be what was asked for may be
    /// anybody's.
    pub(super) fn is_ours(&self) -> bool {
        match self.origin {
            Origin::Minted => true,
            Origin::Pasted => self.vouched,
            Origin::Given | Origin::Kept => false,
        }
    }
}

impl State {
    /// A run that has just begun.
    #[must_use]
    pub fn begin(charter: Charter) -> Self {
        let given = match charter.source {
            Source::Issue => None,
            Source::Given(fingerprint) => Some((Origin::Given, fingerprint)),
            Source::Kept(fingerprint) => Some((Origin::Kept, fingerprint)),
        };
        let has_old = charter.predecessor.held != Possession::Absent;
        let place = |_: &Place| PlaceState {
            holds: has_old.then_some(TokenRef::Old).into_iter().collect(),
            progress: Progress::Waiting,
            restore: Restore::No,
            fresh: false,
            seen: true,
            shows_old: false,
            still: true,
            slot: None,
            in_flight: None,
            unanswered: BTreeMap::new(),
            first_write: false,
            confirmed: false,
            forgotten: false,
            unproven: false,
        };
        let mut state = Self {
            places: charter.places.iter().map(place).collect(),
            charter: Arc::new(charter),
            ending: None,
            old: Old { standing: None, owner: None, fresh: false, seen_alive: false, life: Life::Alive, kept: false },
            issue: if given.is_some() { Issue::Done } else { Issue::NotYet },
            attempts: 0,
            lost: 0,
            refused: false,
            answer_lost: false,
            last_refusal: None,
            issued: Vec::new(),
            candidate: None,
            found: BTreeMap::new(),
            orphans: Vec::new(),
            touched: Vec::new(),
            cut_over: false,
            drain_until: None,
            looked_last: false,
            rolling_back: None,
            stumbles: BTreeMap::new(),
            gave_up: BTreeMap::new(),
            relapses: BTreeMap::new(),
            emergency: BTreeMap::new(),
            overdue: None,
            abandoned: false,
        };
        if let Some((origin, fingerprint)) = given {
            let (id, companion) = (state.charter.source_id.clone(), state.charter.source_companion);
            state.receive(0, origin, fingerprint, id, companion);
        }
        state
    }

    /// The state that a whole run's facts add up to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when they do not begin with [`Fact::Begun`], or one contradicts those before it.
    pub fn replay<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Result<Self> {
        let mut facts = facts.into_iter();
        let Some(Fact::Begun(charter)) = facts.next() else {
            return Err(contradiction("a run's first record does not say what the run is about"));
        };
        let mut state = Self::begin((**charter).clone());
        facts.try_for_each(|fact| state.apply(fact))?;
        Ok(state)
    }
}
