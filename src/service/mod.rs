//! The systems of the outside, one folder each.

#[cfg(feature = "github")]
pub(crate) mod github;
#[cfg(feature = "jenkins")]
pub(crate) mod jenkins;
