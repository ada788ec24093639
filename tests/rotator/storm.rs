//! Whole lives of a credential in bad weather: faults of every kind, calls that are cut short, restarts, and people who
//! err. Whatever happens, no place that works is left without a live token, and at the end nothing is lost.

use std::time::Duration;

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::consumer::{ConsumerCapabilities, Proof};
use tokenturn::journal::Seq;
use tokenturn::provider::{EndedBy, Fate, Issuer, ProviderCapabilities};
use tokenturn::rotation::{Ask, Decision, Fact, OnFailure, Outcome, TokenRef};
use tokenturn::{ErrorKind, Rotator, Run, ScopeSet, Token};

use crate::world::{Stumble, Stumbling, World, overlap, place, repo, seconds, swift};

/// So many lives.
const LIVES: u64 = 300;
/// How many turns the bad weather lasts, and how many a life has at most.
const STORMY: u32 = 25;
const TURNS: u32 = 200;

/// Chance that is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = usize::try_from(self.roll(from.len() as u64)).unwrap();
        from[at].clone()
    }
}

fn any_provider(dice: &mut Dice) -> (ProviderCapabilities, bool) {
    let mut can = overlap();
    can.ending = dice.pick(&[EndedBy::Api, EndedBy::ApiLater, EndedBy::Person]);
    can.finds_by_label = !dice.one_in(4);
    can.status_by_id = !dice.one_in(3);
    can.ends_by_id = can.finds_by_label;
    match dice.roll(5) {
        0 => can.fate = Fate::Dies,
        1 => {
            can.fate = Fate::Dies;
            can.reissues = true;
        }
        2 => can.issuer = Issuer::Person,
        3 => {
            can.issuer = Issuer::Person;
            return (can, true);
        }
        _ => {}
    }
    (can, false)
}

fn any_place(dice: &mut Dice) -> ConsumerCapabilities {
    let proofs = [Proof::Always, Proof::Always, Proof::Sometimes, Proof::Never];
    let mut can = place().proving(dice.pick(&proofs), dice.pick(&proofs));
    can.restorable = !dice.one_in(4);
    can.disruptive = dice.one_in(4);
    can.by_person = dice.one_in(6);
    can.own_key = dice.one_in(8);
    can.confirmation = dice.one_in(6).then(|| "Save it.".to_owned());
    can
}

fn any_fault(dice: &mut Dice) -> Fault {
    let kinds = [ErrorKind::Busy, ErrorKind::Unavailable, ErrorKind::PermissionDenied, ErrorKind::Protocol];
    match dice.roll(8) {
        0..3 => Fault::Refused(dice.pick(&kinds)),
        3 => Fault::LostBefore,
        4 => Fault::LostAfter,
        5 => Fault::Hangs,
        6 => Fault::Late(seconds(30)),
        _ => Fault::Limited(seconds(90)),
    }
}

