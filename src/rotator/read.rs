//! Reads the journal, and believes it as far as it hangs together.

use std::collections::BTreeMap;

use super::Inner;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::journal::{Head, Log, Mac, Record, SealedValue, Seq, Span, ValueId};
use crate::provider::ProviderCapabilities;
use crate::rotation::{Fact, State};

/// Where a credential stands.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) head: Head,
    /// Ties the next record to the last.
    pub(super) mac: Mac,
    /// The newest run: open, or over.
    pub(super) state: Option<State>,
    /// Since when there are the tokens of that run, by their attempts.
    pub(super) born: BTreeMap<u32, Timestamp>,
    /// What the journal keeps for this credential.
    pub(super) values: BTreeMap<ValueId, SealedValue>,
}

impl Reading {
    pub(super) async fn new(inner: &Inner) -> Result<Self> {
        let Log { head, records, values, .. } = load(inner, Span::NewestRun).await?;
        let run = records.iter().filter(|record| record.seq >= head.since);
        let facts = run.map(|record| Ok((read(record)?, record.at))).collect::<Result<Vec<_>>>()?;
        let whole = (!facts.is_empty()).then(|| State::replay(facts.iter().map(|(fact, _)| fact)));
        let state = whole.transpose()?;
        let born = facts.iter().filter_map(|(fact, at)| Some((born(fact)?, *at))).collect();
        let mac = records.last().map_or(Mac::GENESIS, |record| record.mac);
        let values = values.into_iter().map(|value| (value.id.clone(), value)).collect();
        Ok(Self { head, mac, state, born, values })
    }

    /// The run, if one is open.
    pub(super) fn open_run(&self) -> Option<&State> {
        self.state.as_ref().filter(|state| state.ending().is_none())
    }
}

/// What the journal says of the credential, checked: what was changed, swapped, removed or replayed does not hang together.
pub(super) async fn load(inner: &Inner, span: Span) -> Result<Log> {
    let log = inner.journal.load(&inner.name, span).await?;
    let Log { head, records, values, .. } = &log;
    if head.credential != inner.name {
        return Err(damaged("it answers with another credential"));
    }
    let strayed = |value: &SealedValue| value.context.value != value.id || value.context.credential != inner.name;
    if values.iter().any(strayed) {
        return Err(damaged("a value stands where another belongs"));
    }
    let expected = head.last.get().saturating_sub(span.first(head).max(Seq::new(1)).before().get());
    if records.len() as u64 != expected {
        return Err(damaged("records are missing, or there are more than it says"));
    }
    if head.last == Seq::ZERO && !(head.is_blank() && values.is_empty()) {
        return Err(damaged("it says how a credential stands of which it has no record"));
    }
    let mut before: Option<&Record> = None;
    for record in records {
        let (seq, mac) = before.map_or((span.first(head).before(), None), |before| (before.seq, Some(before.mac)));
        // What the first one is tied to was not read, but for the very first.
        let mac = mac.or_else(|| (record.seq == Seq::ZERO.next()).then_some(Mac::GENESIS));
        let tied = match mac {
            Some(mac) => inner.sealer.ties(&mac, &record.message(&inner.name), &record.mac)?,
            None => true,
        };
        if !tied || record.seq <= seq {
            return Err(damaged("a record was changed, swapped, or written with another key"));
        }
        before = Some(record);
    }
    if let Some(last) = before
        && (last.seq != head.last || !inner.sealer.ties(&last.mac, &head.message(values), &head.tie)?)
    {
        return Err(damaged("what it says of how the credential stands was changed, or is of another moment"));
    }
    Ok(log)
}

/// The fact of a record.
pub(super) fn read(record: &Record) -> Result<Fact> {
    serde_json::from_str(&record.fact).map_err(|_| {
        Error::new(
            ErrorKind::Journal,
            format!(
                "record {} cannot be read: a newer version wrote it, or it is damaged; use the newer version",
                record.seq
            ),
        )
    })
}

/// What observers were told of a record.
pub(super) fn event(inner: &Inner, record: &Record) -> Result<Event> {
    Ok(Event::new(inner.name.clone(), record.run.clone(), record.seq, record.at, read(record)?))
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Journal, format!("the journal is damaged: {what}; do not act on it, restore or inspect it"))
}

/// A token is shown to the provider that it comes from, and to no other.
pub(super) fn same_provider(inner: &Inner, theirs: &str) -> Result<()> {
    let ours = inner.provider.name();
    if theirs == ours {
        return Ok(());
    }
    let text = format!(
        "the journal keeps tokens of {theirs} for this credential, and they may not be shown to {ours}: build the rotator \
         with the provider that it had, or give the new one a credential of its own"
    );
    Err(Error::new(ErrorKind::Configuration, text).with_subject(inner.name.as_str()))
}

/// An open run rests upon what its provider did to tokens when it began. Under one name there may be another way to obtain
/// them, which ends another token, or none: what was concluded from its answers would be wrong.
pub(super) fn same_flow(inner: &Inner, began: &ProviderCapabilities) -> Result<()> {
    let way = |can: &ProviderCapabilities| (can.issuer, can.fate, can.reissues, can.renews);
    if way(began) == way(&inner.provider.capabilities()) {
        return Ok(());
    }
    let text = format!(
        "the open run of this credential began with a provider that obtains tokens of {} in another way, by another person or \
         interface or with another end of the old one: resume it with the provider that it began with",
        inner.provider.name()
    );
    Err(Error::new(ErrorKind::Configuration, text).with_subject(inner.name.as_str()))
}

/// The attempt of the token that there is since this fact.
pub(super) fn born(fact: &Fact) -> Option<u32> {
    match fact {
        Fact::Begun(_) => Some(0),
        Fact::Issued { attempt, .. } => Some(*attempt),
        _ => None,
    }
}
