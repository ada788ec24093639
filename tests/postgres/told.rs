//! A journal whose database is told what time it is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokenturn::journal::{
    Batch, Claim, Durability, Head, HeadFilter, Journal, Lease, Log, Page, PostgresJournal, Seq, Span,
};
use tokenturn::{Clock, CredentialName, Holder, Result, Timestamp};
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres::Client;

use crate::place::Place;

/// What the database's clock is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// What this clock says, before each call.
    Time,
    /// How far this clock is ahead of the machine's, once.
    Ahead,
}

/// A journal whose database has the time from a clock of the test's. It is opened by the first call.
pub(crate) struct Told {
    place: Place,
    clock: Arc<dyn Clock>,
    tell: Tell,
    open: OnceCell<(PostgresJournal, Mutex<(Client, i64)>)>,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("schema", &self.place.schema).finish_non_exhaustive()
    }
}

fn micros(at: Timestamp) -> i64 {
    i64::try_from(Timestamp::from_unix_seconds(0).until(at).as_micros()).unwrap()
}

impl Told {
    pub(crate) fn new(place: &Place, clock: Arc<dyn Clock>, tell: Tell) -> Self {
        Self { place: place.clone(), clock, tell, open: OnceCell::new() }
    }

    async fn open(&self) -> (PostgresJournal, Mutex<(Client, i64)>) {
        let journal = self.place.open().await.unwrap();
        let admin = self.place.admin().await;
        // One after the other, as several processes may be at it.
        let sql = "BEGIN; SELECT pg_advisory_xact_lock(7);
            CREATE TABLE IF NOT EXISTS told (at bigint, ahead bigint NOT NULL);
            INSERT INTO told SELECT NULL, 0 WHERE NOT EXISTS (SELECT FROM told);
            CREATE OR REPLACE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE AS
                'SELECT coalesce(at, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) + ahead FROM told';
            COMMIT";
        admin.batch_execute(sql).await.unwrap();
        if self.tell == Tell::Ahead {
            let ahead = micros(self.clock.now()) - micros(SystemTime::now().into());
            admin.execute("UPDATE told SET ahead = greatest(ahead, $1)", &[&ahead]).await.unwrap();
        }
        (journal, Mutex::new((admin, 0)))
    }

    async fn inner(&self) -> &PostgresJournal {
        let (journal, admin) = self.open.get_or_init(|| self.open()).await;
        if self.tell == Tell::Time {
            let (admin, told) = &mut *admin.lock().await;
            let now = micros(self.clock.now());
            if *told != now {
                admin.execute("UPDATE told SET at = $1", &[&now]).await.unwrap();
                *told = now;
            }
        }
        journal
    }
}

#[async_trait]
impl Journal for Told {
    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn claim(&self, credential: &CredentialName, holder: &Holder, ttl: Duration) -> Result<Claim> {
        self.inner().await.claim(credential, holder, ttl).await
    }

    async fn claim_due(&self, filter: &HeadFilter, holder: &Holder, ttl: Duration, limit: usize) -> Result<Vec<Lease>> {
        self.inner().await.claim_due(filter, holder, ttl, limit).await
    }

    async fn append(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<Seq> {
        self.inner().await.append(lease, after, batch).await
    }

    async fn rehearse(&self, lease: &Lease, bytes: usize) -> Result<()> {
        self.inner().await.rehearse(lease, bytes).await
    }

    async fn rescue(&self, lease: &Lease, after: Seq, batch: &Batch) -> Result<()> {
        self.inner().await.rescue(lease, after, batch).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner().await.release(lease).await
    }

    async fn load(&self, credential: &CredentialName, span: Span) -> Result<Log> {
        self.inner().await.load(credential, span).await
    }

    async fn heads(&self, filter: &HeadFilter, page: Page) -> Result<Vec<Head>> {
        self.inner().await.heads(filter, page).await
    }
}
