//! A run in which everything goes well, in the mind alone. The decisions are the kernel's: there are none here.

use super::plan::{PlannedStep, StepKind};
use super::trips::Costs;
use crate::clock::Timestamp;
use crate::consumer::{ConsumerCapabilities, Proof, Slot, Verification};
use crate::error::{Problem, Result};
use crate::guide::Guide;
use crate::name::{ConsumerName, TokenId};
use crate::provider::{EndedBy, Fate, Issuer};
use crate::rotation::{Act, Charter, Death, Decision, Ending, Fact, OldPolicy, Origin, Standing, State, Step};
use crate::rotation::{Wait, next};
use crate::token::{Answer, Expiry, Grant, Token};

/// More steps than any run has: what goes round in a circle ends.
const MANY: usize = 100_000;

/// What will be done, in order.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub(super) steps: Vec<PlannedStep>,
    /// Why the run would stop before it has changed anything, if it would.
    pub(super) stops: Option<Problem>,
}

/// Goes through a run with imagined successes, given how the old token stands.
pub(super) fn rehearse(
    charter: Charter,
    standing: Standing,
    owner: Option<String>,
    costs: &Costs,
    now: Timestamp,
) -> Result<Rehearsal> {
    let mind = Mind { standing, owner, now, token: Token::new("imagined")? };
    let mut state = State::begin(charter);
    let mut rehearsal = Rehearsal { steps: Vec::new(), stops: None };
    for _ in 0..MANY {
        let together = together(next(&state));
        if together.is_empty() {
            break;
        }
        for step in together {
            rehearsal.steps.extend(planned(&state, &step).map(|planned| match asks(&step) {
                Some(act) => planned.sending(costs.of_act(&state, &act)),
                None => planned,
            }));
            let facts = match step {
                Step::Record(fact) => {
                    if let Fact::Ended { ending: Ending::Stopped { because } } = &*fact {
                        rehearsal.stops = Some(because.clone());
                    }
                    recorded(&state, *fact, now)
                }
                Step::Do(act) => mind.done(&state, act),
                // Nothing that goes well needs a decision.
                Step::Await(Wait::Decision | Wait::Cure) => return Ok(rehearsal),
                Step::Await(wait) => mind.waited(&state, wait),
            };
            facts.iter().try_for_each(|fact| state.apply(fact))?;
        }
    }
    Ok(rehearsal)
}

/// What the engine takes up at once: a record before everything else, then all acts, then what a person does.
fn together(steps: Vec<Step>) -> Vec<Step> {
    let first = |is: fn(&Step) -> bool| steps.iter().find(|step| is(step)).cloned();
    if let Some(record) = first(|step| matches!(step, Step::Record(_))) {
        return vec![record];
    }
    let acts: Vec<Step> = steps.iter().filter(|step| matches!(step, Step::Do(_))).cloned().collect();
    if acts.is_empty() { steps.into_iter().take(1).collect() } else { acts }
}

/// The time of grace begins with the cut-over.
fn recorded(state: &State, fact: Fact, now: Timestamp) -> Vec<Fact> {
    let mut facts = vec![fact];
    if let (Fact::CutOver, OldPolicy::Revoke { grace }, true) = (&facts[0], state.charter().old, state.has_old()) {
        facts.extend((!grace.is_zero()).then(|| Fact::Draining { until: now.plus(grace) }));
    }
    facts
}

/// What is imagined.
struct Mind {
    standing: Standing,
    owner: Option<String>,
    now: Timestamp,
    token: Token,
}

