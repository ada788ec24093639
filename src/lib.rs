#![cfg_attr(
    all(
        feature = "github",
        feature = "gitlab",
        feature = "bitbucket",
        feature = "cloudbees",
        feature = "icr",
        feature = "codefresh",
        feature = "codepipeline",
        feature = "sqlite"
    ),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(
        feature = "github",
        feature = "gitlab",
        feature = "bitbucket",
        feature = "cloudbees",
        feature = "icr",
        feature = "codefresh",
        feature = "codepipeline",
        feature = "sqlite"
    )),
    doc = "Turns an access token over to its successor everywhere it is used."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
// For the library alone: tests and examples print, and may panic.
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::unwrap_used))]

pub mod audit;
pub mod consumer;
pub mod fleet;
pub mod journal;
pub mod provider;
pub mod rotation;
pub mod schedule;
#[cfg(feature = "testing")]
pub mod testing;

mod clock;
mod error;
mod event;
mod fault;
mod guide;
#[cfg(feature = "http")]
#[cfg_attr(
    not(all(
        feature = "github",
        feature = "jenkins",
        feature = "codefresh",
        feature = "codepipeline",
        feature = "gitlab",
        feature = "bitbucket"
    )),
    allow(dead_code, reason = "it is whole, whichever services are there to use it")
)]
mod http;
mod name;
mod rotator;
#[cfg(feature = "http")]
mod service;
mod token;

// The public interface, from what most programs need to what few do.
pub use rotator::{Check, ConsumerCheck, Finding, Plan, PlannedStep, Severity, StepKind};
pub use rotator::{Patience, Policy, Predecessor, Resealed, Rotator, RotatorBuilder, Run};

pub use rotation::{Ask, Decision, Floor, OldPolicy, OnFailure, Outcome, Urgency};

pub use audit::Audit;
pub use consumer::Consumer;
pub use fleet::Fleet;
pub use journal::Journal;
pub use provider::Provider;
pub use schedule::{Due, Schedule};

pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Effect, Error, ErrorKind, Problem, Result};
pub use event::{Event, Observer};
pub use guide::{Guide, GuideStep};
pub use name::{ConsumerName, CredentialName, Holder, Label, RunId, TokenId};
pub use token::{
    Access, AdmittedToken, Answer, Excess, Expiry, Fingerprint, Format, Grant, Hint, Lack, Probe, Reason, Refusal,
    Restriction, RetiredToken, Scope, ScopeModel, ScopePolicy, ScopeSet, Token, UnknownAccess, Verdict,
};

#[cfg(feature = "http")]
pub use http::{Http, HttpBuilder};

#[cfg(feature = "bitbucket")]
pub use service::bitbucket::{
    Bitbucket, BitbucketCloudBuilder, BitbucketCloudTokens, BitbucketDataCenterBuilder, BitbucketDataCenterTokens,
};

#[cfg(feature = "cloudbees")]
pub use service::cloudbees::{CloudBees, UnifyTokens, UnifyTokensBuilder};

#[cfg(feature = "github")]
pub use service::github::{
    AppUserTokens, AppUserTokensBuilder, GitHub, ImpersonationTokens, ImpersonationTokensBuilder, OAuthAppBuilder,
    OAuthAppTokens, PersonalTokens, PersonalTokensBuilder,
};
#[cfg(feature = "github-app")]
pub use service::github::{InstallationTokens, InstallationTokensBuilder};

#[cfg(feature = "codefresh")]
pub use service::codefresh::{
    Codefresh, CodefreshBuilder, CodefreshContext, CodefreshOAuthRuntime, CodefreshUserToken,
};

#[cfg(feature = "icr")]
pub use service::icr::Icr;

#[cfg(feature = "gitlab")]
pub use service::gitlab::{
    GitLab, GitLabAccessLevel, GitLabRotatedTokens, GitLabRotatedTokensBuilder, GitLabTokens, GitLabTokensBuilder,
};

#[cfg(feature = "jenkins")]
pub use service::jenkins::{
    CodeManaged, Jenkins, JenkinsApiTokens, JenkinsApiTokensBuilder, JenkinsBuilder, JenkinsCredential, JenkinsKey,
    JenkinsOwnKey,
};

#[cfg(feature = "codepipeline")]
pub use service::codepipeline::{CodePipeline, CodePipelineBuilder, CodePipelineSources, PipelinesFound};
