//! The systems of the outside, one folder each.

#[cfg(feature = "codefresh")]
pub(crate) mod codefresh;
#[cfg(feature = "codepipeline")]
pub(crate) mod codepipeline;
#[cfg(feature = "github")]
pub(crate) mod github;
#[cfg(feature = "gitlab")]
pub(crate) mod gitlab;
#[cfg(feature = "icr")]
pub(crate) mod icr;
#[cfg(feature = "jenkins")]
pub(crate) mod jenkins;

mod gate;
