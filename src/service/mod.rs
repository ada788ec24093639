//! The systems of the outside, one folder each.

#[cfg(feature = "github")]
pub(crate) mod github;
