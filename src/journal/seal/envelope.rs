//! Seals each value with a key of its own, and that key with the one in use.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::key::{Key, KeyId, LENGTH, unusable};
use super::ring::{KeyRing, KeySource};
use super::{SealContext, Sealed, Sealer};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::record::{Mac, message};
use crate::token::Token;

/// The layout below. Another layout gets another number, and this one stays readable.
const VERSION: u8 = 1;

/// How long the proof is that a sealed part was not changed.
const TAG: usize = 16;

/// Values are filled up to a multiple of this, so that their length does not tell which token it is.
const BUCKET: usize = 64;

/// A sealed value, read:
///
/// ```text
/// version 1 | key id 8 | nonce 12 | sealed data key 32 + 16 | nonce 12 | sealed value 64 n + 16
/// ```
struct Envelope<'a> {
    key: KeyId,
    key_nonce: [u8; NONCE_LEN],
    data_key: &'a [u8],
    nonce: [u8; NONCE_LEN],
    value: &'a [u8],
}

/// Seals values with AES-256-GCM, and ties records with HMAC-SHA256.
///
/// Each value has a data key of its own, which is used once and sealed with the key in use: damage to one value does not
/// reach another, and a value that is erased takes its data key along. Both are sealed to the value's whole place.
///
/// ```
/// use std::sync::Arc;
/// use tokenturn::consumer::memory::MemoryConsumer;
/// use tokenturn::journal::{Key, KeySealer};
/// use tokenturn::provider::memory::MemoryProvider;
/// use tokenturn::Rotator;
///
/// let key = Key::from_text("nNXp0RLMX4W2sWeYL3Ve4HO6qdTXZgmVvhQvDsgKp0I=")?; // or `KeyFile::at("tokenturn.key")`
/// let provider = MemoryProvider::new();
/// let bot = Rotator::builder("deploy-bot", provider.clone())
///     .consumer(MemoryConsumer::new("ci", &provider)?)
///     .sealer(Arc::new(KeySealer::new(&key)?))
///     .build()?;
/// # Ok::<(), tokenturn::Error>(())
/// ```
pub struct KeySealer {
    current: Ready,
    replaced: Vec<Ready>,
}

/// A key, made ready for its two purposes.
struct Ready {
    id: KeyId,
    wrap: LessSafeKey,
    tie: hmac::Key,
}

impl KeySealer {
    /// The sealer with the keys of this source, which is asked now and never again.
    ///
    /// # Errors
    ///
    /// Those of the source.
    pub fn new(source: &dyn KeySource) -> Result<Self> {
        let ring: KeyRing = source.keys()?;
        let replaced = ring.replaced().iter().map(Ready::of).collect::<Result<_>>()?;
        Ok(Self { current: Ready::of(ring.current())?, replaced })
    }

    /// The name of the key in use.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current.id
    }

    fn keys(&self) -> impl Iterator<Item = &Ready> {
        std::iter::once(&self.current).chain(&self.replaced)
    }
}

impl fmt::Debug for KeySealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replaced: Vec<KeyId> = self.replaced.iter().map(|key| key.id).collect();
        write!(f, "KeySealer({}, replacing {replaced:?})", self.current.id)
    }
}

impl Ready {
    fn of(key: &Key) -> Result<Self> {
        let tie = hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(b"tie")?);
        Ok(Self { id: key.id(), wrap: aes(&*key.derive(b"wrap")?)?, tie })
    }
}

/// A part of an envelope is sealed to what it is, with which key, and to the value's whole place.
fn bound_to(part: &str, key: KeyId, context: &SealContext) -> Vec<u8> {
    let SealContext { credential, run, epoch, seq, value } = context;
    let (version, key, epoch, seq) = (VERSION.to_string(), key.to_string(), epoch.to_string(), seq.to_string());
    message([part, &version, &key, credential.as_str(), run.as_str(), &epoch, &seq, value.as_str()])
}

fn aes(key: &[u8]) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| unusable())
}

/// Seals bytes where they stand, and appends the nonce before and the tag behind to `out`.
fn seal_into(out: &mut Vec<u8>, key: &LessSafeKey, to: &[u8], plain: &mut [u8]) -> Result<()> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| unusable())?;
    let sealing = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(sealing, Aad::from(to), plain).map_err(|_| unusable())?;
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plain);
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

