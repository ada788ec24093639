//! A place that holds a token and shows at GitHub whether it works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::testing::GitHubFake;
use tokenturn::{AdmittedToken, Answer, Consumer, Effect, Error, ErrorKind, Result, ScopeModel, ScopeSet, Token};

/// Clones share what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    name: &'static str,
    github: Arc<GitHubFake>,
    held: Arc<Mutex<Token>>,
    needs: &'static str,
    /// Whose tokens it takes: an app's, or a user's.
    of_app: bool,
    doubts: Arc<AtomicBool>,
}

impl Place {
    /// One that uses tokens of an app.
    pub(crate) fn app(name: &'static str, github: &Arc<GitHubFake>, old: &Token) -> Self {
        let held = Arc::new(Mutex::new(old.clone()));
        Self { name, github: github.clone(), held, needs: "contents=write", of_app: true, doubts: Arc::default() }
    }

    /// One that uses tokens of a user.
    pub(crate) fn user(name: &'static str, github: &Arc<GitHubFake>, old: &Token) -> Self {
        Self { needs: "repo", of_app: false, ..Self::app(name, github, old) }
    }

    pub(crate) fn holds(&self) -> Token {
        self.held.lock().unwrap().clone()
    }

    /// The next token is taken, and it is said that it may not have been.
    pub(crate) fn doubt_once(&self) {
        self.doubts.store(true, Ordering::Relaxed);
    }

    fn works(&self, token: &Token) -> bool {
        if self.of_app { self.github.is_app_token_alive(token) } else { self.github.is_alive(token) }
    }
}

#[async_trait]
impl Consumer for Place {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("memory").proving(Proof::Always, Proof::Always)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::of([self.needs]))
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::at(self.holds().fingerprint().to_string()))
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        *self.held.lock().unwrap() = token.token().clone();
        if self.doubts.swap(false, Ordering::Relaxed) {
            let error = Error::new(ErrorKind::PermissionDenied, "a test wants it so: try again");
            return Err(error.with_effect(Effect::Unknown));
        }
        self.preflight().await.map(Installation::Done)
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let say = |yes| if yes { Answer::Proven } else { Answer::Refuted };
        let held = self.holds();
        Ok(Verification::new(say(self.works(&held)), say(held == *token.token())))
    }
}
