//! Walks every state that can be reached, and holds each against the promises.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use tokenturn::consumer::Proof;
use tokenturn::provider::Fate;
use tokenturn::rotation::{Act, Decision, Ending, Fact, OldEnd, Origin, Outcome, State, Step, TokenRef, Wait, next};

use crate::world::{Held, Killer, Quality, Setting, Turn, World, index, is_emergency, name, now};

/// The decision under test: the real one, or one that was broken on purpose.
pub(crate) type Kernel = fn(&State) -> Vec<Step>;

/// How much was walked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) settings: usize,
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) ends: usize,
    pub(crate) waits: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.settings += other.settings;
        self.states += other.states;
        self.transitions += other.transitions;
        self.ends += other.ends;
        self.waits += other.waits;
    }
}

/// A promise that was broken, and the way that led there.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) how: String,
}

#[derive(Clone, Hash)]
struct Node {
    state: State,
    world: World,
}

pub(crate) struct Explorer<'a> {
    setting: &'a Setting,
    kernel: Kernel,
    hasher: RandomState,
    seen: HashSet<u64>,
    ends_well: HashSet<u64>,
    /// For every node, the one before it and what was done: to tell the way.
    trail: Vec<(usize, String)>,
    count: Count,
}

impl<'a> Explorer<'a> {
    /// Visits everything that can be reached. Whether every way leads to an end is asked of the real decision alone: a
    /// broken one is to be caught by the promise that it breaks.
    pub(crate) fn walk(setting: &'a Setting, kernel: Kernel, must_end: bool) -> Result<Count, Broken> {
        let mut explorer = Self {
            setting,
            kernel,
            hasher: RandomState::new(),
            seen: HashSet::new(),
            ends_well: HashSet::new(),
            trail: vec![(0, "begin".into())],
            count: Count { settings: 1, ..Count::default() },
        };
        let first = Node { state: State::begin(setting.charter()), world: World::new(setting) };
        explorer.seen.insert(explorer.hasher.hash_one(&first));
        let mut open = VecDeque::from([(first, 0)]);
        while let Some((node, at)) = open.pop_front() {
            explorer.count.states += 1;
            let turns = explorer.turns(&node, at)?;
            for (step, turn) in turns {
                explorer.count.transitions += 1;
                let next = explorer.advance(&node, &step, &turn, at)?;
                if explorer.seen.insert(explorer.hasher.hash_one(&next)) {
                    explorer.trail.push((at, format!("{step}: {}", turn.what)));
                    open.push_back((next, explorer.trail.len() - 1));
                }
            }
            if must_end {
                explorer.must_end(node, at)?;
            }
        }
        Ok(explorer.count)
    }

    fn broken(&self, promise: &'static str, at: usize, why: impl std::fmt::Display) -> Broken {
        let mut way = Vec::new();
        let mut at = at;
        while at != 0 {
            way.push(self.trail[at].1.clone());
            at = self.trail[at].0;
        }
        way.reverse();
        Broken { promise, how: format!("{why}\n  setting: {:?}\n  way:\n    {}", self.setting, way.join("\n    ")) }
    }

    /// Everything that may happen at a node.
    fn turns(&mut self, node: &Node, at: usize) -> Result<Vec<(String, Turn)>, Broken> {
        let Node { state, world } = node;
        self.hold_against_promises(node, at)?;
        let steps = (self.kernel)(state);
        let mut turns = Vec::new();
        if state.ending().is_some() {
            self.count.ends += 1;
            if !steps.is_empty() {
                return Err(self.broken("end", at, "something is done after the end"));
            }
            return Ok(turns);
        }
        let acts = steps.iter().any(|step| !matches!(step, Step::Await(_)));
        for step in &steps {
            match step {
                Step::Record(fact) => {
                    let good = turns.is_empty();
                    let turn = Turn { world: world.clone(), facts: vec![(**fact).clone()], good, what: "recorded" };
                    turns.push((format!("{fact:?}"), turn));
                }
                Step::Do(act) => {
                    self.before_act(node, act, at)?;
                    let all = world.perform(self.setting, state, act);
                    turns.extend(all.into_iter().map(|turn| (format!("{act:?}"), turn)));
                }
                Step::Await(wait) if !acts => {
                    let all = world.person(self.setting, state, wait);
                    turns.extend(all.into_iter().map(|turn| (format!("{wait:?}"), turn)));
                }
                Step::Await(_) => {}
            }
        }
        if !acts {
            self.count.waits += 1;
            self.names_its_cause(node, at)?;
        }
        turns.extend(world.alarm(self.setting, state).map(|turn| ("alarm".to_owned(), turn)));
        turns.extend(world.expiry(self.setting).map(|turn| ("expiry".to_owned(), turn)));
        Ok(turns)
    }

