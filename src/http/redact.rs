//! Keeps secrets out of what a far side says.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// So many characters of a secret in a row give it away.
const FRAGMENT: usize = 8;

/// The longest excerpt of an answer that an error quotes.
const EXCERPT: usize = 200;

/// Beginnings that tokens have: whatever looks like one is not quoted, known or not.
const LOOKS: &[&str] =
    &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "Bearer ", "Basic ", "PRIVATE KEY"];

/// The secrets of one request, in every form in which a far side could say them back.
#[derive(Clone, Default)]
pub(super) struct Redactor {
    forms: Vec<Arc<Zeroizing<String>>>,
}

impl Redactor {
    /// Knows this secret too.
    pub(super) fn knowing(mut self, secret: &str) -> Self {
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

    /// Knows what the other knows.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.forms.extend(other.forms.iter().cloned());
        self
    }

    /// What may be quoted of a far side's words: one line, not long, and nothing at all where a secret shows through.
    pub(super) fn excerpt(&self, words: &str) -> Option<String> {
        let line: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            return None;
        }
        if self.shows_through(&line) {
            return Some("the answer is not quoted, as it repeats a secret".to_owned());
        }
        let short: String = line.chars().take(EXCERPT).collect();
        Some(if short.len() < line.len() { format!("{short}...") } else { short })
    }

    /// Whether any part of a secret, in any form, can be read in `text`.
    fn shows_through(&self, text: &str) -> bool {
        if LOOKS.iter().any(|look| text.contains(look)) {
            return true;
        }
        let plain = without_entities(&unescaped(text));
        let lower = plain.to_ascii_lowercase();
        self.forms.iter().any(|form| {
            let form = form.as_bytes();
            let wanted = FRAGMENT.min(form.len());
            wanted > 0
                && form.windows(wanted).any(|part| {
                    contains(text.as_bytes(), part)
                        || contains(plain.as_bytes(), part)
                        || contains(lower.as_bytes(), &part.to_ascii_lowercase())
                })
        })
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The text with what HTML and XML write for a character resolved.
fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let named = rest[1..].split_once(';').and_then(|(name, _)| Some((character(name)?, name.len() + 2)));
        let (resolved, length) = named.unwrap_or(('&', 1));
        plain.push(resolved);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

/// The text with its percent escapes resolved.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte =
            digits.and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[expect(clippy::format_collect, reason = "a few bytes, and plain to read")]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_secret_is_not_quoted_in_any_encoding() {
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
        ];
        for words in said {
            let quoted = redactor.excerpt(&words).unwrap();
            assert_eq!(quoted, "the answer is not quoted, as it repeats a secret", "{words}");
        }
    }

    #[test]
    fn what_looks_like_a_token_is_not_quoted_even_if_unknown() {
        assert!(Redactor::default().excerpt("token ghp_FAKE is bad").unwrap().contains("not quoted"));
    }

    #[test]
    fn harmless_words_are_quoted_as_one_short_line() {
        let redactor = Redactor::default().knowing("s3cr3tV4lue");
        assert_eq!(redactor.excerpt("Bad\r\n  credentials\u{7}"), Some("Bad credentials".into()));
        assert_eq!(redactor.excerpt(" \n"), None);
        assert!(redactor.excerpt(&"word ".repeat(1000)).unwrap().len() < 220);
    }
}
