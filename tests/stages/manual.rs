//! A place that only a person can update: nobody else can look there, and there is nothing between two machines.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokenturn::consumer::{Consumer, Manual};
use tokenturn::testing::consumer::{FarSide, NotApplicable};
use tokenturn::testing::{Trouble, admitted};
use tokenturn::{AdmittedToken, Fingerprint, Grant, Token};

/// A desk with a person at it.
pub(crate) struct Desk(Arc<dyn Consumer>);

impl Desk {
    pub(crate) fn new() -> Self {
        let manual = Manual::new("console", "console").unwrap();
        Self::with(manual.step("Open the settings.").requiring(["repo"]).confirmed_by("Restart the agent."))
    }

    pub(crate) fn with(consumer: impl Consumer) -> Self {
        Self(Arc::new(consumer))
    }
}

fn token(secret: &str) -> AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "build-bot")).unwrap()
}

fn nobody_looks<T>() -> Result<T, NotApplicable> {
    Err(NotApplicable::because("nobody but a person can look there"))
}

fn by_hand<T>() -> Result<T, NotApplicable> {
    Err(NotApplicable::because("a person does the writing there"))
}

#[async_trait]
impl FarSide for Desk {
    fn consumer(&self) -> Arc<dyn Consumer> {
        self.0.clone()
    }

    fn old_token(&self) -> AdmittedToken {
        token("ghp_FAKEold0123456789abcdefghijklmnop")
    }

    fn new_token(&self) -> AdmittedToken {
        token("ghp_FAKEnew0123456789abcdefghijklmnop")
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        nobody_looks()
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        nobody_looks()
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        by_hand()
    }

    async fn trouble(&self, _: Trouble) -> Result<(), NotApplicable> {
        by_hand()
    }

    async fn trap(&self, _: Trouble) -> Result<(), NotApplicable> {
        by_hand()
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        by_hand()
    }

    async fn throttle(&self, _: Duration) -> Result<Duration, NotApplicable> {
        by_hand()
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        by_hand()
    }

    async fn kill(&self, _: &AdmittedToken) -> Result<(), NotApplicable> {
        Err(NotApplicable::because("nobody there asks a provider"))
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        nobody_looks()
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}
