//! A provider in memory: the reference for others, and the world of tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Request,
    Revocation,
};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Effect, Error, ErrorKind, Result};
pub use crate::fault::Fault;
use crate::fault::Faults;
use crate::guide::Guide;
use crate::name::{CredentialName, Label, TokenId};
use crate::token::{Access, Expiry, Fingerprint, Grant, RetiredToken, ScopeModel, ScopeSet, Token};

/// A provider in memory. Clones share their tokens.
///
/// It issues at once, old and new overlap, and it ends, finds and reports tokens by their id: whatever else is wanted is
/// set by [`with_capabilities`](Self::with_capabilities), and it behaves as it says.
#[derive(Clone, Debug)]
pub struct MemoryProvider {
    inner: Arc<Inner>,
    capabilities: ProviderCapabilities,
    scopes: ScopeModel,
    polled: bool,
    companions: bool,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    faults: Faults,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    /// By the token's number.
    tokens: BTreeMap<u64, Entry>,
    count: u64,
    /// Whether the person agreed to what is pending.
    agreed: bool,
    /// What is to be made once the person agrees, and for whom.
    pending: Option<Pending>,
    /// What came with the token that was ended last.
    ended_companion: Option<Token>,
}

#[derive(Clone, Debug)]
struct Pending {
    credential: CredentialName,
    label: Label,
    scopes: ScopeSet,
    owner: Option<String>,
    lifetime: Option<Duration>,
    current: Option<Token>,
}

#[derive(Debug)]
struct Entry {
    token: Token,
    grant: Grant,
    label: Option<Label>,
    alive: bool,
    /// Its end was promised.
    dying: bool,
    /// Its companion has issued another.
    spent: bool,
}

impl MemoryProvider {
    /// A provider without tokens.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// A provider without tokens, whose tokens expire by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner { state: Mutex::default(), faults: Faults::default(), clock }),
            capabilities: ProviderCapabilities::new(Issuer::Api, Fate::Survives)
                .ended_by(EndedBy::Api)
                .ending_by_id()
                .finding_by_label()
                .with_status_by_id(),
            scopes: ScopeModel::GITHUB_CLASSIC,
            polled: false,
            companions: false,
        }
    }

    /// What it can do, and how it behaves.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: ProviderCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// In whose words it speaks of scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeModel) -> Self {
        self.scopes = scopes;
        self
    }

    /// A person agrees elsewhere ([`agree`](Self::agree)) and it is asked now and then, instead of a paste.
    #[must_use]
    pub fn polled(mut self) -> Self {
        self.polled = true;
        self
    }

    /// A second secret comes with every token, and another is issued from a token only together with its own, once; from
    /// that secret alone where the capabilities say that it renews.
    #[must_use]
    pub fn with_companions(mut self) -> Self {
        self.companions = true;
        self
    }

    /// Makes a token past its interface, as a person would on a settings page.
    #[must_use]
    pub fn mint(&self, owner: &str, scopes: ScopeSet) -> Token {
        self.lock().mint(owner, Access::Scopes(scopes), None)
    }

    /// The token that was made last.
    #[must_use]
    pub fn newest(&self) -> Option<Token> {
        self.lock().tokens.values().next_back().map(|entry| entry.token.clone())
    }

    /// The person agrees to what is pending.
    pub fn agree(&self) {
        self.lock().agreed = true;
    }

    /// Ends a token past its interface.
    pub fn kill(&self, token: &Token) {
        if let Some(entry) = self.lock().entry_mut(token) {
            entry.alive = false;
        }
    }

    /// The second secret of a token.
    #[must_use]
    pub fn companion_of(token: &Token) -> Token {
        // Not the fingerprint itself, which is shown.
        let other = Fingerprint::of(format!("companion of {}", token.fingerprint()).as_bytes());
        Token::made_up(&Zeroizing::new(format!("companion-{other}")))
    }

    /// The second secret that was handed over with the token that it was last asked to end.
    #[must_use]
    pub fn ended_companion(&self) -> Option<Token> {
        self.lock().ended_companion.clone()
    }

    /// Changes what is said of a token.
    pub fn amend(&self, token: &Token, amend: impl FnOnce(&mut Grant)) {
        if let Some(entry) = self.lock().entry_mut(token) {
            amend(&mut entry.grant);
        }
    }

    /// Whether a token is taken.
    #[must_use]
    pub fn is_alive(&self, token: &Token) -> bool {
        let now = self.inner.clock.now();
        self.lock().entry_mut(token).is_some_and(|entry| entry.is_alive(now))
    }

    /// Whether a token that is known by its fingerprint alone is taken.
    #[must_use]
    pub fn knows_alive(&self, token: Fingerprint) -> bool {
        let now = self.inner.clock.now();
        self.lock().tokens.values().any(|entry| entry.token.fingerprint() == token && entry.is_alive(now))
    }

    /// How many tokens are taken.
    #[must_use]
    pub fn live(&self) -> usize {
        let now = self.inner.clock.now();
        self.lock().tokens.values().filter(|entry| entry.is_alive(now)).count()
    }

    /// What goes wrong with the next call of this name: `inspect`, `issue`, `collect`, `revoke`, `status` or `find`.
    pub fn plan_fault(&self, call: &'static str, fault: Fault) {
        self.inner.faults.plan(call, fault);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the companion of the current token for another one.
    fn spend(&self, request: &IssueRequest<'_>) -> Result<()> {
        let needed = request.current.is_some() || self.capabilities.renews;
        let mut state = self.lock();
        let first = state.tokens.is_empty();
        let owned =
            state.tokens.values_mut().find(|entry| request.companion == Some(&Self::companion_of(&entry.token)));
        let fits = owned.filter(|entry| !entry.spent && request.current.is_none_or(|current| *current == entry.token));
        match fits {
            Some(entry) => {
                entry.spent = true;
                entry.alive &= self.capabilities.fate != Fate::Dies;
                Ok(())
            }
            None if needed && !first => Err(unknown()),
            None => Ok(()),
        }
    }

    fn issue_now(&self, request: &IssueRequest<'_>) -> Issuance {
        let IssueRequest { label, scopes, owner, current, lifetime, .. } = *request;
        let life = lifetime.or(self.capabilities.longest_life);
        let mut state = self.lock();
        let held = current.and_then(|token| state.entry_mut(token)).map(|entry| entry.grant.owner.clone());
        let owner = held.or_else(|| owner.map(str::to_owned));
        if let (Fate::Dies, Some(entry)) = (self.capabilities.fate, current.and_then(|token| state.entry_mut(token))) {
            entry.alive = false;
        }
        // Without a token to go by, it is for the account that it was made for before.
        let account = || state.tokens.values().next_back().map(|entry| entry.grant.owner.clone());
        let owner = owner.or_else(account).unwrap_or_else(|| "owner".into());
        let token = state.mint(&owner, Access::Scopes(scopes.clone()), Some(label.clone()));
        let number = state.count;
        let now = self.inner.clock.now();
        if let Some(entry) = state.tokens.get_mut(&number) {
            entry.grant.expiry = life.map_or(Expiry::Never, |life| Expiry::At(now.plus(life)));
        }
        if let Fate::DiesBeyond(most) = self.capabilities.fate {
            state.bury_beyond(most, now);
        }
        let companion = self.companions.then(|| Self::companion_of(&token));
        Issuance::Minted(Candidate::new(token).with_id(TokenId::new(number.to_string()).ok()).with_companion(companion))
    }
}

