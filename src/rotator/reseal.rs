//! Moves what a credential keeps to the key in use.

use serde::{Deserialize, Serialize};

use super::session::Session;
use super::{Inner, Rotator, read};
use crate::error::Result;
use crate::journal::{Log, Mac, Seq, Span};

/// What came of sealing anew, and whether a replaced key may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resealed {
    /// How many values were sealed anew.
    pub values: usize,
    /// Whether records of the newest run are tied with a replaced key. Without that key the credential could not be read:
    /// keep it until a run has begun with the new one, and is over.
    pub replaced_key_needed: bool,
}

impl Rotator {
    /// Seals every value of this credential anew that was sealed with a replaced key; its runs are not touched, whether one
    /// is open or not. A replaced key may be dropped from the ring once every credential of the journal says that it needs
    /// it no more. [`events`](Self::events) of runs that were tied with it cannot be read then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) while another engine is at it,
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when a value does not open with any key of the ring, or the journal
    /// fails. Everything is as it was then.
    pub async fn reseal(&self) -> Result<Resealed> {
        let mut session = Session::open(self.inner.clone()).await?;
        let moved = match session.reseal().await {
            Ok(values) => needed(&self.inner).await.map(|needed| Resealed { values, replaced_key_needed: needed }),
            Err(error) => Err(error),
        };
        session.close().await?;
        moved
    }
}

async fn needed(inner: &Inner) -> Result<bool> {
    let Log { records, .. } = read::load(inner, Span::NewestRun).await?;
    let mut before = None;
    for record in &records {
        // To what the first one is tied is not read, but for the very first; so nobody needs its key.
        let previous = before.or_else(|| (record.seq == Seq::ZERO.next()).then_some(Mac::GENESIS));
        before = Some(record.mac);
        if let Some(previous) = previous
            && inner.sealer.mac(&previous, &record.message(&inner.name))? != record.mac
        {
            return Ok(true);
        }
    }
    Ok(false)
}
