//! Events to append, and logs of them.

use std::path::Path;
use std::sync::Arc;

use tokenturn::audit::{Audit, AuditFile, Verified, verify};
use tokenturn::journal::{InProcess, Sealer};
use tokenturn::testing::TestSealer;
use tokenturn::{Event, Result};

/// The event of this number, as a front end would read it back.
pub(crate) fn event(credential: &str, seq: u64) -> Event {
    let said = serde_json::json!({
        "credential": credential,
        "run": "0123456789abcdef0123456789abcdef",
        "seq": seq,
        "at": "2026-01-02T03:04:05Z",
        "fact": { "fact": "draining", "until": "2026-01-03T03:04:05Z" },
    });
    serde_json::from_value(said).unwrap()
}

pub(crate) fn events(credential: &str, seqs: impl IntoIterator<Item = u64>) -> Vec<Event> {
    seqs.into_iter().map(|seq| event(credential, seq)).collect()
}

/// A log of two credentials, tied by this sealer.
pub(crate) async fn log(path: &Path, sealer: Arc<dyn Sealer>) -> Vec<u8> {
    let audit = AuditFile::tied(path, sealer).unwrap();
    audit.append_all(&events("bot", 1..=3)).await.unwrap();
    audit.append(&event("other", 1)).await.unwrap();
    audit.append(&event("bot", 4)).await.unwrap();
    std::fs::read(path).unwrap()
}

/// Verified without a key.
pub(crate) fn plain(bytes: &[u8]) -> Result<Verified> {
    verify(bytes, &InProcess::new())
}

/// Verified with the key of the tests.
pub(crate) fn keyed(bytes: &[u8]) -> Result<Verified> {
    verify(bytes, &TestSealer::new())
}
