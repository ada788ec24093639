//! Who holds tokens that are made with a key, and where GitLab keeps them.

use super::grant::user_name;
use crate::error::{Error, ErrorKind, Result};
use crate::name::TokenId;

/// What a project's or a group's token may do there: its role, beside its scopes. A key gives no higher one than its own.
///
/// Source: "Project access tokens API", `access_level` (GitLab documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GitLabAccessLevel {
    /// 10.
    Guest,
    /// 15, in GitLab 17.7 or newer.
    Planner,
    /// 20.
    Reporter,
    /// 30.
    Developer,
    /// 40.
    Maintainer,
    /// 50.
    Owner,
}

impl GitLabAccessLevel {
    /// GitLab's number for it.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Guest => 10,
            Self::Planner => 15,
            Self::Reporter => 20,
            Self::Developer => 30,
            Self::Maintainer => 40,
            Self::Owner => 50,
        }
    }
}

/// Who holds the tokens.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    User(u64),
    Project { path: String, role: GitLabAccessLevel },
    Group { path: String, role: GitLabAccessLevel },
    ServiceAccount { group: String, user: u64 },
}

impl Holder {
    /// Where GitLab makes one.
    pub(super) fn create(&self) -> Vec<String> {
        match self {
            Self::User(user) => path(["users", &user.to_string(), "personal_access_tokens"]),
            _ => self.list(),
        }
    }

    /// Where GitLab lists them.
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::User(_) => path(["personal_access_tokens"]),
            Self::Project { path: project, .. } => path(["projects", project, "access_tokens"]),
            Self::Group { path: group, .. } => path(["groups", group, "access_tokens"]),
            Self::ServiceAccount { group, user } => {
                path(["groups", group, "service_accounts", &user.to_string(), "personal_access_tokens"])
            }
        }
    }

    /// Where GitLab has the one with this number. Nothing but a number: `self` would be our own key.
    pub(super) fn one(&self, id: &TokenId) -> Result<Vec<String>> {
        if !id.as_str().bytes().all(|digit| digit.is_ascii_digit()) {
            let text = "GitLab's tokens are known by their numbers, and this id is none: correct it";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let mut one = self.list();
        one.push(id.to_string());
        Ok(one)
    }

    /// Whose tokens they are, where each of them is the account's own.
    pub(super) fn user(&self) -> Option<u64> {
        match self {
            Self::User(user) | Self::ServiceAccount { user, .. } => Some(*user),
            Self::Project { .. } | Self::Group { .. } => None,
        }
    }

    /// The role of what is made, where it has one.
    pub(super) fn role(&self) -> Option<GitLabAccessLevel> {
        match self {
            Self::Project { role, .. } | Self::Group { role, .. } => Some(*role),
            Self::User(_) | Self::ServiceAccount { .. } => None,
        }
    }

    /// How a grant names the owner.
    pub(super) fn owner(&self) -> String {
        match self {
            Self::User(user) | Self::ServiceAccount { user, .. } => user_name(*user),
            Self::Project { path, .. } => format!("project {path}"),
            Self::Group { path, .. } => format!("group {path}"),
        }
    }

    /// How a grant names the kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "personal access token",
            Self::Project { .. } => "project access token",
            Self::Group { .. } => "group access token",
            Self::ServiceAccount { .. } => "personal access token of a service account",
        }
    }

    /// What tells these tokens from all others of the same GitLab.
    pub(super) fn name(&self) -> String {
        match self {
            Self::User(user) => format!("personal access tokens of user {user}"),
            Self::Project { path, .. } => format!("access tokens of project {path}"),
            Self::Group { path, .. } => format!("access tokens of group {path}"),
            Self::ServiceAccount { group, user } => {
                format!("personal access tokens of service account {user} of group {group}")
            }
        }
    }

    /// The project or group by number or path, where there is one.
    pub(super) fn place(&self) -> Option<&str> {
        match self {
            Self::User(_) => None,
            Self::Project { path, .. } | Self::Group { path, .. } => Some(path),
            Self::ServiceAccount { group, .. } => Some(group),
        }
    }
}

fn path<const N: usize>(segments: [&str; N]) -> Vec<String> {
    segments.map(str::to_owned).to_vec()
}
