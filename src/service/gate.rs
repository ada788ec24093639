//! One write at a time to one object of a far side, whichever handle of this process does it: most have no conditional
//! write.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

type Gate = tokio::sync::Mutex<()>;

static GATES: LazyLock<Mutex<HashMap<String, Weak<Gate>>>> = LazyLock::new(Mutex::default);

/// The gate before the object of this address: the same for all that write there.
pub(super) fn before(object: String) -> Arc<Gate> {
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gate) = gates.get(&object).and_then(Weak::upgrade) {
        return gate;
    }
    gates.retain(|_, gate| gate.strong_count() > 0);
    let gate = Arc::new(Gate::default());
    gates.insert(object, Arc::downgrade(&gate));
    gate
}
