//! The tables: how they are made, and how older ones become newer ones.

use deadpool_postgres::{Object, Transaction};

use super::failure::{self, outdated, wrong};
use super::line::Line;
use crate::error::{Effect, Error, ErrorKind, Result};

/// What leads from one version to the next. What was released is never changed, only followed.
const MIGRATIONS: &[&str] = &[r#"
    CREATE TABLE journal (made_by text NOT NULL, version integer NOT NULL);
    INSERT INTO journal VALUES ('tokenturn', 0);

    -- The time, in microseconds since 1970. Leases are measured by nothing else.
    CREATE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE
        AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint';

    -- Who may write, and how the credential stands. `head` says that; what comes before it finds it.
    CREATE TABLE credential (
        name text COLLATE "C" PRIMARY KEY,
        epoch bigint NOT NULL,
        holder text,
        leased_until bigint NOT NULL,
        lease_length bigint NOT NULL,
        last bigint NOT NULL DEFAULT 0,
        since bigint NOT NULL DEFAULT 0,
        open boolean NOT NULL DEFAULT false,
        due_at bigint,
        in_use text,
        head text
    ) WITH (fillfactor = 70);
    CREATE INDEX credential_open ON credential (name) WHERE open;
    CREATE INDEX credential_due ON credential (due_at, name) WHERE due_at IS NOT NULL;
    CREATE INDEX credential_in_use ON credential (in_use) WHERE in_use IS NOT NULL;

    CREATE TABLE record (
        credential text COLLATE "C" NOT NULL REFERENCES credential,
        seq bigint NOT NULL,
        epoch bigint NOT NULL,
        run text NOT NULL,
        at text NOT NULL,
        fact text NOT NULL,
        mac bytea NOT NULL,
        PRIMARY KEY (credential, seq)
    );

    -- Dead rows of it are sealed values that were destroyed, and cleared away early.
    CREATE TABLE value (
        credential text COLLATE "C" NOT NULL REFERENCES credential,
        id text COLLATE "C" NOT NULL,
        context text NOT NULL,
        sealed bytea NOT NULL,
        PRIMARY KEY (credential, id)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

    -- Where it is tried whether a record could be written: as it is, for what is compressed shows less.
    CREATE TABLE rehearsal (credential text COLLATE "C" PRIMARY KEY REFERENCES credential, body bytea NOT NULL);
    ALTER TABLE rehearsal ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE FUNCTION rehearse(who text, bytes integer) RETURNS void LANGUAGE sql VOLATILE AS $$
        INSERT INTO rehearsal (credential, body) VALUES (who, convert_to(repeat('x', bytes), 'UTF8'));
        DELETE FROM rehearsal WHERE credential = who;
    $$;
"#];

/// What every statement that writes begins with: the one moment that it happens at, by the database's clock, if the tables
/// are still those that it was written for. What it does is on the disk before it is answered, and with synchronous
/// standbys, whatever the server was told to do by itself; where that waits for more, it stays so.
macro_rules! moment {
    () => {
        "WITH moment AS MATERIALIZED (
            SELECT clock() AS now, set_config('synchronous_commit',
                CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)
            FROM journal WHERE version = 1
        )"
    };
}
pub(super) use moment;

/// How long the tables may take to be made or brought up to date: as long as so many statements.
const PATIENCE: u32 = 5;

/// Makes the tables, or brings them up to date. Where they are, nothing is asked of the database but to be read.
pub(super) async fn open(line: &Line, schema: &str) -> Result<()> {
    line.with(1, async |connection| check_server(connection).await).await?;
    line.with(PATIENCE, async |connection| bring_up(connection, schema).await).await
}

async fn bring_up(connection: &mut Object, schema: &str) -> Result<()> {
    let change = connection.transaction().await.map_err(failed)?;
    if let Some(version) = version(&change, schema).await?
        && known(version)? == MIGRATIONS.len()
    {
        return change.commit().await.map_err(failed);
    }
    // One worker at a time, which may take its time for a big journal.
    let alone = format!(
        "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(hashtextextended('tokenturn {schema}', 0))"
    );
    change.batch_execute(&alone).await.map_err(failed)?;
    let from = known(version(&change, schema).await?.unwrap_or_default())?;
    if from == 0 {
        make(&change, schema).await?;
    }
    for step in &MIGRATIONS[from..] {
        change.batch_execute(step).await.map_err(failed)?;
    }
    let version = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    change.execute("UPDATE journal SET version = $1", &[&version]).await.map_err(failed)?;
    change.commit().await.map_err(failed)
}

/// Refuses a server that would forget what it has taken.
async fn check_server(connection: &Object) -> Result<()> {
    let sql = "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'),
               current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on'";
    let row = connection.query_one(sql, &[]).await.map_err(failed)?;
    let (version, encoding): (i32, String) = (column(&row, 0)?, column(&row, 1)?);
    if version < 130_000 {
        return Err(wrong("the journal's database is older than PostgreSQL 13: bring it up to date"));
    }
    if encoding != "UTF8" {
        return Err(wrong("the journal's database cannot hold every text: make it with the encoding UTF8"));
    }
    if !column(&row, 2)? {
        return Err(wrong(
            "the journal's database would lose what it has taken when the power fails: switch `fsync` on there",
        ));
    }
    if !column(&row, 3)? {
        tracing::warn!(
            "the journal's database runs with full_page_writes off: only some file systems make up for that"
        );
    }
    Ok(())
}

/// Which version the tables are of; none where there are none.
async fn version(change: &Transaction<'_>, schema: &str) -> Result<Option<i32>> {
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'journal'
                   AND column_name IN ('made_by', 'version')";
    let sql = format!("SELECT to_regclass('{schema}.journal') IS NOT NULL, ({columns})");
    let row = change.query_one(&sql, &[&schema]).await.map_err(failed)?;
    let (there, ours): (bool, i64) = (column(&row, 0)?, column(&row, 1)?);
    if !there {
        return Ok(None);
    }
    if ours != 2 {
        return Err(foreign());
    }
    let row = change.query_opt("SELECT version FROM journal WHERE made_by = 'tokenturn'", &[]).await.map_err(failed)?;
    column(&row.ok_or_else(foreign)?, 0).map(Some)
}

/// The version as a number of migrations.
fn known(version: i32) -> Result<usize> {
    usize::try_from(version).ok().filter(|version| *version <= MIGRATIONS.len()).ok_or_else(|| {
        let text = "the journal was written by a newer version of tokenturn, and was left as it is: use that version";
        Error::new(ErrorKind::Configuration, text)
    })
}

/// The schema, empty.
async fn make(change: &Transaction<'_>, schema: &str) -> Result<()> {
    let sql = "SELECT n.oid IS NOT NULL, EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid)
               FROM (SELECT to_regnamespace($1)::oid) AS n (oid)";
    let row = change.query_one(sql, &[&schema]).await.map_err(failed)?;
    let (there, used): (bool, bool) = (column(&row, 0)?, column(&row, 1)?);
    if used {
        return Err(foreign());
    }
    if there {
        return Ok(());
    }
    change.batch_execute(&format!("CREATE SCHEMA {schema}")).await.map_err(failed)
}

fn foreign() -> Error {
    wrong("the schema holds tables of another program, and was left as it is: give the journal a schema of its own")
}

/// What a statement says that writes nothing because the tables have changed.
pub(super) fn moved_on<T>(row: Option<T>) -> Result<T> {
    row.ok_or_else(outdated)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: tokio_postgres::Error) -> Error {
    failure::statement(&error, Effect::None)
}

fn column<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a tokio_postgres::Row, at: usize) -> Result<T> {
    super::query::column(row, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_written_for_the_newest_tables() {
        assert!(moment!().contains(&format!("version = {}\n", MIGRATIONS.len())));
    }
}
