//! The one decision: given what has happened, what is to be done next?

use super::state::{Admission, Issue, Life, PlaceState, Progress, Restore, State};
use super::{
    Act, Compromised, Death, Ending, Fact, OldEnd, OldPolicy, OnFailure, Order, Origin, Place, Source, Standing, Step,
    TokenRef, Urgency, Wait,
};
use crate::error::{ErrorKind, Problem};
use crate::provider::{Fate, Issuer};
use crate::token::Reason;

/// How many attempts may get lost before a person is asked.
const LOST_ATTEMPTS: u32 = 3;

/// What is to be done next, given what has happened. Steps that are given together may run together; none at all means
/// that the run is over.
///
/// This is the whole of a rotation. There is no input but the state: no clock, no network, no chance. Going on after a
/// crash, rolling back and the dry run are the same function over other facts.
#[must_use]
pub fn next(state: &State) -> Vec<Step> {
    if state.ending.is_some() {
        return Vec::new();
    }
    if state.abandoned {
        return end(Ending::Abandoned);
    }
    // What leaked goes first, then what nobody wants; what is stuck there holds up the end alone.
    let mut steps = state.revoke_first();
    steps.extend(state.end_discards());
    if steps.iter().any(|step| !matches!(step, Step::Await(_))) {
        return steps;
    }
    let mainline = if state.rolling_back.is_some() { state.backward() } else { state.forward() };
    let over = |step: &Step| matches!(step, Step::Record(fact) if matches!(**fact, Fact::Ended { .. }));
    let stuck = !steps.is_empty();
    steps.extend(mainline.into_iter().filter(|step| !(stuck && over(step))));
    steps
}

impl State {
    // -- forward ------------------------------------------------------------------------------------------------------

    fn forward(&self) -> Vec<Step> {
        self.hear()
            .or_else(|| self.look_around())
            .or_else(|| self.obtain())
            .or_else(|| self.admit())
            .or_else(|| self.install())
            .or_else(|| self.cut_over())
            .unwrap_or_else(|| self.retire())
    }

    /// A token was asked for: what came of it?
    fn hear(&self) -> Option<Vec<Step>> {
        match &self.issue {
            Issue::Issuing { .. } => Some(self.resolve_issue()),
            Issue::Asked { .. } => Some(vec![Step::Await(Wait::Token)]),
            Issue::Pending { .. } => Some(vec![Step::Do(Act::Collect), Step::Await(Wait::Token)]),
            Issue::Lost => Some(vec![Step::Await(Wait::Decision)]),
            Issue::NotYet | Issue::Done => None,
        }
    }

    /// Know the old token, and that every place can take the new one, before anything is touched.
    fn look_around(&self) -> Option<Vec<Step>> {
        let untouched = self.touched.is_empty() && !self.cut_over;
        if untouched && self.has_old() && !self.old.fresh {
            return Some(vec![Step::Do(Act::LookAtPredecessor)]);
        }
        if let Some(problem) = self.cannot_replace() {
            return Some(self.fail(problem));
        }
        let unread: Vec<_> =
            self.open_places().filter(|(_, at)| at.progress == Progress::Waiting && !at.fresh).collect();
        let failed = unread.iter().find_map(|(place, _)| self.gave_up.get(&Act::Preflight(place.name.clone())));
        if let (Some(problem), false) = (failed, self.is_pressing()) {
            return Some(self.fail(problem.clone()));
        }
        let steps = unread.iter().map(|(place, _)| Act::Preflight(place.name.clone()));
        some(steps.filter(|act| !self.gave_up.contains_key(act)).map(Step::Do))
    }

    /// A Replace provider copies the old token, so there must be one that is worth copying.
    pub(super) fn cannot_replace(&self) -> Option<Problem> {
        let about_to = self.charter.source == Source::Issue && self.issue == Issue::NotYet && self.candidate.is_none();
        if self.charter.can.fate != Fate::Dies || self.charter.can.reissues || !about_to {
            return None;
        }
        let why = match self.old.standing {
            Some(Standing::Live) => return None,
            Some(Standing::Lacking) => {
                "the new token would be a copy of the old one, which lacks scopes that the consumers need, or does not show that \
                 it has them: issue one with those scopes by hand and adopt it, or, where the provider tells no scopes, name a \
                 private resource to try and set the policy to accept that"
            }
            Some(Standing::Unknown) => {
                "the old token, from which the new one is made, could not be looked at: try later"
            }
            Some(Standing::Dead) | None if self.renews_from().is_some() => return None,
            Some(Standing::Dead) | None => {
                "the old token, from which the new one is made, is not alive: make one by hand and adopt it"
            }
        };
        Some(Problem::new(ErrorKind::Refused, why))
    }