impl Mind {
    fn done(&self, state: &State, act: Act) -> Vec<Fact> {
        let can = &state.charter().can;
        match act {
            Act::LookAtPredecessor => {
                vec![Fact::PredecessorLooked { standing: self.standing, owner: self.owner.clone() }]
            }
            Act::Preflight(consumer) => {
                let (slot, new) = (Slot::opaque(), Answer::Unknown);
                vec![Fact::Preflighted { consumer, slot, baseline: None, new }]
            }
            Act::Issue => self.issued(state),
            Act::Collect => vec![self.minted(state.attempts(), Origin::Minted)],
            Act::FindOrphans => vec![Fact::OrphansFound { attempt: state.attempts(), ids: Vec::new() }],
            Act::Admit => {
                let grant = Grant {
                    fingerprint: state.candidate_fingerprint().unwrap_or(self.token.fingerprint()),
                    ..Grant::of(&self.token, self.owner.clone().unwrap_or_default())
                };
                vec![Fact::Admitted { grant, warnings: Vec::new() }]
            }
            Act::Install(consumer) => {
                let installing = Fact::Installing { consumer: consumer.clone(), settled: None };
                let by_person = can_of(state, &consumer).is_some_and(|can| can.by_person);
                vec![
                    installing,
                    if by_person {
                        Fact::InstallationAsked { consumer, guide: guide() }
                    } else {
                        Fact::Installed { consumer, slot: Slot::opaque() }
                    },
                ]
            }
            Act::Verify(consumer) => {
                let verification = passed(state, &consumer);
                vec![Fact::Verified { consumer, verification }]
            }
            Act::VerifyAfter(consumer) => {
                let verification = passed(state, &consumer);
                vec![Fact::VerifiedAfter { consumer, verification }]
            }
            Act::LastLook => vec![Fact::LastLooked],
            Act::Revoke(token) => {
                let revoking = Fact::Revoking { token: token.clone(), reason: state.reason(&token) };
                vec![
                    revoking,
                    if can.ending == EndedBy::Person {
                        Fact::DeletionAsked { token, guide: guide() }
                    } else {
                        Fact::RevocationAnswered { token, look_after: self.now }
                    },
                ]
            }
            Act::Prove(token) => vec![Fact::Revoked { token, proof: Death::Seen }],
            // Going back is not what goes well.
            Act::Restore(_) | Act::VerifyRestored(_) => vec![Fact::Ended { ending: Ending::Abandoned }],
        }
    }

    fn issued(&self, state: &State) -> Vec<Fact> {
        let attempt = state.attempts() + 1;
        let label = state.charter().run.label(attempt);
        let issuing = Fact::Issuing { attempt, label, look_after: self.now, expiry: Expiry::Unknown };
        match state.charter().can.issuer {
            Issuer::Api => vec![issuing, self.minted(attempt, Origin::Minted)],
            Issuer::Person => vec![issuing, Fact::TokenAsked { attempt, guide: guide() }],
        }
    }

    fn minted(&self, attempt: u32, origin: Origin) -> Fact {
        let id = TokenId::new("imagined").ok();
        Fact::Issued { attempt, origin, fingerprint: self.token.fingerprint(), id, companion: false }
    }

    fn waited(&self, state: &State, wait: Wait) -> Vec<Fact> {
        let decided = |decision| vec![Fact::Decided { decision }];
        match wait {
            Wait::Token => vec![self.minted(state.attempts(), Origin::Pasted)],
            Wait::Installation(consumer) | Wait::Confirmation(consumer) => decided(Decision::Confirm(consumer)),
            Wait::Deletion(token) => decided(Decision::RevokedByHand(token)),
            Wait::Cure | Wait::Decision => decided(Decision::Abandon),
        }
    }
}

fn guide() -> Guide {
    Guide::new("imagined")
}

fn can_of<'a>(state: &'a State, consumer: &ConsumerName) -> Option<&'a ConsumerCapabilities> {
    state.place(consumer).map(|(place, _)| &place.can)
}

/// All that a place can show.
fn passed(state: &State, consumer: &ConsumerName) -> Verification {
    let shown = |proof: Option<Proof>| match proof {
        Some(Proof::Always | Proof::Sometimes) => Answer::Proven,
        Some(Proof::Never) | None => Answer::Unknown,
    };
    let can = can_of(state, consumer);
    Verification::new(shown(can.map(|can| can.works)), shown(can.map(|can| can.new)))
}

/// The act whose requests a step is told with: a person is asked by an act of its own.
fn asks(step: &Step) -> Option<Act> {
    match step {
        Step::Do(act) => Some(act.clone()),
        Step::Await(Wait::Token) => Some(Act::Issue),
        Step::Await(Wait::Installation(consumer)) => Some(Act::Install(consumer.clone())),
        Step::Await(Wait::Deletion(token)) => Some(Act::Revoke(token.clone())),
        Step::Await(Wait::Cure | Wait::Decision | Wait::Confirmation(_)) | Step::Record(_) => None,
    }
}

