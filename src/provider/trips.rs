//! What the calls of a provider cost.

/// How many requests each call of a [`Provider`](super::Provider) sends, if all goes well and nothing is tried again. One each,
/// unless it says otherwise.
///
/// A plan adds them up; nothing else depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProviderTrips {
    /// Requests of [`Provider::inspect`](super::Provider::inspect).
    pub inspect: u32,
    /// Requests of [`Provider::issue`](super::Provider::issue): none where a person makes the token.
    pub issue: u32,
    /// Requests of [`Provider::revoke`](super::Provider::revoke): none where a person deletes the token.
    pub revoke: u32,
    /// Requests of [`Provider::status`](super::Provider::status).
    pub status: u32,
}

impl ProviderTrips {
    /// So many requests to look at a token, to issue one, and to end one; one to ask for its id.
    #[must_use]
    pub const fn new(inspect: u32, issue: u32, revoke: u32) -> Self {
        Self { inspect, issue, revoke, status: 1 }
    }
}

impl Default for ProviderTrips {
    fn default() -> Self {
        Self::new(1, 1, 1)
    }
}
