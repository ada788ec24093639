//! The way to the database: connections that are shared, and an end to every wait.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

use super::address::Address;
use super::failure::{self, Failure};
use super::tls::Tls;
use crate::error::{Effect, Error, ErrorKind, Result};

/// How much longer than the server itself its answer is waited for: its own word says more than silence.
const GRACE: Duration = Duration::from_secs(2);

/// What a statement is given.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The connections to a database, and how long any wait may be.
pub(super) struct Line {
    pool: Pool,
    timeout: Duration,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the pool: it knows the address.
        f.debug_struct("Line").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Line {
    /// So many connections at most, each made when it is needed. `tls` is missing where the way needs none.
    pub(super) fn new(
        address: Address,
        tls: Option<Tls>,
        schema: &str,
        connections: usize,
        timeout: Duration,
    ) -> Result<Self> {
        let mut config = address.config;
        let milliseconds = timeout.as_millis();
        let ours = format!(
            "-c search_path={schema},pg_temp -c statement_timeout={milliseconds} -c lock_timeout={milliseconds} \
             -c idle_in_transaction_session_timeout={milliseconds} -c default_transaction_isolation=read\\ committed"
        );
        let given = config.get_options().map(|given| format!("{given} ")).unwrap_or_default();
        config.options(format!("{given}{ours}"));
        if config.get_application_name().is_none() {
            config.application_name("tokenturn");
        }
        // Of several servers the one that takes writes; a line that is dead is noticed, whether or not anything is sent.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.connect_timeout(timeout).tcp_user_timeout(timeout);
        let second = Duration::from_secs(1);
        config
            .keepalives_idle(timeout.max(second))
            .keepalives_interval((timeout / 4).max(second))
            .keepalives_retries(3);
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Some(tls) => Manager::from_config(config, tls, how),
            None => Manager::from_config(config, NoTls, how),
        };
        let pool = Pool::builder(manager)
            .max_size(connections)
            .wait_timeout(Some(timeout))
            .create_timeout(Some(timeout))
            .recycle_timeout(Some(timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| Error::new(ErrorKind::Internal, "the connections to the database could not be set up"))?;
        Ok(Self { pool, timeout })
    }

    /// A connection of one's own for a while.
    async fn connection(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| failure::connection(&error))
    }

    /// Does something with a connection that takes as long as so many statements at most. What fails leaves the connection to
    /// nobody, whatever it was in the middle of.
    pub(super) async fn with<T>(&self, statements: u32, act: impl AsyncFnOnce(&mut Object) -> Result<T>) -> Result<T> {
        let mut connection = self.connection().await?;
        let done = tokio::time::timeout((self.timeout + GRACE) * statements, act(&mut connection)).await;
        let done = done.unwrap_or_else(|_| Err(failure::no_answer(Effect::None)));
        if done.is_err() {
            drop(Object::take(connection));
        }
        done
    }

    /// What a question that changes nothing is answered.
    pub(super) async fn read(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>> {
        Ok(self.ask(sql, values, Effect::None).await?)
    }

    /// What a change is answered, which is one statement and so a transaction of its own. Without an answer it may have
    /// been made.
    pub(super) async fn write(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>> {
        Ok(self.write_or_tell(sql, values).await?)
    }

    /// The same, for those who do something about a refusal.
    pub(super) async fn write_or_tell(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Failure> {
        self.ask(sql, values, Effect::Unknown).await
    }

    async fn ask(&self, sql: &str, values: Values<'_>, lost: Effect) -> Result<Vec<Row>, Failure> {
        let connection = self.connection().await?;
        let failed = |error: &tokio_postgres::Error, lost| Failure {
            error: failure::statement(error, lost),
            refused: failure::is_refusal(error),
        };
        let work = async {
            let statement = connection.prepare_cached(sql).await.map_err(|error| failed(&error, Effect::None))?;
            connection.query(&statement, values).await.map_err(|error| failed(&error, lost))
        };
        let answer = tokio::time::timeout(self.timeout + GRACE, work).await;
        let answer = answer.unwrap_or_else(|_| Err(failure::no_answer(lost).into()));
        if answer.is_err() {
            // Whatever is wrong with it, the next one gets another.
            drop(Object::take(connection));
        }
        answer
    }
}
