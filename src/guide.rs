//! What a person must do, in words that a front end shows. It never holds a secret.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::Timestamp;

/// What a person must do: a link that leads there, and steps that work when the link does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Guide {
    /// What it is about, in one line.
    pub title: String,
    /// Where to do it, filled in as far as the service allows.
    pub link: Option<Url>,
    /// What to do, in order.
    pub steps: Vec<GuideStep>,
    /// Until when it should be done. Overdue is said, never acted upon.
    pub deadline: Option<Timestamp>,
}

/// One step of a [`Guide`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GuideStep {
    /// What kind of step it is: `sign-in`, `open`, `scopes`, ... An organisation hangs its own notes on it.
    pub key: String,
    /// What to do.
    pub text: String,
    /// What the organisation adds: which account, where the one-time code is, whom to ask.
    pub note: Option<String>,
}

impl Guide {
    /// A guide without steps yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), link: None, steps: Vec::new(), deadline: None }
    }

    /// Adds the link.
    #[must_use]
    pub fn with_link(mut self, link: Url) -> Self {
        self.link = Some(link);
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn with_step(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.steps.push(GuideStep { key: key.into(), text: text.into(), note: None });
        self
    }

    /// Adds until when it should be done.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Timestamp) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Hangs the organisation's notes on the steps of the same key.
    #[must_use]
    pub(crate) fn with_notes(mut self, notes: &BTreeMap<String, String>) -> Self {
        for step in &mut self.steps {
            step.note = notes.get(&step.key).cloned().or(step.note.take());
        }
        self
    }
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        if let Some(link) = &self.link {
            writeln!(f, "  {link}")?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "  {}. {}", at + 1, step.text)?;
            if let Some(note) = &step.note {
                writeln!(f, "     Note: {note}")?;
            }
        }
        if let Some(deadline) = self.deadline {
            writeln!(f, "  Until {deadline}.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_the_organisation_stand_beside_their_step() {
        let guide = Guide::new("Make a token")
            .with_step("sign-in", "Sign in as bot.")
            .with_step("copy", "Copy it.")
            .with_notes(&BTreeMap::from([("sign-in".into(), "The code is in the safe.".into())]));
        assert_eq!(
            guide.to_string(),
            "Make a token\n  1. Sign in as bot.\n     Note: The code is in the safe.\n  2. Copy it.\n"
        );
    }
}