impl Default for MemoryProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn mint(&mut self, owner: &str, access: Access, label: Option<Label>) -> Token {
        self.count += 1;
        let text = Zeroizing::new(format!("memory-token-{:08}", self.count));
        let token = Token::made_up(&text);
        let grant = Grant::of(&token, owner).with_access(access).with_expiry(Expiry::Never);
        self.tokens
            .insert(self.count, Entry { token: token.clone(), grant, label, alive: true, dying: false, spent: false });
        token
    }

    fn entry_mut(&mut self, token: &Token) -> Option<&mut Entry> {
        self.tokens.values_mut().find(|entry| entry.token == *token)
    }

    /// The oldest live ones die, until there are no more than so many.
    fn bury_beyond(&mut self, most: u32, now: Timestamp) {
        let living = self.tokens.values().filter(|entry| entry.is_alive(now)).count();
        let oldest = self.tokens.values_mut().filter(|entry| entry.is_alive(now));
        for entry in oldest.take(living.saturating_sub(most as usize)) {
            entry.alive = false;
        }
    }

    fn retired_mut(&mut self, token: &RetiredToken) -> Option<&mut Entry> {
        if let Some(value) = token.value() {
            return self.entry_mut(value);
        }
        self.tokens.get_mut(&token.id()?.as_str().parse().ok()?)
    }
}

impl Entry {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.alive && !matches!(self.grant.expiry, Expiry::At(end) if end <= now)
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the provider does not know this token: hand in a live one")
}

/// Whatever became of a look: it changes nothing.
fn nothing_changed(error: Error) -> Error {
    error.with_effect(Effect::None)
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "this provider in memory does not claim that: look at its capabilities")
}

