//! Tokens that the caller's own code hands in.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Revocation,
};
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::name::{CredentialName, Label, TokenId};
use crate::token::{Grant, RetiredToken, ScopeModel, ScopeSet, Token};

/// A function of the caller.
type Call<I, O> = Arc<dyn Fn(I) -> Pin<Box<dyn Future<Output = Result<O>> + Send>> + Send + Sync>;

fn call<I, O, F>(function: impl Fn(I) -> F + Send + Sync + 'static) -> Call<I, O>
where
    F: Future<Output = Result<O>> + Send + 'static,
{
    Arc::new(move |input| Box::pin(function(input)))
}

/// A provider out of functions of the caller's own: a vault, a script, a system of which nobody else has heard.
///
/// Two functions are needed: one that issues, and one that says what a token is. Without the second nothing could be
/// admitted, and no death could be seen. What else there is, is claimed by handing in the function for it; what is not
/// handed in, it says that it cannot do, and where ending a token is not handed in, a person is asked to.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use tokenturn::consumer::{ConsumerCapabilities, memory::MemoryConsumer};
/// use tokenturn::provider::memory::MemoryProvider;
/// use tokenturn::provider::{Candidate, Revocation, Supplied, Wish};
/// use tokenturn::{Error, ErrorKind, Grant, Outcome, Policy, Predecessor, RetiredToken, Rotator, Token};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tokenturn::Result<()> {
/// let vault = Arc::new(Mutex::new(Vec::<Token>::new())); // stands for a system of yours
/// let (issues, knows, ends) = (vault.clone(), vault.clone(), vault.clone());
/// let provider = Supplied::new(
///     "vault of acme",
///     move |wish: Wish| {
///         let vault = issues.clone();
///         async move {
///             let token = Token::new(&format!("vault-FAKE-{}", wish.label))?;
///             vault.lock().unwrap().push(token.clone());
///             Ok(Candidate::new(token))
///         }
///     },
///     move |token: Token| {
///         let vault = knows.clone();
///         async move {
///             if vault.lock().unwrap().contains(&token) {
///                 return Ok(Grant::of(&token, "deploy-bot"));
///             }
///             Err(Error::new(ErrorKind::Unauthenticated, "the vault does not know this token"))
///         }
///     },
/// )
/// .ending(move |token: RetiredToken| {
///     let vault = ends.clone();
///     async move {
///         vault.lock().unwrap().retain(|kept| Some(kept) != token.value());
///         Ok(Revocation::Done)
///     }
/// });
///
/// let old = Token::new("vault-FAKE-old")?;
/// vault.lock().unwrap().push(old.clone());
/// // A place that proves nothing, as the reference in memory asks the provider in memory.
/// let place = MemoryConsumer::new("ci", &MemoryProvider::new())?.with_capabilities(ConsumerCapabilities::new("ci"));
/// let bot = Rotator::builder("deploy-bot", provider)
///     .consumer(place)
///     .policy(Policy::default().grace(std::time::Duration::ZERO))
///     .build()?;
/// let run = bot.rotate(Predecessor::Held(old.clone())).await?;
/// assert!(matches!(run.outcome, Outcome::Completed(_)));
/// assert!(!vault.lock().unwrap().contains(&old));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Supplied {
    name: String,
    scopes: ScopeModel,
    can: ProviderCapabilities,
    issue: Call<Wish, Candidate>,
    inspect: Call<Token, Grant>,
    end: Option<Call<RetiredToken, Revocation>>,
    status: Option<Call<TokenId, Liveness>>,
    find: Option<Call<Label, Vec<TokenId>>>,
}

/// What is asked of the function that issues: an [`IssueRequest`] of its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wish {
    /// For which credential.
    pub credential: CredentialName,
    /// The name that the token must carry at the provider.
    pub label: Label,
    /// The scopes that it must have, without those that others contain.
    pub scopes: ScopeSet,
    /// How long it should live; `None` leaves it to the provider.
    pub lifetime: Option<Duration>,
    /// Whose it should be, where that is known of the token before.
    pub owner: Option<String>,
    /// The current token, where there is one and it is at hand.
    pub current: Option<Token>,
    /// The second secret that came with the current token.
    pub companion: Option<Token>,
}

impl Supplied {
    /// A provider of this name: one that never changes, and that no other provider has.
    ///
    /// `issue` is called at most once for a label, in a task of its own. It returns as soon as it has the token. Its errors
    /// must say what they did: [`Effect::Unknown`](crate::Effect::Unknown) where a token may have been made all the same,
    /// and [`Effect::None`](crate::Effect::None), which is what errors say unless told otherwise, only where none was.
    ///
    /// `inspect` says what a token is, asked in a way that cannot harm it. It fails with
    /// [`ErrorKind::Unauthenticated`] exactly where the far side says that it does not know this token, for that is what a
    /// token's death is concluded from.
    pub fn new<I, P>(
        name: impl Into<String>,
        issue: impl Fn(Wish) -> I + Send + Sync + 'static,
        inspect: impl Fn(Token) -> P + Send + Sync + 'static,
    ) -> Self
    where
        I: Future<Output = Result<Candidate>> + Send + 'static,
        P: Future<Output = Result<Grant>> + Send + 'static,
    {
        Self {
            name: name.into(),
            scopes: ScopeModel::NONE,
            can: ProviderCapabilities::new(Issuer::Api, Fate::Survives),
            issue: call(issue),
            inspect: call(inspect),
            end: None,
            status: None,
            find: None,
        }
    }

