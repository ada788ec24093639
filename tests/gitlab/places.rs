//! A place that holds a token and shows at GitLab whether it works.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::testing::GitLabFake;
use tokenturn::{AdmittedToken, Answer, Consumer, Result, ScopeModel, ScopeSet, Token};

/// Clones share what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    name: &'static str,
    gitlab: Arc<GitLabFake>,
    held: Arc<Mutex<Token>>,
}

impl Place {
    pub(crate) fn new(name: &'static str, gitlab: &Arc<GitLabFake>, old: &Token) -> Self {
        Self { name, gitlab: gitlab.clone(), held: Arc::new(Mutex::new(old.clone())) }
    }

    pub(crate) fn holds(&self) -> Token {
        self.held.lock().unwrap().clone()
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

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        (model == ScopeModel::GITLAB).then(|| ScopeSet::of(["read_api"]))
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::at(self.holds().fingerprint().to_string()))
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        *self.held.lock().unwrap() = token.token().clone();
        self.preflight().await.map(Installation::Done)
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let say = |yes| if yes { Answer::Proven } else { Answer::Refuted };
        let held = self.holds();
        Ok(Verification::new(say(self.gitlab.is_alive(&held)), say(held == *token.token())))
    }
}
