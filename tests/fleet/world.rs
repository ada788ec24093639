//! Many credentials over one provider, and a few words for what the tests ask of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::fleet::{Catalog, Fleet, FleetBuilder, Report, Turn};
use tokenturn::journal::MemoryJournal;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Issuance, IssueRequest, Liveness, Provider, ProviderCapabilities, Revocation};
use tokenturn::testing::{TestSealer, VirtualClock};
use tokenturn::{
    CredentialName, Error, ErrorKind, Event, Grant, Journal, Label, OldPolicy, Policy, Predecessor, Result,
    RetiredToken, Rotator, RotatorBuilder, ScopeModel, ScopeSet, Token, TokenId,
};
use tokio::sync::Semaphore;

/// A provider in memory that can be held still, that counts how many are issuing, and that panics where it is told to.
#[derive(Clone, Debug)]
pub(crate) struct Far {
    pub(crate) memory: MemoryProvider,
    name: &'static str,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    open: Semaphore,
    held: AtomicBool,
    inside: AtomicUsize,
    most: AtomicUsize,
    panics_at: Mutex<Option<Token>>,
    /// Tokens that are being revoked now.
    dying: Mutex<BTreeSet<String>>,
}

impl Far {
    pub(crate) fn new(name: &'static str, memory: MemoryProvider) -> Self {
        let gate = Gate {
            open: Semaphore::new(0),
            held: false.into(),
            inside: 0.into(),
            most: 0.into(),
            panics_at: Mutex::default(),
            dying: Mutex::default(),
        };
        Self { memory, name, gate: Arc::new(gate) }
    }

    /// From now on nobody is given a token, and none is revoked, until `let_go`.
    pub(crate) fn hold(&self) {
        self.gate.held.store(true, Ordering::SeqCst);
    }

    pub(crate) fn let_go(&self) {
        self.gate.held.store(false, Ordering::SeqCst);
        self.gate.open.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// How many ask for a token now.
    pub(crate) fn inside(&self) -> usize {
        self.gate.inside.load(Ordering::SeqCst)
    }

    /// How many asked for a token at most at a time.
    pub(crate) fn most(&self) -> usize {
        self.gate.most.load(Ordering::SeqCst)
    }

    /// It panics when it is shown this token.
    pub(crate) fn panic_at(&self, token: &Token) {
        *self.gate.panics_at.lock().unwrap() = Some(token.clone());
    }
}

impl Gate {
    async fn pass(&self) {
        if self.held.load(Ordering::SeqCst) {
            self.open.acquire().await.unwrap().forget();
        }
    }
}

/// A token that is being revoked, until the call is over or was dropped.
struct Dying<'a>(&'a Gate, String);

impl Drop for Dying<'_> {
    fn drop(&mut self) {
        self.0.dying.lock().unwrap().remove(&self.1);
    }
}

#[async_trait]
impl Provider for Far {
    fn name(&self) -> &str {
        self.name
    }
    fn capabilities(&self) -> ProviderCapabilities {
        self.memory.capabilities()
    }
    fn scopes(&self) -> ScopeModel {
        self.memory.scopes()
    }
    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let panics = self.gate.panics_at.lock().unwrap().as_ref() == Some(token);
        assert!(!panics, "a provider of somebody else has a mistake");
        self.memory.inspect(token).await
    }
    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let inside = self.gate.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.gate.most.fetch_max(inside, Ordering::SeqCst);
        // Others come along, where anything lets them.
        tokio::task::yield_now().await;
        self.gate.pass().await;
        self.gate.inside.fetch_sub(1, Ordering::SeqCst);
        self.memory.issue(request).await
    }
    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.memory.collect(ticket).await
    }
    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let which = format!("{:?} {:?}", token.id(), token.fingerprint());
        assert!(self.gate.dying.lock().unwrap().insert(which.clone()), "two engines are at one credential");
        let _dying = Dying(&self.gate, which);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.gate.pass().await;
        self.memory.revoke(token).await
    }
    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        self.memory.status(id).await
    }
    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.memory.find(label).await
    }
}

/// A provider, a journal, a clock, and credentials with a place each.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) far: Far,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) bots: BTreeMap<String, Bot>,
    pub(crate) told: Arc<Mutex<Vec<Event>>>,
}

