//! Who may write: leases by epoch, on the database's clock.

use std::time::Duration;

use tokio_postgres::Row;

use super::failure::damaged;
use super::line::Line;
use super::query::{Terms, column};
use super::schema::{moment, moved_on};
use crate::error::Result;
use crate::journal::{Claim, HeadFilter, Lease};
use crate::name::{CredentialName, Holder};

/// Grants it where nobody else has it. One that was never seen is made, and is granted too.
const CLAIM: &str = concat!(
    moment!(),
    ", granted AS (
        INSERT INTO credential AS c (name, epoch, holder, leased_until, lease_length)
        SELECT $1, 1, $2, moment.now + $3, $3 FROM moment
        ON CONFLICT (name) DO UPDATE SET epoch = c.epoch + 1, holder = excluded.holder,
            leased_until = excluded.leased_until, lease_length = excluded.lease_length
        WHERE c.holder IS NULL OR c.holder = excluded.holder
            OR c.leased_until <= excluded.leased_until - excluded.lease_length
        RETURNING c.epoch
    )
    SELECT granted.epoch FROM moment LEFT JOIN granted ON true"
);

/// How long somebody else still has it. Where the clock was set back since, as on another server, the lease is measured
/// anew: it ends after its own length at the latest.
const HELD: &str = concat!(
    moment!(),
    ", set_back AS (
        UPDATE credential c SET leased_until = moment.now + c.lease_length
        FROM moment WHERE c.name = $1 AND c.leased_until > moment.now + c.lease_length
        RETURNING c.lease_length
    )
    SELECT coalesce((SELECT lease_length FROM set_back), c.leased_until - moment.now)
    FROM moment JOIN credential c ON c.name = $1"
);

pub(super) async fn claim(line: &Line, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
    let (name, length) = (credential.as_str(), micros_of(ttl));
    let rows = line.write(CLAIM, &[&name, &holder.as_str(), &length]).await?;
    if let Some(epoch) = column::<Option<i64>>(moved_on(rows.first())?, 0)? {
        return Ok(Claim::Granted(granted(credential.clone(), holder, epoch, ttl)?));
    }
    let rows = line.write(HELD, &[&name]).await?;
    let left: i64 = column(moved_on(rows.first())?, 0)?;
    Ok(Claim::HeldFor(Duration::from_micros(u64::try_from(left).unwrap_or_default())))
}

fn granted(credential: CredentialName, holder: &Holder, epoch: i64, ttl: Duration) -> Result<Lease> {
    let epoch = u64::try_from(epoch).map_err(|_| damaged("an epoch is below zero"))?;
    Ok(Lease::new(credential, holder.clone(), epoch, ttl))
}

/// Those that wait longest come first, and rows that another worker is just claiming are passed over. A head that cannot
/// be read is claimed too: loading it says what is wrong with this credential, and the others go on.
pub(super) async fn claim_due(
    line: &Line,
    filter: &HeadFilter,
    holder: &Holder,
    ttl: Duration,
    limit: usize,
) -> Result<Vec<Lease>> {
    let mut terms = Terms::new();
    let (by, length) = (terms.value(holder.as_str().to_owned()), terms.value(micros_of(ttl)));
    let limit = terms.value(i64::try_from(limit).unwrap_or(i64::MAX));
    // What is due is so by the database's clock.
    let mut filter = filter.clone();
    filter.due = None;
    terms.of(&filter);
    let sql = format!(
        "{moment}, set_back AS (
            UPDATE credential c SET leased_until = moment.now + c.lease_length
            FROM moment WHERE c.due_at <= moment.now AND c.leased_until > moment.now + c.lease_length AND c.holder <> {by}
        ), free AS MATERIALIZED (
            SELECT c.name, c.due_at FROM credential c, moment
            WHERE c.due_at <= moment.now AND (c.holder IS NULL OR c.holder = {by} OR c.leased_until <= moment.now) {terms}
            ORDER BY c.due_at, c.name LIMIT {limit} FOR UPDATE OF c SKIP LOCKED
        ), granted AS (
            UPDATE credential c SET epoch = c.epoch + 1, holder = {by}, leased_until = moment.now + {length},
                lease_length = {length}
            FROM free, moment WHERE c.name = free.name
            RETURNING c.name, c.epoch, free.due_at
        )
        SELECT granted.name, granted.epoch FROM moment LEFT JOIN granted ON true ORDER BY granted.due_at, granted.name",
        moment = moment!(),
        terms = terms.and(),
    );
    let rows = line.write(&sql, &terms.values()).await?;
    moved_on(rows.first())?;
    let lease = |row: &Row| -> Result<Option<Lease>> {
        let Some(name) = column::<Option<String>>(row, 0)? else { return Ok(None) };
        let credential = CredentialName::new(name).map_err(|_| damaged("a credential's name is none"))?;
        granted(credential, holder, column(row, 1)?, ttl).map(Some)
    };
    rows.iter().filter_map(|row| lease(row).transpose()).collect()
}

/// That it is free need not reach the disk: where it is forgotten, the lease runs out by itself.
const RELEASE: &str = "WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS done)
    UPDATE credential c SET holder = NULL, leased_until = 0
    FROM lazily WHERE done IS NOT NULL AND c.name = $1 AND c.epoch = $2 AND c.holder = $3";

pub(super) async fn release(line: &Line, lease: &Lease) -> Result<()> {
    let epoch = i64::try_from(lease.epoch).unwrap_or(i64::MAX);
    line.write(RELEASE, &[&lease.credential.as_str(), &epoch, &lease.holder.as_str()]).await?;
    Ok(())
}

/// A length as the tables hold it: microseconds, and no more than a hundred years, so that none overflows.
pub(super) fn micros_of(length: Duration) -> i64 {
    const LONGEST: i64 = 100 * 365 * 86_400 * 1_000_000;
    i64::try_from(length.as_micros()).unwrap_or(LONGEST).min(LONGEST)
}
