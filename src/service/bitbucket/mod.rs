//! Bitbucket Cloud and Bitbucket Data Center as sources of tokens.

mod cloud;
mod data_center;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;

use url::Url;

pub use cloud::{BitbucketCloudBuilder, BitbucketCloudTokens};
pub use data_center::{BitbucketDataCenterBuilder, BitbucketDataCenterTokens};

use self::cloud::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;

/// Bitbucket's tokens: where to begin.
///
/// | tokens | who issues | old and new | ended by |
/// | --- | --- | --- | --- |
/// | Cloud: [`api_tokens`](Self::api_tokens) of an Atlassian account | a person, guided | overlap | a person |
/// | Cloud: access tokens of a [repository](Self::repository_tokens), [project](Self::project_tokens) or [workspace](Self::workspace_tokens) | a person, guided | overlap | a person |
/// | Data Center: [HTTP access tokens](Self::data_center) of a user, project or repository | the API, with a password | overlap | the API |
///
/// App passwords are gone: none can be made since September 2025, and Atlassian's schedule removed them by the end of July
/// 2026. Their successor is the API token, whose login is the account's email address and no longer the user name.
///
/// Source: "Bitbucket Cloud transitions to API tokens" (Atlassian).
#[derive(Debug)]
#[non_exhaustive]
pub struct Bitbucket;

impl Bitbucket {
    /// API tokens of the Atlassian account with this email address, for Bitbucket Cloud. Requests log in with both (Basic).
    ///
    /// Sources: "Using API tokens", "Create an API token" (Atlassian support).
    pub fn api_tokens(http: &Http, email: impl Into<String>) -> BitbucketCloudBuilder {
        BitbucketCloudBuilder::new(http, Kind::Api { email: email.into() })
    }

    /// Access tokens of one repository of Bitbucket Cloud, written as `workspace/repository`.
    ///
    /// Source: "Repository access tokens" (Atlassian support).
    pub fn repository_tokens(http: &Http, repository: impl Into<String>) -> BitbucketCloudBuilder {
        let repository = repository.into();
        BitbucketCloudBuilder::new(http, Kind::Repository { repository: repository.clone() }).must_read(repository)
    }

    /// Access tokens of one project of Bitbucket Cloud, by its workspace and its key. A Premium feature.
    ///
    /// Source: "Project access tokens" (Atlassian support).
    pub fn project_tokens(http: &Http, workspace: impl Into<String>, key: impl Into<String>) -> BitbucketCloudBuilder {
        BitbucketCloudBuilder::new(http, Kind::Project { workspace: workspace.into(), key: key.into() })
    }

    /// Access tokens of one workspace of Bitbucket Cloud. A Premium feature.
    ///
    /// Source: "Workspace access tokens" (Atlassian support).
    pub fn workspace_tokens(http: &Http, workspace: impl Into<String>) -> BitbucketCloudBuilder {
        BitbucketCloudBuilder::new(http, Kind::Workspace { workspace: workspace.into() })
    }

    /// HTTP access tokens of the Bitbucket Data Center at this address, as people open it, with its context path.
    pub fn data_center(http: &Http, server: Url) -> BitbucketDataCenterBuilder {
        BitbucketDataCenterBuilder::new(http, server)
    }
}

/// A repository, by what it lies in and its own short name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Repository {
    within: String,
    slug: String,
}

impl Repository {
    fn parse(text: &str) -> Result<Self> {
        match text.split_once('/') {
            Some((within, slug)) if !within.is_empty() && !slug.is_empty() && !slug.contains('/') => {
                Ok(Self { within: within.to_owned(), slug: slug.to_owned() })
            }
            _ => Err(Error::new(
                ErrorKind::Configuration,
                "a repository is written as workspace/repository, at a Data Center as PROJECT/repository: correct it",
            )),
        }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.within, self.slug)
    }
}

fn unsupported(text: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}
