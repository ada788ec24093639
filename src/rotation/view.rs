//! How a state looks from outside: what it waits for, who holds what, what its engine must keep.

use super::state::{Admission, Issue, Issued, Life, Progress, Restore, State};
use super::{
    Ask, Charter, Completion, Compromised, Death, Ending, Holding, OldEnd, Origin, Orphan, Outcome, Place, Standing,
    Step, TokenRef, Wait, next,
};
use crate::clock::Timestamp;
use crate::consumer::Slot;
use crate::error::Problem;
use crate::name::{ConsumerName, Label, TokenId};
use crate::token::{Expiry, Fingerprint, Grant};

impl State {
    /// What the run is about.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// How the run stands at `now`, or nothing while there is something to do.
    #[must_use]
    pub fn outcome(&self, now: Timestamp) -> Option<Outcome> {
        if let Some(ending) = &self.ending {
            return Some(self.ended(ending));
        }
        let steps = next(self);
        let mut asks = Vec::new();
        let mut waiting = Vec::new();
        let mut undecided = false;
        for step in &steps {
            match step {
                Step::Record(_) => return None,
                Step::Do(act) => match self.not_before(act).filter(|at| *at > now) {
                    Some(at) => waiting.push((at, act)),
                    None => return None,
                },
                Step::Await(Wait::Decision) => undecided = true,
                Step::Await(wait) => asks.extend(self.ask(wait)),
            }
        }
        if !asks.is_empty() {
            let stumbles = self.stumbles.values().map(|stumble| stumble.problem.clone());
            let problems = self.gave_up.values().cloned().chain(stumbles).collect();
            return Some(Outcome::AwaitingPerson { asks, problems });
        }
        // Past the cut-over, what waits without having failed waits for the time of grace.
        let failed = waiting.iter().any(|(_, act)| self.stumbles.contains_key(act));
        let mut problems: Vec<Problem> = self.stumbles.values().map(|stumble| stumble.problem.clone()).collect();
        problems.dedup();
        match waiting.iter().map(|(at, _)| *at).min() {
            Some(until) if !failed && self.cut_over => Some(Outcome::Draining { until }),
            Some(until) => Some(Outcome::BackingOff { until, problems }),
            None => undecided.then(|| self.needs_person()),
        }
    }

