//! A key, and the name by which it may be shown.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::ring::KeyRing;
use crate::error::{Error, ErrorKind, Result};

/// How long a key is, in bytes.
pub(super) const LENGTH: usize = 32;

/// Of 32 random bytes far more than these are different; what has fewer was typed or made up.
const DIFFERENT: usize = 12;

/// Sets what is derived here apart from what others derive from the same key.
const SALT: &[u8] = b"tokenturn/seal/1";

const PADDED: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// A key that seals: 32 random bytes, wiped on drop. `Debug` shows its [`KeyId`] alone.
///
/// ```
/// use tokenturn::journal::Key;
///
/// let key = Key::from_text("nNXp0RLMX4W2sWeYL3Ve4HO6qdTXZgmVvhQvDsgKp0I=")?; // from a vault; made by `openssl rand -base64 32`
/// assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
/// # Ok::<(), tokenturn::Error>(())
/// ```
#[derive(Clone)]
pub struct Key {
    secret: Zeroizing<[u8; LENGTH]>,
    id: KeyId,
}

impl Key {
    /// The key of these bytes. Wiping the original is the caller's part.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when they are not exactly 32, or cannot be random: one value again and again, a count,
    /// few different values, or text. The text never quotes them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let Ok(secret) = <[u8; LENGTH]>::try_from(bytes).map(Zeroizing::new) else {
            let text = format!("a key has exactly 32 bytes, and these are {}: hand in 32 random bytes", bytes.len());
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        refuse_weak(&secret)?;
        Self::of(secret)
    }

    /// The key of a text: 64 hexadecimal digits, or base64 of either alphabet, with or without padding. White space around
    /// it goes. Wiping the original is the caller's part.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is neither, or as [`from_bytes`](Self::from_bytes).
    pub fn from_text(text: &str) -> Result<Self> {
        let wrong = || {
            let text = "the key is neither 64 hexadecimal digits nor base64 of 32 bytes: make one with \
                        `openssl rand -base64 32`, and hand that in whole";
            Error::new(ErrorKind::InvalidInput, text)
        };
        let text = text.trim();
        let bytes = match text.len() {
            64 => from_hex(text).ok_or_else(wrong)?,
            43 | 44 => from_base64(text).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        Self::from_bytes(&bytes)
    }

    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] when the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let mut secret = Zeroizing::new([0; LENGTH]);
        rand::fill(&mut *secret).map_err(|_| unusable())?;
        Self::of(secret)
    }

    /// The ring of this key in use, and one that it replaced.
    #[must_use]
    pub fn replacing(self, old: Self) -> KeyRing {
        KeyRing::new(self).replacing(old)
    }

    /// By which name it may be shown and stored.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    fn of(secret: Zeroizing<[u8; LENGTH]>) -> Result<Self> {
        let named = derive(&*secret, b"id")?;
        let mut id = [0; KeyId::LENGTH];
        id.copy_from_slice(&named[..KeyId::LENGTH]);
        Ok(Self { secret, id: KeyId(id) })
    }

    /// Its bytes. Every use of this name is a place to review.
    pub(super) fn secret(&self) -> &[u8; LENGTH] {
        &self.secret
    }

    /// A key of its own for one purpose: what is done with it tells nothing of this one, nor of those for other purposes.
    pub(super) fn derive(&self, purpose: &'static [u8]) -> Result<Zeroizing<[u8; LENGTH]>> {
        derive(&*self.secret, purpose)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// By which name a key may be shown and stored: 16 hexadecimal digits that are derived from it and lead to no part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; Self::LENGTH]);

impl KeyId {
    /// How long it is, in bytes.
    pub(super) const LENGTH: usize = 8;

    pub(super) fn of_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The library's answer says nothing more.
pub(super) fn unusable() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the cryptography library refused a key or gave no random bytes: see that the system has random numbers, and \
         report it if it has",
    )
}