    fn advance(&self, node: &Node, step: &str, turn: &Turn, at: usize) -> Result<Node, Broken> {
        let mut state = node.state.clone();
        let mut world = turn.world.clone();
        self.killed_rightly(node, &world, at, step)?;
        for fact in &turn.facts {
            state.apply(fact).map_err(|error| self.broken("consistent", at, format!("{step}: {error} at {fact:?}")))?;
            match fact {
                Fact::Verified { consumer, .. } => world.settled[index(consumer)] = true,
                Fact::Relapsed { consumer, .. } => world.settled[index(consumer)] = false,
                Fact::Decided { .. } | Fact::Emergency { .. } | Fact::RollingBack { .. } => world.settled.fill(false),
                Fact::CutOver => world.cut_over = true,
                Fact::CandidateDied => world.cut_over = false,
                _ => {}
            }
            let decided = matches!(fact, Fact::Decided { decision: Decision::RollBack });
            world.rolling_back |= decided || matches!(fact, Fact::RollingBack { .. });
        }
        Ok(Node { state, world })
    }

    // -- the promises -------------------------------------------------------------------------------------------------

    /// I1 and I7, at the moment of a death by our hand: nobody held it, and its time had come.
    fn killed_rightly(&self, node: &Node, after: &World, at: usize, step: &str) -> Result<(), Broken> {
        let before = &node.world;
        let leaked = |token: &TokenRef| is_emergency(node.state.reason(token));
        let mut killed = Vec::new();
        if before.old.is_none() && after.old == Some(Killer::Us) {
            killed.push((Held::Old, TokenRef::Old));
        }
        for (index, token) in before.tokens.iter().enumerate() {
            if token.alive && after.tokens[index].killer == Some(Killer::Us) {
                killed.push((Held::New(index), TokenRef::New(token.attempt)));
            }
        }
        for (held, token) in killed {
            let holder = (0..before.places.len()).find(|at| before.places[*at] == held && !before.blind[*at]);
            if let (Some(place), false) = (holder, leaked(&token)) {
                return Err(self.broken("I1", at, format!("{step} ends {token} while {} holds it", name(place))));
            }
            let due = match &token {
                TokenRef::Old => before.cut_over,
                TokenRef::New(_) => before.rolling_back || node.state.candidate() != Some(token.clone()),
                TokenRef::Found(_) => true,
            };
            if !due && !leaked(&token) {
                return Err(self.broken("I7", at, format!("{step} ends {token}, though nothing says that it may go")));
            }
            let foreign = matches!(held, Held::New(at) if before.tokens[at].origin == Origin::Pasted
                && before.tokens[at].quality == Quality::Wrong);
            if foreign && !leaked(&token) && !node.state.is_waived() {
                return Err(self.broken(
                    "I1",
                    at,
                    format!("{step} ends {token}, a paste that is not what was asked for"),
                ));
            }
            let given =
                matches!(held, Held::New(at) if matches!(before.tokens[at].origin, Origin::Given | Origin::Kept));
            if given && !leaked(&token) {
                return Err(self.broken("I1", at, format!("{step} ends {token}, which we did not cause")));
            }
        }
        Ok(())
    }

    fn hold_against_promises(&self, node: &Node, at: usize) -> Result<(), Broken> {
        let Node { state, world } = node;
        // What a place is said to hold never misses what it does hold.
        for (place, holding) in state.holdings().iter().enumerate() {
            let truth = world.places[place];
            let known = holding.tokens.iter().any(|token| world.held(token) == Some(truth));
            if !known && truth != Held::Nothing && !world.blind[place] {
                return Err(self.broken("I6", at, format!("{} holds {truth:?}, said: {holding:?}", holding.consumer)));
            }
        }
        // I3: whoever held a live token when the run began holds one now.
        let alive_before = world.old_exists && world.old != Some(Killer::Before);
        let replaces = self.setting.fate == Fate::Dies && self.setting.source == Origin::Minted;
        if alive_before && !replaces && !world.alarmed {
            for (place, held) in world.places.iter().enumerate() {
                let by_person = match held {
                    Held::Old => world.old == Some(Killer::Person),
                    Held::New(at) => world.tokens[*at].killer == Some(Killer::Person),
                    Held::Nothing => false,
                };
                if !world.lives(*held) && !by_person && !world.blind[place] {
                    return Err(self.broken("I3", at, format!("{} holds the dead {held:?}", name(place))));
                }
            }
        }
        self.accounts_for_tokens(node, at)
    }

