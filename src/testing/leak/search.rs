//! Searches what was said for secrets, in every form in which they can be said.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Ears;
use crate::token::readings;

/// What forms are looked up by: so many bytes in a row.
const GRAM: usize = 8;

/// A text is looked at in steps of so many bytes: a run of a step and a gram cannot fall through.
const STEP: usize = 4;

/// So many bytes of a secret in a row are a leak. Less may be the name of its kind.
const RUN: usize = GRAM + STEP;

/// A run of fewer different bytes is a filler, such as the zeros of a number.
const FILLER: usize = 5;

/// Which of two bytes a gram may begin with.
const STARTS: usize = 1 << 16;

/// Secrets, in every form that is looked for: as they are, reversed, in base64 (wherever they stand in it, both alphabets)
/// and in hexadecimal. Texts are read as they are, and with what is written for a character resolved: percent escapes, entities,
/// the backslashes of JSON and `Debug`, layer upon layer, quoted-printable, lists of numbers, and two bytes for a character.
pub struct Search {
    forms: Vec<Form>,
    /// Where a gram stands: in which form, and from which byte on.
    grams: HashMap<[u8; GRAM], Vec<(usize, usize)>>,
    starts: Vec<bool>,
}

struct Form {
    bytes: Vec<u8>,
    /// So many of its bytes in a row are a leak.
    run: usize,
}

impl Search {
    /// For these secrets. Twelve bytes of one in a row are as good as all of it; of a shorter one all of it.
    pub fn of<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut search = Self { forms: Vec::new(), grams: HashMap::new(), starts: vec![false; STARTS] };
        let mut secrets: Vec<Vec<u8>> = secrets.into_iter().map(|secret| secret.as_ref().to_owned()).collect();
        secrets.sort();
        secrets.dedup();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            search.add(secret);
        }
        search
    }

    fn add(&mut self, secret: &[u8]) {
        self.form(secret.to_vec(), RUN);
        self.form(secret.iter().rev().copied().collect(), RUN);
        // The same bytes stand differently in base64 by what comes before them. What is left of the last group is left
        // out, for it looks otherwise by what comes after.
        for skip in 0..3.min(secret.len()) {
            let rest = &secret[skip..];
            let groups = &rest[..rest.len() - rest.len() % 3];
            let (one, other) = (STANDARD_NO_PAD.encode(groups), URL_SAFE_NO_PAD.encode(groups));
            if one != other {
                self.form(other.into_bytes(), RUN / 3 * 4);
            }
            self.form(one.into_bytes(), RUN / 3 * 4);
        }
        for upper in [false, true] {
            let mut hex = String::new();
            for byte in secret {
                let _ = if upper { write!(hex, "{byte:02X}") } else { write!(hex, "{byte:02x}") };
            }
            self.form(hex.into_bytes(), RUN * 2);
        }
    }

    fn form(&mut self, bytes: Vec<u8>, run: usize) {
        if bytes.is_empty() {
            return;
        }
        let run = run.min(bytes.len());
        if run >= RUN {
            for (at, gram) in bytes.windows(GRAM).enumerate() {
                if let Ok(gram) = <[u8; GRAM]>::try_from(gram) {
                    self.starts[start(gram)] = true;
                    self.grams.entry(gram).or_default().push((self.forms.len(), at));
                }
            }
        }
        self.forms.push(Form { bytes, run });
    }

    /// Whether a secret is in this text.
    #[must_use]
    pub fn finds_in(&self, text: &str) -> bool {
        readings(text).iter().any(|reading| self.finds_as_it_is(reading))
    }

    /// Whether a secret, in a form of its own, is in these bytes, which are read in no other way.
    #[must_use]
    pub fn finds_as_it_is(&self, text: &[u8]) -> bool {
        let short = |form: &Form| form.run < RUN && text.windows(form.bytes.len()).any(|part| part == form.bytes);
        self.forms.iter().any(short)
            || (0..text.len().saturating_sub(GRAM - 1)).step_by(STEP).any(|at| self.runs_through(text, at))
    }

    /// Whether enough of a form goes through this place of a text.
    fn runs_through(&self, text: &[u8], at: usize) -> bool {
        let Some(gram) = text.get(at..at + GRAM).and_then(|gram| <[u8; GRAM]>::try_from(gram).ok()) else {
            return false;
        };
        self.starts[start(gram)]
            && self.grams.get(&gram).into_iter().flatten().any(|&(form, from)| {
                let form = &self.forms[form];
                let alike = |(one, other): &(&u8, &u8)| one == other;
                let before = text[..at].iter().rev().zip(form.bytes[..from].iter().rev()).take_while(alike).count();
                let after = text[at..].iter().zip(&form.bytes[from..]).take_while(alike).count();
                let run = &text[at - before..at + after];
                run.len() == form.bytes.len() || run.len() >= form.run && !is_filler(run)
            })
    }

    /// What said a secret among all that was heard, each once. What it said is not repeated: it holds a secret.
    #[must_use]
    pub fn among(&self, ears: &Ears) -> Vec<String> {
        let mut said: Vec<String> =
            ears.all().into_iter().filter(|(_, what)| self.finds_in(what)).map(|(who, _)| who).collect();
        said.sort();
        said.dedup();
        said
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Search({} forms)", self.forms.len())
    }
}

