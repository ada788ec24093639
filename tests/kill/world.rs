//! The truth: which tokens live, which place holds which, and all that ever happened to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Candidate, Issuance, IssueRequest, Provider};
use tokenturn::{
    CredentialName, ErrorKind, Fingerprint, Grant, Label, Problem, Result, RunId, ScopeSet, Token, TokenId, testing,
};
use tokio::sync::{Mutex, watch};

use crate::fleet::{Kind, fleet};
use crate::wire::{Call, Reply};

/// Chance that is the same for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What the world says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// How many tokens there ever were.
    pub(crate) tokens: usize,
    pub(crate) live: Vec<Living>,
    /// How often a place was found with a dead token, where old and new overlap.
    pub(crate) stale: usize,
    /// How many tokens were revoked while a place held them.
    pub(crate) revoked_early: usize,
    /// How many labels were asked for twice.
    pub(crate) issued_twice: usize,
    /// Places that hold a dead token now.
    pub(crate) down: BTreeSet<String>,
    /// How many calls came in all.
    pub(crate) served: usize,
    /// Calls that have begun and not been answered.
    pub(crate) in_flight: usize,
    /// Runs that waited for a decision, by the kind of their credential.
    pub(crate) decisions: BTreeMap<String, usize>,
    /// What went wrong in a worker that should not.
    pub(crate) complaints: Vec<String>,
    /// What each credential's worker called, since its last write.
    pub(crate) calls: BTreeMap<String, Vec<String>>,
    /// The name of the token that was made last for each.
    pub(crate) newest: BTreeMap<String, Label>,
}

/// A token that is alive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Living {
    pub(crate) credential: String,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) label: Option<Label>,
}

/// Holds answers with new tokens back.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    shut: bool,
    waiting: usize,
}

/// Providers, places, and what happened.
#[derive(Debug)]
pub(crate) struct World {
    members: BTreeMap<String, Resident>,
    log: Mutex<Log>,
    dice: Mutex<Dice>,
    gate: watch::Sender<Gate>,
    served: watch::Sender<usize>,
}

#[derive(Debug)]
struct Resident {
    kind: Kind,
    provider: MemoryProvider,
    places: BTreeMap<String, MemoryConsumer>,
    first: Token,
}

#[derive(Debug)]
struct Made {
    credential: String,
    token: Token,
    label: Option<Label>,
    /// Whether it ever was in a place.
    used: bool,
}

#[derive(Debug, Default)]
struct Log {
    /// How many tokens there ever were.
    tokens: usize,
    /// Those that may live. The dead are dropped now and then: they never come back.
    made: Vec<Made>,
    newest: BTreeMap<String, Label>,
    asked: BTreeMap<Label, usize>,
    stale: BTreeSet<(String, Fingerprint)>,
    revoked_early: BTreeSet<Fingerprint>,
    in_flight: usize,
    decisions: BTreeSet<(Kind, RunId)>,
    complaints: Vec<String>,
    calls: BTreeMap<String, Vec<String>>,
}

impl Log {
    fn add(&mut self, credential: &str, token: &Token, label: Option<Label>) {
        self.tokens += 1;
        if let Some(label) = &label {
            self.newest.insert(credential.to_owned(), label.clone());
        }
        self.made.push(Made { credential: credential.to_owned(), token: token.clone(), label, used: false });
    }

    fn use_up(&mut self, token: &Token) {
        self.made.iter_mut().filter(|made| made.token == *token).for_each(|made| made.used = true);
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        // One provider for all: its tokens differ, whatever their kind.
        let shared = MemoryProvider::new();
        let mut log = Log::default();
        let mut members = BTreeMap::new();
        for member in fleet() {
            let provider = shared.clone().with_capabilities(member.kind.can());
            let first = provider.mint(&member.name, ScopeSet::of(["repo"]));
            let mut places = BTreeMap::new();
            for name in member.places() {
                let place = MemoryConsumer::new(&name, &provider).unwrap();
                place.put(&first);
                places.insert(name, place);
            }
            log.add(&member.name, &first, None);
            log.use_up(&first);
            members.insert(member.name, Resident { kind: member.kind, provider, places, first });
        }
        Self {
            members,
            log: Mutex::new(log),
            dice: Mutex::new(Dice::new(seed)),
            gate: watch::Sender::default(),
            served: watch::Sender::new(0),
        }
    }