    /// When something can be done again without a person, if ever.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let acts = next(self).into_iter().filter_map(|step| match step {
            Step::Do(act) => self.not_before(&act),
            Step::Record(_) | Step::Await(_) => None,
        });
        acts.chain(self.deadline()).min()
    }

    /// Until when a person should have done what is asked for, where it was not told yet that this has passed.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let asks = next(self).into_iter().filter_map(|step| match step {
            Step::Await(wait) => self.ask(&wait),
            Step::Do(_) | Step::Record(_) => None,
        });
        let deadlines = asks.filter_map(|ask| ask.guide()?.deadline);
        deadlines.filter(|deadline| self.overdue.is_none_or(|told| told < *deadline)).min()
    }

    fn ended(&self, ending: &Ending) -> Outcome {
        match ending {
            Ending::Completed { old } => Outcome::Completed(self.completion(*old)),
            Ending::RolledBack { because } => Outcome::RolledBack { because: because.clone(), orphans: self.orphans() },
            Ending::Stopped { because } => Outcome::Stopped { because: because.clone(), orphans: self.orphans() },
            Ending::Abandoned => Outcome::Abandoned { holdings: self.holdings(), orphans: self.orphans() },
        }
    }

    fn completion(&self, old: OldEnd) -> Completion {
        Completion {
            fingerprint: self.candidate_ref().map(|candidate| candidate.fingerprint),
            old,
            holdings: self.holdings(),
            orphans: self.orphans(),
        }
    }

    fn needs_person(&self) -> Outcome {
        let mut problems: Vec<Problem> = self.gave_up.values().cloned().collect();
        if let Some(Issued { admission: Admission::Refused { refusal, .. }, .. }) = self.candidate_ref() {
            problems.push(Problem::new(crate::ErrorKind::Refused, format!("the new token was refused: {refusal}")));
        }
        if problems.is_empty() {
            let why = || Problem::new(crate::ErrorKind::Refused, self.why_stuck());
            let forward = self.rolling_back.is_none();
            problems.push(self.cannot_replace().filter(|_| forward).unwrap_or_else(why));
        }
        Outcome::NeedsPerson { problems, holdings: self.holdings(), orphans: self.orphans() }
    }

    fn why_stuck(&self) -> &'static str {
        match (&self.issue, self.candidate_ref().map(|candidate| &candidate.life)) {
            (Issue::Lost, _) if self.charter.can.keeps_names => {
                "the provider replaced the old token and its answer was lost: the new value cannot be had any more, and it \
                 lives under the name of the old one. Delete the newest of that name, make a token by hand, abandon this run, \
                 and adopt that"
            }
            (Issue::Lost, _) => {
                "the provider replaced the old token and its answer was lost: the new value cannot be had any more. Make \
                 a token by hand, abandon this run, and adopt the new token"
            }
            (_, Some(Life::Dead(_))) if self.renews_from().is_some() => {
                "the new token is dead, though nobody here revoked it: it has expired, or somebody ended it. Retry issues \
                 another from what came with it"
            }
            (_, Some(Life::Dead(_))) if self.old.life == Life::Dead(Death::Replaced) && !self.charter.can.reissues => {
                "the new token is dead, though nobody here revoked it, and the old one, from which it was made, died with its \
                 birth: make a token by hand, abandon this run, and adopt that"
            }
            (_, Some(Life::Dead(_))) => {
                "the new token is dead, though nobody here revoked it: was the wrong row deleted? Retry issues another, \
                 and roll back puts the old one back while it lives"
            }
            (Issue::Issuing { .. }, _) => "it cannot be found out what came of asking for a token: retry looks again",
            (Issue::NotYet, _) if self.lost > 0 => {
                "the answers of attempts were lost, and what they made may live: look at the line, delete the orphans that nobody uses, then retry"
            }
            _ => "the old token cannot be looked at, so it cannot be put back safely: retry looks again",
        }
    }

    /// Who holds what, as far as is known.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        let places = self.charter.places.iter().zip(&self.places);
        places
            .map(|(place, at)| Holding {
                consumer: place.name.clone(),
                tokens: at.holds.iter().cloned().collect(),
                forgotten: at.forgotten,
            })
            .collect()
    }

    /// Tokens that we caused, that may live, and that nobody is at any more: their value was never had, or the run ended
    /// without ending them.
    #[must_use]
    pub fn orphans(&self) -> Vec<Orphan> {
        let live = self.found.iter().filter(|(_, life)| !matches!(life, Life::Dead(_)));
        let found = live.map(|(id, _)| Orphan { label: None, id: Some(id.clone()), expiry: Expiry::Unknown });
        let unresolved = match &self.issue {
            Issue::Issuing { label, expiry, .. }
            | Issue::Pending { label, expiry, polled: Some(_), .. }
            | Issue::Pending { label, expiry, unanswered: Some(_), .. } => {
                Some(Orphan { label: Some(label.clone()), id: None, expiry: *expiry })
            }
            _ => None,
        };
        // A paste that nobody vouched for is its maker's to delete, should it be the one that was asked for.
        let paste = self.candidate_ref().filter(|candidate| {
            let dead = matches!(candidate.life, Life::Dead(_));
            self.ending.is_some() && candidate.origin == Origin::Pasted && !candidate.vouched && !dead
        });
        // What we caused and the end of the run leaves alive, beside the token in use.
        let completed = matches!(self.ending, Some(Ending::Completed { .. }));
        let left = self.issued.iter().filter(|issued| {
            let in_use = completed && self.candidate == Some(issued.attempt);
            self.ending.is_some() && issued.is_ours() && !in_use && !matches!(issued.life, Life::Dead(_))
        });
        let labelled = paste.into_iter().chain(left).map(|issued| Orphan {
            label: Some(self.charter.run.label(issued.attempt)),
            id: issued.id.clone(),
            expiry: issued.expiry,
        });
        let all = self.orphans.iter().cloned().chain(found).chain(unresolved).chain(labelled);
        let named = |orphan: Orphan| Orphan { label: orphan.label.filter(|_| !self.charter.can.keeps_names), ..orphan };
        all.map(named).collect()
    }

    /// The name that the token of an attempt carries at its provider, where it was given one.
    pub(crate) fn label_of(&self, attempt: u32) -> Option<Label> {
        (!self.charter.can.keeps_names).then(|| self.charter.run.label(attempt))
    }

    fn ask(&self, wait: &Wait) -> Option<Ask> {
        match wait {
            Wait::Token => match &self.issue {
                Issue::Asked { guide, refusal, .. } => {
                    Some(Ask::Token { guide: guide.clone(), refusal: refusal.clone(), polled: None })
                }
                Issue::Pending { guide, poll_after, .. } => {
                    let polled = self.not_before(&super::Act::Collect).unwrap_or(*poll_after);
                    Some(Ask::Token { guide: guide.clone(), refusal: None, polled: Some(polled) })
                }
                _ => None,
            },
            Wait::Cure => match &self.candidate_ref()?.admission {
                Admission::Refused { refusal, .. } => Some(Ask::Cure { refusal: refusal.clone() }),
                _ => None,
            },
            Wait::Installation(consumer) => {
                let (_, at) = self.open_places().find(|(place, _)| place.name == *consumer)?;
                let (token, guide) = match (&at.restore, &at.progress) {
                    (Restore::Asked(guide), _) => (TokenRef::Old, guide),
                    (_, Progress::Asked(guide)) => (TokenRef::New(self.candidate?), guide),
                    _ => return None,
                };
                Some(Ask::Installation { consumer: consumer.clone(), token, guide: guide.clone() })
            }
            Wait::Confirmation(consumer) => {
                let place = self.charter.places.iter().find(|place| place.name == *consumer)?;
                let text = place.can.confirmation.clone()?;
                Some(Ask::Confirmation { consumer: consumer.clone(), text })
            }
            Wait::Deletion(token) => match self.life(token)? {
                Life::Asked { guide } => Some(Ask::Deletion { token: token.clone(), guide: guide.clone() }),
                _ => None,
            },
            Wait::Decision => None,
        }
    }

    // -- what the engine needs to perform a step ----------------------------------------------------------------------

    /// Which token is to be put there by a person now.
    #[must_use]
    pub fn to_reveal(&self, consumer: &ConsumerName) -> Option<TokenRef> {
        match self.ask(&Wait::Installation(consumer.clone()))? {
            Ask::Installation { token, .. } => Some(token),
            _ => None,
        }
    }

    /// How many times a token was asked for.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The attempt that a person is making a token for.
    pub(crate) fn asked_attempt(&self) -> Option<u32> {
        match &self.issue {
            Issue::Asked { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }

    /// The attempt that waits for a person to agree elsewhere.
    pub(crate) fn pending_attempt(&self) -> Option<u32> {
        match &self.issue {
            Issue::Pending { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }

    /// Until when it makes sense to ask whether a person has agreed.
    pub(crate) fn pending_until(&self) -> Option<Timestamp> {
        match &self.issue {
            Issue::Pending { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Of polls before the one that is under way that were never answered, and so may have made a token: when the last of
    /// them must have arrived.
    #[must_use]
    pub fn unanswered_polls(&self) -> Option<Timestamp> {
        match &self.issue {
            Issue::Pending { unanswered, .. } => *unanswered,
            _ => None,
        }
    }

    /// The attempt whose answer was lost, and its label.
    pub(crate) fn lost_attempt(&self) -> Option<(u32, &Label)> {
        match &self.issue {
            Issue::Issuing { attempt, label, .. } => Some((*attempt, label)),
            _ => None,
        }
    }

    /// Whether a token was asked for in this attempt, and its value was never had.
    pub(crate) fn misses_answer(&self, attempt: u32) -> bool {
        match &self.issue {
            Issue::Issuing { attempt: asked, .. } => *asked == attempt,
            Issue::Lost => self.attempts == attempt,
            _ => false,
        }
    }

    /// The token that is being rolled out.
    #[must_use]
    pub fn candidate(&self) -> Option<TokenRef> {
        self.candidate.map(TokenRef::New)
    }

    /// What may be shown of it.
    #[must_use]
    pub fn candidate_fingerprint(&self) -> Option<Fingerprint> {
        self.candidate_ref().map(|candidate| candidate.fingerprint)
    }

    /// Whether a token of this run has this value: under two names, the end of one would be the end of both.
    pub(crate) fn has_had(&self, fingerprint: Fingerprint) -> bool {
        self.issued.iter().any(|issued| issued.fingerprint == fingerprint)
    }

    /// Whether a second secret came with it.
    pub(crate) fn has_companion(&self) -> bool {
        self.candidate_ref().is_some_and(|candidate| candidate.companion)
    }

    /// The name that the new token carries at its provider, where this run gave it one.
    pub(crate) fn candidate_label(&self) -> Option<Label> {
        let candidate = self.candidate_ref()?;
        let named = matches!(candidate.origin, Origin::Minted | Origin::Pasted);
        named.then(|| self.label_of(candidate.attempt)).flatten()
    }

    /// Until when the new token lives, as its provider said when it was admitted, or as it was asked for.
    pub(crate) fn candidate_expiry(&self) -> Expiry {
        self.candidate_ref().map_or(Expiry::Unknown, |candidate| candidate.expiry)
    }

    /// What its provider said of it when it was admitted.
    pub(crate) fn candidate_grant(&self) -> Option<&Grant> {
        match &self.candidate_ref()?.admission {
            Admission::Admitted { grant, .. } => Some(grant),
            _ => None,
        }
    }

    /// Whether a person overruled the policy for it.
    #[must_use]
    pub fn is_waived(&self) -> bool {
        matches!(
            self.candidate_ref().map(|candidate| &candidate.admission),
            Some(Admission::Unjudged { waived: true } | Admission::Admitted { waived: true, .. })
        )
    }

    /// Whether the run goes back.
    #[must_use]
    pub fn is_rolling_back(&self) -> bool {
        self.rolling_back.is_some()
    }

    /// Whether any place may hold a new token.
    pub(crate) fn is_touched(&self) -> bool {
        self.places.iter().any(super::state::PlaceState::holds_new)
    }

    /// A token's id at the provider, where known.
    pub(crate) fn token_id(&self, token: &TokenRef) -> Option<TokenId> {
        match token {
            TokenRef::Old => self.charter.predecessor.id.clone(),
            TokenRef::New(attempt) => self.issued.iter().find(|i| i.attempt == *attempt)?.id.clone(),
            TokenRef::Found(id) => Some(id.clone()),
        }
    }

    /// What may be shown of a token, where its value was ever known.
    pub(crate) fn fingerprint(&self, token: &TokenRef) -> Option<Fingerprint> {
        match token {
            TokenRef::Old => self.charter.predecessor.fingerprint,
            TokenRef::New(attempt) => Some(self.issued.iter().find(|i| i.attempt == *attempt)?.fingerprint),
            TokenRef::Found(_) => None,
        }
    }

    /// Whether the provider was seen to take the old token since the last wait.
    #[must_use]
    pub fn old_is_live(&self) -> bool {
        matches!(self.old.standing, Some(Standing::Live | Standing::Lacking)) && !matches!(self.old.life, Life::Dead(_))
    }

    /// The newest token that exists because of this run and is not known to be dead.
    pub(crate) fn newest_of_ours(&self) -> Option<TokenRef> {
        let may_live = |issued: &&Issued| issued.is_ours() && !matches!(issued.life, Life::Dead(_));
        self.issued.iter().rev().find(may_live).map(|issued| TokenRef::New(issued.attempt))
    }

    /// Whether the answer to the attempt before was lost.
    pub(crate) fn has_lost_an_answer(&self) -> bool {
        self.answer_lost
    }

    /// Whether the old token is known to be dead.
    pub(crate) fn knows_old_dead(&self) -> bool {
        matches!(self.old.life, Life::Dead(_))
    }

    /// Whether the provider was ever seen to take this token in this run.
    pub(crate) fn was_seen_alive(&self, token: &TokenRef) -> bool {
        match token {
            TokenRef::Old => self.old.seen_alive,
            TokenRef::New(attempt) => self.issued.iter().any(|i| i.attempt == *attempt && i.seen_alive),
            TokenRef::Found(_) => false,
        }
    }

    /// Whether the provider answered that this token is gone, or will be.
    pub(crate) fn is_promised(&self, token: &TokenRef) -> bool {
        matches!(self.life(token), Some(Life::Promised { .. }))
    }

    /// Whether a person says that this token is deleted, and nobody has seen it yet.
    #[must_use]
    pub fn is_claimed(&self, token: &TokenRef) -> bool {
        matches!(self.life(token), Some(Life::Claimed { .. }))
    }

    /// Whose the old token is, where the provider said.
    pub(crate) fn old_owner(&self) -> Option<&str> {
        self.old.owner.as_deref()
    }

    /// How the token that is being rolled out came to us.
    pub(crate) fn candidate_origin(&self) -> Option<Origin> {
        self.candidate_ref().map(|candidate| candidate.origin)
    }

    /// Whether the old token leaked.
    pub(crate) fn old_leaked(&self) -> bool {
        self.emergency_for(Compromised::Old)
    }

    /// Whether any token of this run leaked.
    pub(crate) fn is_emergency(&self) -> bool {
        !self.emergency.is_empty()
    }

    /// Places that take part, with the last that was read of them.
    pub(crate) fn taking_part(&self) -> impl Iterator<Item = (&Place, Option<&Slot>)> {
        self.open_places().map(|(place, at)| (place, at.slot.as_ref()))
    }

    /// The place of this name, with the last that was read of it.
    pub(crate) fn place(&self, consumer: &ConsumerName) -> Option<(&Place, Option<&Slot>)> {
        self.taking_part().find(|(place, _)| place.name == *consumer)
    }

    /// Whether a token was being written there and nobody knows what came of it.
    pub(crate) fn is_uncertain(&self, consumer: &ConsumerName) -> bool {
        self.open_places().any(|(place, at)| place.name == *consumer && at.progress == Progress::Installing)
    }

    /// Since when an act does not go well.
    pub(crate) fn failing_since(&self, act: &super::Act) -> Option<Timestamp> {
        self.stumbles.get(act).map(|stumble| stumble.since)
    }

    /// Since when a place does not keep the new token.
    pub(crate) fn relapsing_since(&self, consumer: &ConsumerName) -> Option<Timestamp> {
        self.relapses.get(consumer).copied()
    }

    /// Tokens that may live and whose values must not be thrown away. Once the run is over, what was handed in is its
    /// maker's again.
    pub(crate) fn live_values(&self) -> Vec<u32> {
        let over = self.ending.is_some();
        let live = self.issued.iter().filter(|issued| !matches!(issued.life, Life::Dead(_)));
        let ours = live.filter(|issued| !over || issued.is_ours());
        ours.map(|issued| issued.attempt).collect()
    }

    /// The token that is dead, and whose second secret issues the next: that outlives it, and must not be thrown away either.
    pub(crate) fn outlived(&self) -> Option<u32> {
        let Some(TokenRef::New(attempt)) = self.renews_from() else { return None };
        let over = self.ending.is_some();
        let dead = |issued: &&Issued| matches!(issued.life, Life::Dead(_)) && (!over || issued.is_ours());
        self.issued.iter().find(|issued| issued.attempt == attempt).filter(dead).map(|issued| issued.attempt)
    }
}
