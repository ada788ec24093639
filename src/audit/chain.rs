//! The lines of an audit, each tied to the one before, and how they are verified.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::journal::{Mac, Sealer, Seq};
use crate::name::CredentialName;

/// What the first line says. Another form gets another number.
const FORMAT: &str = "tokenturn audit 1";

/// How a line's tie begins. It is the end of the line, and covers all that stands before it.
const TIE: &str = ",\"tie\":\"";

/// More than any line has: what is longer is none, and is not read into memory.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What an audit holds, found whole.
///
/// Lines that are missing at the end cannot be seen from the lines that are left. Keep [`last`](Self::last) and
/// [`lines`](Self::lines) elsewhere from time to time, and see that a later log still has them: what [`verify`] says of its
/// first so many lines is the same for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verified {
    /// How many lines it has, the first one included.
    pub lines: u64,
    /// What ties the next line to the last.
    pub last: Mac,
    /// The last event that it has of each credential.
    pub known: BTreeMap<CredentialName, Seq>,
}

impl Default for Verified {
    fn default() -> Self {
        Self { lines: 0, last: Mac::GENESIS, known: BTreeMap::new() }
    }
}

/// Shows that a log is as it was written: that no line was changed, removed, swapped, put in or torn, and that no number of a
/// credential is missing. It reads line by line, so the log may be of any length.
///
/// `sealer` is the one that the log was tied with; [`InProcess`](crate::journal::InProcess) for one that was tied without a
/// key. Without a key this finds accidents and clumsy hands: whoever can write the log and knows this function can tie other
/// lines.
///
/// # Errors
///
/// [`ErrorKind::Audit`] with the number of the line that does not fit, or when the log cannot be read.
pub fn verify(log: impl Read, sealer: &dyn Sealer) -> Result<Verified> {
    let mut log = BufReader::new(log);
    let mut verified = Verified::default();
    while let Some(line) = next_line(&mut log)? {
        let Some(whole) = line.strip_suffix(b"\n") else {
            let text = "it has no end, as after a crash: open the log again, which removes it";
            return Err(wrong(verified.lines + 1, text));
        };
        verified.check(whole, sealer)?;
    }
    if verified.lines == 0 {
        return Err(Error::new(ErrorKind::Audit, "the audit log is empty: it is not the one, or was cut back"));
    }
    Ok(verified)
}

/// The bytes up to the end of a line or, where there is none, of the log; nothing at its end.
pub(super) fn next_line(log: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    log.take(LONGEST).read_until(b'\n', &mut line).map_err(|error| {
        let text = format!("the audit log cannot be read: {error}; look at its path, its rights and its disk");
        Error::new(ErrorKind::Audit, text).with_source(error)
    })?;
    if line.len() as u64 == LONGEST {
        let text =
            "the audit log is damaged: it has a line that is longer than any; restore it, or keep it and begin another";
        return Err(Error::new(ErrorKind::Audit, text));
    }
    Ok((!line.is_empty()).then_some(line))
}

/// What the first line says.
#[derive(Serialize, Deserialize)]
struct First {
    format: String,
    /// What the last line of the log before is tied by; zeros where there is none.
    after: Mac,
    /// What stands in the logs before.
    known: BTreeMap<CredentialName, Seq>,
}

/// What every other line says.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// The event as a person reads it.
    text: String,
}

/// What is read of such a line: the rest is covered by the tie.
#[derive(Deserialize)]
struct Place {
    credential: CredentialName,
    seq: Seq,
}

impl Verified {
    /// The first line of a log that goes on from this one.
    pub(super) fn first(&self, sealer: &dyn Sealer) -> Result<(String, Self)> {
        let mut begun = Self { lines: 0, ..self.clone() };
        let first = First { format: FORMAT.to_owned(), after: self.last, known: self.known.clone() };
        let line = begun.tie(&first, sealer)?;
        Ok((line, begun))
    }

    /// The line of this event, or none where it is there already.
    pub(super) fn line(&mut self, event: &Event, sealer: &dyn Sealer) -> Result<Option<String>> {
        if self.known.get(&event.credential).is_some_and(|last| event.seq <= *last) {
            return Ok(None);
        }
        if self.known.get(&event.credential).is_some_and(|last| event.seq != last.next()) {
            let text = "events before this one are missing in the audit log: append them first";
            return Err(Error::new(ErrorKind::Audit, text).with_subject(event.credential.as_str()));
        }
        let line = self.tie(&Line { event, text: format!("{event:#}") }, sealer)?;
        self.known.insert(event.credential.clone(), event.seq);
        Ok(Some(line))
    }

    /// A line with its tie and its end.
    fn tie(&mut self, said: &impl Serialize, sealer: &dyn Sealer) -> Result<String> {
        let unwritable = |_| Error::new(ErrorKind::Internal, "an event could not be written down for the audit");
        let mut line = serde_json::to_string(said).map_err(unwritable)?;
        // The closing brace comes again behind the tie.
        line.pop();
        self.last = sealer.mac(&self.last, &message(line.as_bytes()))?;
        self.lines += 1;
        line.push_str(&ending(&self.last));
        line.push('\n');
        if line.len() as u64 >= LONGEST {
            return Err(Error::new(
                ErrorKind::Audit,
                "this event is too large for the audit log: split the credential",
            ));
        }
        Ok(line)
    }

    /// Takes the next line, without its end.
    pub(super) fn check(&mut self, line: &[u8], sealer: &dyn Sealer) -> Result<()> {
        let number = self.lines + 1;
        let changed = || wrong(number, "it was changed, or is not of this log, or another key was used");
        let line = std::str::from_utf8(line).map_err(|_| changed())?;
        let (said, tie) = line.rsplit_once(TIE).ok_or_else(changed)?;
        let tie: Mac = tie.get(..64).and_then(|digits| digits.parse().ok()).ok_or_else(changed)?;
        // In one spelling only: a digit in capitals is a change too.
        if line.get(said.len()..) != Some(&ending(&tie)) {
            return Err(changed());
        }
        let whole = format!("{said}}}");
        let mut known = self.known.clone();
        let previous = if self.lines == 0 {
            let first: First = serde_json::from_str(&whole).map_err(|_| changed())?;
            if first.format != FORMAT {
                return Err(wrong(number, "it is of another version: read the log with that"));
            }
            known = first.known;
            first.after
        } else {
            let Place { credential, seq } = serde_json::from_str(&whole).map_err(|_| changed())?;
            if known.get(&credential).is_some_and(|last| seq != last.next()) {
                return Err(wrong(number, "events before it are missing, or it stands there twice"));
            }
            known.insert(credential, seq);
            self.last
        };
        if !sealer.ties(&previous, &message(said.as_bytes()), &tie)? {
            return Err(wrong(
                number,
                "it, or one before it, was changed, removed or swapped, or another key was used",
            ));
        }
        (self.lines, self.last, self.known) = (number, tie, known);
        Ok(())
    }
}

fn ending(tie: &Mac) -> String {
    format!("{TIE}{tie}\"}}")
}

/// The bytes that a tie covers. No record of a journal makes the same, though the key may be the same.
fn message(said: &[u8]) -> Vec<u8> {
    [b"tokenturn audit line\0", said].concat()
}

fn wrong(line: u64, what: &str) -> Error {
    Error::new(ErrorKind::Audit, format!("the audit log is damaged at line {line}: {what}"))
}
