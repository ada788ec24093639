//! A schema of a test's own, that is gone afterwards.

use std::env;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use secrecy::SecretString;
use tokenturn::journal::{PostgresJournal, PostgresOptions};
use tokio_postgres::{Client, NoTls};

/// What a variable says; nothing where it is not set and need not be.
pub(crate) fn variable(name: &str) -> Option<String> {
    if let Ok(value) = env::var(name) {
        return Some(value);
    }
    assert_ne!(env::var("TOKENTURN_REQUIRE_SERVERS").as_deref(), Ok("1"), "{name} is not set");
    std::io::stdout().write_all(format!("skipped: {name} is not set\n").as_bytes()).unwrap();
    None
}

/// Where the server for all tests is.
pub(crate) fn address() -> Option<String> {
    variable("TOKENTURN_POSTGRES_URL")
}

/// A schema in a database.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) schema: String,
}

impl Place {
    pub(crate) fn new(address: &str, schema: &str) -> Self {
        Self { address: address.to_owned(), schema: schema.to_owned() }
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresJournal::options().schema(&self.schema).allow_plain_text_on_this_machine()
    }

    pub(crate) fn secret(&self) -> SecretString {
        self.address.as_str().into()
    }

    pub(crate) async fn open(&self) -> tokenturn::Result<PostgresJournal> {
        self.options().open(&self.secret()).await
    }

    /// The way past the journal, with the same names for its tables.
    pub(crate) async fn admin(&self) -> Client {
        let client = connect(&self.address).await;
        client.batch_execute(&format!("SET search_path = {}", self.schema)).await.unwrap();
        client
    }

    async fn remove(&self) {
        let client = connect(&self.address).await;
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema)).await.unwrap();
    }
}

pub(crate) async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A place that is gone with this value.
#[derive(Debug)]
pub(crate) struct Own(Place);

impl Own {
    /// A new one, where there is a server.
    pub(crate) fn find() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Some(Self(Place::new(&address()?, &format!("test_{process}_{number}"))))
    }
}

impl std::ops::Deref for Own {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.0
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        aside(self.0.clone());
    }
}

/// Removes a schema, wherever this is called.
pub(crate) fn aside(place: Place) {
    let removal = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(place.remove());
    });
    assert!(removal.join().is_ok() || std::thread::panicking());
}
