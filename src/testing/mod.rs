//! Stateful fakes on loopback, with faults on demand, and helpers for tests. Feature `testing`; outside semver.
//!
//! A fake keeps state as the real system does and reproduces its traps; each says in its documentation which. All of
//! them share one layer of [`Trouble`]: what can go wrong between two machines.

mod server;
mod trouble;

pub use server::Seen;
pub use trouble::Trouble;
