//! What a contestant is put before.

/// A fleet, and what the world is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) latency_ms: u64,
    pub(crate) fleet: usize,
    pub(crate) places: usize,
    pub(crate) faults: bool,
}