/// What a plan says of a step, if anything.
fn planned(state: &State, step: &Step) -> Option<PlannedStep> {
    let charter = state.charter();
    match step {
        Step::Do(act) => Some(planned_act(state, act)?),
        Step::Record(fact) => match (&**fact, charter.old) {
            (Fact::CutOver, OldPolicy::Revoke { grace }) if state.has_old() && !grace.is_zero() => {
                let text = format!("leave the old token alive for {}, for what still runs with it", Span(grace));
                Some(PlannedStep::ours(StepKind::Wait, text))
            }
            _ => None,
        },
        Step::Await(wait) => Some(match wait {
            Wait::Token => PlannedStep::ours(StepKind::Issue, "make a token and hand it in").by_person(),
            Wait::Installation(consumer) => {
                PlannedStep::ours(StepKind::Install, format!("put the token into {consumer} by hand, and confirm it"))
                    .by_person()
                    .at(consumer)
                    .irreversible(can_of(state, consumer).is_some_and(|can| !can.restorable))
            }
            Wait::Confirmation(consumer) => {
                let what = can_of(state, consumer).and_then(|can| can.confirmation.clone()).unwrap_or_default();
                PlannedStep::ours(StepKind::Confirm, format!("for {consumer}, do and confirm this: {what}"))
                    .by_person()
                    .at(consumer)
            }
            Wait::Deletion(token) => PlannedStep::ours(StepKind::Revoke, format!("delete {token}, and confirm it"))
                .by_person()
                .irreversible(true),
            Wait::Cure | Wait::Decision => return None,
        }),
    }
}

fn planned_act(state: &State, act: &Act) -> Option<PlannedStep> {
    let charter = state.charter();
    let step = |kind| PlannedStep::ours(kind, act.to_string());
    Some(match act {
        Act::LookAtPredecessor => step(StepKind::Read),
        Act::Preflight(consumer) => step(StepKind::Read).at(consumer),
        // What a person does is told where the run waits for it.
        Act::Issue if charter.can.issuer == Issuer::Person => return None,
        Act::Issue if charter.can.fate == Fate::Dies && state.has_old() => {
            PlannedStep::ours(StepKind::Issue, "issue a token, which ends the old one at once").irreversible(true)
        }
        Act::Issue => step(StepKind::Issue),
        Act::Admit => step(StepKind::Admit),
        Act::Install(consumer) => {
            let can = can_of(state, consumer)?;
            if can.by_person {
                return None;
            }
            let mut text = act.to_string();
            if can.disruptive {
                text.push_str(", which disturbs what runs there");
            }
            if !can.restorable {
                text.push_str(", from where the old token cannot be put back");
            }
            PlannedStep::ours(StepKind::Install, text).at(consumer).irreversible(!can.restorable)
        }
        Act::Verify(consumer) | Act::VerifyAfter(consumer) => step(StepKind::Verify).at(consumer),
        Act::LastLook => step(StepKind::LastLook),
        Act::Revoke(_) if charter.can.ending == EndedBy::Person => return None,
        Act::Revoke(token) => {
            let later = charter.can.ending == EndedBy::ApiLater;
            let text = format!("revoke {token}{}", if later { ", which takes effect later" } else { "" });
            PlannedStep::ours(StepKind::Revoke, text).irreversible(true)
        }
        Act::Prove(token) => PlannedStep::ours(StepKind::Verify, format!("see that {token} is dead")),
        Act::FindOrphans | Act::Collect | Act::Restore(_) | Act::VerifyRestored(_) => return None,
    })
}

/// A length of time in words.
pub(super) struct Span(pub(super) std::time::Duration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            s if s > 0 && s % 86_400 == 0 => (s / 86_400, "day"),
            s if s > 0 && s % 3_600 == 0 => (s / 3_600, "hour"),
            s if s > 0 && s % 60 == 0 => (s / 60, "minute"),
            s => (s, "second"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}
