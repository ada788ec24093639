//! The names by which credentials, consumers, runs and tokens are known across processes and restarts.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The longest name, in bytes.
const LONGEST: usize = 256;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidInput`] when it is empty, has a control character, or has more than 256 bytes.
            pub fn new(name: impl AsRef<str>) -> Result<Self> {
                let name = name.as_ref();
                if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        concat!("a ", $what, " has 1 to 256 bytes and no control characters: choose another"),
                    ));
                }
                Ok(Self(name.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(name: String) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;

            fn try_from(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name!(
    /// The logical identity whose token is replaced again and again, such as `deploy-bot`: the journal's key.
    CredentialName,
    "credential's name"
);
name!(
    /// One place that uses a token, under a name that never changes: never an index.
    ConsumerName,
    "consumer's name"
);
name!(
    /// A token's number or name at its provider, by which it can be revoked or asked about without its value.
    TokenId,
    "token's id"
);
name!(
    /// Who drives a rotation: one engine in one process.
    Holder,
    "holder's name"
);
name!(
    /// One rotation.
    RunId,
    "run's id"
);
name!(
    /// The name that an issued token carries at its provider, unique for every attempt: a run that died while issuing
    /// finds its orphan by it, and a person finds the row to delete.
    Label,
    "label"
);

/// So many random bytes, in hex.
fn random(bytes: usize) -> Result<String> {
    let mut buffer = [0_u8; 16];
    getrandom::fill(&mut buffer).map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "the operating system gave no random bytes: nothing safe can be done without",
        )
    })?;
    Ok(buffer[..bytes.min(16)].iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

impl RunId {
    /// A run that never was.
    pub(crate) fn random() -> Result<Self> {
        Self::new(random(8)?)
    }

    /// What this run's attempt number `attempt` is called at the provider.
    pub(crate) fn label(&self, attempt: u32) -> Label {
        Label(format!("tokenturn-{self}-{attempt}").into())
    }
}

impl Holder {
    /// This engine, told apart from every other.
    pub(crate) fn random() -> Result<Self> {
        Self::new(format!("{}-{}", std::process::id(), random(8)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_checked_when_made_and_when_read() {
        assert!(CredentialName::new("").is_err());
        assert!(ConsumerName::new("a\nb").is_err());
        assert!(TokenId::new("x".repeat(257)).is_err());
        assert!(serde_json::from_str::<CredentialName>("\"\"").is_err());
        assert_eq!(serde_json::from_str::<CredentialName>("\"bot\"").unwrap().as_str(), "bot");
    }

    #[test]
    fn labels_differ_by_run_and_attempt_and_fit_where_names_are_short() {
        let (one, two) = (RunId::random().unwrap(), RunId::random().unwrap());
        assert_ne!(one.label(1), two.label(1));
        assert_ne!(one.label(1), one.label(2));
        // A fine-grained token's name at GitHub has 40 characters at most.
        assert!(one.label(9999).as_str().len() <= 40);
    }
}
