//! Keeps token values out of what is written down and told: providers and consumers of other hands say what they like.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::rotation::Fact;
use crate::token::{Fingerprint, Redactor};

/// What stands in place of a text that repeats a secret.
const WITHHELD: &str = "withheld: it repeats a secret";

/// Shorter texts tell nothing.
const SHORT: usize = 5;

/// What of a fact is our own word, whatever it says; and ids, without which a token could not be ended.
const OWN: &[&str] = &["fact", "consumer", "act", "attempt", "label", "since", "again_at", "id", "ids"];

/// The fact, without any text that repeats a secret.
pub(super) fn scrubbed_fact(fact: Fact, secrets: &Redactor) -> Result<Fact> {
    match fact {
        // Nothing of this may fail. An id that gives the whole value away is no id.
        Fact::Issued { attempt, origin, fingerprint, id, companion } => {
            let id = id.filter(|id| !secrets.is_whole_in(id.as_str()));
            Ok(Fact::Issued { attempt, origin, fingerprint, id, companion })
        }
        fact if is_our_own(&fact) => Ok(fact),
        fact => scrubbed(fact, secrets),
    }
}

/// What somebody else said, without any text that repeats a secret.
pub(super) fn scrubbed<T: Serialize + DeserializeOwned>(said: T, secrets: &Redactor) -> Result<T> {
    let internal = |_| Error::new(ErrorKind::Internal, "what was answered could not be written down");
    let mut value = serde_json::to_value(&said).map_err(internal)?;
    let found = match &mut value {
        Value::Object(fields) => {
            withhold_in(fields.iter_mut().filter(|(key, _)| !OWN.contains(&key.as_str())), secrets)
        }
        other => withhold(other, secrets),
    };
    if !found {
        return Ok(said);
    }
    serde_json::from_value(value).map_err(|_| {
        let text = "a provider or consumer answered with a secret where none may stand: it is not kept, mend it";
        Error::new(ErrorKind::Protocol, text)
    })
}

/// The error, without what was said if that repeats a secret.
pub(super) fn scrubbed_error(error: Error, secrets: &Redactor) -> Error {
    if !secrets.is_repeated_in(&format!("{error:?}")) {
        return error;
    }
    let withheld = Error::new(error.kind(), WITHHELD).with_effect(error.effect());
    error.retry_after().into_iter().fold(withheld, Error::with_retry_after)
}

/// Whether nothing in it was said by anybody else.
fn is_our_own(fact: &Fact) -> bool {
    match fact {
        Fact::Preflighted { slot, baseline, .. } => {
            let noted = baseline.as_ref().is_some_and(|check| check.note.is_some());
            let version = slot.version.as_ref().is_none_or(|version| version.len() < SHORT);
            version && slot.details.is_empty() && slot.warnings.is_empty() && !noted
        }
        Fact::Installed { slot, .. } | Fact::Restored { slot, .. } => {
            let version = slot.version.as_ref().is_none_or(|version| version.len() < SHORT);
            version && slot.details.is_empty() && slot.warnings.is_empty()
        }
        Fact::Verified { verification, .. }
        | Fact::VerifiedAfter { verification, .. }
        | Fact::RestoreVerified { verification, .. }
        | Fact::Relapsed { verification, .. } => verification.note.is_none(),
        Fact::PredecessorLooked { .. }
        | Fact::Admitted { .. }
        | Fact::Refused { .. }
        | Fact::TokenAsked { .. }
        | Fact::IssuePending { .. }
        | Fact::InstallationAsked { .. }
        | Fact::RestorationAsked { .. }
        | Fact::DeletionAsked { .. }
        | Fact::RollingBack { .. }
        | Fact::Stumbled { .. }
        | Fact::GaveUp { .. } => false,
        _ => true,
    }
}

fn is_fingerprint(text: &str) -> bool {
    text.parse::<Fingerprint>().is_ok()
}

/// Replaces every text that repeats a secret. Whether there was one.
fn withhold(value: &mut Value, secrets: &Redactor) -> bool {
    match value {
        Value::String(text) if text.len() >= SHORT && secrets.is_repeated_in(text) => {
            WITHHELD.clone_into(text);
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| withhold(item, secrets) | found),
        Value::Object(fields) => {
            let told = fields.keys().filter(|key| secrets.is_repeated_in(key)).cloned().collect::<Vec<_>>();
            for key in &told {
                fields.remove(key);
            }
            withhold_in(fields.iter_mut(), secrets) || !told.is_empty()
        }
        _ => false,
    }
}

fn withhold_in<'a>(fields: impl Iterator<Item = (&'a String, &'a mut Value)>, secrets: &Redactor) -> bool {
    let is_our_own = |key: &str, field: &Value| key == "fingerprint" && field.as_str().is_some_and(is_fingerprint);
    fields
        .filter(|(key, field)| !is_our_own(key, field))
        .fold(false, |found, (_, field)| withhold(field, secrets) | found)
}
