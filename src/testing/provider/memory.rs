//! The provider in memory, as a source.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::super::law::{NotApplicable, fault};
use super::super::{Trouble, VirtualClock};
use super::{Call, Person, Source, Terms};
use crate::clock::Clock as _;
use crate::error::{ErrorKind, Result};
use crate::guide::Guide;
use crate::name::TokenId;
use crate::provider::memory::{Fault, MemoryProvider};
use crate::provider::{Candidate, Issuer, Provider};
use crate::token::{Expiry, ScopeSet, Token};

/// Whose its tokens are.
const OWNER: &str = "build-bot";

/// How long they live.
const LIFE: Duration = Duration::from_hours(90 * 24);

/// No law makes more calls than this after something went wrong for good.
const ENOUGH: usize = 16;

type Seen = Arc<dyn Fn(MemoryProvider) -> Arc<dyn Provider> + Send + Sync>;

/// A [`MemoryProvider`] with its surroundings: the reference for sources of your own.
///
/// A provider of yours that stands on the one in memory is held to the laws by [`seen_as`](Self::seen_as).
#[derive(Clone)]
pub struct MemorySource {
    provider: MemoryProvider,
    clock: VirtualClock,
    current: Candidate,
    seen_as: Seen,
    malformed: Option<Arc<AtomicBool>>,
    polled: bool,
    /// What a person made, by its name.
    rows: Arc<Mutex<BTreeMap<String, Token>>>,
}

impl MemorySource {
    /// A provider that issues at once; old and new overlap.
    ///
    /// # Errors
    ///
    /// None that a caller could do anything about.
    pub fn new() -> Result<Self> {
        Self::of(|memory| memory)
    }

    /// A provider in memory that was made otherwise, by whatever `make` sets.
    ///
    /// # Errors
    ///
    /// None that a caller could do anything about.
    pub fn of(make: impl FnOnce(MemoryProvider) -> MemoryProvider) -> Result<Self> {
        let clock = VirtualClock::new();
        let provider = make(MemoryProvider::with_clock(Arc::new(clock.clone())));
        let token = provider.mint(OWNER, scopes());
        let companion = provider.capabilities().renews.then(|| MemoryProvider::companion_of(&token));
        let id = TokenId::new("1").ok();
        Ok(Self {
            current: Candidate::new(token).with_id(id).with_companion(companion),
            provider,
            clock,
            seen_as: Arc::new(|memory| Arc::new(memory)),
            malformed: None,
            polled: false,
            rows: Arc::default(),
        })
    }

    /// The same, with another provider over the one in memory.
    #[must_use]
    pub fn seen_as(mut self, seen_as: impl Fn(MemoryProvider) -> Arc<dyn Provider> + Send + Sync + 'static) -> Self {
        self.seen_as = Arc::new(seen_as);
        self
    }

    /// The provider over it reads answers: this flag tells it that the rest of the next one is malformed.
    #[must_use]
    pub fn with_answers(mut self, malformed: Arc<AtomicBool>) -> Self {
        self.malformed = Some(malformed);
        self
    }

    /// People agree elsewhere and paste nothing, as [`MemoryProvider::polled`] has it.
    #[must_use]
    pub fn polled(mut self) -> Self {
        self.provider = self.provider.polled();
        self.polled = true;
        self
    }

    /// The provider itself.
    #[must_use]
    pub fn memory(&self) -> &MemoryProvider {
        &self.provider
    }

    fn always(&self, fault: &Fault) {
        for call in ["inspect", "issue", "collect", "revoke", "status", "find"] {
            for _ in 0..ENOUGH {
                self.provider.plan_fault(call, fault.clone());
            }
        }
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// What a guide says in this step.
fn step<'a>(guide: &'a Guide, key: &str) -> &'a str {
    guide.steps.iter().find(|step| step.key == key).map_or("", |step| &step.text)
}

fn scopes() -> ScopeSet {
    ScopeSet::of(["repo"])
}

#[async_trait]
impl Source for MemorySource {
    fn provider(&self) -> Arc<dyn Provider> {
        (self.seen_as)(self.provider.clone())
    }

    fn current(&self) -> Candidate {
        self.current.clone()
    }

    fn terms(&self) -> Terms {
        Terms::new(scopes()).lasting(LIFE).owned_by(OWNER)
    }

    fn stranger(&self) -> Token {
        Token::made_up("memory-token-that-never-lived")
    }

    fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    async fn lives(&self, token: &Token) -> Result<bool, NotApplicable> {
        Ok(self.provider.is_alive(token))
    }

    async fn living(&self) -> Result<usize, NotApplicable> {
        Ok(self.provider.live())
    }

    async fn kill(&self, token: &Candidate) -> Result<(), NotApplicable> {
        self.provider.kill(&token.token);
        Ok(())
    }

    async fn follow(&self, guide: &Guide, person: Person) -> Result<Option<Token>, NotApplicable> {
        if self.polled {
            self.provider.agree();
            return match person {
                Person::Careful => Ok(None),
                _ => Err(NotApplicable::because("whoever agrees chooses nothing")),
            };
        }
        let (owner, scopes) = match person {
            Person::Careful => (OWNER, scopes()),
            Person::WrongScopes => (OWNER, ScopeSet::of(["gist"])),
            Person::WrongAccount => ("mallory", scopes()),
        };
        let token = self.provider.mint(owner, scopes);
        self.provider.amend(&token, |grant| grant.expiry = Expiry::At(self.clock.now().plus(LIFE)));
        let name = step(guide, "name").trim_start_matches("Call it ").trim_end_matches('.').to_owned();
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).insert(name, token.clone());
        Ok(Some(token))
    }

    async fn delete(&self, guide: &Guide) -> Result<(), NotApplicable> {
        let name = step(guide, "row").trim_start_matches("Delete the row ").split('.').next().unwrap_or_default();
        let row = self.rows.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.provider.kill(&row.unwrap_or_else(|| self.current.token.clone()));
        Ok(())
    }

    async fn trouble(&self, call: Call, trouble: Trouble) -> Result<(), NotApplicable> {
        let name = match call {
            Call::Inspect if matches!(trouble, Trouble::Refuse(401) | Trouble::Echo(401)) => {
                return Err(NotApplicable::because("nobody stands between"));
            }
            Call::Inspect => "inspect",
            Call::Issue if self.polled => "collect",
            Call::Issue if self.provider.capabilities().issuer == Issuer::Person => {
                return Err(NotApplicable::because("a person makes its tokens"));
            }
            Call::Issue => "issue",
            Call::Revoke => "revoke",
        };
        self.provider.plan_fault(name, fault(&trouble)?);
        Ok(())
    }

    async fn trap(&self, _: Trouble) -> Result<(), NotApplicable> {
        Err(NotApplicable::because("there is no connection"))
    }

    async fn malform(&self) -> Result<(), NotApplicable> {
        let no_answer = || NotApplicable::because("it reads no answer that could be malformed");
        self.malformed.as_ref().ok_or_else(no_answer)?.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn lock_out(&self) -> Result<(), NotApplicable> {
        self.always(&Fault::Refused(ErrorKind::PermissionDenied));
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.always(&Fault::Refused(ErrorKind::PermissionDenied));
        Ok(())
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.always(&Fault::Refused(ErrorKind::Unavailable));
        Ok(())
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}
