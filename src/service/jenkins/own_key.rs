//! The cell that our own key is in, as a consumer.

use std::sync::Arc;

use async_trait::async_trait;

use super::api::Connection;
use super::key::{Held, JenkinsKey};
use super::place;
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Proof, Slot, Verification};
use crate::error::{Error, ErrorKind, Result};
use crate::token::{AdmittedToken, Answer, ScopeModel, ScopeSet};

/// The key that a [`Jenkins`](super::Jenkins) logs in with, as a place that a rotation writes. Made by
/// [`Jenkins::own_key`](super::Jenkins::own_key).
///
/// It is written last, after all other places of the run, and its old token goes back like that of any other. A token is
/// tried with `GET whoAmI` before it is taken: one that Jenkins does not take for the key's user never becomes the key.
/// No right is needed for that.
///
/// What its verification shows:
///
/// | means | works | is the new one |
/// | --- | --- | --- |
/// | `GET whoAmI` with what the cell holds | yes, if Jenkins takes it for the user; no, if Jenkins does not know it | - |
/// | the fingerprint of what the cell holds | - | yes or no: it is this process's own memory |
///
/// The version of its slot is that fingerprint, so it says the same after a restart. The cell then holds what the program
/// loaded; should that be the old token, a run that is taken up finds so and writes the new one again: before the old one
/// is ended, or, in an emergency, which does not wait for a last look, as soon as its end is refused because it is the key.
/// What the program loads from is a place of its own: see [`JenkinsKey`](super::JenkinsKey).
#[derive(Clone, Debug)]
#[must_use]
pub struct JenkinsOwnKey {
    jenkins: Arc<Connection>,
    key: JenkinsKey,
    name: String,
}

impl JenkinsOwnKey {
    pub(super) fn new(jenkins: Arc<Connection>, key: JenkinsKey) -> Self {
        let name = format!("jenkins:{}:key of {}", place(jenkins.endpoint.base()), key.user());
        Self { jenkins, key, name }
    }

    /// Its name in plans, events and the journal, in place of one like `jenkins:ci.example.com/ci:key of rotator`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    fn done(held: &Held) -> Installation {
        Installation::Done(slot(held))
    }
}

fn slot(held: &Held) -> Slot {
    Slot::at(held.fingerprint().to_string())
}

fn conflict() -> Error {
    let text = "the key was replaced since it was read, so nothing was changed: read it again";
    Error::new(ErrorKind::Conflict, text)
}

#[async_trait]
impl Consumer for JenkinsOwnKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("Jenkins").proving(Proof::Always, Proof::Always).own_key()
    }

    fn trips(&self) -> ConsumerTrips {
        // It is in our own memory.
        ConsumerTrips::new(0, 1, 1)
    }

    /// None: an API token of Jenkins may do what its user may.
    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::default())
    }

    /// Every vocabulary but [`ScopeModel::NONE`]: nobody but Jenkins makes what it lets in.
    fn refuses(&self, model: ScopeModel) -> Option<String> {
        (model != ScopeModel::NONE)
            .then(|| "Jenkins lets in its own API tokens alone: rotate its key with `Jenkins::api_tokens`".to_owned())
    }

    /// Sends nothing: a key that is dead already is to be replaced all the same.
    async fn preflight(&self) -> Result<Slot> {
        Ok(slot(&self.key.held()))
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        let held = self.key.held();
        if held.fingerprint() == token.fingerprint() {
            return Ok(Self::done(&held));
        }
        if expected.version != slot(&held).version {
            return Err(conflict());
        }
        // Whoever takes a key that does not work is locked out.
        let tried = self.jenkins.works_as(self.key.user(), token.token()).await;
        tried.map_err(|error| {
            if error.kind() != ErrorKind::Unauthenticated {
                return error;
            }
            let text = "Jenkins does not take this token for the key's user, so the key stays what it was: look at whose token \
                        it is, and that it lives";
            Error::new(ErrorKind::Unverified, text)
        })?;
        if !self.key.replace(held.fingerprint(), token.token())? {
            return Err(conflict());
        }
        Ok(Installation::Done(Slot::at(token.fingerprint().to_string())))
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let held = self.key.held();
        let new = if held.fingerprint() == token.fingerprint() { Answer::Proven } else { Answer::Refuted };
        let works = match self.jenkins.works_as(self.key.user(), &held.token).await {
            Ok(_) => Answer::Proven,
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Answer::Refuted,
            Err(error) => return Err(error),
        };
        let note = match new {
            Answer::Proven => "the key in memory is this token",
            _ => "the key in memory is another token",
        };
        Ok(Verification::new(works, new).with_note(note))
    }
}
