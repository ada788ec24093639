//! The laws can fail: with a part that breaks its promise, each of them does.

use crate::enumerate::history_with;
use crate::flaws::Flaw;
use crate::scenario::{Kind, Scenario, Trouble};

/// All that is violated by crashes at each boundary, with this flaw.
fn violations(flaw: Flaw, trouble: Trouble) -> Vec<String> {
    let scenario = Scenario::new(Kind::Overlap, trouble, 2);
    let whole = history_with(scenario, &[], true, Some(flaw));
    let crossed = whole.crossed;
    let all = (1..=crossed).flat_map(|cut| history_with(scenario, &[cut], false, Some(flaw)).violations);
    whole.violations.into_iter().chain(all).collect()
}

#[track_caller]
fn caught(flaw: Flaw, trouble: Trouble, law: &str) {
    let violations = violations(flaw, trouble);
    assert!(violations.iter().any(|violation| violation.contains(law)), "{flaw:?} was not caught: {violations:#?}");
}

#[test]
fn a_journal_that_answers_before_it_synced_is_caught() {
    caught(Flaw::AnswersBeforeSync, Trouble::None, "I5: told before it was synced");
    caught(Flaw::AnswersBeforeSync, Trouble::None, "no record leads to it");
}

#[test]
fn a_journal_that_forgets_values_is_caught() {
    caught(Flaw::ForgetsValues, Trouble::None, "I2: the value of");
}

#[test]
fn a_provider_that_does_not_find_what_it_issued_is_caught() {
    caught(Flaw::FindsNothing, Trouble::IssueLost, "I2: at the end");
}

#[test]
fn a_second_token_under_one_name_is_caught() {
    caught(Flaw::IssuesTwice, Trouble::None, "I6: two tokens");
}

#[test]
fn a_check_that_always_says_yes_is_caught() {
    caught(Flaw::SaysYes, Trouble::Lies, "I1:");
    caught(Flaw::SaysYes, Trouble::Lies, "I3:");
}

#[test]
fn a_secret_that_is_written_down_is_caught() {
    caught(Flaw::ShowsSecret, Trouble::None, "I8: the disk");
    caught(Flaw::ShowsSecret, Trouble::None, "I8: an event");
}