fn start(gram: [u8; GRAM]) -> usize {
    usize::from(gram[0]) << 8 | usize::from(gram[1])
}

fn is_filler(run: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in run {
        seen[usize::from(*byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count() < FILLER
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const SECRET: &str = "ghp_FAKE?1>2~3/4+5";

    #[test]
    fn a_secret_is_found_in_each_form_wherever_it_stands() {
        let search = Search::of([SECRET]);
        let bytes = |format: fn(u8) -> String| SECRET.bytes().map(format).collect::<Vec<_>>().concat();
        let mut said = vec![
            format!("token {SECRET}."),
            bytes(|byte| format!("{byte:02x}")),
            bytes(|byte| format!("{byte:02X}")),
            bytes(|byte| format!("%{byte:02x}")),
            SECRET.replace('?', "%3F").replace('/', "%2f"),
            SECRET.chars().rev().collect(),
            format!("{:?}", SECRET.as_bytes()),
        ];
        for (before, after) in [("", ""), ("x", "y"), ("us", "er"), ("bot:", ":bot"), ("", "y"), ("xy", "")] {
            let whole = format!("{before}{SECRET}{after}");
            said.extend([STANDARD.encode(&whole), URL_SAFE.encode(&whole)]);
        }
        for words in said {
            assert!(search.finds_in(&words), "{words}");
        }
        assert!(!search.finds_in("ghp_FAKE and more, 100% of it %zz"));
    }

    #[test]
    fn twelve_characters_in_a_row_are_found_wherever_they_stand_and_a_filler_is_not() {
        let search = Search::of(["glpat-FAKE0000000000000000123"]);
        for at in 0..8 {
            let text = format!("{}FAKE00000000{}", "-".repeat(at), "x".repeat(at));
            assert!(search.finds_in(&text), "{text}");
        }
        assert!(!search.finds_in("at 0000000000000000 and glpat-FAKE"));
    }

    #[test]
    fn a_short_secret_is_found_as_a_whole() {
        let search = Search::of(["s3cr3t", ""]);
        assert!(search.finds_in("it is s3cr3t, and") && search.finds_in("it is t3rc3s"));
        assert!(!search.finds_in("it is s3cr3"));
    }

    #[test]
    fn a_secret_that_two_lines_of_a_log_share_is_found() {
        let ears = Ears::new();
        ears.hear("a log", "it begins with ghp_FAKE?1>");
        ears.hear("another", "between them");
        ears.hear("a log", "2~3/4+5 was its end");
        assert_eq!(Search::of([SECRET]).among(&ears), ["a log"]);
    }
}
