//! What is read, each answer of one moment.

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::failure::{damaged, database};
use super::operation::micros;
use super::statement;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Head, HeadFilter, Log, Mac, Page, Record, SealContext, Sealed, SealedValue, Seq, Span, ValueId};
use crate::name::{CredentialName, RunId};

pub(super) fn load(db: &Connection, credential: &CredentialName, span: Span) -> Result<Log> {
    // One transaction sees one moment, whatever is written meanwhile.
    let moment = db.unchecked_transaction().map_err(database)?;
    let sql =
        "SELECT h.credential, h.last, h.body FROM head h JOIN credential c ON c.id = h.credential WHERE c.name = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found: Option<(i64, i64, String)> = statement::first(&moment, sql, [credential.as_str()], read)?;
    let Some((id, last, body)) = found else {
        return Ok(Log::new(Head::new(credential.clone()), Vec::new(), Vec::new()));
    };
    let head = head(credential, &body)?;
    if u64::try_from(last) != Ok(head.last.get()) {
        return Err(damaged("it contradicts itself on how long a log is").with_subject(credential.as_str()));
    }
    let first = i64::try_from(span.first(&head).get()).unwrap_or(i64::MAX);
    let records = records(&moment, id, first)?;
    Ok(Log::new(head, records, values(&moment, id)?))
}

/// A head as it was written.
pub(super) fn head(credential: &CredentialName, body: &str) -> Result<Head> {
    serde_json::from_str(body).map_err(|_| {
        damaged("what it says of how the credential stands cannot be read").with_subject(credential.as_str())
    })
}

fn records(db: &Connection, id: i64, first: i64) -> Result<Vec<Record>> {
    let sql = "SELECT seq, epoch, run, at, fact, mac FROM record WHERE credential = ?1 AND seq >= ?2 ORDER BY seq";
    let mut statement = db.prepare_cached(sql).map_err(database)?;
    let mut rows = statement.query([id, first]).map_err(database)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> Result<Record> {
    let (seq, epoch): (i64, i64) = (row.get(0).map_err(database)?, row.get(1).map_err(database)?);
    let (run, at): (String, String) = (row.get(2).map_err(database)?, row.get(3).map_err(database)?);
    let wrong = || damaged(format!("record {seq} is not what was written"));
    let run = RunId::new(&run).map_err(|_| wrong())?;
    let at: Timestamp = at.parse().map_err(|_| wrong())?;
    let unsigned = |number: i64| u64::try_from(number).map_err(|_| wrong());
    let mac = Mac::new(row.get(5).map_err(database)?);
    Ok(Record::new(Seq::new(unsigned(seq)?), unsigned(epoch)?, run, at, row.get(4).map_err(database)?, mac))
}

fn values(db: &Connection, id: i64) -> Result<Vec<SealedValue>> {
    let sql = "SELECT id, context, sealed FROM value WHERE credential = ?1 ORDER BY id";
    let mut statement = db.prepare_cached(sql).map_err(database)?;
    let mut rows = statement.query([id]).map_err(database)?;
    let mut values = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        let (id, context): (String, String) = (row.get(0).map_err(database)?, row.get(1).map_err(database)?);
        let context: SealContext =
            serde_json::from_str(&context).map_err(|_| damaged("what a value is sealed to cannot be read"))?;
        values.push(SealedValue::new(ValueId::new(id), context, Sealed::from_bytes(row.get(2).map_err(database)?)));
    }
    Ok(values)
}

pub(super) fn heads(db: &Connection, filter: &HeadFilter, page: &Page) -> Result<Vec<Head>> {
    let (condition, values) = condition(filter, page.after.as_ref())?;
    let sql = format!(
        "SELECT c.name, h.body FROM credential c JOIN head h ON h.credential = c.id {condition} ORDER BY c.name"
    );
    let mut statement = db.prepare(&sql).map_err(database)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(database)?;
    let mut heads = Vec::new();
    while heads.len() < page.limit
        && let Some(row) = rows.next().map_err(database)?
    {
        let (name, body): (String, String) = (row.get(0).map_err(database)?, row.get(1).map_err(database)?);
        let name = CredentialName::new(&name).map_err(|_| damaged("a credential's name is none"))?;
        let head = head(&name, &body)?;
        if filter.admits(&head) {
            heads.push(head);
        }
    }
    Ok(heads)
}

/// A filter as far as columns go. It lets through what the filter admits, and perhaps a little more.
pub(super) fn condition(filter: &HeadFilter, after: Option<&CredentialName>) -> Result<(String, Vec<Value>)> {
    let mut terms = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(names) = &filter.among {
        let names = serde_json::to_string(names)
            .map_err(|_| Error::new(ErrorKind::Internal, "names could not be written down"))?;
        terms.push("c.name IN (SELECT value FROM json_each(?))");
        values.push(names.into());
    }
    if let Some(current) = filter.current {
        terms.push("h.in_use = ?");
        values.push(current.to_string().into());
    }
    if filter.open {
        terms.push("h.open");
    }
    if let Some(by) = filter.due {
        terms.push("h.due_at <= ?");
        values.push(micros(by).into());
    }
    if let Some(after) = after {
        terms.push("c.name > ?");
        values.push(after.as_str().to_owned().into());
    }
    let condition = if terms.is_empty() { String::new() } else { format!("WHERE {}", terms.join(" AND ")) };
    Ok((condition, values))
}
