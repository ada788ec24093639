//! What must hold of a slot of the rescue file, whatever stands in it.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::slot::{self, Content, HEADER};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Lease;
use crate::name::Holder;

/// Reads a note with its sealed bytes behind it as the content of a slot, whose length and checksum fit. What was read is
/// written and read as the same.
pub(crate) fn rescue_slot(input: &[u8]) -> Result<()> {
    let _ = slot::decode(input);
    let mut notes = serde_json::Deserializer::from_slice(input).into_iter::<IgnoredAny>();
    let end = notes.next().and_then(std::result::Result::ok).map_or(input.len(), |_| notes.byte_offset());
    let Content::Batch(rescued) = slot::decode(&slot::sum([7; 16], &input[..end], &input[end..])) else {
        return Err(Error::new(ErrorKind::Journal, "it is no batch"));
    };
    let lease = Lease::new(rescued.credential.clone(), Holder::new("fuzz")?, rescued.epoch, Duration::ZERO);
    let bytes = slot::encode(rescued.journal, &lease, rescued.after, &rescued.batch)?;
    let Content::Batch(again) = slot::decode(&bytes) else { panic!("what was written is not read") };
    assert_eq!(format!("{:?}", again.batch), format!("{:?}", rescued.batch), "a batch reads otherwise again");
    assert_eq!((again.after, again.epoch), (rescued.after, rescued.epoch));
    let again = slot::encode(again.journal, &lease, again.after, &again.batch)?;
    assert!(again == bytes && bytes.len() > HEADER, "a batch is written otherwise again");
    Ok(())
}