struct Life {
    dice: Dice,
    world: World,
    journal: std::sync::Arc<Stumbling>,
    on_failure: OnFailure,
    rotator: Rotator,
    survives: bool,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (can, polled) = any_provider(&mut dice);
        let survives = can.fate == Fate::Survives;
        let mut world = World::of(can).with_a(any_place(&mut dice)).with_b(any_place(&mut dice));
        if polled {
            world = world.with_provider(tokenturn::provider::memory::MemoryProvider::polled);
        }
        let journal = Stumbling::over(world.journal.clone());
        world.journal = journal.clone();
        let on_failure = dice.pick(&[OnFailure::Hold, OnFailure::RollBack]);
        let rotator = world.with_policy(swift().on_failure(on_failure));
        Self { dice, world, journal, on_failure, rotator, survives }
    }

    fn weather(&mut self) {
        let calls = ["inspect", "issue", "collect", "revoke", "status", "find"];
        for call in calls {
            if self.dice.one_in(10) {
                let fault = any_fault(&mut self.dice);
                self.world.provider.plan_fault(call, fault);
            }
        }
        for place in [self.world.a.clone(), self.world.b.clone()] {
            for call in ["preflight", "install", "verify"] {
                if self.dice.one_in(10) {
                    let lie = call == "install" && place_can_tell(&place) && self.dice.one_in(3);
                    let fault = if lie { Fault::Lied } else { any_fault(&mut self.dice) };
                    place.plan_fault(call, fault);
                }
            }
        }
        if self.dice.one_in(8) {
            let fact = self.dice.pick(&["issued", "issuing", "installing", "revoking", "verified", "ended", "decided"]);
            let stumble = self.dice.pick(&[Stumble::Refused, Stumble::LostBefore, Stumble::LostAfter]);
            self.journal.at(fact, stumble);
        }
    }

    /// One call, which may be cut short, by an engine that may have been restarted.
    async fn turn(&mut self, stormy: bool) -> Option<Run> {
        if stormy {
            self.weather();
            if self.dice.one_in(5) {
                self.rotator = self.world.with_policy(swift().on_failure(self.on_failure));
            }
        }
        let open = self.rotator.open_rotations().await.unwrap().pop();
        let patience = if stormy && self.dice.one_in(4) { seconds(self.dice.roll(60)) } else { Duration::MAX };
        let answered = tokio::time::timeout(patience.min(seconds(1_000_000)), self.act(open)).await;
        // What was late arrives.
        tokio::time::sleep(seconds(300)).await;
        let run = match answered {
            Ok(Ok(run)) => run,
            Ok(Err(error)) => {
                assert_ne!(error.kind(), ErrorKind::Internal, "{error:?}");
                self.world.clock.advance(error.retry_after().unwrap_or_default());
                None
            }
            Err(_) => None,
        };
        self.nobody_is_down();
        run.filter(|run| run.outcome.is_over())
    }

    async fn act(&mut self, open: Option<Run>) -> tokenturn::Result<Option<Run>> {
        let Some(run) = open else {
            return self.rotator.rotate(self.world.held()).await.map(Some);
        };
        match &run.outcome {
            Outcome::AwaitingPerson { asks, .. } => {
                let ask = self.dice.pick(asks);
                self.answer(run.id.clone(), ask).await.map(Some)
            }
            Outcome::NeedsPerson { .. } => {
                let decision = match self.dice.roll(4) {
                    0 => Decision::RollBack,
                    _ => Decision::Retry,
                };
                match self.rotator.resolve(run.id.clone(), decision).await {
                    Err(error) if error.kind() == ErrorKind::Refused => self.last_resort(run).await.map(Some),
                    other => other.map(Some),
                }
            }
            Outcome::BackingOff { until, .. } | Outcome::Draining { until, .. } => {
                let wait = tokenturn::Clock::now(&self.world.clock).until(*until);
                self.world.clock.advance(wait);
                self.rotator.resume_due().await
            }
            _ => self.rotator.resume(run.id).await.map(Some),
        }
    }

    /// Neither retry nor rolling back is possible.
    async fn last_resort(&mut self, run: Run) -> tokenturn::Result<Run> {
        for token in self.tokens_to_delete() {
            let by_hand = Decision::RevokedByHand(token.clone());
            self.delete(&token);
            match self.rotator.resolve(run.id.clone(), by_hand).await {
                Err(error) if error.kind() == ErrorKind::Refused => {}
                other => return other,
            }
        }
        match self.rotator.resolve(run.id.clone(), Decision::Retry).await {
            Err(error) if error.kind() == ErrorKind::Refused => self.rotator.resolve(run.id, Decision::Abandon).await,
            other => other,
        }
    }

    /// Tokens whose end the run has given up on.
    fn tokens_to_delete(&self) -> Vec<TokenRef> {
        use tokenturn::rotation::Act;
        let facts = self.world.facts();
        let tokens = facts.iter().filter_map(|fact| match fact {
            Fact::GaveUp { act: Act::Revoke(token) | Act::Prove(token), .. } => Some(token.clone()),
            _ => None,
        });
        tokens.collect::<Vec<_>>().into_iter().rev().take(1).collect()
    }

    async fn answer(&mut self, run: tokenturn::RunId, ask: Ask) -> tokenturn::Result<Run> {
        match ask {
            Ask::Token { polled: Some(at), .. } => {
                self.world.provider.agree();
                let wait = tokenturn::Clock::now(&self.world.clock).until(at);
                self.world.clock.advance(wait);
                self.rotator.resume(run).await
            }
            Ask::Token { .. } => {
                let paste = match self.dice.roll(8) {
                    0 => Token::new("mistyped").unwrap(),
                    1 => self.world.old.clone(),
                    2 => self.world.provider.mint("bot", ScopeSet::of(["gist"])),
                    _ => self.world.provider.mint("bot", repo()),
                };
                self.rotator.supply(run, paste).await
            }
            Ask::Cure { .. } => {
                let token = self.issued(None).unwrap();
                self.world.provider.amend(&token, |grant| grant.access = tokenturn::Access::Scopes(repo()));
                self.rotator.resolve(run, Decision::Retry).await
            }
            Ask::Installation { consumer, .. } => {
                let token = self.rotator.reveal(run.clone(), consumer.as_str()).await?;
                let place = [&self.world.a, &self.world.b];
                let place =
                    place.iter().find(|place| tokenturn::consumer::Consumer::name(**place) == consumer.as_str());
                place.unwrap().put(&token);
                self.rotator.resolve(run, Decision::Confirm(consumer)).await
            }
            Ask::Confirmation { consumer, .. } => self.rotator.resolve(run, Decision::Confirm(consumer)).await,
            Ask::Deletion { token, .. } => {
                if !self.dice.one_in(5) {
                    self.delete(&token);
                }
                self.rotator.resolve(run, Decision::RevokedByHand(token)).await
            }
            other => panic!("who knows how to do {other:?}"),
        }
    }

    fn delete(&self, token: &TokenRef) {
        match token {
            TokenRef::Old => self.world.provider.kill(&self.world.old),
            TokenRef::Found(id) => {
                let number: u64 = id.as_str().parse().unwrap();
                self.world.provider.kill(&numbered(number));
            }
            TokenRef::New(attempt) => {
                if let Some(token) = self.issued(Some(*attempt)) {
                    self.world.provider.kill(&token);
                }
            }
        }
    }

    /// The token that came last, or last for this attempt.
    fn issued(&self, wanted: Option<u32>) -> Option<Token> {
        let facts = self.world.facts();
        let mut came = facts.iter().rev().filter_map(|fact| match fact {
            Fact::Issued { attempt, fingerprint, .. } if wanted.is_none_or(|wanted| wanted == *attempt) => {
                Some(*fingerprint)
            }
            _ => None,
        });
        let fingerprint = came.next()?;
        // A mistyped one is nobody's.
        (1..500).map(numbered).find(|token| token.fingerprint() == fingerprint)
    }

    /// I3: where old and new overlap, every place holds a live token at every moment.
    fn nobody_is_down(&self) {
        let live = |place: &MemoryConsumer| {
            let held = place.holds().unwrap();
            (1..500).map(numbered).any(|token| token.fingerprint() == held && self.world.provider.is_alive(&token))
        };
        if self.survives {
            assert!(live(&self.world.a) && live(&self.world.b), "a place was left without a live token");
        }
    }
}

