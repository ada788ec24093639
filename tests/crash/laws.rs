//! What must hold after every cut and at the end, judged by the outside and by what is on the disk.

use std::collections::BTreeSet;

use tokenturn::journal::{Log, Sealer as _, Seq, Span};
use tokenturn::rotation::{Act, Ending, Fact, OldEnd, Orphan, State, TokenRef};
use tokenturn::testing::TestSealer;
use tokenturn::{CredentialName, Effect, ErrorKind, Fingerprint, Outcome, Token};

use crate::truth::Truth;
use crate::witness::numbered;

/// How every secret of these worlds begins: as it is, in base64 and in hex.
const SECRETS: [&str; 6] =
    ["memory-token-", "memory-ticket", "bWVtb3J5LXRva2Vu", "bWVtb3J5LXRpY2tl", "6d656d6f72792d74", "6D656D6F72792D74"];

pub(crate) fn bot() -> CredentialName {
    CredentialName::new("bot").unwrap()
}

/// What is on the disk.
pub(crate) fn log(truth: &Truth) -> Log {
    truth.disk().synced(&bot(), Span::From(Seq::ZERO))
}

/// What is written there.
pub(crate) fn facts(truth: &Truth) -> Vec<Fact> {
    read(truth, &log(truth))
}

fn read(truth: &Truth, log: &Log) -> Vec<Fact> {
    log.records.iter().map(|record| truth.fact(record)).collect()
}

/// The facts of each run.
pub(crate) fn runs(facts: &[Fact]) -> Vec<&[Fact]> {
    facts.chunk_by(|_, next| !matches!(next, Fact::Begun(_))).collect()
}

/// The run that was begun last, unless it is over.
pub(crate) fn open(facts: &[Fact]) -> bool {
    facts.last().is_some_and(|fact| !matches!(fact, Fact::Ended { .. }))
}

pub(crate) fn begun(facts: &[Fact]) -> usize {
    facts.iter().filter(|fact| matches!(fact, Fact::Begun(_))).count()
}

pub(crate) fn ended(facts: &[Fact]) -> usize {
    facts.iter().filter(|fact| matches!(fact, Fact::Ended { .. })).count()
}

/// After a cut: the engine is gone, and this is what is left.
pub(crate) async fn after_a_cut(truth: &Truth, errands: usize) {
    let log = log(truth);
    let facts = read(truth, &log);
    one_open_run(truth, &facts, errands);
    accounted(truth, &log, &facts).await;
    looked_first(truth, &facts);
    no_secret(truth, "the disk", &written(&log));
}

/// I4: one open run, and one beginning for each errand.
fn one_open_run(truth: &Truth, facts: &[Fact], errands: usize) {
    let runs = runs(facts);
    let left_open = runs.iter().rev().skip(1).any(|run| open(run));
    if left_open || (!facts.is_empty() && !matches!(facts[0], Fact::Begun(_))) {
        truth.violate("I4: a run began while another was open".into());
    }
    if begun(facts) > errands * truth.owners() {
        truth.violate(format!("I4: {} runs began for {errands} errands", begun(facts)));
    }
}

/// I2: what lives and was caused is sealed on the disk, or can be found by the name that is written there.
async fn accounted(truth: &Truth, log: &Log, facts: &[Fact]) {
    let sealed = sealed(truth, log).await;
    for (label, token) in truth.caused() {
        let named =
            facts.iter().any(|fact| matches!(fact, Fact::Issuing { label: ours, .. } if ours.as_str() == label));
        if truth.provider.is_alive(&token) && !named && !sealed.contains(&token.fingerprint()) {
            truth.violate(format!("I2: {label} lives and no record leads to it"));
        }
    }
    // What the records say is kept opens, as what it was.
    let state = runs(facts).pop().and_then(|run| State::replay(run).ok());
    let newest = facts.iter().rev().find_map(|fact| match fact {
        Fact::Issued { fingerprint, .. } => Some(*fingerprint),
        _ => None,
    });
    if let (Some(state), Some(fingerprint)) = (state, newest)
        && open(facts)
        && state.candidate_fingerprint() == Some(fingerprint)
        && truth.token(fingerprint).is_some_and(|token| truth.provider.is_alive(&token))
        && !sealed.contains(&fingerprint)
    {
        truth.violate(format!("I2: the value of {fingerprint} is in use and is not on the disk"));
    }
}

/// The values that are on the disk and open.
async fn sealed(truth: &Truth, log: &Log) -> BTreeSet<Fingerprint> {
    let mut open = BTreeSet::new();
    for value in &log.values {
        match TestSealer::new().open(&value.sealed, &value.context).await {
            Ok(token) => {
                open.insert(token.fingerprint());
            }
            Err(error) => truth.violate(format!("I2: {} does not open: {error}", value.id.as_str())),
        }
    }
    open
}

/// I6: no token is asked for while it is unknown what came of asking before.
fn looked_first(truth: &Truth, facts: &[Fact]) {
    let mut unknown = false;
    let mut by_person = false;
    for fact in facts {
        match fact {
            Fact::Begun(charter) => {
                unknown = false;
                by_person = charter.can.issuer == tokenturn::provider::Issuer::Person;
            }
            Fact::Issuing { attempt, .. } => {
                if unknown {
                    truth.violate(format!("I6: attempt {attempt} began while another was unknown"));
                }
                // To ask a person leaves nothing behind.
                unknown = !by_person;
            }
            Fact::Stumbled { act: Act::Issue, problem, .. } | Fact::GaveUp { act: Act::Issue, problem } => {
                unknown &= problem.effect == Effect::Unknown;
            }
            Fact::Issued { .. } | Fact::OrphansFound { .. } | Fact::OrphanPossible { .. } | Fact::TokenLost { .. } => {
                unknown = false;
            }
            // A look that found the old token alive, where its death would be the sign.
            Fact::PredecessorLooked { .. } | Fact::Decided { .. } => {
                unknown &= truth.scenario.overlaps();
            }
            _ => {}
        }
    }
}