fn derive(secret: &[u8], purpose: &'static [u8]) -> Result<Zeroizing<[u8; LENGTH]>> {
    let mut derived = Zeroizing::new([0; LENGTH]);
    let base = Salt::new(HKDF_SHA256, SALT).extract(secret);
    base.expand(&[purpose], HKDF_SHA256).and_then(|key| key.fill(&mut *derived)).map_err(|_| unusable())?;
    Ok(derived)
}

/// No random key looks like this in the life of the universe; what people hand in by mistake does.
fn refuse_weak(secret: &[u8; LENGTH]) -> Result<()> {
    let refuse = |text: &'static str| Err(Error::new(ErrorKind::InvalidInput, text));
    let mut seen = [false; 256];
    for byte in secret {
        seen[usize::from(*byte)] = true;
    }
    let mut steps = secret.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first = steps.next();
    if seen.iter().filter(|seen| **seen).count() < DIFFERENT || steps.all(|step| Some(step) == first) {
        return refuse("these bytes are no random key: make one with `openssl rand -base64 32` or `Key::generate`");
    }
    if secret.iter().all(u8::is_ascii_graphic) {
        return refuse(
            "these 32 bytes are text, in which there is less than in a key: hand a key in hexadecimal digits or base64 to \
             `Key::from_text`, or make one with `openssl rand -base64 32`",
        );
    }
    Ok(())
}

pub(super) fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks(2) {
        let [high, low] = pair else { return None };
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Made large enough at once: a buffer that grows leaves a copy behind.
    let mut bytes = Zeroizing::new(vec![0; LENGTH + 4]);
    let of_urls = text.contains(['-', '_']);
    let alphabet = if of_urls { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let length = GeneralPurpose::new(alphabet, PADDED).decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "9cd5e9d112cc5f85b6b167982f755ee073baa9d4d7660995be142f0ec80aa742";
    const BASE64: &str = "nNXp0RLMX4W2sWeYL3Ve4HO6qdTXZgmVvhQvDsgKp0I";

    #[test]
    fn one_key_is_the_same_in_every_spelling() {
        let key = Key::from_text(HEX).unwrap();
        for text in [&HEX.to_uppercase(), BASE64, &format!("{BASE64}=\n"), &BASE64.replace('+', "-").replace('/', "_")]
        {
            assert_eq!(Key::from_text(text).unwrap().id(), key.id());
        }
        assert_eq!(Key::from_bytes(key.secret()).unwrap().id(), key.id());
    }

    #[test]
    fn what_cannot_be_a_random_key_is_refused_without_quoting_it() {
        let count: Vec<u8> = (0..32).collect();
        let few: Vec<u8> = (0..32).map(|at| [3, 200, 7, 90][at % 4]).collect();
        let text = b"correct-horse-battery-staple-123";
        for bad in [&[0; 32][..], &[7; 32], &count, &few, text, &[], &[1; 31], &[1; 33]] {
            let error = Key::from_bytes(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
            assert!(!error.to_string().contains("horse"));
        }
        for bad in ["", "hunter2", &HEX[1..], &format!("{}g", &HEX[1..]), &"*".repeat(44), &"é".repeat(32)] {
            assert_eq!(Key::from_text(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn made_keys_differ_and_debug_shows_no_byte_of_them() {
        let (one, two) = (Key::generate().unwrap(), Key::generate().unwrap());
        assert_ne!(one.id(), two.id());
        assert_ne!(&one.secret()[..8], one.id().bytes());
        assert_eq!(format!("{one:?}"), format!("Key({})", one.id()));
        assert_eq!(
            format!("{:?}", one.clone().replacing(two.clone())),
            format!("KeyRing({one:?}, replacing [{two:?}])")
        );
    }

    #[test]
    fn what_is_derived_for_two_purposes_has_nothing_in_common() {
        let key = Key::from_text(HEX).unwrap();
        assert_ne!(key.derive(b"wrap").unwrap(), key.derive(b"tie").unwrap());
        assert_ne!(&*key.derive(b"wrap").unwrap(), key.secret());
    }
}