    fn obtain(&self) -> Option<Vec<Step>> {
        if self.issue == Issue::Done {
            // A token that died by no act of ours: a person decides whether to go on or back.
            let dead = self.candidate_ref().is_none_or(|candidate| matches!(candidate.life, Life::Dead(_)));
            return dead.then(|| vec![Step::Await(Wait::Decision)]);
        }
        Some(match self.gave_up.get(&Act::Issue).or_else(|| self.gave_up.get(&Act::Collect)) {
            Some(problem) => self.fail(problem.clone()),
            None if self.lost >= LOST_ATTEMPTS || self.is_crowded() => vec![Step::Await(Wait::Decision)],
            None => vec![Step::Do(Act::Issue)],
        })
    }

    /// Where only so many tokens may live, what a lost attempt left behind may push out the one that is in use.
    fn is_crowded(&self) -> bool {
        let left = !self.orphans.is_empty() || self.found.values().any(|life| !matches!(life, Life::Dead(_)));
        matches!(self.charter.can.fate, Fate::DiesBeyond(_)) && self.lost > 0 && left
    }

    /// A token was asked for, and the answer is not durable. Asking again blindly would make a second one, or kill the
    /// only one: look first.
    fn resolve_issue(&self) -> Vec<Step> {
        let Issue::Issuing { attempt, label, polled, .. } = &self.issue else {
            return Vec::new();
        };
        let (attempt, label) = (*attempt, label.clone());
        let can = &self.charter.can;
        if can.issuer == Issuer::Person && !polled {
            return vec![Step::Do(Act::Issue)];
        }
        if can.fate == Fate::Dies && self.has_old() {
            return match self.old.standing {
                _ if !self.old.fresh => vec![Step::Do(Act::LookAtPredecessor)],
                // Not before what was asked for must have arrived: it would end the next one. That the old one lives does not
                // show that nothing was made: it may never have been the one to be replaced.
                Some(Standing::Live | Standing::Lacking | Standing::Dead) if can.reissues => {
                    vec![self.unless_given_up(Act::FindOrphans)]
                }
                Some(Standing::Dead) => record(Fact::TokenLost { attempt, label }),
                _ if can.reissues && !self.can_look_at_old() => vec![self.unless_given_up(Act::FindOrphans)],
                _ => vec![Step::Await(Wait::Decision)],
            };
        }
        if !can.finds_by_label {
            return record(Fact::OrphanPossible { attempt, label });
        }
        vec![self.unless_given_up(Act::FindOrphans)]
    }

    fn admit(&self) -> Option<Vec<Step>> {
        let candidate = self.candidate_ref()?;
        let needed = !self.cut_over || self.open_places().any(|(_, at)| at.progress != Progress::Settled);
        if !needed {
            return None;
        }
        match &candidate.admission {
            Admission::Admitted { .. } => None,
            Admission::Unjudged { .. } => Some(match self.gave_up.get(&Act::Admit) {
                Some(problem) => self.fail(problem.clone()),
                None => vec![Step::Do(Act::Admit)],
            }),
            Admission::Refused { refusal, .. } => {
                let problem = Problem::new(ErrorKind::Refused, format!("the new token was refused: {refusal}"));
                Some(match candidate.origin {
                    _ if !self.touched.is_empty() => self.fail(problem),
                    _ if refusal.is_curable() => vec![Step::Await(Wait::Cure)],
                    Origin::Minted if self.may_roll_back() => record(Fact::RollingBack { because: problem }),
                    Origin::Given | Origin::Kept => self.fail(problem),
                    Origin::Minted | Origin::Pasted => vec![Step::Await(Wait::Decision)],
                })
            }
        }
    }

