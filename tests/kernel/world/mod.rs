//! The outside as it really is, which the kernel never sees: which tokens live, who holds what.

mod acts;
mod people;
mod setting;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use tokenturn::consumer::{ConsumerCapabilities, Proof, Slot, Verification};
use tokenturn::provider::{EndedBy, Fate, Issuer, ProviderCapabilities};
use tokenturn::rotation::{
    Act, Charter, Compromised, Death, Decision, Fact, OldPolicy, OldToken, OnFailure, Origin, Place, Possession,
    Source, Standing, State, TokenRef, Urgency, Wait,
};
use tokenturn::{
    Answer, ConsumerName, CredentialName, Effect, ErrorKind, Fingerprint, Grant, Guide, Holder, Label, Lack, Problem,
    Reason, Refusal, Restriction, RunId, Timestamp, Token, TokenId,
};

pub(crate) use acts::Turn;
use acts::{HELP, grant, resumed};
pub(crate) use setting::{Before, CACHED, FINAL, HONEST, Kind, MANUAL, MUTE, OWN, Setting, WEAK, Who, name, now};

/// What a place really holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Held {
    Nothing,
    Old,
    New(usize),
}

/// What a token is like when somebody looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Quality {
    Good,
    Curable,
    Wrong,
    /// Mistyped: nobody ever issued it.
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Minted {
    pub(crate) attempt: u32,
    pub(crate) alive: bool,
    pub(crate) quality: Quality,
    pub(crate) origin: Origin,
    /// Its value is in the journal.
    pub(crate) journaled: bool,
    pub(crate) killer: Option<Killer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Killer {
    Us,
    Replacement,
    Person,
    Before,
}

#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) old: Option<Killer>,
    pub(crate) old_exists: bool,
    pub(crate) tokens: Vec<Minted>,
    pub(crate) places: Vec<Held>,
    /// Places that said yes and did nothing, where nobody can tell.
    pub(crate) blind: Vec<bool>,
    /// Tokens whose end was promised and has not come.
    pub(crate) dying: BTreeSet<TokenRef>,
    /// Answers lost on the way to a token: bounded, as each makes a new token.
    pub(crate) lost: u8,
    pub(crate) pastes: u8,
    pub(crate) alarmed: bool,
    pub(crate) decisions: u8,
    /// What each place was told to be done with, by the records.
    pub(crate) settled: Vec<bool>,
    /// The records say that every place has the new token, or that the run goes back.
    pub(crate) cut_over: bool,
    pub(crate) rolling_back: bool,
    /// A person said to leave the old token alive or had a say in its end.
    pub(crate) end_by_person: bool,
    /// How much may still go wrong.
    pub(crate) faults: Option<u8>,
}

impl World {
    pub(crate) fn new(setting: &Setting) -> Self {
        let old_exists = setting.before != Before::Absent;
        let handed_in = matches!(setting.source, Origin::Given | Origin::Kept);
        Self {
            old: (setting.before == Before::Dead).then_some(Killer::Before),
            old_exists,
            tokens: handed_in
                .then_some(Minted {
                    attempt: 0,
                    alive: true,
                    quality: Quality::Good,
                    origin: setting.source,
                    journaled: true,
                    killer: None,
                })
                .into_iter()
                .collect(),
            places: vec![if old_exists { Held::Old } else { Held::Nothing }; setting.kinds.len()],
            blind: vec![false; setting.kinds.len()],
            dying: BTreeSet::new(),
            lost: 0,
            pastes: 0,
            alarmed: false,
            decisions: 0,
            settled: vec![false; setting.kinds.len()],
            cut_over: false,
            rolling_back: false,
            end_by_person: false,
            faults: setting.faults,
        }
    }

    pub(crate) fn may_fail(&self) -> bool {
        self.faults != Some(0)
    }

    /// One thing less may go wrong from here.
    pub(crate) fn spend(&mut self) {
        self.faults = self.faults.map(|left| left.saturating_sub(1));
    }

    pub(crate) fn old_lives(&self) -> bool {
        self.old_exists && self.old.is_none()
    }

    pub(crate) fn lives(&self, held: Held) -> bool {
        match held {
            Held::Nothing => false,
            Held::Old => self.old_lives(),
            Held::New(at) => self.tokens[at].alive,
        }
    }

    pub(crate) fn held(&self, token: &TokenRef) -> Option<Held> {
        match token {
            TokenRef::Old => Some(Held::Old),
            TokenRef::New(attempt) => {
                let at = self.tokens.iter().position(|token| token.attempt == *attempt && token.journaled)?;
                Some(Held::New(at))
            }
            TokenRef::Found(id) => {
                let at = self.tokens.iter().position(|token| id.as_str() == format!("id{}", token.attempt))?;
                Some(Held::New(at))
            }
        }
    }

    fn mint(&mut self, attempt: u32, quality: Quality, origin: Origin, journaled: bool) {
        self.tokens.push(Minted { attempt, alive: quality != Quality::Dead, quality, origin, journaled, killer: None });
    }

    fn kill(&mut self, token: &TokenRef, killer: Killer) {
        match self.held(token) {
            Some(Held::Old) => self.old = self.old.or(Some(killer)),
            Some(Held::New(at)) if self.tokens[at].alive => {
                self.tokens[at].alive = false;
                self.tokens[at].killer = Some(killer);
            }
            _ => {}
        }
    }

    /// What the place's check says, masked by what it can prove.
    fn verify(&self, kind: Kind, at: usize, wanted: Held) -> Verification {
        let say = |proof: Proof, yes: bool| match (proof, yes) {
            (Proof::Never | Proof::Sometimes, _) => Answer::Unknown,
            (Proof::Always, true) => Answer::Proven,
            (Proof::Always, false) => Answer::Refuted,
        };
        let held = self.places[at];
        Verification::new(say(kind.works, self.lives(held)), say(kind.new, held == wanted))
    }
}

fn issued(setting: &Setting, attempt: u32, origin: Origin) -> Fact {
    Fact::Issued { attempt, origin, fingerprint: grant().fingerprint, id: None, companion: setting.renews }
}

fn refusal(lack: &Lack) -> Refusal {
    serde_json::from_value(serde_json::json!({ "lacks": [lack] })).unwrap()
}

pub(crate) fn index(consumer: &ConsumerName) -> usize {
    consumer.as_str()[1..].parse().unwrap()
}

/// The attempts that the records show.
fn attempts(state: &State) -> u32 {
    state.attempts()
}

/// Why a revocation by us was right.
pub(crate) fn is_emergency(reason: Reason) -> bool {
    reason == Reason::Compromised
}
