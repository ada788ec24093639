//! The outside as it really is, which the kernel never sees: which tokens live, who holds what.

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

/// What a consumer of the model is like.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) works: Proof,
    pub(crate) new: Proof,
    pub(crate) by_person: bool,
    pub(crate) restorable: bool,
    pub(crate) own_key: bool,
    pub(crate) confirmed: bool,
}

pub(crate) const HONEST: Kind = Kind {
    works: Proof::Always,
    new: Proof::Always,
    by_person: false,
    restorable: true,
    own_key: false,
    confirmed: false,
};
/// Its check passes with the old token too.
pub(crate) const WEAK: Kind = Kind { new: Proof::Never, ..HONEST };
pub(crate) const MUTE: Kind = Kind { works: Proof::Never, new: Proof::Never, ..HONEST };
pub(crate) const FINAL: Kind = Kind { restorable: false, ..HONEST };
pub(crate) const MANUAL: Kind = Kind { by_person: true, ..MUTE };
pub(crate) const CACHED: Kind = Kind { confirmed: true, ..HONEST };
pub(crate) const OWN: Kind = Kind { own_key: true, ..HONEST };

/// How the token before stands when the run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Before {
    Live,
    Dead,
    Lacking,
    Known,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Api,
    Person,
    Device,
}

/// One corner of the model.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) who: Who,
    pub(crate) fate: Fate,
    pub(crate) reissues: bool,
    pub(crate) finds: bool,
    pub(crate) ending: EndedBy,
    pub(crate) before: Before,
    pub(crate) on_failure: OnFailure,
    pub(crate) old: OldPolicy,
    pub(crate) source: Origin,
    pub(crate) emergency: Option<(Compromised, Urgency)>,
    /// Whether people may decide whatever is permitted, or only what leads on.
    pub(crate) free_will: bool,
    /// How many answers may get lost on the way to a token: each of them makes another one.
    pub(crate) lost: u8,
    /// How often in a run an act fails, a place lies, a person errs or a process dies; `None` is without bound.
    pub(crate) faults: Option<u8>,
}

pub(crate) fn name(at: usize) -> ConsumerName {
    static NAMES: LazyLock<Vec<ConsumerName>> =
        LazyLock::new(|| (0..4).map(|at| ConsumerName::new(format!("c{at}")).unwrap()).collect());
    NAMES[at].clone()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_seconds(0)
}

fn print(of: &str) -> Fingerprint {
    Token::new(of).unwrap().fingerprint()
}

impl Setting {
    pub(crate) fn charter(&self) -> Charter {
        let issuer = if self.who == Who::Api { Issuer::Api } else { Issuer::Person };
        let mut can = ProviderCapabilities::new(issuer, self.fate).ended_by(self.ending).ending_by_id();
        if self.reissues {
            can = can.reissuing();
        }
        if self.finds {
            can = can.finding_by_label().with_status_by_id();
        }
        let predecessor = match self.before {
            Before::Absent => OldToken::absent(),
            Before::Known => OldToken::known(TokenId::new("old").unwrap()),
            _ => OldToken::held(Possession::Held, print("old"), None),
        };
        let source = match self.source {
            Origin::Given => Source::Given(print("given")),
            Origin::Kept => Source::Kept(print("given")),
            _ => Source::Issue,
        };
        let run = RunId::new("run").unwrap();
        let charter = Charter::new(run, CredentialName::new("bot").unwrap(), "model", can)
            .with_predecessor(predecessor)
            .with_source(source)
            .with_on_failure(self.on_failure)
            .with_old(self.old);
        self.kinds.iter().enumerate().fold(charter, |charter, (at, kind)| {
            let mut can = ConsumerCapabilities::new("model").proving(kind.works, kind.new);
            can.by_person = kind.by_person;
            can.restorable = kind.restorable;
            can.own_key = kind.own_key;
            can.confirmation = kind.confirmed.then(|| "restart it".to_owned());
            charter.with_place(Place::new(name(at), can))
        })
    }

    /// Whether a place can be fooled: it said yes, did nothing, and no check of it tells old from new.
    fn fooled(&self, at: usize) -> bool {
        self.kinds[at].new != Proof::Always
    }
}

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

