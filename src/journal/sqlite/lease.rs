//! Who may write: leases by epoch, on the machine's clock.

use std::time::Duration;

use rusqlite::{Row, params};

use super::failure::{damaged, database};
use super::operation::Desk;
use super::{query, statement};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Claim, HeadFilter, Lease};
use crate::name::{CredentialName, Holder};

/// A credential's lease as it stands in its row.
struct Held {
    id: i64,
    epoch: i64,
    holder: Option<String>,
    until: i64,
    length: i64,
}

impl Held {
    const COLUMNS: &'static str = "c.id, c.epoch, c.holder, c.leased_until, c.lease_length";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (id, epoch, holder) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Self { id, epoch, holder, until: row.get(3)?, length: row.get(4)? })
    }

    /// How long somebody else still has it.
    fn by_another(&self, desk: &Desk<'_>, holder: &Holder) -> Result<Option<Duration>> {
        let now = desk.now();
        if self.until <= now || self.holder.as_deref().is_none_or(|by| by == holder.as_str()) {
            return Ok(None);
        }
        let mut left = self.until.saturating_sub(now);
        if left > self.length {
            // The clock was set back since. Measured anew from now, the lease ends after its own length at the latest.
            left = self.length;
            let until = now.saturating_add(left);
            let sql = "UPDATE credential SET leased_until = ?2 WHERE id = ?1";
            statement::execute(desk.db, sql, params![self.id, until])?;
        }
        Ok(Some(Duration::from_micros(u64::try_from(left).unwrap_or_default())))
    }

    /// Grants it under an epoch above all before: those of the records count too, should the row have been lost.
    fn grant(&self, desk: &Desk<'_>, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Lease> {
        let newest = "SELECT epoch FROM record WHERE credential = ?1 ORDER BY seq DESC LIMIT 1";
        let written: Option<i64> = statement::first(desk.db, newest, [self.id], |row| row.get(0))?;
        let before = self.epoch.max(written.unwrap_or_default());
        let epoch = before.checked_add(1).ok_or_else(|| damaged("the epochs are used up"))?;
        let length = length(ttl);
        statement::execute(
            desk.db,
            "UPDATE credential SET epoch = ?2, holder = ?3, leased_until = ?4, lease_length = ?5 WHERE id = ?1",
            params![self.id, epoch, holder.as_str(), desk.now().saturating_add(length), length],
        )?;
        let epoch = u64::try_from(epoch).map_err(|_| damaged("an epoch is below zero"))?;
        Ok(Lease::new(credential.clone(), holder.clone(), epoch, ttl))
    }
}