    fn install(&self) -> Option<Vec<Step>> {
        let open: Vec<_> = self.open_places().filter(|(_, at)| at.progress != Progress::Settled).collect();
        // Where consumers are down already, all go at once; our own keys last in any case.
        let class = |place: &Place| match place.order() {
            Order::OwnKey => Order::OwnKey,
            _ if self.is_pressing() => Order::Canary,
            order => order,
        };
        let turn = open.iter().map(|(place, _)| class(place)).min()?;
        let mut steps = Vec::new();
        let mut failed = None;
        for (place, at) in open.iter().filter(|(place, _)| class(place) == turn) {
            match (self.failure_at(place), &at.progress) {
                (Some(problem), _) => failed = Some(problem),
                (None, Progress::Waiting | Progress::Installing) => {
                    steps.push(Step::Do(Act::Install(place.name.clone())));
                }
                (None, Progress::Asked(_)) => steps.push(Step::Await(Wait::Installation(place.name.clone()))),
                (None, Progress::Installed) => steps.push(Step::Do(Act::Verify(place.name.clone()))),
                (None, Progress::Settled) => {}
            }
        }
        match failed {
            Some(problem) if !self.is_pressing() => Some(self.fail(problem)),
            Some(problem) if steps.is_empty() => {
                // What leaked goes even where a place could not be reached.
                let leaked = self.emergency_for(Compromised::Old) && !matches!(self.old.life, Life::Dead(_));
                Some(if leaked { self.end_token(&TokenRef::Old) } else { self.fail(problem) })
            }
            _ => Some(steps),
        }
    }

    fn cut_over(&self) -> Option<Vec<Step>> {
        (!self.cut_over).then(|| record(Fact::CutOver))
    }

    /// Every place has the new token: what becomes of the old one?
    fn retire(&self) -> Vec<Step> {
        if let Some(old) = self.old_end() {
            return self.look_after_the_end().unwrap_or_else(|| end(Ending::Completed { old }));
        }
        let urgent = self.emergency_for(Compromised::Old);
        let unconfirmed = self
            .open_places()
            .filter(|(place, at)| place.can.confirmation.is_some() && !at.confirmed && !urgent)
            .map(|(place, _)| Step::Await(Wait::Confirmation(place.name.clone())));
        if let Some(steps) = some(unconfirmed) {
            return steps;
        }
        let unproven = matches!(self.old.life, Life::Revoking { .. }) && !self.is_provable(&TokenRef::Old);
        if (self.old.life == Life::Alive || unproven) && !self.looked_last && !urgent {
            return vec![self.unless_given_up(Act::LastLook)];
        }
        self.look_at_own_keys().unwrap_or_else(|| self.end_token(&TokenRef::Old))
    }

    /// What leaked goes without a last look. Where its end was refused after a restart, the program may have loaded it as our
    /// own key, which cannot end itself.
    fn look_at_own_keys(&self) -> Option<Vec<Step>> {
        if !self.emergency_for(Compromised::Old) || !self.gave_up.contains_key(&Act::Revoke(TokenRef::Old)) {
            return None;
        }
        let unseen =
            self.open_places().filter(|(place, at)| place.can.own_key && place.can.proves_something() && !at.seen);
        let looks = unseen.map(|(place, _)| Act::Verify(place.name.clone()));
        some(looks.filter(|act| !self.gave_up.contains_key(act)).map(Step::Do))
    }

    /// How the old token ended, if nothing more is to be done about it.
    fn old_end(&self) -> Option<OldEnd> {
        let held_by_forgotten = self.places.iter().any(|at| at.forgotten && at.holds.contains(&TokenRef::Old));
        let urgent = self.emergency_for(Compromised::Old);
        match (&self.old.life, self.charter.old) {
            _ if !self.has_old() => Some(OldEnd::None),
            (Life::Dead(how), _) => Some(OldEnd::Dead(*how)),
            _ if urgent => None,
            _ if self.old.kept => Some(OldEnd::Kept),
            (_, OldPolicy::Keep) => Some(OldEnd::Kept),
            (_, OldPolicy::LetExpire) => Some(OldEnd::LeftToExpire),
            (_, OldPolicy::Revoke { .. }) => held_by_forgotten.then_some(OldEnd::KeptForForgotten),
        }
    }

    /// Once a token has died, every place that can tell is asked once more: only the new one can pass.
    fn look_after_the_end(&self) -> Option<Vec<Step>> {
        let unproven = self
            .open_places()
            .filter(|(place, at)| at.unproven && place.can.proves_something())
            .map(|(place, _)| self.unless_given_up(Act::VerifyAfter(place.name.clone())));
        some(unproven)
    }

    // -- backward -----------------------------------------------------------------------------------------------------

