//! Decisions that were broken on purpose: the model must catch each of them.

use tokenturn::provider::{EndedBy, Fate};
use tokenturn::rotation::{Act, Ending, Fact, OldEnd, OnFailure, State, Step, TokenRef, Wait, next};
use tokenturn::{ErrorKind, Grant, Problem, Token};

use crate::explore::{Explorer, Kernel};
use crate::plain;
use crate::world::{HONEST, Setting, Who};

fn caught(setting: &Setting, kernel: Kernel, promise: &str) {
    match Explorer::walk(setting, kernel, false) {
        Ok(count) => panic!("nobody noticed that {promise} is broken ({count:?})"),
        Err(broken) => {
            crate::say(&format!("caught: {} ({})", broken.promise, broken.how.lines().next().unwrap_or_default()));
            assert_eq!(broken.promise, promise, "{}", broken.how);
        }
    }
}

fn swap(steps: Vec<Step>, from: impl Fn(&Step) -> bool, to: &Step) -> Vec<Step> {
    steps.into_iter().map(|step| if from(&step) { to.clone() } else { step }).collect()
}

fn is_record(step: &Step, which: fn(&Fact) -> bool) -> bool {
    matches!(step, Step::Record(fact) if which(fact))
}

/// I1: the old token goes as soon as the first place took the new one.
fn revokes_early(state: &State) -> Vec<Step> {
    swap(next(state), |step| matches!(step, Step::Do(Act::Verify(_))), &Step::Do(Act::Revoke(TokenRef::Old)))
}

#[test]
fn revoking_before_every_place_was_verified_is_caught() {
    caught(&plain(&[HONEST, HONEST]), revokes_early, "I1");
}

/// I1: rolled back, but nobody put the old token back.
fn revokes_the_new_one_first(state: &State) -> Vec<Step> {
    let token = state.candidate().unwrap_or(TokenRef::Old);
    swap(next(state), |step| matches!(step, Step::Do(Act::Restore(_))), &Step::Do(Act::Revoke(token)))
}

#[test]
fn revoking_the_new_token_before_it_was_taken_back_is_caught() {
    caught(&plain(&[HONEST]), revokes_the_new_one_first, "I1");
}

/// I2: an attempt whose answer was lost is taken for one that never was.
fn forgets_orphans(state: &State) -> Vec<Step> {
    let nothing = Fact::OrphansFound { attempt: 1, ids: Vec::new() };
    swap(next(state), |step| matches!(step, Step::Do(Act::FindOrphans)), &Step::Record(Box::new(nothing)))
}

#[test]
fn forgetting_an_orphan_is_caught() {
    caught(&plain(&[HONEST]), forgets_orphans, "I2");
}

/// I2: rolled back without revoking the new token.
fn leaves_the_new_token(state: &State) -> Vec<Step> {
    let because = Problem::new(ErrorKind::Internal, "broken");
    let ended = Step::Record(Box::new(Fact::Ended { ending: Ending::RolledBack { because } }));
    swap(next(state), |step| matches!(step, Step::Do(Act::Revoke(TokenRef::New(_)))), &ended)
}

#[test]
fn leaving_a_token_behind_after_a_rollback_is_caught() {
    caught(&plain(&[HONEST]), leaves_the_new_token, "I2");
}

/// I3: whatever was pasted is installed, though its own provider does not know it.
fn admits_blindly(state: &State) -> Vec<Step> {
    let grant = Grant::of(&Token::new("new").unwrap(), "owner");
    let admitted = Step::Record(Box::new(Fact::Admitted { grant, warnings: Vec::new() }));
    swap(next(state), |step| matches!(step, Step::Do(Act::Admit)), &admitted)
}

#[test]
fn leaving_a_place_without_a_live_token_is_caught() {
    caught(&Setting { who: Who::Person, ..plain(&[HONEST]) }, admits_blindly, "I3");
}

/// I6: an attempt whose answer was lost is simply made again.
fn asks_again_blindly(state: &State) -> Vec<Step> {
    swap(next(state), |step| matches!(step, Step::Do(Act::FindOrphans)), &Step::Do(Act::Issue))
}

#[test]
fn asking_again_without_looking_is_caught() {
    caught(&plain(&[HONEST]), asks_again_blindly, "I2");
}

/// I6: the old token is presented to a rotate path again.
fn rotates_again(state: &State) -> Vec<Step> {
    swap(next(state), |step| is_record(step, |fact| matches!(fact, Fact::TokenLost { .. })), &Step::Do(Act::Issue))
}

#[test]
fn presenting_the_replaced_token_again_is_caught() {
    let setting = Setting { fate: Fate::Dies, reissues: false, finds: false, ..plain(&[HONEST]) };
    caught(&setting, rotates_again, "I6");
}

/// I7: stuck, it helps itself by ending a token.
fn helps_itself(state: &State) -> Vec<Step> {
    let token = state.candidate().unwrap_or(TokenRef::Old);
    let held = state.holdings().iter().any(|holding| holding.tokens.contains(&token));
    let steps = next(state);
    if held { steps } else { swap(steps, |step| *step == Step::Await(Wait::Decision), &Step::Do(Act::Revoke(token))) }
}

#[test]
fn ending_a_token_when_stuck_is_caught() {
    caught(&Setting { on_failure: OnFailure::Hold, ..plain(&[HONEST]) }, helps_itself, "I7");
}

/// It says that it is done when it is not.
fn says_done(state: &State) -> Vec<Step> {
    let old = OldEnd::Kept;
    let done = Step::Record(Box::new(Fact::Ended { ending: Ending::Completed { old } }));
    swap(next(state), |step| matches!(step, Step::Do(Act::Install(_))), &done)
}

#[test]
fn success_that_is_none_is_caught() {
    caught(&plain(&[HONEST]), says_done, "end");
}

/// It waits for nothing.
fn dozes_off(state: &State) -> Vec<Step> {
    next(state).into_iter().filter(|step| !matches!(step, Step::Do(Act::LastLook))).collect()
}

#[test]
fn waiting_for_nothing_is_caught() {
    caught(&Setting { ending: EndedBy::Api, ..plain(&[HONEST]) }, dozes_off, "wait");
}

/// It installs again what is installed.
fn works_twice(state: &State) -> Vec<Step> {
    let first = state.holdings().first().map(|holding| holding.consumer.clone());
    match first {
        Some(first) => {
            swap(next(state), |step| matches!(step, Step::Do(Act::LastLook)), &Step::Do(Act::Install(first)))
        }
        None => next(state),
    }
}

#[test]
fn doing_a_thing_twice_is_caught() {
    caught(&plain(&[HONEST]), works_twice, "twice");
}