/// One thing that may come of a step: the world after it, and what was written down.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) world: World,
    pub(crate) facts: Vec<Fact>,
    /// Everything went as it should.
    pub(crate) good: bool,
    pub(crate) what: &'static str,
}

fn problem(effect: Effect) -> Problem {
    let mut problem = Problem::new(ErrorKind::Unavailable, "fault");
    problem.effect = effect;
    problem
}

fn grant() -> Grant {
    static GRANT: LazyLock<Grant> = LazyLock::new(|| Grant::of(&Token::new("new").unwrap(), "owner"));
    GRANT.clone()
}

/// What leads on when a run is stuck is no fault.
const HELP: &str = "decides what helps";

/// Collects what may come of one step.
struct Turns<'a> {
    world: &'a World,
    intent: Vec<Fact>,
    act: Act,
    all: Vec<Turn>,
}

impl<'a> Turns<'a> {
    fn of(world: &'a World, act: &Act, intent: Option<Fact>) -> Self {
        Self { world, intent: intent.into_iter().collect(), act: act.clone(), all: Vec::new() }
    }

    fn add(&mut self, world: World, facts: impl IntoIterator<Item = Fact>, good: bool, what: &'static str) {
        let mut world = world;
        if good || self.world.may_fail() {
            if !good {
                world.spend();
            }
            let facts = self.intent.iter().cloned().chain(facts).collect();
            self.all.push(Turn { world, facts, good, what });
        }
    }

    fn good(&mut self, world: World, fact: Fact) {
        let good = self.all.iter().all(|turn| !turn.good);
        self.add(world, [fact], good, "done");
    }

    /// The answer was no, or never came, or came too late; with and without effect; and the process may die.
    fn faults(&mut self, after: Option<&World>) {
        let act = self.act.clone();
        let since = now();
        let fail = |effect, again: bool| State::failure(act.clone(), problem(effect), since, again.then_some(since));
        for again in [true, false] {
            self.add(self.world.clone(), [fail(Effect::None, again)], false, "refused");
        }
        self.add(self.world.clone(), [resumed()], false, "crash before");
        if let Some(after) = after {
            for again in [true, false] {
                self.add(self.world.clone(), [fail(Effect::Unknown, again)], false, "lost on the way");
                self.add(after.clone(), [fail(Effect::Unknown, again)], false, "answer lost");
            }
            self.add(after.clone(), [resumed()], false, "crash after");
        }
    }
}

fn resumed() -> Fact {
    static HOLDER: LazyLock<Holder> = LazyLock::new(|| Holder::new("h").unwrap());
    Fact::Resumed { by: HOLDER.clone() }
}

impl World {
    /// Everything that may come of doing `act`.
    pub(crate) fn perform(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        match act {
            Act::LookAtPredecessor => self.look(setting, act),
            Act::Preflight(consumer) => {
                let mut turns = Turns::of(self, act, None);
                let fact = Fact::Preflighted { consumer: consumer.clone(), slot: Slot::opaque(), baseline: None };
                turns.good(self.clone(), fact);
                turns.faults(None);
                turns.all
            }
            Act::Issue => self.issue(setting, state, act),
            Act::FindOrphans => self.find(state, act),
            Act::Collect => self.collect(setting, state, act),
            Act::Admit => self.admit(state, act),
            Act::Install(consumer) => self.install(setting, state, act, consumer),
            Act::Restore(consumer) => self.restore(setting, act, consumer),
            Act::Verify(consumer) | Act::VerifyAfter(consumer) => {
                let wanted = state.candidate().and_then(|token| self.held(&token)).unwrap();
                self.check(setting, state, act, consumer, wanted)
            }
            Act::VerifyRestored(consumer) => self.check(setting, state, act, consumer, Held::Old),
            Act::LastLook => self.last_look(setting, state, act),
            Act::Revoke(token) => self.revoke(setting, state, act, token),
            Act::Prove(token) => self.prove(setting, state, act, token),
            other => panic!("the model does not know {other:?}"),
        }
    }

