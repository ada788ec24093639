//! What every journal must keep, and what befalls the one on disk.

#[cfg(feature = "sqlite")]
mod folder;
mod laws;