    fn backward(&self) -> Vec<Step> {
        if matches!(self.issue, Issue::Issuing { .. }) {
            return self.resolve_issue();
        }
        let last = self.touched.iter().rev().map(|at| (&self.charter.places[*at], &self.places[*at]));
        // Where this run wrote nothing and cannot write the old token either, the new one stays, and is told of.
        let way_back = |place: &Place| place.can.restorable && self.charter.predecessor.has_value();
        let to_restore = |(place, at): &(&Place, &PlaceState)| {
            !at.forgotten && at.holds_new() && (at.was_written() || way_back(place))
        };
        let Some((place, at)) = last.into_iter().find(to_restore) else {
            let looks = self.look_at_untouched().or_else(|| self.look_at_what_stays());
            return looks.unwrap_or_else(|| self.end_of_rollback());
        };
        if !self.old.fresh {
            return vec![Step::Do(Act::LookAtPredecessor)];
        }
        if !matches!(self.old.standing, Some(Standing::Live | Standing::Lacking)) {
            return vec![Step::Await(Wait::Decision)];
        }
        match &at.restore {
            Restore::Asked(_) => vec![Step::Await(Wait::Installation(place.name.clone()))],
            Restore::Restored => vec![self.unless_given_up(Act::VerifyRestored(place.name.clone()))],
            Restore::No | Restore::Restoring | Restore::Done => {
                vec![self.unless_given_up(Act::Restore(place.name.clone()))]
            }
        }
    }

    /// What this run never touched holds the old token, unless the journal is an old copy: after a restart that is looked
    /// at before the new token goes.
    fn look_at_untouched(&self) -> Option<Vec<Step>> {
        self.candidate_ref().filter(|candidate| candidate.is_ours() && candidate.life == Life::Alive)?;
        let unseen = self.open_places().filter(|(_, at)| !at.seen);
        some(unseen.map(|(place, _)| self.unless_given_up(Act::Preflight(place.name.clone()))))
    }

    /// The new token goes, so the old one must be alive: it may have died while the run waited.
    fn look_at_what_stays(&self) -> Option<Vec<Step>> {
        self.candidate_ref().filter(|c| c.discarded.is_none() && c.is_ours() && c.life == Life::Alive)?;
        if !self.has_old() {
            return None;
        }
        if !self.can_look_at_old() {
            // Where only so many may live, the new one may have pushed the old one out.
            return matches!(self.charter.can.fate, Fate::DiesBeyond(_)).then(|| vec![Step::Await(Wait::Decision)]);
        }
        if !self.old.fresh {
            return Some(vec![Step::Do(Act::LookAtPredecessor)]);
        }
        (self.old.standing == Some(Standing::Unknown)).then(|| vec![Step::Await(Wait::Decision)])
    }

    /// Nobody holds the new token any more: revoke it, where it is of our making.
    fn end_of_rollback(&self) -> Vec<Step> {
        let token = self.candidate.map(TokenRef::New);
        let ours = self.candidate_ref().is_some_and(|candidate| candidate.discarded.is_none() && candidate.is_ours());
        let steps = token.filter(|_| ours).map(|token| self.end_token(&token)).unwrap_or_default();
        if !steps.is_empty() {
            return steps;
        }
        let because = self.rolling_back.clone().unwrap_or_else(|| Problem::new(ErrorKind::Internal, "rolled back"));
        end(Ending::RolledBack { because })
    }

    // -- the end of a token -------------------------------------------------------------------------------------------

    /// What leaked goes first, where that was asked for.
    fn revoke_first(&self) -> Vec<Step> {
        match self.emergency.get(&Compromised::Old) {
            Some(Urgency::RevokeFirst) if !self.gave_up_ending(&TokenRef::Old) => self.end_token(&TokenRef::Old),
            _ => Vec::new(),
        }
    }

    /// Tokens that we caused and nobody wants any more.
    fn end_discards(&self) -> Vec<Step> {
        let issued = self.issued.iter().filter(|issued| issued.discarded.is_some());
        let tokens = issued.map(|issued| TokenRef::New(issued.attempt));
        tokens.chain(self.found.keys().cloned().map(TokenRef::Found)).flat_map(|token| self.end_token(&token)).collect()
    }

    /// What is next to end this token; nothing when it is dead, or when somebody may still hold it.
    #[expect(clippy::match_same_arms, reason = "one arm a life, in order")]
    fn end_token(&self, token: &TokenRef) -> Vec<Step> {
        if self.gave_up_ending(token) {
            return vec![Step::Await(Wait::Decision)];
        }
        match self.life(token) {
            None | Some(Life::Dead(_)) => Vec::new(),
            Some(Life::Asked { .. }) => vec![Step::Await(Wait::Deletion(token.clone()))],
            Some(Life::Promised { .. } | Life::Claimed { .. }) => vec![Step::Do(Act::Prove(token.clone()))],
            Some(Life::Revoking { .. }) if self.is_provable(token) => vec![Step::Do(Act::Prove(token.clone()))],
            Some(Life::Alive | Life::Revoking { .. }) if self.may_end(token) => {
                vec![Step::Do(Act::Revoke(token.clone()))]
            }
            Some(Life::Alive | Life::Revoking { .. }) => Vec::new(),
        }
    }

