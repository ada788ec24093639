//! A place of a test's own: it holds a token, and asks the far side whether that is taken.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::{AdmittedToken, Answer, Fingerprint, Result, ScopeModel, ScopeSet, Token};

#[derive(Clone)]
pub(crate) struct Place {
    held: Arc<Mutex<Option<Token>>>,
    alive: Arc<dyn Fn(&Token) -> bool + Send + Sync>,
    required: ScopeSet,
}

impl Place {
    pub(crate) fn holding(token: &Token, alive: impl Fn(&Token) -> bool + Send + Sync + 'static) -> Self {
        let held = Arc::new(Mutex::new(Some(token.clone())));
        Self { held, alive: Arc::new(alive), required: ScopeSet::new() }
    }

    pub(crate) fn requiring(mut self, scopes: &[&'static str]) -> Self {
        self.required = ScopeSet::of(scopes.iter().copied());
        self
    }

    pub(crate) fn holds(&self) -> Option<Fingerprint> {
        self.held.lock().unwrap().as_ref().map(Token::fingerprint)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({:?})", self.holds())
    }
}

#[async_trait::async_trait]
impl Consumer for Place {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "ci"
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("ci").proving(Proof::Always, Proof::Always)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(self.required.clone())
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::opaque())
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        *self.held.lock().unwrap() = Some(token.token().clone());
        Ok(Installation::Done(Slot::opaque()))
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let held = self.held.lock().unwrap().clone();
        let say = |yes| if yes { Answer::Proven } else { Answer::Refuted };
        let works = held.as_ref().is_some_and(|held| (self.alive)(held));
        Ok(Verification::new(say(works), say(self.holds() == Some(token.fingerprint()))))
    }
}
