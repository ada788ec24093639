//! What a token needs to work in Codefresh, by provider.

use crate::token::{ScopeModel, ScopeSet};

/// For a Git user token.
///
/// Source: "Git tokens for GitOps" (Codefresh documentation); for Bitbucket it names permissions of app passwords, which are
/// written here as the scopes of API tokens. Two other pages ask for `admin:repo_hook` on GitHub as well: `requiring` adds
/// it.
pub(super) fn of_user_token(model: ScopeModel) -> Option<ScopeSet> {
    if model == ScopeModel::GITHUB_CLASSIC {
        Some(ScopeSet::of(["repo"]))
    } else if model == ScopeModel::GITLAB {
        Some(ScopeSet::of(["write_repository", "read_api"]))
    } else {
        bitbucket(model)
    }
}

/// For a git context of pipelines.
///
/// Source: "Git provider integrations for pipelines" (Codefresh documentation).
pub(super) fn of_context(model: ScopeModel) -> Option<ScopeSet> {
    if model == ScopeModel::GITHUB_CLASSIC {
        Some(ScopeSet::of(["repo", "admin:repo_hook"]))
    } else if model == ScopeModel::GITLAB {
        Some(ScopeSet::of(["api"]))
    } else {
        bitbucket(model)
    }
}

/// Account read, workspace membership read, webhooks read and write, repositories write and admin. No scope of Bitbucket's API tokens
/// contains another, so reading repositories is named too.
fn bitbucket(model: ScopeModel) -> Option<ScopeSet> {
    let scopes = [
        "read:user:bitbucket",
        "read:workspace:bitbucket",
        "read:webhook:bitbucket",
        "write:webhook:bitbucket",
        "read:repository:bitbucket",
        "write:repository:bitbucket",
        "admin:repository:bitbucket",
    ];
    (model == ScopeModel::BITBUCKET_CLOUD).then(|| ScopeSet::of(scopes))
}
