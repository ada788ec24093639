//! The systems that tokens come from and go to, a folder each.

#[cfg(feature = "jenkins")]
pub(crate) mod jenkins;