    /// One call. What it does has happened before it is answered, and both take a moment.
    pub(crate) async fn answer(&self, credential: &str, call: Call) -> Reply {
        let Some(resident) = self.members.get(credential) else {
            return self.control(call).await;
        };
        {
            let mut log = self.log.lock().await;
            log.in_flight += 1;
            log.calls.entry(credential.to_owned()).or_default().push(name_of(&call).to_owned());
        }
        self.served.send_modify(|served| *served += 1);
        // What happens once in a rotation takes longer than what happens at every place, so that each is met as often.
        let once = matches!(call, Call::Issue { .. } | Call::Inspect { .. } | Call::Revoke { .. });
        self.moment(if once { 8 } else { 4 }).await;
        let reply = {
            let mut log = self.log.lock().await;
            let reply = resident.perform(credential, call, &mut log).await;
            resident.look_for_stale(&mut log);
            reply
        };
        self.moment(if once { 12 } else { 4 }).await;
        if matches!(reply, Ok(Reply::Minted { .. })) {
            self.pass_gate().await;
        }
        self.log.lock().await.in_flight -= 1;
        reply.unwrap_or_else(|error| Reply::Failed(error.problem()))
    }

    async fn moment(&self, longest: u64) {
        let wait = Duration::from_micros(self.dice.lock().await.roll(longest * 1000));
        tokio::time::sleep(wait).await;
    }

    async fn control(&self, call: Call) -> Reply {
        match call {
            Call::Judge => return Reply::Verdict(Box::new(self.verdict().await)),
            Call::Until { calls } => drop(self.served.subscribe().wait_for(|served| *served >= calls).await),
            Call::Hold => self.gate.send_modify(|gate| gate.shut = true),
            Call::Held { answers } => drop(self.gate.subscribe().wait_for(|gate| gate.waiting >= answers).await),
            Call::Release => self.gate.send_modify(|gate| gate.shut = false),
            other => return Reply::Failed(Problem::new(ErrorKind::InvalidInput, format!("of whom? {other:?}"))),
        }
        Reply::Done
    }

    async fn pass_gate(&self) {
        self.gate.send_modify(|gate| gate.waiting += 1);
        let _ = self.gate.subscribe().wait_for(|gate| !gate.shut).await;
        self.gate.send_modify(|gate| gate.waiting -= 1);
    }

    pub(crate) async fn verdict(&self) -> Verdict {
        let mut log = self.log.lock().await;
        log.made.retain(|made| self.members[&made.credential].provider.is_alive(&made.token));
        let living = |made: &Made| Living {
            credential: made.credential.clone(),
            fingerprint: made.token.fingerprint(),
            label: made.label.clone(),
        };
        let mut decisions = BTreeMap::new();
        for (kind, _) in &log.decisions {
            *decisions.entry(format!("{kind:?}")).or_default() += 1;
        }
        Verdict {
            tokens: log.tokens,
            live: log.made.iter().map(living).collect(),
            stale: log.stale.len(),
            revoked_early: log.revoked_early.len(),
            issued_twice: log.asked.values().filter(|times| **times > 1).count(),
            down: self.members.values().flat_map(|resident| resident.down(&log)).map(|(place, _)| place).collect(),
            served: *self.served.borrow(),
            in_flight: log.in_flight,
            decisions,
            complaints: log.complaints.clone(),
            calls: log.calls.clone(),
            newest: log.newest.clone(),
        }
    }
}

