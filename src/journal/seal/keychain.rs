//! Keys in the operating system's keychain.

use std::fmt;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry};
use zeroize::Zeroizing;

use super::key::Key;
use super::ring::{KeyRing, KeySource};
use super::written;
use crate::error::{Error, ErrorKind, Result};

/// Keys in a keychain: the Keychain of macOS, the credentials of Windows, the Secret Service of a Linux desktop, or whatever
/// else there is a store for. The caller links the store and hands it in; see the crate `keyring-core` for a list.
///
/// The entry is made with a random key where there is none. A keychain cannot make an entry only if there is none, nor
/// change one only if it is as it was: let one process make it, and one at a time change it.
///
/// Some stores block, and some want no async runtime around them: ask before the runtime starts, or on a thread for it.
///
/// ```
/// use tokenturn::journal::{KeySealer, Keychain};
///
/// // Here the store of the system, such as `apple_native_keyring_store::keychain::Store::new()?`.
/// let store = keyring_core::mock::Store::new()?;
/// let sealer = KeySealer::new(&Keychain::new(store, "tokenturn", "deploy-bot"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keychain {
    store: Arc<CredentialStore>,
    service: String,
    account: String,
}

impl Keychain {
    /// The entry of this service and account in a store.
    pub fn new(store: Arc<CredentialStore>, service: impl Into<String>, account: impl Into<String>) -> Self {
        Self { store, service: service.into(), account: account.into() }
    }

    /// Puts a new random key in use, and keeps the others behind it: as [`KeyFile::rotate`](super::KeyFile::rotate).
    ///
    /// # Errors
    ///
    /// As [`keys`](KeySource::keys), and when the entry cannot be written.
    pub fn rotate(&self) -> Result<KeyRing> {
        self.store(&self.keys()?.replaced_by(Key::generate()?))
    }

    /// Drops the keys that were replaced: as [`KeyFile::forget_replaced`](super::KeyFile::forget_replaced).
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub fn forget_replaced(&self) -> Result<KeyRing> {
        self.store(&KeyRing::new(self.keys()?.current().clone()))
    }

    fn entry(&self) -> Result<Entry> {
        self.store.build(&self.service, &self.account, None).map_err(|error| self.failed(&error))
    }

    fn read(&self) -> Result<Option<KeyRing>> {
        let bytes = match self.entry()?.get_secret() {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(keyring_core::Error::NoEntry) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let foreign = |_| Error::new(ErrorKind::Configuration, "it holds no keys of tokenturn: name another");
        let ring = std::str::from_utf8(&bytes).map_err(foreign).and_then(written::read);
        ring.map(Some).map_err(|error| error.with_subject(self.subject()))
    }

    /// What stands there afterwards, which is another's where two wrote at once.
    fn store(&self, ring: &KeyRing) -> Result<KeyRing> {
        self.entry()?.set_secret(written::write(ring).as_bytes()).map_err(|error| self.failed(&error))?;
        let lost = || {
            let text = "it took the keys and does not give them back: choose a store that keeps what it is given";
            Error::new(ErrorKind::Configuration, text).with_subject(self.subject())
        };
        self.read()?.ok_or_else(lost)
    }

    fn subject(&self) -> String {
        format!("keychain entry {}/{}", self.service, self.account)
    }

    /// Some of the library's errors hold what was read, so that none is passed on as it is.
    fn failed(&self, error: &keyring_core::Error) -> Error {
        let text = match error {
            keyring_core::Error::NoStorageAccess(_) => "the keychain cannot be used: unlock it, and see that it runs",
            keyring_core::Error::Ambiguous(_) => "there are several such entries: remove all but one",
            keyring_core::Error::Invalid(..) | keyring_core::Error::TooLong(..) => {
                "the keychain refused the service's or the account's name, or the length of the keys: choose other names, \
                 or forget replaced keys"
            }
            _ => "the keychain failed: see whether its own program can show the entry",
        };
        Error::new(ErrorKind::Configuration, text).with_subject(self.subject())
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keychain({}/{})", self.service, self.account)
    }
}

impl KeySource for Keychain {
    /// The keys of the entry, which is made where there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the keychain is locked or not there, or the entry was changed or is of another
    /// program.
    fn keys(&self) -> Result<KeyRing> {
        match self.read()? {
            Some(ring) => Ok(ring),
            None => self.store(&KeyRing::new(Key::generate()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use keyring_core::mock;

    use super::*;

    fn keychain() -> Keychain {
        Keychain::new(mock::Store::new().unwrap(), "tokenturn", "bot")
    }

    fn ids(ring: &KeyRing) -> Vec<super::super::KeyId> {
        ring.iter().map(Key::id).collect()
    }

    /// The next call on the entry fails so.
    fn fail(keychain: &Keychain, error: keyring_core::Error) {
        keychain.entry().unwrap().as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
    }

    #[test]
    fn an_entry_that_is_not_there_is_made_once() {
        let keychain = keychain();
        let made = keychain.keys().unwrap();
        assert_eq!(ids(&keychain.keys().unwrap()), ids(&made));
        let other = Keychain { account: "other".into(), ..keychain.clone() };
        assert_ne!(ids(&other.keys().unwrap()), ids(&made));
    }

    #[test]
    fn a_new_key_goes_before_those_that_were_there_and_they_go_when_told() {
        let keychain = keychain();
        let made = keychain.keys().unwrap();
        let ring = keychain.rotate().unwrap();
        assert_eq!(ids(&ring)[1..], ids(&made));
        assert_eq!(ids(&keychain.forget_replaced().unwrap()), ids(&ring)[..1]);
        assert_eq!(ids(&keychain.keys().unwrap()), ids(&ring)[..1]);
    }

    #[test]
    fn a_keychain_that_is_locked_is_no_reason_to_make_another_key() {
        let keychain = keychain();
        let made = keychain.keys().unwrap();
        fail(&keychain, keyring_core::Error::NoStorageAccess("locked".into()));
        let error = keychain.keys().unwrap_err();
        assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("unlock"), "{error}");
        assert_eq!(ids(&keychain.keys().unwrap()), ids(&made));
    }

    #[test]
    fn an_entry_of_another_program_is_neither_taken_nor_overwritten() {
        let keychain = keychain();
        for secret in [&b"hunter2"[..], &[0xff, 0xfe]] {
            keychain.entry().unwrap().set_secret(secret).unwrap();
            let error = keychain.rotate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert_eq!(keychain.entry().unwrap().get_secret().unwrap(), secret);
        }
    }

    #[test]
    fn no_error_and_no_debug_text_shows_what_the_keychain_holds() {
        let keychain = keychain();
        keychain.keys().unwrap();
        fail(&keychain, keyring_core::Error::BadEncoding(b"FAKE".to_vec()));
        let error = keychain.keys().unwrap_err();
        assert!(!format!("{error:?}").contains("70, 65"), "{error:?}");
        assert_eq!(format!("{keychain:?}"), "Keychain(tokenturn/bot)");
        assert!(error.to_string().starts_with("keychain entry tokenturn/bot: "), "{error}");
    }
}
