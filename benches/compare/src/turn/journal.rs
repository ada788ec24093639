//! The journals that are compared.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use tokenturn::Result;
use tokenturn::journal::{
    InProcess, Journal, KeyFile, KeySealer, MemoryJournal, PostgresJournal, Sealer, SqliteJournal,
};

/// The address of the server that keeps one of the journals.
const SERVER: &str = "TOKENTURN_POSTGRES_URL";

/// A journal, what seals it, and how often it has waited for the disk, where it counts that.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) durable: bool,
    sqlite: Option<SqliteJournal>,
}

impl Kept {
    /// The journal of this kind, or why there is none.
    pub(crate) async fn open(kind: &str, directory: &Path) -> Result<Result<Self, String>> {
        let sealer = || Ok::<_, tokenturn::Error>(Arc::new(KeySealer::new(&KeyFile::at(directory.join("key")))?));
        match kind {
            "memory" => {
                let (journal, sealer) = (Arc::new(MemoryJournal::new()), Arc::new(InProcess::new()));
                Ok(Ok(Self { journal, sealer, durable: false, sqlite: None }))
            }
            "sqlite" => {
                let sqlite = SqliteJournal::open(directory.join("journal"))?;
                let journal = Arc::new(sqlite.clone());
                Ok(Ok(Self { journal, sealer: sealer()?, durable: true, sqlite: Some(sqlite) }))
            }
            "postgres" => {
                let Ok(server) = std::env::var(SERVER) else {
                    return Ok(Err(format!("no server: {SERVER} is not set")));
                };
                let Ok(schema) = schema_of(directory) else {
                    return Ok(Err("the name of its schema could not be written down".to_owned()));
                };
                let options = PostgresJournal::options().schema(schema).allow_plain_text_on_this_machine();
                let journal = Arc::new(options.open(&SecretString::from(server)).await?);
                Ok(Ok(Self { journal, sealer: sealer()?, durable: true, sqlite: None }))
            }
            other => Ok(Err(format!("there is no journal called {other}"))),
        }
    }

    /// A commit waits once; emptying the log waits for it and for the database.
    pub(crate) fn fsyncs(&self) -> Option<u64> {
        let stats = self.sqlite.as_ref()?.stats();
        Some(stats.commits + 2 * stats.checkpoints)
    }
}

/// A schema of its own for each directory, so that the next process finds what this one left, and nobody else's.
fn schema_of(directory: &Path) -> std::io::Result<String> {
    let file = directory.join("schema");
    if let Ok(name) = std::fs::read_to_string(&file) {
        return Ok(name);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("compare_{}", since.as_nanos());
    std::fs::write(file, &name)?;
    Ok(name)
}
