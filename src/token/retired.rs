//! A token that is to die.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Token};
use crate::name::{Label, TokenId};

/// Why a token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Its successor is in use everywhere.
    Superseded,
    /// The run was rolled back, and nobody holds it any more.
    RolledBack,
    /// A run died while issuing; nobody ever knew its value.
    Orphan,
    /// It was issued for us and is not what was asked for.
    Refused,
    /// It leaked.
    Compromised,
}

/// A token that the engine decided to end, with the reason. Only the engine makes one.
///
/// ```compile_fail
/// # use tokenturn::{Reason, RetiredToken};
/// let token = RetiredToken::new(None, None, Reason::Superseded);
/// ```
#[derive(Clone, Debug)]
pub struct RetiredToken {
    value: Option<Token>,
    companion: Option<Token>,
    fingerprint: Option<Fingerprint>,
    id: Option<TokenId>,
    label: Option<Label>,
    successor: Option<Label>,
    reason: Reason,
}

impl RetiredToken {
    pub(crate) fn new(
        value: Option<Token>,
        fingerprint: Option<Fingerprint>,
        id: Option<TokenId>,
        label: Option<Label>,
        reason: Reason,
    ) -> Self {
        Self { value, companion: None, fingerprint, id, label, successor: None, reason }
    }

    /// With the second secret that came with it.
    pub(crate) fn with_companion(mut self, companion: Option<Token>) -> Self {
        self.companion = companion;
        self
    }

    /// With the label of the token that took its place, which must not be mistaken for it.
    pub(crate) fn with_successor(mut self, label: Option<Label>) -> Self {
        self.successor = label;
        self
    }

    /// Its value, where we have it.
    #[must_use]
    pub fn value(&self) -> Option<&Token> {
        self.value.as_ref()
    }

    /// The second secret that came with it, such as a refresh token, where we have it. It must not outlive the token.
    #[must_use]
    pub fn companion(&self) -> Option<&Token> {
        self.companion.as_ref()
    }

    /// What may be shown of it, where its value was ever known.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Its number or name at the provider, where known.
    #[must_use]
    pub fn id(&self) -> Option<&TokenId> {
        self.id.as_ref()
    }

    /// The label that it was issued under by a run of this crate.
    #[must_use]
    pub fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// The label of the token that took its place, where it was issued by a run of this crate: people delete wrong rows.
    #[must_use]
    pub fn successor(&self) -> Option<&Label> {
        self.successor.as_ref()
    }

    /// Why it is revoked.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}
