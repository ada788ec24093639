//! The key in use and those that it replaced, and where they come from.

use std::fmt;

use super::key::{Key, KeyId};
use crate::error::Result;

/// The key in use, and those that it replaced, the newest first. What is sealed is sealed with the first; all of them open.
///
/// ```
/// use tokenturn::journal::{Key, KeyRing};
///
/// let (old, new) = (Key::generate()?, Key::generate()?);
/// let ring = KeyRing::new(new.clone()).replacing(old.clone());
/// assert_eq!(ring.current().id(), new.id());
/// assert_eq!(ring.replaced()[0].id(), old.id());
/// # Ok::<(), tokenturn::Error>(())
/// ```
#[derive(Clone)]
pub struct KeyRing {
    current: Key,
    replaced: Vec<Key>,
}

impl KeyRing {
    /// The ring of one key.
    #[must_use]
    pub fn new(current: Key) -> Self {
        Self { current, replaced: Vec::new() }
    }

    /// Adds a key that was in use before all that are there. One that is there already changes nothing.
    #[must_use]
    pub fn replacing(mut self, old: Key) -> Self {
        if self.get(old.id()).is_none() {
            self.replaced.push(old);
        }
        self
    }

    /// The key in use.
    #[must_use]
    pub fn current(&self) -> &Key {
        &self.current
    }

    /// The keys that it replaced, the newest first.
    #[must_use]
    pub fn replaced(&self) -> &[Key] {
        &self.replaced
    }

    /// The key of this name.
    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&Key> {
        self.iter().find(|key| key.id() == id)
    }

    /// All keys, the one in use first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.replaced)
    }

    /// The ring in which this key is in use, and replaced all that were there.
    pub(super) fn replaced_by(self, new: Key) -> Self {
        self.iter().cloned().fold(Self::new(new), Self::replacing)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({:?}, replacing {:?})", self.current, self.replaced)
    }
}

/// Where keys come from. It is asked once, when the sealer is made: a key-management service that is asked over the network
/// can be asked before, and its answer handed in as a [`Key`].
///
/// ```
/// use tokenturn::journal::{Key, KeyRing, KeySealer, KeySource};
///
/// #[derive(Debug)]
/// struct Environment(&'static str);
///
/// impl KeySource for Environment {
///     fn keys(&self) -> tokenturn::Result<KeyRing> {
///         let missing = |_| tokenturn::Error::new(tokenturn::ErrorKind::Configuration, "the key's variable is not set");
///         Key::from_text(&std::env::var(self.0).map_err(missing)?).map(KeyRing::new)
///     }
/// }
///
/// assert!(KeySealer::new(&Environment("NO_SUCH_VARIABLE")).is_err());
/// ```
pub trait KeySource: fmt::Debug + Send + Sync {
    /// The keys.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or are none.
    fn keys(&self) -> Result<KeyRing>;
}

impl KeySource for Key {
    fn keys(&self) -> Result<KeyRing> {
        Ok(KeyRing::new(self.clone()))
    }
}

impl KeySource for KeyRing {
    fn keys(&self) -> Result<KeyRing> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_in_which_they_were_replaced() {
        let [a, b, c] = [(); 3].map(|()| Key::generate().unwrap());
        let ring = KeyRing::new(c.clone()).replacing(b.clone()).replacing(a.clone()).replacing(b.clone());
        assert_eq!(ring.iter().map(Key::id).collect::<Vec<_>>(), [c.id(), b.id(), a.id()]);
        let new = Key::generate().unwrap();
        let ids: Vec<KeyId> = ring.replaced_by(new.clone()).iter().map(Key::id).collect();
        assert_eq!(ids, [new.id(), c.id(), b.id(), a.id()]);
        assert!(KeyRing::new(a.clone()).replacing(a).replaced().is_empty());
    }
}