    fn look(&self, setting: &Setting, act: &Act) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let standing = match (setting.before, self.old_lives()) {
            (Before::Known, _) if !setting.finds => Standing::Unknown,
            (_, false) => Standing::Dead,
            (Before::Lacking, true) => Standing::Lacking,
            (_, true) => Standing::Live,
        };
        turns.good(self.clone(), Fact::PredecessorLooked { standing, owner: None });
        turns.faults(None);
        turns.all
    }

    fn issue(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        let attempt = self.tokens.iter().map(|token| token.attempt).max().unwrap_or(0).max(attempts(state)) + 1;
        let label = Label::new(format!("label{attempt}")).unwrap();
        let intent = Fact::Issuing { attempt, label, look_after: now() };
        let one_more_lost = World { lost: self.lost + 1, ..self.clone() };
        let mut turns = Turns::of(self, act, Some(intent));
        match setting.who {
            Who::Person => {
                turns.good(self.clone(), Fact::TokenAsked { attempt, guide: Guide::new("make one") });
                if self.lost < setting.lost {
                    turns.world = &one_more_lost;
                    turns.faults(None);
                }
            }
            Who::Device => {
                let (poll_after, until) = (now(), now());
                let guide = Guide::new("agree");
                turns.good(self.clone(), Fact::IssuePending { attempt, guide, poll_after, until });
                if self.lost < setting.lost {
                    turns.world = &one_more_lost;
                    turns.faults(None);
                }
            }
            Who::Api => {
                let mut minted = self.clone();
                minted.mint(attempt, Quality::Good, Origin::Minted, true);
                let mut lost = self.clone();
                lost.mint(attempt, Quality::Good, Origin::Minted, false);
                lost.lost += 1;
                if setting.fate == Fate::Dies {
                    minted.old = minted.old.or(Some(Killer::Replacement));
                    lost.old = lost.old.or(Some(Killer::Replacement));
                }
                turns.good(minted.clone(), issued(attempt, Origin::Minted));
                if self.may_fail() {
                    let mut wrong = minted;
                    wrong.tokens.last_mut().unwrap().quality = Quality::Wrong;
                    turns.add(wrong, [issued(attempt, Origin::Minted)], false, "not what was asked for");
                }
                if self.lost < setting.lost {
                    turns.world = &one_more_lost;
                    turns.faults(Some(&lost));
                }
            }
        }
        turns.all
    }

    fn find(&self, state: &State, act: &Act) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let attempt = attempts(state);
        let ids = self.tokens.iter().filter(|token| token.attempt == attempt && token.alive && !token.journaled);
        let ids = ids.map(|token| TokenId::new(format!("id{}", token.attempt)).unwrap()).collect();
        turns.good(self.clone(), Fact::OrphansFound { attempt, ids });
        turns.faults(None);
        turns.all
    }

    fn collect(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        let one_more_lost = World { lost: self.lost + 1, ..self.clone() };
        let mut turns = Turns::of(self, act, None);
        let attempt = attempts(state);
        let spent = self.tokens.iter().any(|token| token.attempt == attempt);
        if spent {
            // The code was used up by an answer that nobody got.
            let mut used = Problem::new(ErrorKind::Protocol, "this code was used before");
            used.effect = Effect::Unknown;
            turns.good(self.clone(), State::failure(act.clone(), used, now(), None));
            return turns.all;
        }
        let mut minted = self.clone();
        minted.mint(attempt, Quality::Good, Origin::Minted, true);
        turns.good(minted, issued(attempt, Origin::Minted));
        turns.add(self.clone(), [State::failure(act.clone(), problem(Effect::None), now(), None)], false, "too late");
        if self.lost < setting.lost.min(1) {
            let mut lost = self.clone();
            lost.mint(attempt, Quality::Good, Origin::Minted, false);
            lost.lost += 1;
            turns.world = &one_more_lost;
            turns.faults(Some(&lost));
        }
        turns.all
    }

    fn admit(&self, state: &State, act: &Act) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let Some(Held::New(at)) = state.candidate().and_then(|token| self.held(&token)) else {
            panic!("nothing to admit");
        };
        let token = &self.tokens[at];
        let touched = state.holdings().iter().any(|h| h.tokens.iter().any(|t| matches!(t, TokenRef::New(_))));
        let fact = match (token.alive, token.quality) {
            (false, _) if touched => Fact::CandidateDied,
            (false, _) => Fact::Refused { refusal: refusal(&Lack::Dead { hint: None }), grant: None },
            (true, _) if state.is_waived() => Fact::Admitted { grant: grant(), warnings: Vec::new() },
            (true, Quality::Good) => Fact::Admitted { grant: grant(), warnings: Vec::new() },
            (true, Quality::Curable) => {
                let restriction = Restriction::Approval { by: None };
                Fact::Refused { refusal: refusal(&Lack::Restricted { restriction }), grant: Some(grant()) }
            }
            (true, Quality::Wrong | Quality::Dead) => {
                Fact::Refused { refusal: refusal(&Lack::UnknownAccess), grant: Some(grant()) }
            }
        };
        turns.good(self.clone(), fact);
        turns.faults(None);
        turns.all
    }

    fn install(&self, setting: &Setting, state: &State, act: &Act, consumer: &ConsumerName) -> Vec<Turn> {
        let at = index(consumer);
        let mut turns = Turns::of(self, act, Some(Fact::Installing { consumer: consumer.clone() }));
        if setting.kinds[at].by_person {
            let guide = Guide::new("put it there");
            turns.good(self.clone(), Fact::InstallationAsked { consumer: consumer.clone(), guide });
            turns.faults(None);
            return turns.all;
        }
        let mut after = self.clone();
        after.places[at] = state.candidate().and_then(|token| self.held(&token)).unwrap();
        after.blind[at] = false;
        turns.good(after.clone(), Fact::Installed { consumer: consumer.clone(), slot: Slot::opaque() });
        let mut lied = self.clone();
        lied.blind[at] = setting.fooled(at);
        let installed = Fact::Installed { consumer: consumer.clone(), slot: Slot::opaque() };
        turns.add(lied, [installed], false, "said yes and did nothing");
        turns.faults(Some(&after));
        turns.all
    }

    fn restore(&self, setting: &Setting, act: &Act, consumer: &ConsumerName) -> Vec<Turn> {
        let at = index(consumer);
        let mut turns = Turns::of(self, act, Some(Fact::Restoring { consumer: consumer.clone() }));
        if setting.kinds[at].by_person {
            let guide = Guide::new("put it back");
            turns.good(self.clone(), Fact::RestorationAsked { consumer: consumer.clone(), guide });
            turns.faults(None);
            return turns.all;
        }
        let mut after = self.clone();
        after.places[at] = Held::Old;
        after.blind[at] = false;
        turns.good(after.clone(), Fact::Restored { consumer: consumer.clone(), slot: Slot::opaque() });
        let mut lied = self.clone();
        lied.blind[at] = setting.fooled(at);
        let restored = Fact::Restored { consumer: consumer.clone(), slot: Slot::opaque() };
        turns.add(lied, [restored], false, "said yes and did nothing");
        turns.faults(Some(&after));
        turns.all
    }

    fn check(&self, setting: &Setting, state: &State, act: &Act, consumer: &ConsumerName, wanted: Held) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let at = index(consumer);
        for again in [Some(now()), None] {
            let verification = self.verify(setting.kinds[at], at, wanted);
            let fact = state.verification(act, consumer, verification, now(), again).expect("a check says something");
            // Where waiting does not help, giving up leads on.
            let good = !matches!(fact, Fact::Stumbled { .. }) && turns.all.iter().all(|turn| !turn.good);
            turns.add(self.clone(), [fact], good, "checked");
        }
        turns.faults(None);
        turns.all
    }

    fn last_look(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let wanted = state.candidate().and_then(|token| self.held(&token)).unwrap();
        let fact = if self.lives(wanted) {
            let forgotten: Vec<_> =
                state.holdings().iter().filter(|h| h.forgotten).map(|h| h.consumer.clone()).collect();
            let checked = (0..setting.kinds.len()).filter(|at| !forgotten.contains(&name(*at)));
            let mut bad = checked.filter_map(|at| {
                let verification = self.verify(setting.kinds[at], at, wanted);
                state.verification(act, &name(at), verification, now(), Some(now()))
            });
            bad.next().unwrap_or(Fact::LastLooked)
        } else {
            Fact::CandidateDied
        };
        turns.good(self.clone(), fact);
        turns.faults(None);
        turns.all
    }

    fn revoke(&self, setting: &Setting, state: &State, act: &Act, token: &TokenRef) -> Vec<Turn> {
        let intent = Fact::Revoking { token: token.clone(), reason: state.reason(token) };
        let mut turns = Turns::of(self, act, Some(intent));
        let answered = Fact::RevocationAnswered { token: token.clone(), look_after: now() };
        let mut after = self.clone();
        match setting.ending {
            EndedBy::Person => {
                let guide = Guide::new("delete it");
                turns.good(self.clone(), Fact::DeletionAsked { token: token.clone(), guide });
                turns.faults(None);
                return turns.all;
            }
            EndedBy::ApiLater if state.is_provable(token) && self.lives(self.held(token).unwrap()) => {
                after.dying.insert(token.clone());
            }
            _ => after.kill(token, Killer::Us),
        }
        turns.good(after.clone(), answered);
        turns.faults(Some(&after));
        turns.all
    }

    fn prove(&self, setting: &Setting, state: &State, act: &Act, token: &TokenRef) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let mut world = self.clone();
        if self.dying.contains(token) {
            world.kill(token, Killer::Us);
            world.dying.remove(token);
            let slow = State::failure(act.clone(), problem(Effect::None), now(), Some(now()));
            turns.good(world.clone(), Fact::Revoked { token: token.clone(), proof: Death::Seen });
            turns.add(self.clone(), [Fact::StillAlive { token: token.clone() }, slow], false, "not yet");
        } else if self.lives(self.held(token).unwrap()) {
            turns.good(self.clone(), Fact::StillAlive { token: token.clone() });
        } else {
            turns.good(world, Fact::Revoked { token: token.clone(), proof: Death::Seen });
        }
        if setting.ending == EndedBy::Person {
            // Both are asked then, for people delete the wrong row.
            let candidate = state.candidate().filter(|candidate| candidate != token);
            if candidate.and_then(|candidate| self.held(&candidate)).is_some_and(|held| !self.lives(held)) {
                for turn in &mut turns.all {
                    turn.facts.push(Fact::CandidateDied);
                }
            }
            let back = state.candidate().as_ref() == Some(token) && state.old_is_live();
            if back && state.charter().predecessor.has_value() && !self.old_lives() {
                for turn in &mut turns.all {
                    turn.facts.push(Fact::PredecessorLooked { standing: Standing::Dead, owner: None });
                }
            }
        }
        turns.faults(None);
        turns.all
    }

    /// Everything that a person may do about `wait`. The first is what they should do.
    #[expect(clippy::too_many_lines, reason = "one arm a wait")]
    pub(crate) fn person(&self, setting: &Setting, state: &State, wait: &Wait) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut turn = |world: World, facts: Vec<Fact>, what| {
            let good = turns.is_empty();
            let mut world = world;
            if good || self.may_fail() || what == HELP {
                if !good && what != HELP {
                    world.spend();
                }
                turns.push(Turn { world, facts, good, what });
            }
        };
        let decided = |decision| vec![resumed(), Fact::Decided { decision }];
        match wait {
            Wait::Token if setting.who == Who::Person => {
                let attempt = attempts(state);
                let paste = |quality, world: &World| {
                    let mut world = world.clone();
                    world.mint(attempt, quality, Origin::Pasted, true);
                    world.pastes += 1;
                    (world, vec![resumed(), issued(attempt, Origin::Pasted)])
                };
                let (world, facts) = paste(Quality::Good, self);
                turn(world, facts, "pastes");
                if self.pastes < 1 {
                    let mut regenerated = self.clone();
                    regenerated.old = regenerated.old.or(Some(Killer::Person));
                    let (world, facts) = paste(Quality::Good, &regenerated);
                    turn(world, facts, "regenerates");
                    let (world, facts) = paste(Quality::Curable, self);
                    turn(world, facts, "forgets a scope");
                    let (world, facts) = paste(Quality::Wrong, self);
                    turn(world, facts, "uses another account");
                    let (world, facts) = paste(Quality::Dead, self);
                    turn(world, facts, "cuts it short");
                }
            }
            Wait::Cure => {
                let mut cured = self.clone();
                let Some(Held::New(at)) = state.candidate().and_then(|token| self.held(&token)) else {
                    panic!("nothing to cure");
                };
                cured.tokens[at].quality = Quality::Good;
                turn(cured, decided(Decision::Retry), "cures");
                turn(self.clone(), decided(Decision::InstallAnyway), "insists");
            }
            Wait::Installation(consumer) => {
                let at = index(consumer);
                let mut placed = self.clone();
                placed.places[at] = state.to_reveal(consumer).and_then(|token| self.held(&token)).unwrap();
                placed.blind[at] = false;
                turn(placed, decided(Decision::Confirm(consumer.clone())), "puts it there");
                let mut lied = self.clone();
                lied.blind[at] = setting.fooled(at);
                turn(lied, decided(Decision::Confirm(consumer.clone())), "says so and did not");
            }
            Wait::Confirmation(consumer) => {
                turn(self.clone(), decided(Decision::Confirm(consumer.clone())), "confirms");
            }
            Wait::Deletion(token) => {
                let mut deleted = self.clone();
                deleted.kill(token, Killer::Us);
                turn(deleted, decided(Decision::RevokedByHand(token.clone())), "deletes");
                let mut claimed = self.clone();
                if !state.is_provable(token) {
                    // Nobody can tell then; the model grants that people who say so did so.
                    claimed.kill(token, Killer::Us);
                }
                turn(claimed, decided(Decision::RevokedByHand(token.clone())), "says so and did not");
                let candidate = state.candidate().filter(|candidate| candidate != token && self.pastes < 2);
                if let Some(candidate) = candidate {
                    let mut wrong_row = self.clone();
                    wrong_row.kill(&candidate, Killer::Person);
                    if !state.is_provable(token) {
                        wrong_row.kill(token, Killer::Us);
                    }
                    turn(wrong_row, decided(Decision::RevokedByHand(token.clone())), "deletes the wrong row");
                }
                if state.candidate().as_ref() == Some(token) && self.old_lives() && state.old_is_live() {
                    // On the way back, every place has the old one again.
                    let mut wrong_row = self.clone();
                    wrong_row.old = Some(Killer::Person);
                    if !state.is_provable(token) {
                        wrong_row.kill(token, Killer::Us);
                    }
                    turn(wrong_row, decided(Decision::RevokedByHand(token.clone())), "deletes the row of the old one");
                }
            }
            _ => {}
        }
        let stuck = *wait == Wait::Decision;
        for decision in self.decisions(setting, state) {
            let helps = stuck && matches!(decision, Decision::Retry | Decision::Abandon);
            let allowed = helps || (setting.free_will && self.decisions < 2);
            if allowed && state.permits(&decision).is_ok() {
                let mut world = self.clone();
                if !helps {
                    world.decisions += 1;
                }
                world.end_by_person |= matches!(decision, Decision::KeepOld);
                turn(world, decided(decision), if helps { HELP } else { "decides" });
            }
        }
        turns
    }

    fn decisions(&self, setting: &Setting, state: &State) -> Vec<Decision> {
        let mut all = vec![Decision::Retry, Decision::Abandon, Decision::RollBack, Decision::KeepOld];
        let candidate = state.candidate().and_then(|token| self.held(&token));
        if matches!(candidate, Some(Held::New(at)) if self.tokens[at].quality == Quality::Wrong) {
            // Trying again makes nothing better of a token that is not what was asked for.
            all.swap(0, 1);
        }
        all.extend([Decision::InstallAnyway]);
        all.extend((0..setting.kinds.len()).map(|at| Decision::Forget(name(at))));
        all
    }

    /// Somebody finds out that a token leaked.
    pub(crate) fn alarm(&self, setting: &Setting, state: &State) -> Option<Turn> {
        let (compromised, mode) = setting.emergency.filter(|_| !self.alarmed)?;
        let applies = match compromised {
            Compromised::Old => self.old_exists,
            Compromised::New => state.candidate().is_some(),
        };
        (applies && self.may_fail()).then(|| Turn {
            world: World { alarmed: true, ..self.clone() },
            facts: vec![resumed(), Fact::Emergency { compromised, mode }],
            good: false,
            what: "leaked",
        })
    }
}

fn issued(attempt: u32, origin: Origin) -> Fact {
    Fact::Issued { attempt, origin, fingerprint: grant().fingerprint, id: None, companion: false }
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
