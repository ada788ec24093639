//! What a provider says of a token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Fingerprint, ScopeSet, Token};
use crate::clock::Timestamp;

/// What the provider says of one token. It keeps the token's fingerprint, so that no other token passes with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grant {
    /// Of which token this was said.
    pub fingerprint: Fingerprint,
    /// Whose token it is, as the provider writes the name: a login, a bot, an app.
    pub owner: String,
    /// What it may do.
    pub access: Access,
    /// Until when it lives.
    pub expiry: Expiry,
    /// When it was last used, where the provider tells.
    pub last_used: Option<Timestamp>,
    /// The provider's word for this kind of token.
    pub kind: Option<String>,
    /// Where the provider's API is, from the provider's own configuration and never from an answer. Consumers that test
    /// a connection give this address and no other.
    pub api: Option<Url>,
    /// What still keeps the token from working, though it is alive.
    pub restrictions: Vec<Restriction>,
    /// What it could do with the resources that the provider was told to try.
    pub probes: Vec<Probe>,
}

impl Grant {
    /// What a provider said of `token`: its owner, and nothing else yet.
    pub fn of(token: &Token, owner: impl Into<String>) -> Self {
        Self {
            fingerprint: token.fingerprint(),
            owner: owner.into(),
            access: Access::Unknown,
            expiry: Expiry::Unknown,
            last_used: None,
            kind: None,
            api: None,
            restrictions: Vec::new(),
            probes: Vec::new(),
        }
    }

    /// Adds what it may do.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Adds until when it lives.
    #[must_use]
    pub fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// Adds when it was last used.
    #[must_use]
    pub fn with_last_used(mut self, at: Option<Timestamp>) -> Self {
        self.last_used = at;
        self
    }

    /// Adds the provider's word for its kind.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Adds where the provider's API is.
    #[must_use]
    pub fn with_api(mut self, api: Url) -> Self {
        self.api = Some(api);
        self
    }

    /// Adds something that still keeps it from working.
    #[must_use]
    pub fn with_restriction(mut self, restriction: Restriction) -> Self {
        self.restrictions.push(restriction);
        self
    }

    /// Adds what became of a probe.
    #[must_use]
    pub fn with_probe(mut self, probe: Probe) -> Self {
        self.probes.push(probe);
        self
    }
}

/// What a token may do, as far as its provider says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Access {
    /// Scopes of the provider's vocabulary.
    Scopes(ScopeSet),
    /// Permissions by name and level, as apps have them.
    Permissions(BTreeMap<String, String>),
    /// The provider does not say. This is an answer of its own: neither everything nor nothing.
    Unknown,
    /// There is nothing to choose: the token may do what its owner may.
    Owner,
}

/// Until when a token lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Expiry {
    /// Until then.
    At(Timestamp),
    /// It has no end.
    Never,
    /// The provider does not say.
    #[default]
    Unknown,
}

/// Something that keeps a live token from working, which a person can lift without a new token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Restriction {
    /// Organisations want it authorised for single sign-on; their names or numbers, where known.
    SingleSignOn {
        /// Which, where known.
        organizations: Vec<String>,
    },
    /// An owner must approve it first.
    Approval {
        /// Whose approval, where known.
        by: Option<String>,
    },
}

/// What a token could do with one named resource that is not public.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Probe {
    /// Which resource, and which right was tried, in words.
    pub resource: String,
    /// Whether the right was there.
    pub answer: Answer,
    /// Whether a no is for good: nobody can give this very token the right afterwards, so that another is needed.
    #[serde(default)]
    pub for_good: bool,
}

impl Probe {
    /// What became of trying `resource`.
    pub fn new(resource: impl Into<String>, answer: Answer) -> Self {
        Self { resource: resource.into(), answer, for_good: false }
    }

    /// A no is for good: it is the wrong account's token, or was made without what cannot be added.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.for_good = true;
        self
    }
}

/// The answer to a question put to the outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature; Unknown is never taken for either of the others")]
pub enum Answer {
    /// Yes, shown.
    Proven,
    /// No, shown.
    Refuted,
    /// Neither was shown.
    #[default]
    Unknown,
}
