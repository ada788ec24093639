//! How a ring is written down, in a key file or a keychain.

use zeroize::Zeroizing;

use super::key::Key;
use super::ring::KeyRing;
use crate::error::{Error, ErrorKind, Result};

/// The first line. Another form gets another number.
const FIRST: &str = "tokenturn keys 1";

/// The last line: what was cut off has none.
const LAST: &str = "end";

/// The ring as lines: the key in use first, then those that it replaced. Each stands beside its name, so that a digit that
/// was changed is found, and no other key is made of it.
pub(super) fn write(ring: &KeyRing) -> Zeroizing<String> {
    let keys = ring.iter().count();
    // Made large enough at once: a buffer that grows leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(64 + keys * 128));
    text.push_str(FIRST);
    text.push('\n');
    for (at, key) in ring.iter().enumerate() {
        text.push_str(if at == 0 { "current " } else { "replaced " });
        text.push_str(&key.id().to_string());
        text.push(' ');
        for byte in key.secret() {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default());
            text.extend(digits);
        }
        text.push('\n');
    }
    text.push_str(LAST);
    text.push('\n');
    text
}

/// The ring of what [`write`] wrote. Lines that begin with `#` are a person's notes.
pub(super) fn read(text: &str) -> Result<KeyRing> {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines.next() {
        Some(FIRST) => {}
        Some(line) if line.starts_with("tokenturn keys ") => {
            return Err(wrong("it was written by a newer version: use that one"));
        }
        _ => return Err(wrong("it holds no keys of tokenturn: name another, or move it out of the way")),
    }
    let mut ring: Option<KeyRing> = None;
    for line in lines.by_ref().take_while(|line| *line != LAST) {
        ring = Some(match (line.split_once(' '), ring) {
            (Some(("current", rest)), None) => KeyRing::new(key(rest)?),
            (Some(("replaced", rest)), Some(ring)) => ring.replacing(key(rest)?),
            _ => return Err(damaged()),
        });
    }
    let whole = text.lines().any(|line| line.trim_end() == LAST) && lines.next().is_none();
    ring.filter(|_| whole).ok_or_else(damaged)
}

fn key(line: &str) -> Result<Key> {
    let (id, digits) = line.split_once(' ').ok_or_else(damaged)?;
    let key = Key::from_text(digits).map_err(|_| damaged())?;
    if key.id().to_string() == id { Ok(key) } else { Err(damaged()) }
}

fn damaged() -> Error {
    wrong("it was changed or cut off: restore it, nothing that it sealed opens without")
}

fn wrong(text: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        let [a, b, c] = [(); 3].map(|()| Key::generate().unwrap());
        a.replacing(b).replacing(c)
    }

    #[test]
    fn a_ring_reads_back_in_its_order() {
        let ring = ring();
        assert_eq!(format!("{:?}", read(&write(&ring)).unwrap()), format!("{ring:?}"));
        let noted = write(&ring).replace("replaced", "# from March\nreplaced").replace('\n', "\r\n");
        assert_eq!(format!("{:?}", read(&noted).unwrap()), format!("{ring:?}"));
    }

    #[test]
    fn no_part_of_a_ring_reads_as_one_and_no_changed_letter_makes_another_key() {
        let ring = ring();
        let whole = write(&ring);
        // The last line break alone may be missing.
        for at in 0..whole.len() - 1 {
            assert_eq!(read(&whole[..at]).unwrap_err().kind(), ErrorKind::Configuration, "{at}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.as_bytes().to_vec();
            changed[at] ^= 2;
            let read = std::str::from_utf8(&changed).ok().and_then(|text| read(text).ok());
            let same = read.is_none_or(|read| format!("{read:?}") == format!("{ring:?}"));
            assert!(same, "{:?}", String::from_utf8_lossy(&changed));
        }
        assert!(read(&format!("{}current", &*whole)).is_err());
        assert!(read(&whole.replace("replaced", "current")).is_err());
    }

    #[test]
    fn a_form_of_the_future_says_so() {
        let error = read(&write(&ring()).replace("keys 1", "keys 2")).unwrap_err();
        assert!(error.to_string().contains("newer version"), "{error}");
        assert!(read("hunter2\n").unwrap_err().to_string().contains("no keys of tokenturn"));
    }
}
