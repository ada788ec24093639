//! What every journal must keep, and what befalls the one on disk.

mod laws;

#[cfg(feature = "sqlite")]
mod destruction;
#[cfg(feature = "sqlite")]
mod folder;
#[cfg(feature = "sqlite")]
mod group;
#[cfg(feature = "sqlite")]
mod hostile;
#[cfg(feature = "sqlite")]
mod rescue;
#[cfg(feature = "sqlite")]
mod support;
#[cfg(feature = "sqlite")]
mod world;

#[cfg(all(unix, feature = "sqlite"))]
mod child;
#[cfg(all(unix, feature = "sqlite"))]
mod files;
#[cfg(all(unix, feature = "sqlite"))]
mod full;
#[cfg(all(unix, feature = "sqlite"))]
mod processes;
