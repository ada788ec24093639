//! What must hold of records and the facts in them, whatever stands there.

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Record;
use crate::name::CredentialName;
use crate::rotation::{Fact, State, next};

/// Reads a record and its fact. What was read is written and read as the same.
pub(super) fn record(input: &[u8]) -> Result<()> {
    let read = |bytes: &[u8]| serde_json::from_slice::<Record>(bytes).map_err(|_| unreadable());
    let record = read(input)?;
    let written = serde_json::to_vec(&record).map_err(|_| unreadable())?;
    assert_eq!(read(&written)?, record, "a record reads otherwise again");
    let name = CredentialName::new("deploy-bot")?;
    assert_eq!(read(&written)?.message(&name), record.message(&name), "the tie covers something else");
    fact(&record.fact).map(drop)
}

/// Replays lines of facts as far as they fit, and asks after each what is to be done. One that fits is reached.
pub(super) fn run(input: &[u8]) -> Result<()> {
    let mut facts = super::text(input)?.lines().filter(|line| !line.trim().is_empty()).map(fact);
    let first = facts.next().ok_or_else(unreadable)??;
    let mut state = State::replay([&first])?;
    for (at, fact) in facts.enumerate() {
        match fact.and_then(|fact| state.apply(&fact)) {
            Err(_) if at > 0 => break,
            applied => applied?,
        }
        let steps = next(&state);
        assert_eq!(next(&state), steps, "the same state leads elsewhere");
    }
    Ok(())
}

fn fact(text: &str) -> Result<Fact> {
    let read = |text: &str| serde_json::from_str::<Fact>(text).map_err(|_| unreadable());
    let fact = read(text)?;
    let written = serde_json::to_string(&fact).map_err(|_| unreadable())?;
    assert_eq!(read(&written)?, fact, "a fact reads otherwise again");
    Ok(fact)
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Journal, "it cannot be read")
}
