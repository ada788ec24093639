//! Keeps secrets out of what a far side says, in every form in which it could say them back.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::Token;
use super::readings::readings;

/// So many characters of a secret in a row give it away.
const FRAGMENT: usize = 8;

/// The longest word in a beginning by which a kind of token is known.
const LONGEST_WORD: usize = 8;

/// Secrets, in every form in which a far side could say them back.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    forms: Vec<Arc<Zeroizing<String>>>,
}

impl Redactor {
    /// Knows this secret too.
    pub(crate) fn knowing(mut self, secret: &str) -> Self {
        let mut add = |form: String| self.forms.push(Arc::new(Zeroizing::new(form)));
        add(secret.to_owned());
        add(secret.chars().rev().collect());
        // The same bytes stand differently in base64 by what comes before them.
        for skip in 0..3.min(secret.len()) {
            add(STANDARD_NO_PAD.encode(&secret.as_bytes()[skip..]));
            add(URL_SAFE_NO_PAD.encode(&secret.as_bytes()[skip..]));
        }
        let mut hex = String::with_capacity(secret.len() * 2);
        secret.bytes().for_each(|byte| {
            let _ = write!(hex, "{byte:02x}");
        });
        add(hex);
        self
    }

    /// Knows a token from now on. Its beginning may be that of every token of its kind, and is no secret.
    pub(crate) fn learn(&mut self, token: &Token) {
        let value = token.expose();
        // `github_pat_`, `glpat-`: words of small letters. What comes after the last of them is chance.
        let mut secret = value;
        while let Some(at) = secret.find(['_', '-']).filter(|at| (1..=LONGEST_WORD).contains(at)) {
            let (word, rest) = (&secret[..at], &secret[at + 1..]);
            // `ghs_123456_` goes on with the number of an app, which is no secret either.
            let number = value.starts_with("ghs_") && word.bytes().all(|byte| byte.is_ascii_digit());
            if rest.len() < FRAGMENT || !(number || word.bytes().all(|byte| byte.is_ascii_lowercase())) {
                break;
            }
            secret = rest;
        }
        if self.forms.iter().all(|form| form.as_str() != secret) {
            *self = std::mem::take(self).knowing(secret);
        }
    }

    /// Knows what the other knows.
    #[cfg(feature = "http")]
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.forms.extend(other.forms.iter().cloned());
        self
    }

    /// Whether `text` gives a whole secret away as it is.
    pub(crate) fn is_whole_in(&self, text: &str) -> bool {
        self.forms.iter().any(|form| form.len() >= FRAGMENT && text.contains(form.as_str()))
    }

    /// Whether any part of a secret, in any form, can be read in `text`.
    pub(crate) fn is_repeated_in(&self, text: &str) -> bool {
        if self.forms.is_empty() {
            return false;
        }
        let readings = readings(text);
        let all: HashSet<_> = readings.iter().flat_map(|reading| fragments(reading)).collect();
        let lower: HashSet<_> = all.iter().copied().map(lowered).collect();
        self.forms.iter().any(|form| {
            let form = form.as_bytes();
            let short = || form.len() < FRAGMENT && all.iter().any(|part| part.starts_with(form));
            short() || parts(form).any(|part| lower.contains(&lowered(part)))
        })
    }
}

/// All that stands in a row in these bytes.
fn parts(bytes: &[u8]) -> impl Iterator<Item = [u8; FRAGMENT]> {
    bytes.windows(FRAGMENT).filter_map(|part| part.try_into().ok())
}

fn lowered(part: [u8; FRAGMENT]) -> [u8; FRAGMENT] {
    part.map(|byte| byte.to_ascii_lowercase())
}

/// The same of a text, with what is shorter at its end.
fn fragments(bytes: &[u8]) -> impl Iterator<Item = [u8; FRAGMENT]> {
    (0..bytes.len()).map(|at| {
        let mut part = [0; FRAGMENT];
        part.iter_mut().zip(&bytes[at..]).for_each(|(to, from)| *to = *from);
        part
    })
}

#[cfg(test)]
#[expect(clippy::format_collect, reason = "a few bytes, and plain to read")]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_prefix_is_no_secret_where_what_follows_is_long_enough_to_be_one() {
        let mut redactor = Redactor::default();
        redactor.learn(&Token::new("ghp_s3cr3t12").unwrap());
        assert!(redactor.is_whole_in("s3cr3t12") && !redactor.is_whole_in("ghp_s3cr"));
        // Nor is what might be part of the secret taken for a prefix.
        for whole in ["ghp_s3cr3t1", "S3cr_FAKEFAKEFAKE", "12345678_FAKEFAKEFAKE"] {
            let mut redactor = Redactor::default();
            redactor.learn(&Token::new(whole).unwrap());
            assert!(redactor.is_whole_in(whole) && redactor.is_repeated_in(&whole[..FRAGMENT]), "{whole}");
        }
    }

    #[test]
    fn a_secret_is_seen_in_any_encoding() {
        let secret = "s3cr3tV4lue/with+odd~chars";
        let redactor = Redactor::default().knowing(secret);
        let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let said = [
            secret.to_owned(),
            format!("bad token '{}'", &secret[4..14]),
            STANDARD.encode(secret),
            STANDARD.encode(format!("user:{secret}")),
            STANDARD.encode(format!("x{secret}y")),
            hex,
            percent,
            secret.to_uppercase(),
            secret.bytes().map(|byte| format!("&#{byte};")).collect(),
            secret.bytes().map(|byte| format!("&#x{byte:x};")).collect(),
            secret.chars().rev().collect(),
            secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
            format!("{:?}", secret.as_bytes()),
        ];
        for words in said {
            assert!(redactor.is_repeated_in(&words), "{words}");
        }
    }

    #[test]
    fn a_token_is_seen_and_the_name_of_its_kind_is_not() {
        let mut redactor = Redactor::default();
        redactor.learn(&Token::new("github_pat_FAKEFAKEFAKEFAKE").unwrap());
        assert!(!redactor.is_repeated_in("it begins with github_pat_"));
        assert!(redactor.is_repeated_in("github_pat_FAKEFAKE..."));
    }

    #[test]
    fn the_number_of_an_app_in_its_tokens_is_no_secret_and_the_rest_is() {
        let mut redactor = Redactor::default();
        redactor.learn(&Token::new("ghs_12345678_eyJhbGciOi.eyJpc3MiOiJ.c2lnbmF0dXJl-_FAKE").unwrap());
        assert!(!redactor.is_repeated_in("installation tokens of the GitHub App 12345678"));
        assert!(redactor.is_repeated_in("bad token eyJpc3MiOiJ"));
    }

    #[test]
    fn a_short_secret_is_seen_and_harmless_words_are_not() {
        let redactor = Redactor::default().knowing("s3cr3");
        assert!(redactor.is_repeated_in("it is s3cr3"));
        assert!(redactor.is_repeated_in("s3cr3, it is"));
        assert!(!redactor.is_repeated_in("s3cr and more"));
        assert!(!Redactor::default().knowing("s3cr3tV4lue").is_repeated_in("Bad credentials"));
        assert!(!Redactor::default().is_repeated_in("anything"));
    }
}
