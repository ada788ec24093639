//! What must hold of sealed values and key files, whatever stands in them.

use futures_util::FutureExt as _;

use super::{Key, KeySealer, SealContext, Sealed, Sealer, written};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Seq, ValueId};
use crate::name::{CredentialName, RunId};

/// The key with which the seeds were sealed. It seals nothing else.
const KEY: &str = "9cd5e9d112cc5f85b6b167982f755ee073baa9d4d7660995be142f0ec80aa742";

/// What the seeds say when they are opened.
const VALUE: &str = "ghp_FAKE0FAKE1FAKE2FAKE3FAKE4FAKE5FAKE6";

/// Reads a sealed value, and opens it where it fits. It opens as what was sealed, or not at all.
pub(crate) fn sealed_value(input: &[u8]) -> Result<()> {
    let sealer = KeySealer::new(&Key::from_text(KEY)?)?;
    let (credential, run) = (CredentialName::new("bot")?, RunId::new("run-1")?);
    let context = SealContext::new(credential, run, 3, Seq::new(17), ValueId::new("run-1/new-1"));
    let value = Sealed::from_bytes(input.to_vec());
    match sealer.open(&value, &context).now_or_never() {
        Some(Ok(token)) => assert!(token.expose() == VALUE, "a changed value opened"),
        Some(Err(error)) if !sealer.is_current(&value) => return Err(error),
        Some(Err(_)) | None => {}
    }
    Ok(())
}

/// Reads a file of keys. What was read is written and read as the same.
pub(crate) fn key_ring(input: &[u8]) -> Result<()> {
    let no_text = |_| Error::new(ErrorKind::Configuration, "it is no text");
    let ring = written::read(std::str::from_utf8(input).map_err(no_text)?)?;
    let text = written::write(&ring);
    let again = written::read(&text)?;
    assert!(*written::write(&again) == *text, "a ring reads otherwise again");
    Ok(())
}
