//! The forms in which a secret can be said.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret, in every form that is looked for.
pub(in crate::testing) struct Forms {
    /// What is found in a text as it is.
    exact: Vec<String>,
    /// What is found in a text of small letters: digits of either case.
    hex: String,
}

impl Forms {
    pub(in crate::testing) fn of(secret: &str) -> Self {
        let mut exact = vec![secret.to_owned(), secret.chars().rev().collect()];
        // The same bytes stand differently in base64 by what comes before them. What is left of the last group is left
        // out, for it looks otherwise by what comes after.
        for skip in 0..3.min(secret.len()) {
            let rest = &secret.as_bytes()[skip..];
            let groups = &rest[..rest.len() - rest.len() % 3];
            exact.extend([STANDARD_NO_PAD.encode(groups), URL_SAFE_NO_PAD.encode(groups)]);
        }
        let mut hex = String::new();
        for byte in secret.bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
        exact.retain(|form| !form.is_empty());
        Self { exact, hex }
    }

    /// Whether the secret is in this text, as it is or with percent escapes.
    pub(in crate::testing) fn are_in(&self, text: &str) -> bool {
        let plain = unescaped(text);
        let found = |text: &str| self.exact.iter().any(|form| text.contains(form.as_str()));
        found(text) || found(&plain) || (!self.hex.is_empty() && text.to_ascii_lowercase().contains(&self.hex))
    }
}

/// The text with its percent escapes resolved.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    #[test]
    fn a_secret_is_found_in_each_form_wherever_it_stands() {
        let secret = "ghp_FAKE?1>2~3/4+5";
        let forms = Forms::of(secret);
        let bytes = |format: fn(u8) -> String| secret.bytes().map(format).collect::<Vec<_>>().concat();
        let mut said = vec![
            format!("token {secret}."),
            bytes(|byte| format!("{byte:02x}")),
            bytes(|byte| format!("{byte:02X}")),
            bytes(|byte| format!("%{byte:02X}")),
            bytes(|byte| format!("%{byte:02x}")),
            secret.replace('?', "%3F").replace('/', "%2f"),
            secret.chars().rev().collect(),
        ];
        for (before, after) in [("", ""), ("x", "y"), ("us", "er"), ("bot:", ":bot"), ("", "y"), ("xy", "")] {
            let whole = format!("{before}{secret}{after}");
            said.extend([STANDARD.encode(&whole), URL_SAFE.encode(&whole)]);
        }
        for words in said {
            assert!(forms.are_in(&words), "{words}");
        }
        assert!(!forms.are_in("ghp_FAKE and more, 100% of it %zz"));
    }
}
