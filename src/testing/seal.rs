//! A sealer that works like a real one and protects nothing.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Mac, SealContext, Sealed, Sealer};
use crate::token::Token;

/// How long the tie is that finds changes.
const TIE: usize = 32;

/// A sealer with a key that everybody knows: **no protection at all**.
///
/// It says that it is persistent, makes bytes that a durable journal stores, and finds a wrong place, a wrong key and a
/// changed byte, as a real one does. Tests need that; anything else must not use it.
#[derive(Clone, Debug)]
pub struct TestSealer {
    key: String,
}

impl TestSealer {
    /// A sealer with the key that all tests share.
    #[must_use]
    pub fn new() -> Self {
        Self::with_key("tokenturn-test-key")
    }

    /// A sealer with another key, which opens nothing that the first one sealed.
    pub fn with_key(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// One hash over the key, what it is for, and these parts, each with its length.
    fn hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.key.as_bytes(), purpose.as_bytes()].iter().chain(parts) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// These bytes with the key's stream for this place over them; twice is the bytes again.
    fn veil(&self, bytes: &[u8], place: &[u8]) -> Vec<u8> {
        let block = |at: usize| self.hash("stream", &[place, &(at as u64).to_be_bytes()]);
        let blocks = bytes.chunks(32).enumerate();
        blocks
            .flat_map(|(at, part)| part.iter().zip(block(at)).map(|(byte, over)| byte ^ over).collect::<Vec<_>>())
            .collect()
    }
}

impl Default for TestSealer {
    fn default() -> Self {
        Self::new()
    }
}

fn place(context: &SealContext) -> Vec<u8> {
    let SealContext { credential, run, epoch, seq, value } = context;
    format!("{credential}\n{run}\n{epoch}\n{seq}\n{}", value.as_str()).into_bytes()
}

fn wrong() -> Error {
    Error::new(
        ErrorKind::Journal,
        "a value does not open: it was changed, belongs elsewhere, or was sealed with another key; do not go on",
    )
}

#[async_trait]
impl Sealer for TestSealer {
    fn is_persistent(&self) -> bool {
        true
    }

    async fn seal(&self, value: &Token, context: &SealContext) -> Result<Sealed> {
        let place = place(context);
        let mut bytes = self.veil(value.expose().as_bytes(), &place);
        let tie = self.hash("tie", &[&place, &bytes]);
        bytes.extend_from_slice(&tie);
        Ok(Sealed::from_bytes(bytes))
    }

    async fn open(&self, sealed: &Sealed, context: &SealContext) -> Result<Token> {
        let place = place(context);
        let bytes = sealed.bytes()?;
        let (veiled, tie) = bytes.split_at(bytes.len().saturating_sub(TIE));
        if tie != self.hash("tie", &[&place, veiled]) {
            return Err(wrong());
        }
        let plain = Zeroizing::new(self.veil(veiled, &place));
        Token::new(std::str::from_utf8(&plain).map_err(|_| wrong())?)
    }

    fn is_current(&self, _: &Sealed) -> bool {
        true
    }

    fn mac(&self, previous: &Mac, message: &[u8]) -> Result<Mac> {
        Ok(Mac::new(self.hash("record", &[previous.as_bytes(), message])))
    }

    fn ties(&self, previous: &Mac, message: &[u8], tie: &Mac) -> Result<bool> {
        Ok(self.mac(previous, message)? == *tie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Seq, ValueId};
    use crate::name::{CredentialName, RunId};

    fn context(seq: u64) -> SealContext {
        SealContext::new(
            CredentialName::new("bot").unwrap(),
            RunId::new("run").unwrap(),
            1,
            Seq::new(seq),
            ValueId::new("current"),
        )
    }

    #[tokio::test]
    async fn what_was_sealed_opens_in_its_place_and_nowhere_else() {
        let sealer = TestSealer::new();
        let token = Token::new(&"ghp_FAKE".repeat(20)).unwrap();
        let made = sealer.seal(&token, &context(1)).await.unwrap();
        assert!(!made.bytes().unwrap().windows(8).any(|part| part == b"ghp_FAKE"));
        assert_eq!(sealer.open(&made, &context(1)).await.unwrap(), token);
        assert_eq!(sealer.open(&made, &context(2)).await.unwrap_err().kind(), ErrorKind::Journal);
        let other = TestSealer::with_key("another");
        assert_eq!(other.open(&made, &context(1)).await.unwrap_err().kind(), ErrorKind::Journal);
    }

    #[tokio::test]
    async fn a_changed_byte_is_found() {
        let sealer = TestSealer::new();
        let made = sealer.seal(&Token::new("ghp_FAKE").unwrap(), &context(1)).await.unwrap();
        for at in 0..made.bytes().unwrap().len() {
            let mut bytes = made.bytes().unwrap().to_vec();
            bytes[at] ^= 1;
            assert!(sealer.open(&Sealed::from_bytes(bytes), &context(1)).await.is_err(), "byte {at}");
        }
        assert!(sealer.open(&Sealed::from_bytes(Vec::new()), &context(1)).await.is_err());
    }
}