    /// I1: no token is revoked while a place may still hold it. A leak waives it, for what leaked alone.
    fn may_end(&self, token: &TokenRef) -> bool {
        let leaked = match token {
            TokenRef::Old => self.emergency_for(Compromised::Old),
            TokenRef::New(attempt) => {
                let named =
                    self.issued.iter().any(|i| i.attempt == *attempt && i.discarded == Some(Reason::Compromised));
                let first = self.emergency.get(&Compromised::New) == Some(&Urgency::RevokeFirst);
                // Otherwise it goes once every place that can be reached has another.
                let mut holders =
                    self.charter.places.iter().zip(&self.places).filter(|(_, at)| at.holds.contains(token));
                named && (first || holders.all(|(place, at)| at.forgotten || self.is_out_of_reach(place)))
            }
            TokenRef::Found(_) => false,
        };
        leaked || !self.places.iter().any(|at| at.holds.contains(token))
    }

    fn is_out_of_reach(&self, place: &Place) -> bool {
        let name = || place.name.clone();
        self.failure_at(place).is_some()
            || [Act::Restore(name()), Act::VerifyRestored(name())].iter().any(|act| self.gave_up.contains_key(act))
    }

    fn gave_up_ending(&self, token: &TokenRef) -> bool {
        self.gave_up.contains_key(&Act::Revoke(token.clone())) || self.gave_up.contains_key(&Act::Prove(token.clone()))
    }

    // -- failure ------------------------------------------------------------------------------------------------------

    /// Something failed for good before every place had the new token.
    fn fail(&self, because: Problem) -> Vec<Step> {
        let ours = self.candidate_ref().is_some_and(|c| matches!(c.origin, Origin::Minted | Origin::Pasted));
        let settled = matches!(self.issue, Issue::NotYet | Issue::Done);
        let old_untouched = matches!(self.old.life, Life::Alive | Life::Dead(Death::Found));
        if self.touched.is_empty() && !ours && settled && !self.cut_over && old_untouched {
            return end(Ending::Stopped { because });
        }
        if self.charter.on_failure == OnFailure::RollBack && self.may_roll_back() {
            return record(Fact::RollingBack { because });
        }
        vec![Step::Await(Wait::Decision)]
    }

    fn unless_given_up(&self, act: Act) -> Step {
        if self.gave_up.contains_key(&act) { Step::Await(Wait::Decision) } else { Step::Do(act) }
    }

    fn failure_at(&self, place: &Place) -> Option<Problem> {
        let name = &place.name;
        [Act::Install(name.clone()), Act::Verify(name.clone()), Act::Preflight(name.clone())]
            .iter()
            .find_map(|act| self.gave_up.get(act).cloned())
    }

    /// Whether there is a way back: the old token alive and at hand, and every touched place able to take it.
    #[must_use]
    pub fn may_roll_back(&self) -> bool {
        let replaced = self.charter.source == Source::Issue && self.charter.can.fate == Fate::Dies;
        let old_is_dead = self.has_old() && matches!(self.old.life, Life::Dead(_));
        let leaked = self.emergency_for(Compromised::Old);
        if self.cut_over || self.rolling_back.is_some() || replaced || leaked {
            return false;
        }
        let touched: Vec<_> = self.touched.iter().filter(|at| !self.places[**at].forgotten).collect();
        if touched.is_empty() {
            // Never end the only token that is left, unless it was refused and another can be had for the asking.
            let refused = self.candidate_ref().is_some_and(|candidate| {
                candidate.origin == Origin::Minted && matches!(candidate.admission, Admission::Refused { .. })
            });
            return !old_is_dead || refused;
        }
        let restorable = touched.iter().all(|at| self.charter.places[**at].can.restorable);
        self.charter.predecessor.has_value() && !old_is_dead && restorable
    }
}

fn record(fact: Fact) -> Vec<Step> {
    vec![Step::Record(Box::new(fact))]
}

fn end(ending: Ending) -> Vec<Step> {
    record(Fact::Ended { ending })
}

/// The steps, or nothing where there are none.
fn some(steps: impl Iterator<Item = Step>) -> Option<Vec<Step>> {
    let steps: Vec<_> = steps.collect();
    (!steps.is_empty()).then_some(steps)
}
