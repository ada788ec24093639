//! The world that the tests act in, and a few words for what they ask of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{ConsumerCapabilities, Proof};
use tokenturn::journal::{
    Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, MemoryJournal, Page, Seq, Span,
};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{EndedBy, Fate, Issuer, Provider, ProviderCapabilities};
use tokenturn::rotation::{Ask, Completion, Fact, OldPolicy, OldToken, Outcome};
use tokenturn::testing::{TestSealer, VirtualClock};
use tokenturn::{
    Clock, CredentialName, Effect, Error, ErrorKind, Event, Holder, Policy, Result, Rotator, RotatorBuilder, Run,
    ScopeSet, Token,
};

/// One provider, two places that hold the old token, a journal, a clock, and everything that was told.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) provider: MemoryProvider,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) a: MemoryConsumer,
    pub(crate) b: MemoryConsumer,
    pub(crate) old: Token,
    pub(crate) told: Arc<Mutex<Vec<Event>>>,
    pub(crate) durable: bool,
}

pub(crate) fn repo() -> ScopeSet {
    ScopeSet::of(["repo"])
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// An interface issues and ends; old and new overlap.
pub(crate) fn overlap() -> ProviderCapabilities {
    ProviderCapabilities::new(Issuer::Api, Fate::Survives)
        .ended_by(EndedBy::Api)
        .ending_by_id()
        .finding_by_label()
        .with_status_by_id()
}

/// A person makes the token and deletes the old one.
pub(crate) fn guided() -> ProviderCapabilities {
    ProviderCapabilities::new(Issuer::Person, Fate::Survives)
}

/// Issuing kills the old token, and nothing can issue another.
pub(crate) fn replace() -> ProviderCapabilities {
    ProviderCapabilities::new(Issuer::Api, Fate::Dies).ended_by(EndedBy::Api)
}

/// A place that proves everything.
pub(crate) fn place() -> ConsumerCapabilities {
    ConsumerCapabilities::new("memory").proving(Proof::Always, Proof::Always)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(overlap())
    }

    pub(crate) fn of(can: ProviderCapabilities) -> Self {
        let durable = can.fate == Fate::Dies;
        let clock = VirtualClock::new();
        let provider = MemoryProvider::with_clock(Arc::new(clock.clone())).with_capabilities(can);
        let old = provider.mint("bot", repo());
        let consumer = |name| {
            let consumer = MemoryConsumer::new(name, &provider).unwrap();
            consumer.put(&old);
            consumer
        };
        let (a, b) = (consumer("a"), consumer("b"));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let journal: Arc<dyn Journal> = Arc::new(if durable {
            MemoryJournal::pretending_to_be_durable(shared)
        } else {
            MemoryJournal::with_clock(shared)
        });
        Self { clock, provider, journal, a, b, old, told: Arc::default(), durable }
    }

    /// The first place, with other capabilities.
    pub(crate) fn with_a(mut self, can: ConsumerCapabilities) -> Self {
        self.a = self.a.with_capabilities(can);
        self
    }

    /// The second place, with other capabilities.
    pub(crate) fn with_b(mut self, can: ConsumerCapabilities) -> Self {
        self.b = self.b.with_capabilities(can);
        self
    }

    pub(crate) fn with_provider(mut self, change: impl FnOnce(MemoryProvider) -> MemoryProvider) -> Self {
        self.provider = change(self.provider);
        self
    }

    /// A builder without consumers.
    pub(crate) fn bare(&self) -> RotatorBuilder {
        self.of_provider(self.provider.clone())
    }

    /// The builder of this world, where its provider is met through another.
    pub(crate) fn by(&self, provider: impl Provider + 'static) -> RotatorBuilder {
        self.of_provider(provider).consumer(self.a.clone()).consumer(self.b.clone())
    }

    fn of_provider(&self, provider: impl Provider + 'static) -> RotatorBuilder {
        let told = self.told.clone();
        let builder = Rotator::builder("bot", provider)
            .policy(swift())
            .journal(self.journal.clone())
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| told.lock().unwrap().push(event.clone()));
        if self.durable { builder.sealer(Arc::new(TestSealer::new())).accept_unrecoverable(true) } else { builder }
    }

    pub(crate) fn builder(&self) -> RotatorBuilder {
        self.by(self.provider.clone())
    }

    pub(crate) fn rotator(&self) -> Rotator {
        self.builder().build().unwrap()
    }

    pub(crate) fn with_policy(&self, policy: Policy) -> Rotator {
        self.builder().policy(policy).build().unwrap()
    }

    pub(crate) fn held(&self) -> tokenturn::Predecessor {
        tokenturn::Predecessor::Held(self.old.clone())
    }

    pub(crate) fn newest(&self) -> Token {
        self.provider.newest().unwrap()
    }

    /// Both places hold this token.
    pub(crate) fn all_hold(&self, token: &Token) -> bool {
        [&self.a, &self.b].iter().all(|place| place.holds() == Some(token.fingerprint()))
    }

    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.told.lock().unwrap().iter().map(|event| event.fact.clone()).collect()
    }

    /// How many facts are of this kind.
    pub(crate) fn count(&self, is: impl Fn(&Fact) -> bool) -> usize {
        self.facts().iter().filter(|fact| is(fact)).count()
    }

    /// What the newest run knew of the token before.
    pub(crate) fn predecessor(&self) -> OldToken {
        let begun = |fact| if let Fact::Begun(charter) = fact { Some(charter.predecessor) } else { None };
        self.facts().into_iter().rev().find_map(begun).unwrap()
    }

    /// The names under which values are kept.
    pub(crate) async fn kept(&self) -> Vec<String> {
        let bot = CredentialName::new("bot").unwrap();
        let log = self.journal.load(&bot, Span::From(Seq::ZERO)).await.unwrap();
        log.values.iter().map(|value| value.id.as_str().to_owned()).collect()
    }
}

