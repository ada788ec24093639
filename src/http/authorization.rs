//! Who asks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::token::{Redactor, Token};

/// Who asks, as a header that is wiped when it is gone and that no log shows.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(super) name: HeaderName,
    pub(super) header: HeaderValue,
    /// Whose budget it is.
    pub(super) who: String,
    pub(super) secrets: Redactor,
}

impl Authorization {
    /// A token, as RFC 6750 sends it.
    pub(crate) fn bearer(token: &Token) -> Result<Self> {
        Ok(Self {
            name: AUTHORIZATION,
            header: secret_value(Zeroizing::new(format!("Bearer {}", token.expose())))?,
            who: token.fingerprint().to_string(),
            secrets: Redactor::default().knowing(token.expose()),
        })
    }

    /// A user and a password, as RFC 7617 sends them.
    pub(crate) fn basic(user: &str, password: &SecretString) -> Result<Self> {
        if user.contains(':') || user.chars().any(char::is_control) {
            let text = "a user name has no colon and no control characters: correct it";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let pair = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        Ok(Self {
            name: AUTHORIZATION,
            header: secret_value(Zeroizing::new(format!("Basic {}", *encoded)))?,
            who: user.to_owned(),
            secrets: Redactor::default().knowing(password.expose_secret()).knowing(&encoded),
        })
    }

    /// The same, asked by whom limits are counted under one name though what is presented changes.
    #[cfg(feature = "github")]
    pub(crate) fn counted_as(mut self, who: impl Into<String>) -> Self {
        self.who = who.into();
        self
    }

    /// A key alone, without a word for its scheme. `who` stands for it in budgets and errors.
    #[cfg(feature = "codefresh")]
    pub(crate) fn raw(key: &SecretString, who: impl Into<String>) -> Result<Self> {
        Ok(Self {
            name: AUTHORIZATION,
            header: secret_value(Zeroizing::new(key.expose_secret().to_owned()))?,
            who: who.into(),
            secrets: Redactor::default().knowing(key.expose_secret()),
        })
    }

    /// A token in the header that GitLab has for it: a proxy that takes `Authorization` for its own leaves it alone.
    #[cfg(feature = "gitlab")]
    pub(crate) fn private_token(token: &Token) -> Result<Self> {
        Ok(Self {
            name: HeaderName::from_static("private-token"),
            header: secret_value(Zeroizing::new(token.expose().to_owned()))?,
            who: token.fingerprint().to_string(),
            secrets: Redactor::default().knowing(token.expose()),
        })
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorization({})", self.who)
    }
}

/// A header's value that is marked sensitive, and wiped when the last copy of it is gone.
pub(super) fn secret_value(text: Zeroizing<String>) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Wiped(text))).map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            "a secret has a character that no header can carry: hand in its value alone",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

struct Wiped(Zeroizing<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