/// The value with its length before it, filled up to the next bucket.
fn padded(value: &str) -> Result<Zeroizing<Vec<u8>>> {
    let length = u16::try_from(value.len()).map_err(|_| unusable())?.to_be_bytes();
    // Made large enough at once: a buffer that grows leaves a copy behind.
    let mut plain = Zeroizing::new(vec![0; (length.len() + value.len()).next_multiple_of(BUCKET)]);
    plain[..length.len()].copy_from_slice(&length);
    plain[length.len()..][..value.len()].copy_from_slice(value.as_bytes());
    Ok(plain)
}

fn unpadded(plain: &[u8]) -> Option<&str> {
    let (length, rest) = plain.split_first_chunk()?;
    std::str::from_utf8(rest.get(..usize::from(u16::from_be_bytes(*length)))?).ok()
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        match bytes.first() {
            Some(&VERSION) => Self::parts(&bytes[1..]).ok_or_else(damaged),
            Some(_) => Err(Error::new(
                ErrorKind::Journal,
                "a value does not open: it was changed, or sealed by a newer version; use that one, or inspect it",
            )),
            None => Err(damaged()),
        }
    }

    fn parts(bytes: &'a [u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (key_nonce, rest) = rest.split_first_chunk()?;
        let (data_key, rest) = rest.split_at_checked(LENGTH + TAG)?;
        let (nonce, value) = rest.split_first_chunk()?;
        Some(Self { key: KeyId::of_bytes(*id), key_nonce: *key_nonce, data_key, nonce: *nonce, value })
    }

    /// The value, opened with the key that sealed it.
    fn open(&self, key: &Ready, context: &SealContext) -> Option<Token> {
        let mut data_key = Zeroizing::new(self.data_key.to_vec());
        let to = bound_to("data key", key.id, context);
        let nonce = Nonce::assume_unique_for_key(self.key_nonce);
        let data_key = key.wrap.open_in_place(nonce, Aad::from(&to), &mut data_key).ok()?;
        let mut plain = Zeroizing::new(self.value.to_vec());
        let to = bound_to("value", key.id, context);
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let plain = aes(data_key).ok()?.open_in_place(nonce, Aad::from(&to), &mut plain).ok()?;
        Token::new(unpadded(plain)?).ok()
    }
}

#[async_trait]
impl Sealer for KeySealer {
    fn is_persistent(&self) -> bool {
        true
    }

    async fn seal(&self, value: &Token, context: &SealContext) -> Result<Sealed> {
        let key = &self.current;
        let mut data_key = Zeroizing::new([0; LENGTH]);
        rand::fill(&mut *data_key).map_err(|_| unusable())?;
        let once = aes(&*data_key)?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(key.id.bytes());
        seal_into(&mut bytes, &key.wrap, &bound_to("data key", key.id, context), &mut *data_key)?;
        seal_into(&mut bytes, &once, &bound_to("value", key.id, context), &mut padded(value.expose())?)?;
        Ok(Sealed::from_bytes(bytes))
    }

    async fn open(&self, sealed: &Sealed, context: &SealContext) -> Result<Token> {
        let envelope = Envelope::read(sealed.bytes()?)?;
        let Some(key) = self.keys().find(|key| key.id == envelope.key) else {
            let text = format!(
                "a value was sealed with the key {}, which is not in the ring: add it with `replacing`, or restore the key \
                 file that has it",
                envelope.key
            );
            return Err(Error::new(ErrorKind::Journal, text));
        };
        envelope.open(key, context).ok_or_else(damaged)
    }

    fn is_current(&self, sealed: &Sealed) -> bool {
        let key = sealed.bytes().and_then(Envelope::read).map(|envelope| envelope.key);
        key.is_ok_and(|key| key == self.current.id)
    }

    fn mac(&self, previous: &Mac, message: &[u8]) -> Result<Mac> {
        let mut tie = hmac::Context::with_key(&self.current.tie);
        tie.update(previous.as_bytes());
        tie.update(message);
        tie.sign().as_ref().try_into().map(Mac::new).map_err(|_| unusable())
    }

    fn ties(&self, previous: &Mac, message: &[u8], tie: &Mac) -> Result<bool> {
        let tied = [previous.as_bytes(), message].concat();
        // `verify` compares in the same time, whatever the bytes.
        Ok(self.keys().any(|key| hmac::verify(&key.tie, &tied, tie.as_bytes()).is_ok()))
    }
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Journal,
        "a value does not open: it was changed, or belongs to another place; do not go on, inspect or restore the journal",
    )
}
