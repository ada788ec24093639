//! What a state is asked before it is decided what is next.

use super::state::{Admission, Issue, Issued, Life, PlaceState, Progress, Restore, State};
use super::{Act, Compromised, Death, Place, Possession, Source, TokenRef};
use crate::clock::Timestamp;
use crate::consumer::Proof;
use crate::error::ErrorKind;
use crate::name::ConsumerName;
use crate::provider::Fate;
use crate::token::Reason;

impl State {
    /// Whether there is a token before.
    #[must_use]
    pub fn has_old(&self) -> bool {
        self.charter.predecessor.held != Possession::Absent
    }

    /// Whether there is any way to ask how the old token stands.
    pub(super) fn can_look_at_old(&self) -> bool {
        let old = &self.charter.predecessor;
        old.has_value() || (old.id.is_some() && self.charter.can.status_by_id)
    }

    /// Whether consumers are down, or ought to be moved at once: then all places go together, and one that fails holds
    /// no other back.
    pub(super) fn is_pressing(&self) -> bool {
        let replaced =
            self.charter.source == Source::Issue && self.charter.can.fate == Fate::Dies && self.candidate.is_some();
        let down = self.has_old() && matches!(self.old.life, Life::Dead(_));
        replaced || down || !self.emergency.is_empty()
    }

    pub(super) fn emergency_for(&self, which: Compromised) -> bool {
        self.emergency.contains_key(&which)
    }

    pub(super) fn open_places(&self) -> impl Iterator<Item = (&Place, &PlaceState)> {
        self.charter.places.iter().zip(&self.places).filter(|(_, at)| !at.forgotten)
    }

    pub(super) fn candidate_ref(&self) -> Option<&Issued> {
        let attempt = self.candidate?;
        self.issued.iter().find(|issued| issued.attempt == attempt)
    }

    pub(super) fn proves_something(&self, consumer: &ConsumerName) -> bool {
        self.charter
            .places
            .iter()
            .any(|place| place.name == *consumer && (place.can.works != Proof::Never || place.can.new != Proof::Never))
    }

    pub(super) fn life(&self, token: &TokenRef) -> Option<&Life> {
        match token {
            TokenRef::Old => self.has_old().then_some(&self.old.life),
            TokenRef::New(attempt) => self.issued.iter().find(|i| i.attempt == *attempt).map(|issued| &issued.life),
            TokenRef::Found(id) => self.found.get(id),
        }
    }

    /// Whether a token's death can be seen: its value is at hand and was seen to be taken, or its id can be asked about.
    #[must_use]
    pub fn is_provable(&self, token: &TokenRef) -> bool {
        let by_id = self.charter.can.status_by_id;
        match token {
            TokenRef::Old => {
                let old = &self.charter.predecessor;
                (old.has_value() && self.old.seen_alive) || (old.id.is_some() && by_id)
            }
            TokenRef::New(attempt) => {
                let issued = self.issued.iter().find(|issued| issued.attempt == *attempt);
                issued.is_some_and(|issued| issued.seen_alive || (issued.id.is_some() && by_id))
            }
            TokenRef::Found(_) => by_id,
        }
    }

    /// Whether what came with the old token was presented for a new one, or may have been, or was refused: it counts once, and
    /// a provider may take the second time for theft.
    pub(crate) fn is_companion_spent(&self) -> bool {
        let replaced = self.old.life == Life::Dead(Death::Replaced);
        let unknown = self.ending.is_some() && matches!(self.issue, Issue::Issuing { .. } | Issue::Pending { .. });
        // What the provider did not take once, it takes no other time.
        let refused = self.ending.is_some()
            && self.charter.can.renews
            && self.gave_up.get(&Act::Issue).is_some_and(|problem| problem.kind == ErrorKind::Unauthenticated);
        self.charter.can.fate == Fate::Dies && (replaced || unknown || refused || self.issue == Issue::Lost)
    }

