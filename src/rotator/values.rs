//! The values that a session keeps: under which names, how they are had, and which must stay.

use std::sync::{MutexGuard, PoisonError};

use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ValueId;
use crate::rotation::{Ending, Possession, Source, TokenRef};
use crate::token::{Redactor, Token};

impl Session {
    /// Under which name a token of this run is kept.
    pub(super) fn value_id(&self, token: &TokenRef) -> Result<ValueId> {
        let charter = self.state()?.charter();
        let run = &charter.run;
        Ok(match token {
            TokenRef::Old if charter.predecessor.held == Possession::Kept => current(),
            TokenRef::Old => ValueId::new(format!("{run}/old")),
            TokenRef::New(0) if matches!(charter.source, Source::Kept(_)) => current(),
            TokenRef::New(attempt) => ValueId::new(format!("{run}/new-{attempt}")),
            TokenRef::Found(id) => ValueId::new(format!("{run}/found-{id}")),
        })
    }

    /// Under which name what came with a token is kept.
    pub(super) fn companion_id(&self, token: &TokenRef) -> Result<ValueId> {
        Ok(ValueId::new(format!("{}+", self.value_id(token)?.as_str())))
    }

    /// Keeps a token of this run, and what came with it.
    pub(super) fn keep_pair(&mut self, token: &TokenRef, value: Token, companion: Option<Token>) -> Result<()> {
        self.keep(self.value_id(token)?, value);
        if let Some(companion) = companion {
            self.keep(self.companion_id(token)?, companion);
        }
        Ok(())
    }

    /// Whether there is a value under this name.
    pub(super) fn has(&self, id: &ValueId) -> bool {
        self.keep.contains_key(id) || self.reading.values.contains_key(id)
    }

    /// What came with a token, where anything did.
    pub(super) async fn companion(&self, token: &TokenRef) -> Result<Option<Token>> {
        self.value(&self.companion_id(token)?).await
    }

    /// Under which name a ticket is kept.
    pub(super) fn ticket_id(&self, attempt: u32) -> Result<ValueId> {
        Ok(ValueId::new(format!("{}/ticket-{attempt}", self.state()?.charter().run)))
    }

    /// A value, if it is kept.
    pub(super) async fn value(&self, id: &ValueId) -> Result<Option<Token>> {
        if let Some(token) = self.keep.get(id) {
            return Ok(Some(token.clone()));
        }
        let Some(value) = self.reading.values.get(id) else { return Ok(None) };
        let token = self.inner.sealer.open(&value.sealed, &value.context).await?;
        self.beware_of(&token);
        Ok(Some(token))
    }

    /// A run goes on: whoever was handed a value before may say it now.
    pub(super) async fn beware_of_what_is_kept(&self) {
        if self.open_run().is_some() {
            for id in self.reading.values.keys() {
                // One that does not open is told of when it is needed.
                let _ = self.value(id).await;
            }
        }
    }

    /// Nothing that repeats this is written down from now on.
    pub(super) fn beware_of(&self, token: &Token) {
        self.secrets().learn(token);
    }

    pub(super) fn secrets(&self) -> MutexGuard<'_, Redactor> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token's value.
    pub(super) async fn token(&self, token: &TokenRef) -> Result<Token> {
        let missing =
            || Error::new(ErrorKind::Journal, "the journal has lost the value of a token: do not go on without it");
        let value = self.value(&self.value_id(token)?).await?.ok_or_else(missing)?;
        match self.state()?.fingerprint(token) {
            Some(fingerprint) if fingerprint != value.fingerprint() => Err(Error::new(
                ErrorKind::Journal,
                "the journal keeps another value than its records say: do not go on",
            )),
            _ => Ok(value),
        }
    }

    /// What must be kept after the next commit; the rest is destroyed.
    pub(super) fn wanted(&self) -> Result<Vec<ValueId>> {
        let state = self.state()?;
        let mut wanted = vec![current(), current_companion()];
        let completed = matches!(state.ending(), Some(Ending::Completed { .. }));
        if completed && !self.inner.policy.keep_current {
            wanted.clear();
        } else if completed && !state.has_companion() {
            // What came with the token before is not that of this one.
            wanted.retain(|id| *id != current_companion());
        }
        if state.ending().is_none() {
            wanted.extend([self.value_id(&TokenRef::Old)?, self.companion_id(&TokenRef::Old)?]);
            if let Some(attempt) = state.pending_attempt() {
                wanted.push(self.ticket_id(attempt)?);
            }
        }
        // What the next run finds, it may present.
        if !completed && state.is_companion_spent() {
            let spent = self.companion_id(&TokenRef::Old)?;
            wanted.retain(|id| *id != spent);
        }
        for attempt in state.live_values() {
            let token = TokenRef::New(attempt);
            // In a completed run the token in use is kept as the current one.
            if !(completed && state.candidate() == Some(token.clone())) {
                wanted.extend([self.value_id(&token)?, self.companion_id(&token)?]);
            }
        }
        if let Some(attempt) = state.outlived() {
            wanted.push(self.companion_id(&TokenRef::New(attempt))?);
        }
        Ok(wanted)
    }

    /// The new token becomes the current one, in the same commit as the end.
    pub(super) async fn promote(&mut self) -> Result<()> {
        let state = self.state()?;
        let Some(token) = state.candidate().filter(|_| self.inner.policy.keep_current) else {
            return Ok(());
        };
        let companion = self.companion(&token).await?;
        if companion.is_none() && state.has_companion() {
            let text =
                "the journal has lost what came with the new token, such as a refresh token: do not go on without it";
            return Err(Error::new(ErrorKind::Journal, text));
        }
        let value = self.token(&token).await?;
        self.keep(current(), value);
        if let Some(companion) = companion {
            self.keep(current_companion(), companion);
        }
        Ok(())
    }
}

/// The token in use.
pub(super) fn current() -> ValueId {
    ValueId::new("current")
}

/// What came with the token in use.
pub(super) fn current_companion() -> ValueId {
    ValueId::new("current+")
}
