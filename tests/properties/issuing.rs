//! The decision core never issues twice, whatever has happened: histories that no model of the outside would make too.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use tokenturn::consumer::{ConsumerCapabilities, Proof, Slot};
use tokenturn::provider::{EndedBy, Fate, Issuer, ProviderCapabilities};
use tokenturn::rotation::{
    Act, Charter, Death, Fact, OldToken, Origin, Place, Possession, Standing, State, Step, TokenRef, next,
};
use tokenturn::{
    Answer, ConsumerName, CredentialName, Effect, ErrorKind, Expiry, Grant, Holder, Label, Problem, RunId, Timestamp,
    Token, TokenId,
};

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_900_000_000)
}

fn charter(fate: Fate, reissues: bool, finds: bool) -> Charter {
    let mut can = ProviderCapabilities::new(Issuer::Api, fate).ended_by(EndedBy::Api).ending_by_id();
    if reissues {
        can = can.reissuing();
    }
    if finds {
        can = can.finding_by_label().with_status_by_id();
    }
    let old = OldToken::held(Possession::Held, Token::new("ghp_FAKEold").unwrap().fingerprint(), None);
    let place = ConsumerCapabilities::new("place").proving(Proof::Always, Proof::Always);
    Charter::new(RunId::new("run").unwrap(), CredentialName::new("bot").unwrap(), "provider", can)
        .with_predecessor(old)
        .with_place(Place::new(ConsumerName::new("ci").unwrap(), place))
}

/// What is known of tokens that were asked for, kept beside the state and never asked of it.
#[derive(Default)]
struct Books {
    asked: u32,
    /// The attempt that has no answer.
    open: Option<u32>,
    /// Whether there is a token of ours that nothing has been said against.
    live: bool,
    /// Whether a new token ends the old one and nothing could issue another: then a look at the old one is an answer.
    replaces: bool,
}

impl Books {
    fn write(&mut self, fact: &Fact) {
        match fact {
            Fact::Issuing { attempt, .. } => (self.asked, self.open) = (*attempt, Some(*attempt)),
            Fact::Issued { .. } => (self.open, self.live) = (None, true),
            Fact::OrphansFound { .. } | Fact::OrphanPossible { .. } | Fact::TokenLost { .. } => self.open = None,
            Fact::Stumbled { act: Act::Issue, problem, .. } | Fact::GaveUp { act: Act::Issue, problem }
                if problem.effect == Effect::None =>
            {
                self.open = None;
            }
            Fact::PredecessorLooked { standing: Standing::Live | Standing::Lacking, .. } if self.replaces => {
                self.open = None;
            }
            Fact::CandidateDied | Fact::Revoking { token: TokenRef::New(_), .. } => self.live = false,
            _ => {}
        }
    }
}

fn problem(effect: Effect) -> Problem {
    let mut problem = Problem::new(ErrorKind::Unavailable, "it did not work");
    problem.effect = effect;
    problem
}

/// What may become of an act: it worked, it failed without effect, nobody knows, or it is given up.
fn came_of(act: &Act, dice: u8, books: &Books) -> Option<Fact> {
    let effect = if dice.is_multiple_of(2) { Effect::None } else { Effect::Unknown };
    let problem = problem(effect);
    match dice % 8 {
        0 | 1 => return Some(Fact::Stumbled { act: act.clone(), problem, since: now(), again_at: now() }),
        2 if *act != Act::Issue => return Some(Fact::GaveUp { act: act.clone(), problem }),
        _ => {}
    }
    let slot = || Slot::opaque();
    let token = Token::new(&format!("ghp_FAKE{}", books.asked)).unwrap();
    Some(match act {
        Act::LookAtPredecessor => {
            let standing = [Standing::Live, Standing::Live, Standing::Lacking, Standing::Dead, Standing::Unknown];
            Fact::PredecessorLooked { standing: standing[usize::from(dice / 8) % 5], owner: None }
        }
        Act::Preflight(consumer) => {
            Fact::Preflighted { consumer: consumer.clone(), slot: slot(), baseline: None, new: Answer::Unknown }
        }
        Act::Issue => Fact::Issuing {
            attempt: books.asked + 1,
            label: Label::new(format!("run-{}", books.asked + 1)).unwrap(),
            look_after: now(),
            expiry: Expiry::Unknown,
        },
        Act::FindOrphans => {
            let found = (dice / 8).is_multiple_of(2).then(|| TokenId::new(format!("orphan-{}", books.asked)).unwrap());
            Fact::OrphansFound { attempt: books.open?, ids: found.into_iter().collect() }
        }
        Act::Admit if dice.is_multiple_of(5) => Fact::CandidateDied,
        Act::Admit => Fact::Admitted { grant: Grant::of(&token, "bot"), warnings: Vec::new() },
        Act::Install(consumer) => Fact::Installing { consumer: consumer.clone(), settled: None },
        Act::LastLook => Fact::LastLooked,
        Act::Prove(token) => Fact::Revoked { token: token.clone(), proof: Death::Answered },
        _ => return None,
    })
}

/// What may come from outside at any moment: a restart, or the answer to what was asked.
fn meanwhile(dice: u8, books: &Books) -> Option<Fact> {
    let token = Token::new(&format!("ghp_FAKE{}", books.asked)).unwrap();
    Some(match dice % 4 {
        0 => Fact::Resumed { by: Holder::new("another").unwrap() },
        _ => Fact::Issued {
            attempt: books.open?,
            origin: Origin::Minted,
            fingerprint: token.fingerprint(),
            id: None,
            companion: false,
        },
    })
}

#[test]
fn no_token_is_asked_for_while_an_answer_is_open_or_another_lives() {
    let (asked, kept) = (Cell::new(0_u32), Cell::new(0_u32));
    let fates = prop_oneof![Just(Fate::Survives), Just(Fate::Dies), Just(Fate::DiesBeyond(2))];
    let dice = proptest::collection::vec((any::<u8>(), any::<Index>()), 1..80);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 2000, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let histories = (fates, any::<bool>(), any::<bool>(), dice);
    let held = runner.run(&histories, |(fate, reissues, finds, dice)| {
        let mut state = State::begin(charter(fate, reissues, finds));
        let mut books = Books { replaces: fate == Fate::Dies && !reissues, ..Books::default() };
        for (dice, which) in dice {
            let steps = next(&state);
            let issues = steps.iter().filter(|step| matches!(step, Step::Do(Act::Issue))).count();
            prop_assert!(issues <= 1);
            if issues > 0 {
                prop_assert!(books.open.is_none(), "attempt {:?} has no answer", books.open);
                prop_assert!(!books.live, "a token of ours lives");
                asked.set(asked.get() + 1);
            }
            kept.set(kept.get() + u32::from(books.open.is_some()));
            let fact = match steps.get(which.index(steps.len().max(1))) {
                _ if dice.is_multiple_of(3) => meanwhile(dice / 3, &books),
                Some(Step::Record(fact)) => Some((**fact).clone()),
                Some(Step::Do(act)) => came_of(act, dice, &books),
                _ => meanwhile(dice, &books),
            };
            // What contradicts what came before is refused, and changes nothing here.
            let Some(fact) = fact else { continue };
            let mut after = state.clone();
            if after.apply(&fact).is_ok() {
                books.write(&fact);
                state = after;
            }
        }
        Ok(())
    });
    held.unwrap();
    let (asked, kept) = (asked.get(), kept.get());
    println!("asked for a token {asked} times; looked {kept} times while an answer was open");
    assert!(asked > 1000 && kept > 1000, "too little was tried: {asked}, {kept}");
}