/// How the credentials of a world are turned, by their names.
pub(crate) struct Books {
    pub(crate) world: Arc<World>,
    pub(crate) policy: Policy,
    pub(crate) person: Option<&'static str>,
    /// Who was looked up, in order.
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Books {
    pub(crate) fn new(world: &Arc<World>, policy: Policy, person: Option<&'static str>) -> Arc<Self> {
        Arc::new(Self { world: world.clone(), policy, person, asked: Mutex::default() })
    }

    pub(crate) fn rotator(&self, name: &str) -> Rotator {
        self.world.builder(name, &self.world.far).policy(self.policy.clone()).build().unwrap()
    }

    /// Turns of all, to begin with.
    pub(crate) fn turns(&self) -> std::vec::IntoIter<Turn> {
        let turn = |(name, bot): (&String, &Bot)| {
            let turn = Turn::new(self.rotator(name), Predecessor::Held(bot.old.clone()));
            self.person.into_iter().fold(turn, Turn::person)
        };
        self.world.bots.iter().map(turn).collect::<Vec<_>>().into_iter()
    }
}

impl std::fmt::Debug for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bots", self.world.bots.len())
    }
}

#[async_trait]
impl Catalog for Books {
    async fn turn(&self, credential: &CredentialName) -> Result<Option<Turn>> {
        self.asked.lock().unwrap().push(credential.to_string());
        match credential.as_str() {
            "broken" => return Err(Error::new(ErrorKind::Configuration, "its consumers are not known")),
            name if !self.world.bots.contains_key(name) => return Ok(None),
            _ => {}
        }
        let turn = Turn::new(self.rotator(credential.as_str()), Predecessor::Kept);
        Ok(Some(self.person.into_iter().fold(turn, Turn::person)))
    }
}

/// A credential as it was before anything was turned.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) old: Token,
    pub(crate) place: MemoryConsumer,
}

impl World {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self::over(names, |clock| Arc::new(MemoryJournal::with_clock(Arc::new(clock.clone()))), |memory| memory)
    }

    pub(crate) fn over(
        names: impl IntoIterator<Item = String>,
        journal: impl FnOnce(&VirtualClock) -> Arc<dyn Journal>,
        change: impl FnOnce(MemoryProvider) -> MemoryProvider,
    ) -> Self {
        let clock = VirtualClock::new();
        let memory = change(MemoryProvider::with_clock(Arc::new(clock.clone())));
        let bot = |name: String| {
            let (old, place) =
                (memory.mint(&name, ScopeSet::of(["repo"])), MemoryConsumer::new("ci", &memory).unwrap());
            place.put(&old);
            (name, Bot { old, place })
        };
        let bots = names.into_iter().map(bot).collect();
        let journal = journal(&clock);
        Self { clock, far: Far::new("memory", memory), journal, bots, told: Arc::default() }
    }

    pub(crate) fn builder(&self, name: &str, far: &Far) -> RotatorBuilder {
        let told = self.told.clone();
        Rotator::builder(name, far.clone())
            .consumer(self.bots[name].place.clone())
            .policy(swift())
            .journal(self.journal.clone())
            .sealer(Arc::new(TestSealer::new()))
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| told.lock().unwrap().push(event.clone()))
    }

    pub(crate) fn rotator(&self, name: &str) -> Rotator {
        self.builder(name, &self.far).build().unwrap()
    }

    pub(crate) fn turn(&self, name: &str) -> Turn {
        Turn::new(self.rotator(name), Predecessor::Held(self.bots[name].old.clone()))
    }

    /// The turns of those whose name begins so, in order of their names.
    pub(crate) fn turns(&self, prefix: &str) -> std::vec::IntoIter<Turn> {
        let names = self.bots.keys().filter(|name| name.starts_with(prefix));
        names.map(|name| self.turn(name)).collect::<Vec<_>>().into_iter()
    }

    /// What the provider and the places say themselves: nobody holds a dead token, and no more live than are held.
    #[track_caller]
    pub(crate) fn assert_nothing_is_lost(&self) {
        self.assert_nobody_holds_a_dead_token();
        assert_eq!(self.far.memory.live(), self.bots.len(), "a token lives that nobody holds");
    }

    #[track_caller]
    pub(crate) fn assert_nobody_holds_a_dead_token(&self) {
        for (name, bot) in &self.bots {
            let held = bot.place.holds();
            let alive = held.is_some_and(|held| self.far.memory.knows_alive(held));
            assert!(alive, "{name} holds a dead token");
        }
    }
}

pub(crate) fn named(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:03}")).collect()
}

/// No grace, and waits that are waited for.
pub(crate) fn swift() -> Policy {
    Policy::default().old(OldPolicy::Revoke { grace: Duration::ZERO }).linger(Duration::from_mins(10))
}

/// A fleet, and what it reports.
pub(crate) fn listening(builder: FleetBuilder) -> (Fleet, Arc<Mutex<Vec<Report>>>) {
    let heard: Arc<Mutex<Vec<Report>>> = Arc::default();
    let told = heard.clone();
    (builder.observe(move |report: &Report| told.lock().unwrap().push(report.clone())).build().unwrap(), heard)
}

/// Lets everything run that can.
pub(crate) async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}