fn place_can_tell(place: &MemoryConsumer) -> bool {
    tokenturn::consumer::Consumer::capabilities(place).new == Proof::Always
}

/// The provider's token of this number.
fn numbered(number: u64) -> Token {
    Token::new(&format!("memory-token-{number:08}")).unwrap()
}

/// Lives through one seed.
async fn live(seed: u64) -> &'static str {
    let mut life = Life::new(seed);
    let mut over = None;
    for turn in 0..TURNS {
        over = life.turn(turn < STORMY).await;
        if over.is_some() {
            break;
        }
    }
    let Some(run) = over else {
        panic!("no end: {:#?}\n{}", life.rotator.open_rotations().await.unwrap(), history(&life).await)
    };
    let world = &life.world;
    for token in (1..500).map(numbered) {
        // What was promised comes true once somebody has looked.
        let look = tokenturn::provider::Provider::inspect(&world.provider, &token);
        let _ = tokio::time::timeout(seconds(60), look).await;
    }
    // Pastes that were refused are nobody's concern but the person's.
    let alive: Vec<Token> = (1..500).map(numbered).filter(|token| world.provider.is_alive(token)).collect();
    let unasked = |token: &Token| {
        let ours =
            |fact: &Fact| matches!(fact, Fact::Issued { fingerprint, .. } if *fingerprint == token.fingerprint());
        world.count(ours) > 0 && world.count(|fact| matches!(fact, Fact::TokenAsked { .. })) == 0
    };
    let left: Vec<&Token> = alive.iter().filter(|token| unasked(token)).collect();
    match &run.outcome {
        Outcome::Completed(completion) => {
            let new = completion.fingerprint.unwrap();
            assert!(left.iter().all(|token| token.fingerprint() == new), "{left:?} live\n{}", history(&life).await);
            for place in [&world.a, &world.b] {
                assert_eq!(place.holds(), Some(new), "{}", history(&life).await);
            }
            assert!(!world.provider.is_alive(&world.old), "{}", history(&life).await);
            assert_eq!(world.kept().await, ["current"]);
            "completed"
        }
        Outcome::RolledBack { .. } | Outcome::Stopped { .. } => {
            assert!(left.is_empty(), "{left:?} live\n{}", history(&life).await);
            assert!(world.all_hold(&world.old), "{}", history(&life).await);
            if life.survives {
                assert!(world.provider.is_alive(&world.old));
            }
            assert!(world.kept().await.is_empty());
            "back"
        }
        Outcome::Abandoned { .. } => "abandoned",
        other => panic!("{other:?}"),
    }
}

async fn history(life: &Life) -> String {
    let events = life.rotator.events(Seq::ZERO).await.unwrap();
    events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_nothing_is_lost_and_nobody_is_down() {
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..LIVES {
        let end = tokio::spawn(live(seed)).await;
        *ends.entry(end.unwrap_or_else(|_| panic!("the life of seed {seed} went wrong"))).or_insert(0) += 1;
    }
    assert!(ends["completed"] > 100 && ends["back"] > 10, "{ends:?}");
}
