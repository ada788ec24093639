//! The journals that are compared.

use std::path::Path;
use std::sync::Arc;

use tokenturn::Result;
use tokenturn::journal::{InProcess, Journal, KeyFile, KeySealer, MemoryJournal, Sealer, SqliteJournal};

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
    #[expect(clippy::unused_async, reason = "one on a server has to be reached")]
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
            "postgres" => Ok(Err("this build of tokenturn has no journal in PostgreSQL".to_owned())),
            other => Ok(Err(format!("there is no journal called {other}"))),
        }
    }

    /// A commit waits once; emptying the log waits for it and for the database.
    pub(crate) fn fsyncs(&self) -> Option<u64> {
        let stats = self.sqlite.as_ref()?.stats();
        Some(stats.commits + 2 * stats.checkpoints)
    }
}
