//! The place in memory, as a far side.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::super::law::fault;
use super::super::{Trouble, admitted};
use super::{FarSide, NotApplicable};
use crate::consumer::Consumer;
use crate::consumer::memory::{Fault, MemoryConsumer};
use crate::error::{ErrorKind, Result};
use crate::provider::memory::MemoryProvider;
use crate::token::{AdmittedToken, Fingerprint, Grant, ScopeSet};

/// No law makes more calls than this after something went wrong for good.
const ENOUGH: usize = 16;

/// A [`MemoryConsumer`] with its surroundings: the reference for far sides of your own.
#[derive(Clone, Debug)]
pub struct MemoryFarSide {
    provider: MemoryProvider,
    place: MemoryConsumer,
    old: AdmittedToken,
    new: AdmittedToken,
}

impl MemoryFarSide {
    /// A place that holds a token.
    ///
    /// # Errors
    ///
    /// None that a caller could do anything about.
    pub fn new() -> Result<Self> {
        let provider = MemoryProvider::new();
        let place = MemoryConsumer::new("memory", &provider)?;
        let [old, new] = [(); 2].map(|()| provider.mint("build-bot", ScopeSet::of(["repo"])));
        place.put(&old);
        let admit = |token| admitted(token, Grant::of(token, "build-bot"));
        let (old, new) = (admit(&old)?, admit(&new)?);
        Ok(Self { provider, place, old, new })
    }

    /// The place itself.
    #[must_use]
    pub fn place(&self) -> &MemoryConsumer {
        &self.place
    }

    fn always(&self, fault: &Fault) {
        for call in ["preflight", "install", "verify"] {
            for _ in 0..ENOUGH {
                self.place.plan_fault(call, fault.clone());
            }
        }
    }
}

#[async_trait]
impl FarSide for MemoryFarSide {
    fn consumer(&self) -> Arc<dyn Consumer> {
        Arc::new(self.place.clone())
    }

    fn old_token(&self) -> AdmittedToken {
        self.old.clone()
    }

    fn new_token(&self) -> AdmittedToken {
        self.new.clone()
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        Ok(self.place.holds())
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        Err(NotApplicable::because("it holds a token and nothing else"))
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        self.place.put(self.old.token());
        Ok(())
    }

    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.place.plan_fault("install", fault(&trouble)?);
        Ok(())
    }

    async fn trap(&self, _: Trouble) -> Result<(), NotApplicable> {
        Err(NotApplicable::because("there is no connection"))
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.always(&Fault::Refused(ErrorKind::Unauthenticated));
        Ok(())
    }

    async fn throttle(&self, wait: Duration) -> Result<Duration, NotApplicable> {
        self.place.plan_fault("install", Fault::Limited(wait));
        Ok(wait)
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.always(&Fault::LostBefore);
        Ok(())
    }

    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable> {
        self.provider.kill(token.token());
        Ok(())
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        Ok(self.place.writes())
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}