#[async_trait]
impl Provider for MemoryProvider {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "memory"
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.capabilities.clone()
    }

    fn scopes(&self) -> ScopeModel {
        self.scopes
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let look = || {
            let now = self.inner.clock.now();
            let mut state = self.lock();
            let entry = state.entry_mut(token).filter(|entry| entry.is_alive(now)).ok_or_else(unknown)?;
            let grant = entry.grant.clone();
            // What was promised comes true once somebody has looked.
            entry.alive = !entry.dying;
            Ok(grant)
        };
        self.inner.faults.around("inspect", "memory", look, || Err(unknown())).await.map_err(nothing_changed)
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let issue = || {
            if self.companions {
                self.spend(request)?;
            }
            let guide = || Guide::new("Make a token").with_step("name", format!("Call it {}.", request.label));
            Ok(match self.capabilities.issuer {
                Issuer::Api => self.issue_now(request),
                Issuer::Person if self.polled => {
                    let mut state = self.lock();
                    state.agreed = false;
                    let (credential, owner) = (request.credential.clone(), request.owner.map(str::to_owned));
                    let (label, scopes, current) =
                        (request.label.clone(), request.scopes.clone(), request.current.cloned());
                    let lifetime = request.lifetime;
                    state.pending = Some(Pending { credential, label, scopes, owner, lifetime, current });
                    let now = self.inner.clock.now();
                    Issuance::Pending {
                        guide: guide(),
                        ticket: Token::new("memory-ticket")?,
                        poll_after: now.plus(Duration::from_secs(5)),
                        until: now.plus(Duration::from_mins(15)),
                        request: Request::Another,
                    }
                }
                Issuer::Person => Issuance::Guided(guide()),
            })
        };
        self.inner.faults.around("issue", "memory", issue, || Err(unknown())).await
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        if !self.polled {
            return Err(unsupported());
        }
        let collect = || {
            let used = || Error::new(ErrorKind::Protocol, "this code was used before").with_effect(Effect::Unknown);
            let (agreed, pending) = {
                let state = self.lock();
                (state.agreed, state.pending.clone())
            };
            let pending = pending.ok_or_else(used)?;
            if !agreed {
                let now = self.inner.clock.now();
                return Ok(Issuance::Pending {
                    guide: Guide::new("Make a token"),
                    ticket: ticket.clone(),
                    poll_after: now.plus(Duration::from_secs(5)),
                    until: now.plus(Duration::from_mins(15)),
                    request: Request::Open,
                });
            }
            self.lock().pending = None;
            let request = IssueRequest::new(&pending.credential, &pending.label, &pending.scopes)
                .with_owner(pending.owner.as_deref())
                .with_lifetime(pending.lifetime)
                .with_current(pending.current.as_ref(), None);
            Ok(self.issue_now(&request))
        };
        self.inner.faults.around("collect", "memory", collect, || Err(unknown())).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let by_id = token.value().is_none() && self.capabilities.ending != EndedBy::Person;
        if by_id && !self.capabilities.ends_by_id {
            return Err(unsupported());
        }
        let revoke = || {
            let mut state = self.lock();
            state.ended_companion = token.companion().cloned();
            Ok(match self.capabilities.ending {
                EndedBy::Person => {
                    let label = token.label().map_or_else(|| "by its name".to_owned(), |label| format!("{label}"));
                    let not = token.successor().map(|label| format!(" Not the row {label}.")).unwrap_or_default();
                    let row = format!("Delete the row {label}.{not}");
                    Revocation::Guided(Guide::new("Delete a token").with_step("row", row))
                }
                EndedBy::ApiLater => {
                    if let Some(entry) = state.retired_mut(token) {
                        entry.dying = true;
                    }
                    Revocation::Accepted { look_after: Duration::from_secs(1) }
                }
                EndedBy::Api => {
                    if let Some(entry) = state.retired_mut(token) {
                        entry.alive = false;
                    }
                    Revocation::Done
                }
            })
        };
        self.inner.faults.around("revoke", "memory", revoke, || Ok(Revocation::Done)).await
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        if !self.capabilities.status_by_id {
            return Err(unsupported());
        }
        let status = || {
            let now = self.inner.clock.now();
            let number: Option<u64> = id.as_str().parse().ok();
            let state = self.lock();
            let alive = number.and_then(|number| state.tokens.get(&number)).is_some_and(|entry| entry.is_alive(now));
            Ok(if alive { Liveness::Alive } else { Liveness::Dead })
        };
        self.inner.faults.around("status", "memory", status, || Ok(Liveness::Dead)).await.map_err(nothing_changed)
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        if !self.capabilities.finds_by_label {
            return Err(unsupported());
        }
        let find = || {
            let now = self.inner.clock.now();
            let state = self.lock();
            let mine =
                state.tokens.iter().filter(|(_, entry)| entry.label.as_ref() == Some(label) && entry.is_alive(now));
            mine.map(|(number, _)| TokenId::new(number.to_string())).collect()
        };
        self.inner.faults.around("find", "memory", find, || Ok(Vec::new())).await.map_err(nothing_changed)
    }
}
