//! A far side, the consumer of its place, and calls that cannot hang.

use std::sync::Arc;

use super::super::law::{demand, in_time, violated};
use super::{Exception, FarSide, NotApplicable, Ruling, Stage};
use crate::consumer::{Consumer, Installation, Slot, Verification};
use crate::error::{self, Error};
use crate::guide::Guide;
use crate::token::{AdmittedToken, Fingerprint};

type Result<T> = std::result::Result<T, Exception>;

/// How often a check is asked again that has not shown yet what it claims to show.
const PATIENCE: usize = 10;

pub(super) struct Scene {
    pub(super) far: Box<dyn FarSide>,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) old: AdmittedToken,
    pub(super) new: AdmittedToken,
}

/// What became of an installation.
#[derive(Debug)]
pub(super) enum Placed {
    There(Slot),
    ByPerson(Guide),
}

impl Scene {
    pub(super) async fn open(stage: &Stage) -> Result<Self> {
        let far = stage.raise().await?;
        let (consumer, old, new) = (far.consumer(), far.old_token(), far.new_token());
        if old.fingerprint() == new.fingerprint() {
            return violated("the far side's two tokens are the same: give it two");
        }
        if let Ok(stored) = far.stored().await {
            demand(stored == Some(old.fingerprint()), || "the far side must hold the old token at first".to_owned())?;
        }
        Ok(Self { far, consumer, old, new })
    }

    /// What the next consumer is handed out for: a connection that was made after something changed.
    pub(super) fn reconnect(&mut self) {
        self.consumer = self.far.consumer();
    }

    /// Looks, with nothing in the way.
    pub(super) async fn look(&self) -> Result<Slot> {
        let looked = self.try_look().await?;
        looked.or_else(|error| violated(format!("`preflight` fails with nothing in its way: {error}")))
    }

    pub(super) async fn try_look(&self) -> Result<error::Result<Slot>> {
        in_time("preflight", self.consumer.preflight()).await
    }

    /// Installs, whatever comes of it.
    pub(super) async fn try_install(&self, token: &AdmittedToken, slot: &Slot) -> Result<error::Result<Placed>> {
        let by_person = self.consumer.capabilities().by_person;
        Ok(match in_time("install", self.consumer.install(token, slot)).await? {
            Ok(Installation::Guided(_)) if !by_person => {
                return violated(
                    "`install` asks for a person, and `capabilities` does not say so: call `by_person` there",
                );
            }
            Ok(Installation::Done(_)) if by_person => {
                return violated(
                    "`install` says that it is done, and `capabilities` says that a person does it: correct one",
                );
            }
            Ok(Installation::Guided(guide)) => Ok(Placed::ByPerson(guide)),
            Ok(Installation::Done(slot)) => Ok(Placed::There(slot)),
            Err(error) => Err(error),
        })
    }

    /// Installs, with nothing in the way, and says what the place is like then.
    pub(super) async fn install(&self, token: &AdmittedToken, slot: &Slot) -> Result<Slot> {
        match self.try_install(token, slot).await? {
            Ok(Placed::There(slot)) => {
                self.far.settle().await;
                Ok(slot)
            }
            Ok(Placed::ByPerson(_)) => Err(by_person().into()),
            Err(error) => violated(format!("`install` fails with nothing in its way: {error}")),
        }
    }

    /// Looks and installs, as the engine does.
    pub(super) async fn put(&self, token: &AdmittedToken) -> Result<Slot> {
        let slot = self.look().await?;
        self.install(token, &slot).await
    }

    /// Installs where something is in the way, and says with which error it failed, or nothing where it did not.
    pub(super) async fn stumble(&self, slot: &Slot) -> Result<Option<Error>> {
        match self.try_install(&self.new, slot).await? {
            Ok(Placed::There(_)) => Ok(None),
            Ok(Placed::ByPerson(_)) => Err(by_person().into()),
            Err(error) => Ok(Some(error)),
        }
    }

    /// Asks whether this token is there and works, with nothing in the way.
    pub(super) async fn ask(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let asked = self.try_ask(token, slot).await?;
        asked.or_else(|error| violated(format!("`verify` fails with nothing in its way: {error}")))
    }

    /// Asks, whatever comes of it.
    pub(super) async fn try_ask(&self, token: &AdmittedToken, slot: &Slot) -> Result<error::Result<Verification>> {
        in_time("verify", self.consumer.verify(token, slot)).await
    }

    /// Asks again while it has not shown what is wanted: some far sides take a while.
    pub(super) async fn ask_until(
        &self,
        token: &AdmittedToken,
        slot: &Slot,
        enough: impl Fn(&Verification) -> bool,
    ) -> Result<Verification> {
        let mut asked = 0;
        loop {
            let verification = self.try_ask(token, slot).await?;
            asked += 1;
            match verification {
                Ok(verification) if enough(&verification) || asked == PATIENCE => return Ok(verification),
                Err(error) if !error.is_transient() || asked == PATIENCE => {
                    return violated(format!("`verify` fails with nothing in its way: {error}"));
                }
                _ => self.far.settle().await,
            }
        }
    }

    pub(super) async fn stored(&self) -> Result<Option<Fingerprint>> {
        Ok(self.far.stored().await?)
    }

    /// Demands that this token is stored.
    pub(super) async fn holds(&self, token: &AdmittedToken, when: &str) -> Ruling {
        let which = if token.fingerprint() == self.new.fingerprint() { "new" } else { "old" };
        let stored = self.stored().await?;
        demand(stored == Some(token.fingerprint()), || {
            format!("{when}, the far side must hold the {which} token, and it holds {}", self.told(stored))
        })
    }

    fn told(&self, stored: Option<Fingerprint>) -> &'static str {
        match stored {
            None => "none, or not one alone",
            Some(stored) if stored == self.old.fingerprint() => "the old one",
            Some(stored) if stored == self.new.fingerprint() => "the new one",
            Some(_) => "another",
        }
    }
}

pub(super) fn by_person() -> NotApplicable {
    NotApplicable::because("a person does the writing there")
}