    /// The vocabulary of its scopes. Without it there are none to choose.
    pub fn with_scopes(mut self, scopes: ScopeModel) -> Self {
        self.scopes = scopes;
        self
    }

    /// `end` ends a token at once, by its value or its id, whichever it is given; what is gone already is a success. Where it
    /// answers [`Revocation::Accepted`], it is looked at later.
    pub fn ending<F>(mut self, end: impl Fn(RetiredToken) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Revocation>> + Send + 'static,
    {
        self.end = Some(call(end));
        self.can = self.can.ended_by(EndedBy::Api);
        self
    }

    /// As [`ending`](Self::ending), and the id alone is enough. Without this no token is handed to it whose value is not at
    /// hand.
    pub fn ending_by_id<F>(self, end: impl Fn(RetiredToken) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Revocation>> + Send + 'static,
    {
        let mut this = self.ending(end);
        this.can = this.can.ending_by_id();
        this
    }

    /// `status` tells whether a token lives that is known by its id alone.
    pub fn with_status<F>(mut self, status: impl Fn(TokenId) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Liveness>> + Send + 'static,
    {
        self.status = Some(call(status));
        self.can = self.can.with_status_by_id();
        self
    }

    /// `find` lists the live tokens of a label. Without it a token whose answer was lost is reported as possibly alive, and
    /// nobody can end it.
    pub fn finding<F>(mut self, find: impl Fn(Label) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<TokenId>>> + Send + 'static,
    {
        self.find = Some(call(find));
        self.can = self.can.finding_by_label();
        self
    }

    /// Issuing does this to the token before, where that does not live on.
    pub fn with_fate(mut self, fate: Fate) -> Self {
        self.can.fate = fate;
        self
    }

    /// `issue` needs no current token: it has a key of its own.
    pub fn reissuing(mut self) -> Self {
        self.can = self.can.reissuing();
        self
    }

    /// `issue` takes the second secret that came with the current token, [`Wish::companion`], for another pair, be that token
    /// alive or not. It says so with [`Fate::Dies`] and without [`reissuing`](Self::reissuing), or `build()` refuses it.
    pub fn renewing(mut self) -> Self {
        self.can = self.can.renewing();
        self
    }

    /// `issue` cannot name what it makes: that has the name of the one before.
    pub fn keeping_names(mut self) -> Self {
        self.can = self.can.keeping_names();
        self
    }

    /// The plan must say this before anybody agrees.
    pub fn with_caution(mut self, caution: impl Into<String>) -> Self {
        self.can = self.can.with_caution(caution);
        self
    }
}

impl fmt::Debug for Supplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supplied").field("name", &self.name).field("can", &self.can).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Supplied {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.can.clone()
    }

    fn scopes(&self) -> ScopeModel {
        self.scopes
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        (self.inspect)(token.clone()).await
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let wish = Wish {
            credential: request.credential.clone(),
            label: request.label.clone(),
            scopes: request.scopes.clone(),
            lifetime: request.lifetime,
            owner: request.owner.map(str::to_owned),
            current: request.current.cloned(),
            companion: request.companion.cloned(),
        };
        (self.issue)(wish).await.map(Issuance::Minted)
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("a token that the caller's code hands in is never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        if let Some(end) = &self.end {
            return end(token.clone()).await;
        }
        let row = match (token.label(), token.id()) {
            (Some(label), _) => format!("Find the token named {label}."),
            (None, Some(id)) => format!("Find the token with the id {id}."),
            (None, None) => "Find the token that was replaced.".to_owned(),
        };
        let not = match token.successor() {
            Some(label) => format!(" Not the one named {label}: that is in use now."),
            None => String::new(),
        };
        let guide = Guide::new(format!("End a token of {} that is no longer used", self.name))
            .with_step("row", format!("{row}{not}"))
            .with_step("delete", "End it, and nothing else. Then say here that it was ended.");
        Ok(Revocation::Guided(guide))
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        match &self.status {
            Some(status) => status(id.clone()).await,
            None => Err(unsupported("no function was handed in that tells of a token by its id")),
        }
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        match &self.find {
            Some(find) => find(label.clone()).await,
            None => Err(unsupported("no function was handed in that finds tokens by their label")),
        }
    }
}

fn unsupported(text: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}
