//! What a person is shown of the rescue file.

use serde::{Deserialize, Serialize};

use super::rescue::Rescued;
use crate::clock::Timestamp;
use crate::journal::Mac;
use crate::name::{CredentialName, RunId};

/// A batch in the rescue file that was not brought back, without its sealed values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RescuedBatch {
    /// Of which credential.
    pub credential: CredentialName,
    /// Of which run.
    pub run: Option<RunId>,
    /// When its last record was made.
    pub at: Option<Timestamp>,
    /// Why it has not been brought back.
    pub why: String,
    /// Tells it from every other.
    mark: Mac,
}

impl RescuedBatch {
    pub(super) fn new(rescued: &Rescued, why: String) -> Self {
        let last = rescued.batch.records.last();
        let (run, at) = (last.map(|record| record.run.clone()), last.map(|record| record.at));
        Self { credential: rescued.credential.clone(), run, at, why, mark: Mac::new(rescued.checksum) }
    }

    pub(super) fn mark(&self) -> &[u8; 32] {
        self.mark.as_bytes()
    }
}
