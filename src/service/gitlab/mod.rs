//! GitLab as a source of tokens: gitlab.com and self-managed.

mod api;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod grant;
mod holder;
mod issued;
mod keyed;
mod life;
mod refusals;
mod rotated;

use secrecy::SecretString;
use url::Url;

pub use holder::GitLabAccessLevel;
pub use issued::{GitLabTokens, GitLabTokensBuilder};
pub use rotated::{GitLabRotatedTokens, GitLabRotatedTokensBuilder};

use self::holder::Holder;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;

/// GitLab's tokens: where to begin.
///
/// | tokens | made with | old and new | found by label |
/// | --- | --- | --- | --- |
/// | [`personal`](Self::personal) access tokens | the token itself | the new one replaces the old | no |
/// | personal access tokens [`of_user`](Self::of_user), self-managed | an administrator's key | overlap | yes |
/// | access tokens [`of_project`](Self::of_project) | a key of a Maintainer or Owner | overlap | yes |
/// | access tokens [`of_group`](Self::of_group) | a key of an Owner | overlap | yes |
/// | personal access tokens [`of_service_account`](Self::of_service_account) | a key of an Owner | overlap | yes |
///
/// Take one that overlaps wherever it is offered: a token that replaces itself leaves every place down until it was updated,
/// and is lost for good with one lost answer. The keys must be personal access tokens with the scope `api`; they are used for
/// nothing but these tokens.
///
/// Every token gets an end, as GitLab wants it, by the policy's `lifetime`: without one nothing is issued. GitLab counts
/// whole days in UTC, so a token lives up to a day longer than was asked for, and ends as its last day begins.
#[derive(Debug)]
#[non_exhaustive]
pub struct GitLab;

impl GitLab {
    /// Personal access tokens that rotate themselves. The old one dies in the same instant:
    /// [`Fate::Dies`](crate::provider::Fate).
    ///
    /// Source: "Personal access tokens API", self-rotate (GitLab documentation, 16.10).
    pub fn personal(http: &Http) -> GitLabRotatedTokensBuilder {
        GitLabRotatedTokensBuilder::new(http)
    }

    /// Personal access tokens of the user of this number, made with the key of an administrator. Self-managed and Dedicated
    /// only: gitlab.com has no such interface.
    ///
    /// Source: "User tokens API", create a personal access token for a user (GitLab documentation).
    pub fn of_user(http: &Http, user: u64, key: SecretString) -> GitLabTokensBuilder {
        GitLabTokensBuilder::new(http, Holder::User(user), key)
    }

    /// Access tokens of a project, by its number or its path (`acme/site`). Each is a bot of its own, which acts in the
    /// project with this role. The key is a personal access token of a Maintainer or Owner; a project's token makes no
    /// other.
    ///
    /// Source: "Project access tokens API" (GitLab documentation).
    pub fn of_project(
        http: &Http,
        project: impl Into<String>,
        role: GitLabAccessLevel,
        key: SecretString,
    ) -> GitLabTokensBuilder {
        GitLabTokensBuilder::new(http, Holder::Project { path: project.into(), role }, key)
    }

    /// Access tokens of a group, by its number or its path. As a project's, with a key of the group's Owner.
    ///
    /// Source: "Group access tokens API" (GitLab documentation).
    pub fn of_group(
        http: &Http,
        group: impl Into<String>,
        role: GitLabAccessLevel,
        key: SecretString,
    ) -> GitLabTokensBuilder {
        GitLabTokensBuilder::new(http, Holder::Group { path: group.into(), role }, key)
    }

    /// Personal access tokens of a service account of a top-level group, by the number or path of the group and the number
    /// of the account. The key is of the group's Owner. Premium and Ultimate; GitLab 17.11 or newer, as older ones list and
    /// end them for administrators alone.
    ///
    /// Source: "Service accounts API" (GitLab documentation).
    pub fn of_service_account(
        http: &Http,
        group: impl Into<String>,
        account: u64,
        key: SecretString,
    ) -> GitLabTokensBuilder {
        GitLabTokensBuilder::new(http, Holder::ServiceAccount { group: group.into(), user: account }, key)
    }
}

/// The address of gitlab.com, or the one that was given.
fn server(given: Option<&Url>) -> Result<Url> {
    let unusable = |_| Error::new(ErrorKind::Internal, "the address of gitlab.com is none");
    given.map_or_else(|| Url::parse("https://gitlab.com/").map_err(unusable), |given| Ok(given.clone()))
}

/// What tells a GitLab from all others: its host, its port where that is unusual, and its path where it has one.
fn name_of(server: &Url) -> String {
    let port = server.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = server.path().trim_end_matches('/');
    format!("{}{port}{path}", server.host_str().unwrap_or("GitLab"))
}

fn unsupported(text: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}