impl Resident {
    async fn perform(&self, credential: &str, call: Call, log: &mut Log) -> Result<Reply> {
        Ok(match call {
            Call::Inspect { token } => Reply::Granted(Box::new(self.provider.inspect(&Token::new(&token)?).await?)),
            Call::Issue { label, scopes, current } => {
                *log.asked.entry(label.clone()).or_default() += 1;
                self.issue(credential, label, &scopes, current, log).await?
            }
            Call::Revoke { token, id } => {
                let token = token.map_or_else(|| numbered(id.as_ref()), |token| Token::new(&token))?;
                let fingerprint = token.fingerprint();
                if self.places.values().any(|place| place.holds() == Some(fingerprint)) {
                    log.revoked_early.insert(fingerprint);
                }
                self.provider.revoke(&testing::retired(&token)).await?;
                Reply::Done
            }
            Call::Status { id } => Reply::Liveness(self.provider.status(&id).await?),
            Call::Find { label } => Reply::Ids(self.provider.find(&label).await?),
            Call::Preflight { place } => Reply::Slot(self.places[&place].preflight().await?),
            Call::Install { place, token, grant, expected } => {
                log.calls.entry(credential.to_owned()).or_default().retain(|call| call == "install");
                self.install(&place, &token, *grant, &expected, log).await?
            }
            Call::Verify { place, token, grant, slot } => {
                let token = testing::admitted(&Token::new(&token)?, *grant)?;
                Reply::Verified(self.places[&place].verify(&token, &slot).await?)
            }
            Call::MakeToken => Reply::Token(self.by_hand(credential, log).expose().to_owned()),
            Call::Delete { label } => {
                let named = log.made.iter().filter(|made| made.label.as_ref() == Some(&label));
                named.for_each(|made| self.provider.kill(&made.token));
                Reply::Done
            }
            Call::Decide { run } => {
                log.decisions.insert((self.kind, run));
                Reply::Done
            }
            Call::Complain { text } => {
                log.complaints.push(format!("{credential}: {text}"));
                Reply::Done
            }
            Call::First => {
                // A worker has just begun.
                log.calls.remove(credential);
                Reply::Token(self.first.expose().to_owned())
            }
            other => Reply::Failed(Problem::new(ErrorKind::InvalidInput, format!("not of a credential: {other:?}"))),
        })
    }

    async fn issue(
        &self,
        credential: &str,
        label: Label,
        scopes: &ScopeSet,
        current: Option<String>,
        log: &mut Log,
    ) -> Result<Reply> {
        let name = CredentialName::new(credential)?;
        let current = current.as_deref().map(Token::new).transpose()?;
        // Every credential has an account of its own, of the same name.
        let request = IssueRequest::new(&name, &label, scopes).with_owner(Some(credential));
        let request = request.with_current(current.as_ref(), None);
        Ok(match self.provider.issue(&request).await? {
            Issuance::Minted(Candidate { token, id, .. }) => {
                let value = token.expose().to_owned();
                log.add(credential, &token, Some(label));
                Reply::Minted { token: value, id }
            }
            Issuance::Guided(guide) => Reply::Guided(guide),
            Issuance::Pending { .. } => Reply::Failed(Problem::new(ErrorKind::Unsupported, "nothing is pending here")),
        })
    }

    async fn install(&self, place: &str, token: &str, grant: Grant, expected: &Slot, log: &mut Log) -> Result<Reply> {
        let token = Token::new(token)?;
        let admitted = testing::admitted(&token, grant)?;
        let done = self.places[place].install(&admitted, expected).await?;
        log.use_up(&token);
        Ok(match done {
            Installation::Done(slot) => Reply::Slot(slot),
            Installation::Guided(guide) => Reply::Guided(guide),
        })
    }

    /// A person makes a token once, and hands in the same one until it is in use.
    fn by_hand(&self, credential: &str, log: &mut Log) -> Token {
        let at_hand = log.made.iter().find(|made| {
            made.credential == credential && made.label.is_none() && !made.used && self.provider.is_alive(&made.token)
        });
        if let Some(made) = at_hand {
            return made.token.clone();
        }
        let token = self.provider.mint(credential, ScopeSet::of(["repo"]));
        log.add(credential, &token, None);
        token
    }

    /// Places that hold a dead token, and which.
    fn down(&self, log: &Log) -> Vec<(String, Fingerprint)> {
        let held = self.places.iter().filter_map(|(name, place)| Some((name.clone(), place.holds()?)));
        let lives = |fingerprint: Fingerprint| {
            log.made.iter().any(|made| made.token.fingerprint() == fingerprint && self.provider.is_alive(&made.token))
        };
        held.filter(|(_, fingerprint)| !lives(*fingerprint)).collect()
    }

    fn look_for_stale(&self, log: &mut Log) {
        if self.kind.overlaps() {
            let down = self.down(log);
            log.stale.extend(down);
        }
    }
}

/// The provider's token of this number.
fn numbered(id: Option<&TokenId>) -> Result<Token> {
    let number: u64 = id.and_then(|id| id.as_str().parse().ok()).unwrap_or_default();
    Token::new(&format!("memory-token-{number:08}"))
}

fn name_of(call: &Call) -> &'static str {
    match call {
        Call::Inspect { .. } => "inspect",
        Call::Issue { .. } => "issue",
        Call::Revoke { .. } => "revoke",
        Call::Status { .. } | Call::Find { .. } => "find",
        Call::Preflight { .. } => "preflight",
        Call::Install { .. } => "install",
        Call::Verify { .. } => "verify",
        _ => "other",
    }
}