    /// Whose second secret issues the next token, once the token before is dead: the newest one's, as each counts once. Nobody's
    /// where that was presented, or may have been.
    pub(crate) fn renews_from(&self) -> Option<TokenRef> {
        if !self.charter.can.renews {
            return None;
        }
        let newest = self.issued.last().filter(|newest| newest.companion && newest.discarded.is_none());
        let Some(newest) = newest else {
            let unspent = self.charter.predecessor.companion && !self.is_companion_spent();
            return unspent.then_some(TokenRef::Old);
        };
        let unknown = self.ending.is_some() && matches!(self.issue, Issue::Issuing { .. });
        (!unknown).then_some(TokenRef::New(newest.attempt))
    }

    /// Why a token is revoked, when it is.
    #[must_use]
    pub fn reason(&self, token: &TokenRef) -> Reason {
        match token {
            TokenRef::Old if self.emergency_for(Compromised::Old) => Reason::Compromised,
            TokenRef::Old => Reason::Superseded,
            TokenRef::Found(_) => Reason::Orphan,
            TokenRef::New(attempt) => {
                let issued = self.issued.iter().find(|issued| issued.attempt == *attempt);
                match issued {
                    Some(Issued { discarded: Some(reason), .. }) => *reason,
                    Some(Issued { admission: Admission::Refused { .. }, .. }) => Reason::Refused,
                    _ => Reason::RolledBack,
                }
            }
        }
    }

    /// When an act may be done at the earliest.
    #[must_use]
    pub fn not_before(&self, act: &Act) -> Option<Timestamp> {
        let stumbled = |act: &Act| self.stumbles.get(act).map(|stumble| stumble.again_at);
        let again = match act {
            // What is read before a write is read after the wait, not before it.
            Act::Preflight(consumer) => stumbled(act).max(stumbled(&Act::Install(consumer.clone()))),
            Act::Restore(consumer) => {
                let verify = stumbled(&Act::VerifyRestored(consumer.clone()));
                stumbled(act).max(verify).max(self.settled(consumer, &TokenRef::Old))
            }
            Act::Install(consumer) => {
                let settled = self.candidate.and_then(|attempt| self.settled(consumer, &TokenRef::New(attempt)));
                stumbled(act).max(settled)
            }
            _ => stumbled(act),
        };
        let ripe = match (act, &self.issue) {
            (Act::LastLook, _) => self.drain_until,
            (Act::Collect, Issue::Pending { poll_after, .. }) => Some(*poll_after),
            (Act::FindOrphans | Act::LookAtPredecessor, Issue::Issuing { look_after, .. }) => Some(*look_after),
            (Act::Prove(token), _) => match self.life(token) {
                Some(Life::Promised { look_after }) => Some(*look_after),
                _ => None,
            },
            _ => None,
        };
        again.max(ripe)
    }
}

impl State {
    /// When a write of another token can no longer arrive there: a late one would undo what is written now.
    fn settled(&self, consumer: &ConsumerName, token: &TokenRef) -> Option<Timestamp> {
        let (_, at) = self.open_places().find(|(place, _)| place.name == *consumer)?;
        let all = at.unanswered.iter().chain(at.in_flight.as_ref().map(|(other, settled)| (other, settled)));
        all.filter(|(other, _)| *other != token).map(|(_, settled)| *settled).max()
    }
}

impl PlaceState {
    /// A token is being written there. What was written before and never answered may arrive after it all the same.
    pub(super) fn send(&mut self, token: TokenRef, settled: Option<Timestamp>) {
        if let Some((before, settled)) = self.in_flight.take() {
            let last = self.unanswered.entry(before).or_insert(settled);
            *last = settled.max(*last);
        }
        self.in_flight = settled.map(|settled| (token, settled));
    }

    /// Whether this run wrote there, or tried to.
    pub(super) fn was_written(&self) -> bool {
        self.progress != Progress::Waiting || self.restore != Restore::No
    }

    pub(super) fn holds_new(&self) -> bool {
        self.holds.iter().any(|token| matches!(token, TokenRef::New(_)))
    }
}
