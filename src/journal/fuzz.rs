//! The readers of what a journal keeps, for the fuzz targets.

#[cfg(feature = "seal")]
pub(crate) use super::seal::fuzz::{key_ring, sealed_value};
#[cfg(feature = "sqlite")]
pub(crate) use super::sqlite::rescue_slot;