fn length(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn claim(desk: &Desk<'_>, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
    desk.same_rescue()?;
    row_of(desk, credential)?;
    let sql = format!("SELECT {} FROM credential c WHERE name = ?1", Held::COLUMNS);
    let held = statement::first(desk.db, &sql, [credential.as_str()], Held::read)?.ok_or_else(gone)?;
    if let Some(wait) = held.by_another(desk, holder)? {
        return Ok(Claim::HeldFor(wait));
    }
    desk.unsettled.check(credential)?;
    held.grant(desk, credential, holder, ttl).map(Claim::Granted)
}

/// The credential's row, made where there is none.
pub(super) fn row_of(desk: &Desk<'_>, credential: &CredentialName) -> Result<i64> {
    let name = credential.as_str();
    statement::execute(desk.db, "INSERT INTO credential (name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    let sql = "SELECT id FROM credential WHERE name = ?1";
    statement::first(desk.db, sql, [name], |row| row.get(0))?.ok_or_else(gone)
}

fn gone() -> Error {
    damaged("the row of a credential has gone")
}

/// Those that wait longest come first. A head that cannot be read is claimed too: loading it says what is wrong with this
/// credential, and the others go on.
pub(super) fn claim_due(
    desk: &Desk<'_>,
    filter: &HeadFilter,
    holder: &Holder,
    ttl: Duration,
    limit: usize,
) -> Result<Vec<Lease>> {
    desk.same_rescue()?;
    let filter = filter.clone().due(desk.clock.now());
    let (condition, values) = query::condition(&filter, None)?;
    let sql = format!(
        "SELECT {}, c.name, h.body FROM head h JOIN credential c ON c.id = h.credential {condition} ORDER BY h.due_at, c.name",
        Held::COLUMNS
    );
    let mut leases = Vec::new();
    let mut statement = desk.db.prepare(&sql).map_err(database)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(database)?;
    let (mut free, mut unsettled) = (Vec::new(), None);
    while free.len() < limit
        && let Some(row) = rows.next().map_err(database)?
    {
        let held = Held::read(row).map_err(database)?;
        let name: String = row.get(5).map_err(database)?;
        let credential = CredentialName::new(&name).map_err(|_| damaged("a credential's name is none"))?;
        let body: String = row.get(6).map_err(database)?;
        let admitted = query::head(&credential, &body).map_or(true, |head| filter.admits(&head));
        if !admitted || held.by_another(desk, holder)?.is_some() {
            continue;
        }
        match desk.unsettled.check(&credential) {
            Ok(()) => free.push((held, credential)),
            Err(error) => unsettled = unsettled.or(Some(error)),
        }
    }
    // One that waits for a person holds no other up; but where there is no other, that is the answer.
    if let (true, Some(error)) = (free.is_empty(), unsettled) {
        return Err(error);
    }
    for (held, credential) in free {
        leases.push(held.grant(desk, &credential, holder, ttl)?);
    }
    Ok(leases)
}

/// Whether the engine that had this epoch may still be at work, unless it is one of these.
pub(super) fn is_at_work(desk: &Desk<'_>, credential: &CredentialName, epoch: u64, but: &[Holder]) -> Result<bool> {
    let sql = format!("SELECT {} FROM credential c WHERE name = ?1", Held::COLUMNS);
    let held = statement::first(desk.db, &sql, [credential.as_str()], Held::read)?;
    Ok(held.is_some_and(|held| {
        let by = held.holder.as_deref();
        u64::try_from(held.epoch) == Ok(epoch)
            && held.until > desk.now()
            && by.is_some_and(|by| but.iter().all(|holder| holder.as_str() != by))
    }))
}

/// The row of a credential whose newest lease this is.
pub(super) fn fence(desk: &Desk<'_>, lease: &Lease) -> Result<i64> {
    let fenced = || Error::new(ErrorKind::Fenced, "another engine has taken this credential over: stop");
    let epoch = i64::try_from(lease.epoch).map_err(|_| fenced())?;
    let sql = "SELECT id FROM credential WHERE name = ?1 AND epoch = ?2 AND holder = ?3";
    let values = params![lease.credential.as_str(), epoch, lease.holder.as_str()];
    statement::first(desk.db, sql, values, |row| row.get(0))?.ok_or_else(fenced)
}

/// It lasts for its whole length again.
pub(super) fn renew(desk: &Desk<'_>, id: i64, lease: &Lease) -> Result<()> {
    let length = length(lease.ttl);
    let sql = "UPDATE credential SET holder = ?2, leased_until = ?3, lease_length = ?4 WHERE id = ?1";
    statement::execute(desk.db, sql, params![id, lease.holder.as_str(), desk.now().saturating_add(length), length])?;
    Ok(())
}

/// A lease that is not the newest has nothing to give back.
pub(super) fn release(desk: &Desk<'_>, lease: &Lease) -> Result<()> {
    let id = match fence(desk, lease) {
        Ok(id) => id,
        Err(error) if error.kind() == ErrorKind::Fenced => return Ok(()),
        Err(error) => return Err(error),
    };
    statement::execute(desk.db, "UPDATE credential SET holder = NULL WHERE id = ?1", [id])?;
    Ok(())
}