/// No grace, and waits that are waited for.
pub(crate) fn swift() -> Policy {
    Policy::default().old(OldPolicy::Revoke { grace: Duration::ZERO }).linger(seconds(600))
}

#[track_caller]
pub(crate) fn completed(run: &Run) -> &Completion {
    match &run.outcome {
        Outcome::Completed(completion) => completion,
        other => panic!("not completed: {other:#?}"),
    }
}

#[track_caller]
pub(crate) fn asks(run: &Run) -> &[Ask] {
    match &run.outcome {
        Outcome::AwaitingPerson { asks, .. } => asks,
        other => panic!("no person is asked: {other:#?}"),
    }
}

#[track_caller]
pub(crate) fn stuck(run: &Run) -> String {
    match &run.outcome {
        Outcome::NeedsPerson { problems, .. } => {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        other => panic!("needs nobody: {other:#?}"),
    }
}

/// A journal that stumbles where it is told to.
pub(crate) struct Stumbling {
    pub(crate) inner: Arc<dyn Journal>,
    faults: Mutex<Vec<(&'static str, Stumble)>>,
    /// Whether it has another place for what it cannot append, and what is there.
    rescues: bool,
    pub(crate) rescued: Mutex<Vec<(Seq, Batch)>>,
    /// How much was written on trial, and whether that fails.
    pub(crate) rehearsed: Mutex<Vec<usize>>,
    pub(crate) full: std::sync::atomic::AtomicBool,
    /// What somebody made of the file.
    pub(crate) tampered: Mutex<Option<fn(&mut Log)>>,
    /// How many of the next reads fail.
    pub(crate) deaf: std::sync::atomic::AtomicUsize,
    /// What else happens when a token is stored.
    on_issued: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl std::fmt::Debug for Stumbling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stumbling({:?})", self.inner)
    }
}

/// What goes wrong with the append that holds a fact of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stumble {
    /// It is not stored, and said so.
    Refused,
    /// It is stored, and the answer is lost.
    LostAfter,
    /// It is not stored, and the answer is lost.
    LostBefore,
}

impl Stumbling {
    pub(crate) fn over(inner: Arc<dyn Journal>) -> Arc<Self> {
        Arc::new(Self::new(inner, false))
    }

    /// With a place for what it cannot append.
    pub(crate) fn rescuing(inner: Arc<dyn Journal>) -> Arc<Self> {
        Arc::new(Self::new(inner, true))
    }

    fn new(inner: Arc<dyn Journal>, rescues: bool) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            rescues,
            rescued: Mutex::default(),
            rehearsed: Mutex::default(),
            full: false.into(),
            tampered: Mutex::default(),
            deaf: 0.into(),
            on_issued: Mutex::default(),
        }
    }

    /// The next append that holds such a fact goes wrong.
    pub(crate) fn at(&self, fact: &'static str, stumble: Stumble) {
        self.faults.lock().unwrap().push((fact, stumble));
    }

    /// This happens whenever a new token is stored.
    pub(crate) fn on_issued(&self, happens: impl Fn() + Send + 'static) {
        *self.on_issued.lock().unwrap() = Some(Box::new(happens));
    }

    fn take(&self, batch: &Batch) -> Option<Stumble> {
        if batch.records.iter().any(|record| record.fact.contains("\"fact\":\"issued\""))
            && let Some(happens) = &*self.on_issued.lock().unwrap()
        {
            happens();
        }
        let mut faults = self.faults.lock().unwrap();
        let holds =
            |fact: &str| batch.records.iter().any(|record| record.fact.contains(&format!("\"fact\":\"{fact}\"")));
        let at = faults.iter().position(|(fact, _)| holds(fact))?;
        Some(faults.remove(at).1)
    }
}

#[async_trait::async_trait]
impl Journal for Stumbling {
    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        self.inner.claim(credential, holder, ttl).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        self.inner.claim_due(filter, holder, ttl, limit).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        let error = |effect| Err(Error::new(ErrorKind::Journal, "the journal stumbled").with_effect(effect));
        match self.take(batch) {
            None => self.inner.append(lease, after, batch).await,
            Some(Stumble::Refused) => error(Effect::None),
            Some(Stumble::LostBefore) => error(Effect::Unknown),
            Some(Stumble::LostAfter) => {
                self.inner.append(lease, after, batch).await?;
                error(Effect::Unknown)
            }
        }
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.release(lease).await
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        self.rehearsed.lock().unwrap().push(bytes);
        if self.full.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Journal, "the disk is full: free some of it"));
        }
        self.inner.rehearse(lease, bytes).await
    }

    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        if !self.rescues {
            return self.inner.rescue(lease, after, batch).await;
        }
        self.rescued.lock().unwrap().push((after, batch.clone()));
        Ok(())
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        let one_less = |left: usize| left.checked_sub(1);
        let order = std::sync::atomic::Ordering::SeqCst;
        if self.deaf.fetch_update(order, order, one_less).is_ok() {
            return Err(Error::new(ErrorKind::Journal, "the journal cannot be read"));
        }
        let mut log = self.inner.load(credential, span).await?;
        if let Some(tamper) = *self.tampered.lock().unwrap() {
            tamper(&mut log);
        }
        Ok(log)
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        self.inner.heads(filter, page).await
    }
}
