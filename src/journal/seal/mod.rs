//! How token values are sealed before a journal sees them.

#[cfg(feature = "seal")]
mod envelope;
#[cfg(feature = "seal")]
mod file;
#[cfg(all(feature = "seal", feature = "testing"))]
pub(crate) mod fuzz;
#[cfg(feature = "seal")]
mod key;
#[cfg(feature = "keyring")]
mod keychain;
#[cfg(feature = "seal")]
mod ring;
#[cfg(feature = "seal")]
mod written;

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::batch::ValueId;
use super::record::{Mac, Seq};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{CredentialName, RunId};
use crate::token::Token;

#[cfg(feature = "keyring")]
pub use self::keychain::Keychain;
#[cfg(feature = "seal")]
pub use self::{
    envelope::KeySealer,
    file::KeyFile,
    key::{Key, KeyId},
    ring::{KeyRing, KeySource},
};

/// What a value is sealed to: opened in any other place, it does not open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SealContext {
    /// Whose value it is.
    pub credential: CredentialName,
    /// Which run stored it.
    pub run: RunId,
    /// Under which lease.
    pub epoch: u64,
    /// With which record.
    pub seq: Seq,
    /// Under which name it is kept.
    pub value: ValueId,
}

impl SealContext {
    /// A place in a credential's log.
    #[must_use]
    pub fn new(credential: CredentialName, run: RunId, epoch: u64, seq: Seq, value: ValueId) -> Self {
        Self { credential, run, epoch, seq, value }
    }
}

/// A sealed value: bytes that tell nothing, or, in a process that writes nothing to disk, the value itself.
#[derive(Clone)]
pub struct Sealed(Inner);

#[derive(Clone)]
enum Inner {
    Bytes(Vec<u8>),
    InProcess(Token),
}

impl Sealed {
    /// What a sealer made of a value, or what a journal read back.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Inner::Bytes(bytes))
    }

    /// The bytes to store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for a value that was never sealed: it must not leave the process.
    pub fn bytes(&self) -> Result<&[u8]> {
        match &self.0 {
            Inner::Bytes(bytes) => Ok(bytes),
            Inner::InProcess(_) => Err(Error::new(
                ErrorKind::Configuration,
                "this value was not sealed and may not be stored: give the Rotator a sealer with a key",
            )),
        }
    }
}

impl Sealed {
    /// What changes with every byte of it, and tells nothing.
    pub(crate) fn digest(&self) -> String {
        match &self.0 {
            Inner::Bytes(bytes) => STANDARD_NO_PAD.encode(Sha256::digest(bytes)),
            Inner::InProcess(token) => token.fingerprint().to_string(),
        }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Bytes(bytes) => write!(f, "Sealed({} bytes)", bytes.len()),
            Inner::InProcess(token) => write!(f, "Sealed(in process, {})", token.fingerprint()),
        }
    }
}

/// Seals values, and ties records together. A key-management service can stand behind the sealing; the ties want a key at
/// hand, as there is one for every record.
#[async_trait]
pub trait Sealer: fmt::Debug + Send + Sync + 'static {
    /// Whether what it sealed can be opened after a restart.
    fn is_persistent(&self) -> bool;

    /// Seals a value to a place.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    async fn seal(&self, value: &Token, context: &SealContext) -> Result<Sealed>;

    /// Opens a value that was sealed to this place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`] when it was not, or was changed.
    async fn open(&self, sealed: &Sealed, context: &SealContext) -> Result<Token>;

    /// Whether a value was sealed with the key that is in use now, and not with one that it replaced.
    fn is_current(&self, sealed: &Sealed) -> bool;

    /// Ties a record's message to the record before.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    fn mac(&self, previous: &Mac, message: &[u8]) -> Result<Mac>;

    /// Whether a record's message was tied so, with this key or one that it replaced.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    fn ties(&self, previous: &Mac, message: &[u8], tie: &Mac) -> Result<bool>;
}

/// Seals nothing, and lets nothing leave the process: for journals in memory. A durable journal refuses it at `build()`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct InProcess;

impl InProcess {
    /// The sealer of a process that writes nothing to disk.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Sealer for InProcess {
    fn is_persistent(&self) -> bool {
        false
    }

    async fn seal(&self, value: &Token, _: &SealContext) -> Result<Sealed> {
        Ok(Sealed(Inner::InProcess(value.clone())))
    }

    async fn open(&self, sealed: &Sealed, _: &SealContext) -> Result<Token> {
        match &sealed.0 {
            Inner::InProcess(token) => Ok(token.clone()),
            Inner::Bytes(_) => Err(Error::new(
                ErrorKind::Configuration,
                "this value was sealed with a key: give the Rotator the sealer that has it",
            )),
        }
    }

    fn is_current(&self, _: &Sealed) -> bool {
        true
    }

    /// Without a key this finds accidents, not malice; there is no disk on which anybody could do any.
    fn mac(&self, previous: &Mac, message: &[u8]) -> Result<Mac> {
        Ok(Mac::new(Sha256::new().chain_update(previous.as_bytes()).chain_update(message).finalize().into()))
    }

    fn ties(&self, previous: &Mac, message: &[u8], tie: &Mac) -> Result<bool> {
        Ok(self.mac(previous, message)? == *tie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_not_sealed_cannot_be_stored_or_shown() {
        let sealed = Sealed(Inner::InProcess(Token::new("ghp_FAKEFAKE").unwrap()));
        assert_eq!(sealed.bytes().unwrap_err().kind(), ErrorKind::Configuration);
        assert!(!format!("{sealed:?}").contains("FAKE"));
        assert_eq!(Sealed::from_bytes(vec![1, 2]).bytes().unwrap(), [1, 2]);
    }
}
