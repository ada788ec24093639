//! What is remembered by name, and forgotten again.

use std::collections::HashMap;
use std::sync::Arc;

/// So many are kept without a look at whether they are needed.
const FEW: usize = 64;

/// What may have nothing left to remember.
pub(super) trait Idle {
    fn is_idle(&self) -> bool;
}

/// Values by name. Each time that their number has doubled, those are dropped that nobody uses and that remember nothing: it
/// grows with what is in use and never with all that there ever was, and a look-up costs the same however many there are.
#[derive(Debug)]
pub(super) struct Kept<V> {
    values: HashMap<String, Arc<V>>,
    full: usize,
}

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Self { values: HashMap::new(), full: FEW }
    }
}

impl<V: Idle> Kept<V> {
    /// The value of this name, made where there is none.
    pub(super) fn of(&mut self, name: &str, make: impl FnOnce() -> V) -> Arc<V> {
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        if self.values.len() >= self.full {
            self.forget();
            self.full = (self.values.len() * 2).max(FEW);
        }
        let value = Arc::new(make());
        self.values.insert(name.to_owned(), value.clone());
        value
    }

    /// Drops what is idle, and says whether nothing is left.
    pub(super) fn is_idle(&mut self) -> bool {
        self.forget();
        self.values.is_empty()
    }

    fn forget(&mut self) {
        // Whoever gets one gets it from here, so one that is held by nobody else is held by nobody.
        self.values.retain(|_, value| Arc::strong_count(value) > 1 || !value.is_idle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Busy(bool);

    impl Idle for Busy {
        fn is_idle(&self) -> bool {
            !self.0
        }
    }

    #[test]
    fn what_is_idle_is_forgotten_and_what_is_used_or_remembers_is_not() {
        let mut kept = Kept::default();
        let used = kept.of("used", || Busy(false));
        kept.of("remembers", || Busy(true));
        for number in 0..10_000 {
            kept.of(&format!("idle {number}"), || Busy(false));
        }
        assert!(kept.values.len() <= FEW, "{}", kept.values.len());
        assert!(Arc::ptr_eq(&used, &kept.of("used", || Busy(true))));
        assert!(kept.of("remembers", || Busy(false)).0);
        drop(used);
        assert!(!kept.is_idle());
        assert_eq!(kept.values.len(), 1);
    }
}
