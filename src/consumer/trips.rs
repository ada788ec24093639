//! What the calls of a consumer cost.

/// How many requests each call of a [`Consumer`](super::Consumer) sends, if all goes well, nothing is tried again, and nothing
/// is shared with other consumers that are looked at meanwhile. One each, unless it says otherwise.
///
/// A plan adds them up; nothing else depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConsumerTrips {
    /// Requests of [`Consumer::preflight`](super::Consumer::preflight).
    pub preflight: u32,
    /// Requests of [`Consumer::install`](super::Consumer::install).
    pub install: u32,
    /// Requests of [`Consumer::verify`](super::Consumer::verify).
    pub verify: u32,
}

impl ConsumerTrips {
    /// So many requests for each of its calls.
    #[must_use]
    pub const fn new(preflight: u32, install: u32, verify: u32) -> Self {
        Self { preflight, install, verify }
    }
}

impl Default for ConsumerTrips {
    fn default() -> Self {
        Self::new(1, 1, 1)
    }
}
