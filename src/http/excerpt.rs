//! What may be quoted of a far side's words.

use zeroize::Zeroizing;

use crate::token::Redactor;

/// The longest excerpt of an answer that an error quotes.
const EXCERPT: usize = 200;

/// So much of an answer is looked through before that: a page may be as long as it likes.
const WEIGHED: usize = 16 * 1024;

/// Beginnings that tokens have: whatever looks like one is not quoted, known or not.
const LOOKS: &[&str] =
    &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "Bearer ", "Basic ", "PRIVATE KEY"];

/// One line, not long, and nothing at all where a secret shows through.
pub(super) fn excerpt(redactor: &Redactor, words: &str) -> Option<String> {
    // Cut where it may be cut: a mark of several bytes stays whole.
    let words = words.char_indices().nth(WEIGHED).map_or(words, |(end, _)| &words[..end]);
    // What is not quoted in the end is wiped, so neither may it move.
    let mut line = Zeroizing::new(String::with_capacity(words.len()));
    for word in words.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.is_empty() {
        return None;
    }
    if LOOKS.iter().any(|look| line.contains(look)) || redactor.is_repeated_in(&line) {
        return Some("the answer is not quoted, as it repeats a secret".to_owned());
    }
    let short: String = line.chars().take(EXCERPT).collect();
    Some(if short.len() < line.len() { format!("{short}...") } else { short })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_quoted_known_or_not() {
        let redactor = Redactor::default().knowing("s3cr3tV4lue");
        for words in ["bad token s3cr3tV4lue", "token ghp_FAKE is bad"] {
            assert!(excerpt(&redactor, words).unwrap().contains("not quoted"), "{words}");
        }
    }

    #[test]
    fn harmless_words_are_quoted_as_one_short_line() {
        let redactor = Redactor::default().knowing("s3cr3tV4lue");
        assert_eq!(excerpt(&redactor, "Bad\r\n  credentials\u{7}"), Some("Bad credentials".into()));
        assert_eq!(excerpt(&redactor, " \n"), None);
        assert!(excerpt(&redactor, &"word ".repeat(1000)).unwrap().len() < 220);
    }
}
