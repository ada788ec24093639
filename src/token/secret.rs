//! The secret value itself.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::Fingerprint;
use super::format::Hint;
use crate::error::{Error, ErrorKind, Result};

/// The longest token that is taken, in bytes. The longest known ones have about 520; JSON Web Tokens reach a few thousand.
const LONGEST: usize = 8 * 1024;

/// A secret token and its fingerprint.
///
/// `Debug` shows the fingerprint. There is no `Display` and no `Serialize`, and the value is wiped on drop:
///
/// ```compile_fail,E0277
/// let token = tokenturn::Token::new("ghp_FAKE").unwrap();
/// println!("{token}");
/// ```
///
/// ```compile_fail,E0277
/// fn write<T: serde::Serialize>(_: T) {}
/// write(tokenturn::Token::new("ghp_FAKE").unwrap());
/// ```
#[derive(Clone)]
pub struct Token {
    secret: SecretString,
    fingerprint: Fingerprint,
}

impl Token {
    /// Takes a copy of `secret` that is wiped on drop. Wiping the original is the caller's part.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for what no token contains: nothing at all, white space, control characters (CR, LF,
    /// NUL), anything outside ASCII, or more than 8 KiB; and for a mask, such as asterisks or `[REDACTED]`. The text never
    /// quotes the value.
    pub fn new(secret: &str) -> Result<Self> {
        let refuse = |text: &'static str| Err(Error::new(ErrorKind::InvalidInput, text));
        if secret.is_empty() {
            return refuse("the token is empty: hand in its value");
        }
        if secret.len() > LONGEST {
            return refuse("the token has more than 8 KiB: this is not a token; copy the value alone");
        }
        if !secret.is_ascii() {
            return refuse(
                "the token has a character outside ASCII: copy it again, without quotes or dashes around it",
            );
        }
        if let Some(strange) = secret.bytes().find(|byte| !byte.is_ascii_graphic()) {
            return refuse(match strange {
                b'\r' | b'\n' => "the token has a line break in it: copy the value alone, as one line",
                b' ' | b'\t' => "the token has a space or tab in it: copy the value alone, as one word",
                _ => "the token has a control character in it: copy it again",
            });
        }
        if is_mask(secret) {
            return refuse("this is what is shown in the place of a token: copy the value itself");
        }
        Ok(Self { fingerprint: Fingerprint::of(secret.as_bytes()), secret: SecretString::from(secret) })
    }

    /// A value that this crate made up for its implementations in memory and its fakes: letters, digits, `-` and `_`.
    pub(crate) fn made_up(secret: &str) -> Self {
        Self { fingerprint: Fingerprint::of(secret.as_bytes()), secret: SecretString::from(secret) }
    }

    /// Takes what a person pasted: white space around it goes, and the hints say what looks odd.
    ///
    /// # Errors
    ///
    /// As [`Token::new`].
    pub fn from_paste(text: &str) -> Result<(Self, Vec<Hint>)> {
        let trimmed = text.trim();
        let token = Self::new(trimmed)?;
        let mut hints = token.hints();
        if trimmed.len() != text.len() {
            hints.insert(0, Hint::Trimmed);
        }
        Ok((token, hints))
    }

    /// What may be shown of it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The secret. Every use of this name is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// Whether it stands where a secret would: far sides show asterisks, or a word in brackets.
fn is_mask(text: &str) -> bool {
    let framed = |open, close| text.starts_with(open) && text.ends_with(close);
    text.contains("***") || text.bytes().all(|byte| byte == b'*') || framed('<', '>') || framed('[', ']')
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_token_contains_is_refused_without_quoting_it() {
        let long = "a".repeat(64 * 1024);
        for bad in
            ["", "tok\r", "tok\nen", "tok\0en", "tok en", "tok\ten", "tok\u{7f}", "tökenvalue", "\u{2013}token", &long]
        {
            let error = Token::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(bad.is_empty() || !error.to_string().contains(bad), "quoted: {error}");
        }
    }

    #[test]
    fn a_token_is_as_long_as_any_known_one_and_has_an_end() {
        assert!(Token::new(&"a".repeat(8192)).is_ok());
        assert!(Token::new(&"a".repeat(8193)).is_err());
    }

    #[test]
    fn a_mask_is_no_token() {
        for mask in ["*", "****", "glpat-********", "<secret-redacted/>", "[REDACTED]", "[MASKED]"] {
            assert_eq!(Token::new(mask).unwrap_err().kind(), ErrorKind::InvalidInput, "{mask}");
        }
        assert!(Token::new("a*b**c<d>[e]").is_ok());
    }

    #[test]
    fn only_the_fingerprint_is_printed() {
        let token = Token::new("ghp_FAKEFAKEFAKE").unwrap();
        assert_eq!(format!("{token:?}"), format!("Token({})", token.fingerprint()));
    }

    #[test]
    fn a_paste_is_trimmed_and_said_so() {
        let (token, hints) = Token::from_paste("  some-token\r\n").unwrap();
        assert_eq!(token, Token::new("some-token").unwrap());
        assert_eq!(hints, [Hint::Trimmed]);
        assert!(Token::from_paste("two\nlines").is_err());
    }
}