/// I8.
pub(crate) fn no_secret(truth: &Truth, where_: &str, text: &str) {
    if let Some(secret) = SECRETS.iter().find(|secret| text.contains(**secret)) {
        truth.violate(format!("I8: {where_} shows a secret: {secret}..."));
    }
}

/// All that is on the disk, as text.
fn written(log: &Log) -> String {
    let mut text = serde_json::to_string(&log.head).unwrap();
    for record in &log.records {
        text.push_str(&record.fact);
    }
    for value in &log.values {
        text.push_str(value.id.as_str());
        text.push_str(&String::from_utf8_lossy(value.sealed.bytes().unwrap()));
    }
    text
}

/// I7: whoever is stuck has both tokens alive.
pub(crate) fn both_alive(truth: &Truth, facts: &[Fact]) {
    if truth.scenario.is_emergency() || !truth.scenario.overlaps() {
        return;
    }
    let run = runs(facts).pop().unwrap_or_default();
    let ended =
        |wanted: &TokenRef| run.iter().any(|fact| matches!(fact, Fact::Revoking { token, .. } if token == wanted));
    let old = match run.first() {
        Some(Fact::Begun(charter)) => charter.predecessor.fingerprint,
        _ => None,
    };
    let dead = |fingerprint| truth.token(fingerprint).is_some_and(|token| !truth.provider.is_alive(&token));
    if old.is_some_and(dead) && !ended(&TokenRef::Old) {
        truth.violate("I7: a person is needed, and the old token is dead".into());
    }
    for fact in run {
        if let Fact::Issued { attempt, fingerprint, .. } = fact
            && dead(*fingerprint)
            && !ended(&TokenRef::New(*attempt))
        {
            truth.violate(format!("I7: a person is needed, and the new token {attempt} is dead"));
        }
    }
}

/// At the end nothing lives but what is in use, what is kept, and what was reported.
pub(crate) async fn at_the_end(truth: &Truth, errands: usize) {
    after_a_cut(truth, errands).await;
    everybody_has_one(truth, errands);
    nothing_is_left(truth);
}

/// Every errand is done, and every place works.
pub(crate) fn everybody_has_one(truth: &Truth, errands: usize) {
    let facts = facts(truth);
    if !(errands..=errands * truth.owners()).contains(&ended(&facts)) {
        truth.violate(format!("I4: {} of {errands} errands ended", ended(&facts)));
    }
    for place in &truth.places {
        // A place that nothing could be brought to is left as it was.
        if place.holds().is_some() && !truth.has_live_token(place) {
            truth.violate(format!("the end: {} has no live token", tokenturn::Consumer::name(place)));
        }
    }
    let last = runs(&facts).pop().map(|run| State::replay(run).unwrap());
    if let Some(state) = last.filter(|state| matches!(state.ending(), Some(Ending::Completed { .. })))
        && truth.places.iter().any(|place| place.holds() != state.candidate_fingerprint())
    {
        truth.violate("the end: completed, and a place holds something else".into());
    }
}

/// I2: nothing lives but what is in use, what is kept, and what was reported.
fn nothing_is_left(truth: &Truth) {
    let facts = facts(truth);
    let states: Vec<State> = runs(&facts).into_iter().map(|run| State::replay(run).unwrap()).collect();
    let reported: Vec<Orphan> = states.iter().flat_map(State::orphans).collect();
    let ended = |state: &State| match state.ending() {
        Some(Ending::Completed { old }) => Some(*old),
        _ => None,
    };
    let completed = states.last().and_then(ended);
    let known = |token: &Token| {
        let caused = truth.caused();
        let label = caused.iter().find(|(_, other)| other == token).map(|(label, _)| label.clone());
        reported.iter().any(|orphan| {
            let by_label = label.is_some() && orphan.label.as_ref().map(tokenturn::Label::as_str) == label.as_deref();
            let by_id = orphan.id.as_ref().and_then(|id| id.as_str().parse().ok()).map(numbered);
            by_label || by_id.as_ref() == Some(token)
        })
    };
    for token in truth.live() {
        let old = token == truth.old && !matches!(completed, Some(OldEnd::Dead(_)));
        // A paste that no run ever took is in its maker's hands.
        let never_taken = truth.caused().iter().all(|(_, caused)| *caused != token)
            && !facts
                .iter()
                .any(|fact| matches!(fact, Fact::Issued { fingerprint, .. } if *fingerprint == token.fingerprint()))
            && token != truth.old;
        if !truth.is_held(&token) && !known(&token) && !old && !never_taken {
            truth.violate(format!("I2: at the end {} lives, in nobody's use and unreported", token.fingerprint()));
        }
    }
}

/// I5: what a call returned is what the disk says.
pub(crate) fn durable(truth: &Truth, outcome: &Outcome, now: tokenturn::Timestamp) {
    let facts = facts(truth);
    let run = runs(&facts).pop().unwrap_or_default();
    let on_disk = State::replay(run).ok().and_then(|state| state.outcome(now));
    if on_disk.as_ref() != Some(outcome) {
        truth.violate(format!("I5: a call returned {outcome:?}, and the disk says {on_disk:?}"));
    }
}

/// An error of the engine's own is a violation by itself.
pub(crate) fn judged(truth: &Truth, error: &tokenturn::Error) {
    no_secret(truth, "an error", &format!("{error} {error:?} {:?}", error.problem()));
    if error.kind() == ErrorKind::Internal {
        truth.violate(format!("the engine contradicts itself: {error}"));
    }
}
