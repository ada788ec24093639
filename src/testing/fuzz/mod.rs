//! The one door to the readers of outside text, for `fuzz/` and `tests/fuzz_smoke`: each target feeds bytes to one of them
//! and holds what must be true of it, whatever they are. A violation panics.

mod facts;
mod targets;

use std::fmt;

pub use targets::TARGETS;

use crate::error::{Error, Result};
use crate::token::{Fingerprint, Redactor, Token};

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reached {
    /// It was understood: what the target is about was done with it.
    Edit,
    /// It was refused, in words that repeat no secret.
    Refusal,
}

/// How inputs of a target are written, for whoever changes them piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grammar {
    /// XML.
    Xml,
    /// JSON.
    Json,
    /// An answer of HTTP: status, headers, an empty line, and a body.
    Http,
    /// Lines of text.
    Lines,
    /// Bytes.
    Bytes,
}

/// A reader of outside text, and what must hold of it.
#[non_exhaustive]
pub struct Target {
    /// Its name, and that of the folder with its seeds.
    pub name: &'static str,
    /// How its inputs are written.
    pub grammar: Grammar,
    run: fn(&[u8]) -> Result<()>,
}

impl Target {
    /// The target of this name, where its service is built in.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Feeds one input to it.
    ///
    /// # Panics
    ///
    /// When something does not hold: that is what a fuzzer looks for.
    #[must_use]
    pub fn run(&self, input: &[u8]) -> Reached {
        let Err(error) = (self.run)(input) else { return Reached::Edit };
        assert_quiet(input, &error);
        Reached::Refusal
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.name)
    }
}

/// The token that every request carried to which an answer is fed in. Answers in the seeds say it back in many forms.
pub const CARRIED: &str = "ghp_FAKEcarriedByEveryRequest0Xq7";

/// What stands in the seeds where a far side shows a secret that it should have hidden.
pub const IN_THE_CLEAR: &str = "ghp_FAKE shown in the clear";

/// No error takes longer than this to say what happened and what to do.
const LONGEST_ERROR: usize = 16 * 1024;

/// Holds an error to what every error keeps: it repeats no secret that was at hand, and it is for people to read.
fn assert_quiet(input: &[u8], error: &Error) {
    let mut secrets = Redactor::default();
    secrets.learn(&Token::made_up(CARRIED));
    secrets.learn(&Token::made_up(&token_text(input)));
    let said = format!("{error} {error:?}");
    assert!(!secrets.is_repeated_in(&said), "an error repeats a secret that was at hand: {said}");
    assert!(!said.contains(IN_THE_CLEAR), "an error repeats a secret of the input: {said}");
    assert!(said.len() < LONGEST_ERROR, "an error is as long as its input");
}

/// The token that is put into documents: of any length and made of any character that a token may have, and the same for
/// the same input.
fn token_text(input: &[u8]) -> String {
    let seed = Fingerprint::of(input).to_string();
    let mut state = u64::from_str_radix(&seed, 16).unwrap_or_default() | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = 12 + next() % 90;
    // More often than others come those that mean something to XML or JSON.
    let odd = b"<>&\"'\\;#]/*{}$%";
    let any = |dice: u64| match dice % 4 {
        0 => odd[usize::try_from(dice >> 8).unwrap_or_default() % odd.len()],
        _ => b'!' + u8::try_from((dice >> 8) % 94).unwrap_or_default(),
    };
    (0..length).map(|_| char::from(any(next()))).collect()
}

/// What a target does with text when it got bytes that are none.
fn text(input: &[u8]) -> Result<&str> {
    let no_text = |_| Error::new(crate::error::ErrorKind::InvalidInput, "it is no text");
    std::str::from_utf8(input).map_err(no_text)
}
