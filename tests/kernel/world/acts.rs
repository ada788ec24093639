//! What comes of an act: all that can.

use super::*;

/// One thing that may come of a step: the world after it, and what was written down.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) world: World,
    pub(crate) facts: Vec<Fact>,
    /// Everything went as it should.
    pub(crate) good: bool,
    pub(crate) what: &'static str,
}

pub(super) fn problem(effect: Effect) -> Problem {
    let mut problem = Problem::new(ErrorKind::Unavailable, "fault");
    problem.effect = effect;
    problem
}

pub(super) fn grant() -> Grant {
    static GRANT: LazyLock<Grant> = LazyLock::new(|| Grant::of(&Token::new("new").unwrap(), "owner"));
    GRANT.clone()
}

/// What leads on when a run is stuck is no fault.
pub(super) const HELP: &str = "decides what helps";

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

pub(super) fn resumed() -> Fact {
    static HOLDER: LazyLock<Holder> = LazyLock::new(|| Holder::new("h").unwrap());
    Fact::Resumed { by: HOLDER.clone() }
}

impl World {
    /// Everything that may come of doing `act`.
    pub(crate) fn perform(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        match act {
            Act::LookAtPredecessor => self.look(setting, act),
            Act::Preflight(consumer) => self.preflight(setting, state, act, consumer),
            Act::Issue => self.issue(setting, state, act),
            Act::FindOrphans => self.find(setting, state, act),
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
            Act::Prove(token) => self.prove(state, act, token),
            other => panic!("the model does not know {other:?}"),
        }
    }

    fn preflight(&self, setting: &Setting, state: &State, act: &Act, consumer: &ConsumerName) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let at = index(consumer);
        let kind = setting.kinds[at];
        let candidate = state.candidate().and_then(|token| self.held(&token));
        let (mut baseline, mut new) = (None, Answer::Unknown);
        let lives = state.old_is_live() && !state.is_claimed(&TokenRef::Old);
        let compared = !kind.by_person && state.candidate().is_none() && lives;
        let known = state.charter().predecessor.has_value();
        let fact = match candidate.filter(|_| !kind.by_person && state.is_rolling_back()) {
            Some(candidate) if !self.lives(candidate) => Fact::CandidateDied,
            None if compared && known && !self.old_lives() => {
                Fact::PredecessorLooked { standing: Standing::Dead, owner: None }
            }
            candidate => {
                if let Some(candidate) = candidate {
                    new = self.verify(kind, at, candidate).new;
                } else if compared {
                    baseline = Some(self.verify(kind, at, Held::Old));
                }
                Fact::Preflighted { consumer: consumer.clone(), slot: Slot::opaque(), baseline, new }
            }
        };
        turns.good(self.clone(), fact);
        turns.faults(None);
        turns.all
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
        let intent = Fact::Issuing { attempt, label, look_after: now(), expiry: tokenturn::Expiry::Unknown };
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
                turns.good(self.clone(), Fact::IssuePending { attempt, guide, poll_after, until, open: true });
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
                turns.good(minted.clone(), issued(setting, attempt, Origin::Minted));
                if self.may_fail() {
                    let mut wrong = minted;
                    wrong.tokens.last_mut().unwrap().quality = Quality::Wrong;
                    turns.add(wrong, [issued(setting, attempt, Origin::Minted)], false, "not what was asked for");
                }
                if self.lost < setting.lost {
                    turns.world = &one_more_lost;
                    turns.faults(Some(&lost));
                }
            }
        }
        turns.all
    }

    fn find(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        let mut turns = Turns::of(self, act, None);
        let attempt = attempts(state);
        if !setting.finds {
            let label = Label::new(format!("label{attempt}")).unwrap();
            turns.good(self.clone(), Fact::OrphanPossible { attempt, label });
            return turns.all;
        }
        let ids = self.tokens.iter().filter(|token| token.attempt == attempt && token.alive && !token.journaled);
        let ids = ids.map(|token| TokenId::new(format!("id{}", token.attempt)).unwrap()).collect();
        turns.good(self.clone(), Fact::OrphansFound { attempt, ids });
        turns.faults(None);
        turns.all
    }

    fn collect(&self, setting: &Setting, state: &State, act: &Act) -> Vec<Turn> {
        let attempt = attempts(state);
        let one_more_lost = World { lost: self.lost + 1, ..self.clone() };
        let mut turns = Turns::of(self, act, Some(Fact::Collecting { attempt, look_after: now() }));
        let pending = |open| {
            let guide = Guide::new("agree");
            Fact::IssuePending { attempt, guide, poll_after: now(), until: now(), open }
        };
        let gave_up = |effect| State::failure(act.clone(), problem(effect), now(), None);
        let spent = self.tokens.iter().any(|token| token.attempt == attempt);
        if spent {
            // The code was used up by an answer that nobody got.
            turns.good(self.clone(), gave_up(Effect::Unknown));
        } else {
            let mut minted = self.clone();
            minted.mint(attempt, Quality::Good, Origin::Minted, true);
            turns.good(minted, issued(setting, attempt, Origin::Minted));
            turns.add(self.clone(), [pending(true)], false, "nobody has agreed");
        }
        // A used code may be called expired, and what refuses this poll says nothing of those before it.
        turns.add(self.clone(), [pending(false)], false, "too soon");
        turns.add(self.clone(), [gave_up(Effect::None)], false, "too late");
        let another = if state.unanswered_polls().is_some() { gave_up(Effect::Unknown) } else { pending(false) };
        turns.add(self.clone(), [another], false, "another code");
        if !spent && self.lost < setting.lost.min(1) {
            let mut lost = one_more_lost.clone();
            lost.mint(attempt, Quality::Good, Origin::Minted, false);
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
        let mut turns = Turns::of(self, act, Some(Fact::Installing { consumer: consumer.clone(), settled: None }));
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
        let mut turns = Turns::of(self, act, Some(Fact::Restoring { consumer: consumer.clone(), settled: None }));
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
            _ if setting.guides || setting.ending == EndedBy::Person => {
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

    fn prove(&self, state: &State, act: &Act, token: &TokenRef) -> Vec<Turn> {
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
        if state.is_claimed(token) {
            // Both are asked then, for people delete the wrong row; whoever refuses both proves no death.
            let candidate = state.candidate().filter(|_| *token == TokenRef::Old);
            if candidate.and_then(|candidate| self.held(&candidate)).is_some_and(|held| !self.lives(held)) {
                let leaked = is_emergency(state.reason(token));
                for turn in &mut turns.all {
                    turn.facts.retain(|fact| leaked || !matches!(fact, Fact::Revoked { .. }));
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
}
