//! What is read, each answer of one moment.

use std::fmt::Write as _;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::failure::damaged;
use super::line::Line;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::journal::{Head, HeadFilter, Log, Mac, Page, Record, SealContext, Sealed, SealedValue, Seq, Span, ValueId};
use crate::name::{CredentialName, RunId};

/// The head, the records from the one that was asked for, and the values: one statement sees one moment. `$2` says which
/// is the first: that number, or with -1 the last one, with -2 the one before the newest run.
const LOAD: &str = "WITH c AS MATERIALIZED (
        SELECT name, last, head, CASE $2::bigint WHEN -1 THEN last WHEN -2 THEN since - 1 ELSE $2 END AS first
        FROM credential WHERE name = $1 AND head IS NOT NULL
    )
    SELECT 0 AS part, c.last AS seq, 0::bigint AS epoch, '' AS run, '' AS at, c.head AS body, ''::bytea AS bytes FROM c
    UNION ALL
    SELECT 1, r.seq, r.epoch, r.run, r.at, r.fact, r.mac FROM c JOIN record r ON r.credential = c.name AND r.seq >= c.first
    UNION ALL
    SELECT 2, 0, 0, v.id, '', v.context, v.sealed FROM c JOIN value v ON v.credential = c.name
    ORDER BY part, seq, run";

pub(super) async fn load(line: &Line, credential: &CredentialName, span: Span) -> Result<Log> {
    let first = match span {
        Span::Head => -1,
        Span::NewestRun => -2,
        Span::From(seq) => i64::try_from(seq.get()).unwrap_or(i64::MAX),
    };
    let rows = line.read(LOAD, &[&credential.as_str(), &first]).await?;
    let Some((first, rest)) = rows.split_first() else {
        return Ok(Log::new(Head::new(credential.clone()), Vec::new(), Vec::new()));
    };
    let head = head(credential, column(first, 5)?)?;
    if u64::try_from(column::<i64>(first, 1)?) != Ok(head.last.get()) {
        return Err(damaged("it contradicts itself on how long a log is").with_subject(credential.as_str()));
    }
    let (mut records, mut values) = (Vec::new(), Vec::new());
    for row in rest {
        match column::<i32>(row, 0)? {
            1 => records.push(record(row)?),
            _ => values.push(value(row)?),
        }
    }
    Ok(Log::new(head, records, values))
}

/// A head as it was written.
fn head(credential: &CredentialName, body: &str) -> Result<Head> {
    serde_json::from_str(body).map_err(|_| {
        damaged("what it says of how the credential stands cannot be read").with_subject(credential.as_str())
    })
}

fn record(row: &Row) -> Result<Record> {
    let wrong = || damaged("a record is not what was written");
    let seq = u64::try_from(column::<i64>(row, 1)?).map_err(|_| wrong())?;
    let epoch = u64::try_from(column::<i64>(row, 2)?).map_err(|_| wrong())?;
    let run = RunId::new(column::<&str>(row, 3)?).map_err(|_| wrong())?;
    let at: Timestamp = column::<&str>(row, 4)?.parse().map_err(|_| wrong())?;
    let mac = column::<&[u8]>(row, 6)?.try_into().map_err(|_| wrong())?;
    Ok(Record::new(Seq::new(seq), epoch, run, at, column(row, 5)?, Mac::new(mac)))
}

fn value(row: &Row) -> Result<SealedValue> {
    let context: SealContext =
        serde_json::from_str(column(row, 5)?).map_err(|_| damaged("what a value is sealed to cannot be read"))?;
    Ok(SealedValue::new(ValueId::new(column::<&str>(row, 3)?), context, Sealed::from_bytes(column(row, 6)?)))
}

pub(super) async fn heads(line: &Line, filter: &HeadFilter, page: &Page) -> Result<Vec<Head>> {
    let mut terms = Terms::new();
    let limit = terms.value(i64::try_from(page.limit).unwrap_or(i64::MAX));
    terms.of(filter);
    if let Some(after) = &page.after {
        let after = terms.value(after.as_str().to_owned());
        terms.add(&format!("c.name > {after}"));
    }
    let sql = format!(
        "SELECT c.name, c.head FROM credential c WHERE c.head IS NOT NULL {} ORDER BY c.name LIMIT {limit}",
        terms.and()
    );
    let read = |row: &Row| {
        let name = CredentialName::new(column::<&str>(row, 0)?).map_err(|_| damaged("a credential's name is none"))?;
        head(&name, column(row, 1)?)
    };
    line.read(&sql, &terms.values()).await?.iter().map(read).collect()
}

/// Conditions on a credential, and their values. There are few texts of them, so that each is prepared once.
pub(super) struct Terms {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Terms {
    pub(super) fn new() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    /// A value, and the name under which a statement has it.
    pub(super) fn value(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    pub(super) fn add(&mut self, term: &str) {
        let _ = write!(self.sql, " AND {term}");
    }

    /// What a filter admits.
    pub(super) fn of(&mut self, filter: &HeadFilter) {
        if let Some(names) = &filter.among {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let names = self.value(names);
            self.add(&format!("c.name = ANY ({names}::text[])"));
        }
        if let Some(current) = filter.current {
            let current = self.value(current.to_string());
            self.add(&format!("c.in_use = {current}"));
        }
        if filter.open {
            self.add("c.open");
        }
        if let Some(by) = filter.due {
            let micros = Timestamp::from_unix_seconds(0).until(by).as_micros();
            let by = self.value(i64::try_from(micros).unwrap_or(i64::MAX));
            self.add(&format!("c.due_at <= {by}"));
        }
    }

    /// As the end of a condition.
    pub(super) fn and(&self) -> &str {
        &self.sql
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// What stands in a column.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T> {
    row.try_get(at).map_err(|_| damaged("a column is not of the kind that it was made"))
}
