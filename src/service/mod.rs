//! The systems of the outside, one folder each.

#[cfg(feature = "bitbucket")]
pub(crate) mod bitbucket;
#[cfg(feature = "cloudbees")]
pub(crate) mod cloudbees;
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

#[cfg(any(
    feature = "codefresh",
    feature = "codepipeline",
    feature = "github",
    feature = "gitlab",
    feature = "jenkins"
))]
mod gate;
#[cfg(any(feature = "bitbucket", feature = "cloudbees", feature = "github", feature = "jenkins"))]
mod sparing;
