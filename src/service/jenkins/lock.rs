//! One write at a time to one store, whichever handle does it: Jenkins has no conditional write.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::address::Address;
use crate::http::Endpoint;

type Gate = tokio::sync::Mutex<()>;

static GATES: LazyLock<Mutex<HashMap<String, Weak<Gate>>>> = LazyLock::new(Mutex::default);

/// The gate before a store, the same for all handles of this process.
pub(super) fn of(jenkins: &Endpoint, at: &Address) -> Arc<Gate> {
    let store = format!("{} {}", jenkins.base(), at.store(&[]).join("/"));
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gate) = gates.get(&store).and_then(Weak::upgrade) {
        return gate;
    }
    gates.retain(|_, gate| gate.strong_count() > 0);
    let gate = Arc::new(Gate::default());
    gates.insert(store, Arc::downgrade(&gate));
    gate
}
