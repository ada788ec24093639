//! What a hostile far side can do, by the case that it belongs to.

pub(crate) mod astray;
pub(crate) mod bombs;
pub(crate) mod echoes;
pub(crate) mod lies;
pub(crate) mod masks;
pub(crate) mod pauses;
pub(crate) mod slow;