    /// I2: each live token that we caused is in the journal, or known as an orphan; never silent, never called success.
    fn accounts_for_tokens(&self, node: &Node, at: usize) -> Result<(), Broken> {
        let Node { state, world } = node;
        let orphans = state.orphans();
        for token in world.tokens.iter().filter(|token| token.alive && token.origin == Origin::Minted) {
            let label = format!("label{}", token.attempt);
            let id = format!("id{}", token.attempt);
            let listed = orphans.iter().any(|orphan| {
                orphan.label.as_ref().is_some_and(|l| l.as_str() == label)
                    || orphan.id.as_ref().is_some_and(|i| i.as_str() == id)
            });
            if !token.journaled && !listed {
                return Err(self.broken("I2", at, format!("{label} lives, and nobody knows")));
            }
        }
        let Some(ending) = state.ending() else { return Ok(()) };
        let kept: Vec<_> = state.holdings().iter().flat_map(|holding| holding.tokens.clone()).collect();
        for token in world.tokens.iter().filter(|t| t.alive && t.journaled && t.origin != Origin::Given) {
            let reference = TokenRef::New(token.attempt);
            let wanted = state.candidate() == Some(reference.clone());
            let fine = match ending {
                Ending::Completed { .. } | Ending::Abandoned => wanted || kept.contains(&reference),
                _ => kept.contains(&reference) || token.origin == Origin::Kept,
            };
            // What a person made and we refused is theirs to delete.
            let end = format!("-{}", token.attempt);
            let told = orphans.iter().any(|orphan| orphan.label.as_ref().is_some_and(|l| l.as_str().ends_with(&end)));
            let refused_paste = token.origin == Origin::Pasted && (!wanted || told);
            let dying = world.dying.contains(&reference);
            if !fine && !refused_paste && !dying && !matches!(ending, Ending::Abandoned) {
                return Err(self.broken("I2", at, format!("{reference} lives after {ending:?}, and nobody needs it")));
            }
        }
        self.ends_as_said(node, ending, at)
    }

    /// An ending is what it says it is.
    fn ends_as_said(&self, node: &Node, ending: &Ending, at: usize) -> Result<(), Broken> {
        let Node { state, world } = node;
        for (place, holding) in state.holdings().iter().enumerate() {
            let held = world.places[place];
            let wanted = match ending {
                Ending::Completed { .. } => state.candidate().and_then(|token| world.held(&token)),
                Ending::RolledBack { .. } | Ending::Stopped { .. } => {
                    Some(if world.old_exists { Held::Old } else { Held::Nothing })
                }
                _ => None,
            };
            // Only what proves nothing at all can be fooled to the end.
            let kind = self.setting.kinds[place];
            let deaf = world.blind[place] && kind.works == Proof::Never;
            let weak_rollback = world.blind[place] && !matches!(ending, Ending::Completed { .. });
            let kept_old = matches!(ending, Ending::Completed { old } if !matches!(old, OldEnd::Dead(_)));
            let undetected = world.blind[place] && kept_old;
            if wanted.is_some_and(|wanted| wanted != held)
                && !holding.forgotten
                && !deaf
                && !weak_rollback
                && !undetected
            {
                return Err(self.broken("end", at, format!("{ending:?}, but {} holds {held:?}", holding.consumer)));
            }
        }
        match ending {
            Ending::Completed { old: OldEnd::Dead(_) }
                if world.old_lives() && !world.dying.contains(&TokenRef::Old) =>
            {
                Err(self.broken("end", at, "the old token is said to be dead and lives"))
            }
            Ending::Completed { old: OldEnd::Kept | OldEnd::LeftToExpire | OldEnd::KeptForForgotten }
                if world.old == Some(Killer::Us) && !world.end_by_person =>
            {
                Err(self.broken("end", at, "the old token is said to live and was ended"))
            }
            Ending::Stopped { .. } if world.old == Some(Killer::Us) => {
                Err(self.broken("end", at, "nothing is said to have changed, and the old token was ended"))
            }
            _ => Ok(()),
        }
    }

    /// Every wait says what it waits for.
    fn names_its_cause(&self, node: &Node, at: usize) -> Result<(), Broken> {
        match node.state.outcome(now()) {
            Some(Outcome::AwaitingPerson { asks, .. }) if !asks.is_empty() => Ok(()),
            Some(Outcome::NeedsPerson { problems, .. }) if !problems.is_empty() => Ok(()),
            other => Err(self.broken("wait", at, format!("it waits for nothing: {other:?}"))),
        }
    }

    /// Nothing is done twice, and nothing is asked for while something that was asked for may be on its way.
    fn before_act(&self, node: &Node, act: &Act, at: usize) -> Result<(), Broken> {
        let Node { state, world } = node;
        match act {
            Act::Issue => {
                let orphans = state.orphans();
                for token in world.tokens.iter().filter(|token| token.alive && token.origin == Origin::Minted) {
                    let label = format!("label{}", token.attempt);
                    let id = format!("id{}", token.attempt);
                    let listed = orphans.iter().any(|orphan| {
                        orphan.label.as_ref().is_some_and(|l| l.as_str() == label)
                            || orphan.id.as_ref().is_some_and(|i| i.as_str() == id)
                    });
                    let discarded = token.journaled && state.candidate() != Some(TokenRef::New(token.attempt));
                    if !listed && !discarded {
                        return Err(self.broken("I6", at, format!("issues again while {label} may be on its way")));
                    }
                }
                let replaced = world.old == Some(Killer::Replacement);
                // What came with each token is spent with the next one that was made, whether anybody knows of that or not.
                let newest = world.tokens.iter().rev().find(|token| token.origin == Origin::Minted);
                let spent = newest.map_or(replaced, |newest| !self.setting.renews || !newest.journaled);
                if self.setting.fate == Fate::Dies && spent && !self.setting.reissues {
                    return Err(self.broken("I6", at, "presents the old token to a rotate path again"));
                }
                Ok(())
            }
            Act::Install(consumer) if world.settled[index(consumer)] => {
                Err(self.broken("twice", at, format!("installs again in {consumer}")))
            }
            Act::Revoke(token) => {
                let dead = world.held(token).is_some_and(|held| !world.lives(held));
                let told = state.clone();
                let known = dead && matches!(told.outcome(now()), Some(Outcome::Completed(_)));
                if known { Err(self.broken("twice", at, "revokes again")) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// From here, if everything goes well and people do what they are asked, the run ends.
    fn must_end(&mut self, node: Node, at: usize) -> Result<(), Broken> {
        let mut way = Vec::new();
        let mut node = node;
        for _ in 0..200 {
            let hash = self.hasher.hash_one(&node);
            if node.state.ending().is_some() || self.ends_well.contains(&hash) {
                self.ends_well.extend(way);
                return Ok(());
            }
            way.push(hash);
            let Some((step, turn)) = self.good_turn(&node) else {
                return Err(self.broken("end", at, "no way leads on from here, even if all goes well"));
            };
            node = self.advance(&node, &step, &turn, at)?;
        }
        Err(self.broken("end", at, "all goes well, and it never ends"))
    }

    fn good_turn(&self, node: &Node) -> Option<(String, Turn)> {
        let steps = (self.kernel)(&node.state);
        for step in &steps {
            match step {
                Step::Record(fact) => {
                    let facts = vec![(**fact).clone()];
                    let turn = Turn { world: node.world.clone(), facts, good: true, what: "recorded" };
                    return Some((format!("{fact:?}"), turn));
                }
                Step::Do(act) => {
                    let turn = node.world.perform(self.setting, &node.state, act).into_iter().find(|turn| turn.good)?;
                    return Some((format!("{act:?}"), turn));
                }
                Step::Await(_) => {}
            }
        }
        let waits: Vec<&Wait> =
            steps.iter().filter_map(|step| if let Step::Await(wait) = step { Some(wait) } else { None }).collect();
        let wait = waits.first()?;
        let turn = node.world.person(self.setting, &node.state, wait).into_iter().find(|turn| turn.good)?;
        Some((format!("{wait:?}"), turn))
    }
}

/// The decision as it is.
pub(crate) fn real(state: &State) -> Vec<Step> {
    next(state)
}
