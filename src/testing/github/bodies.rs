//! What users, repositories, authorisations and installations look like on the wire, with every member that GitHub's OpenAPI
//! description requires of them.

use serde_json::{Map, Value, json};

#[cfg(feature = "github-app")]
use super::app::Installed;
use super::state::{Entry, Kind};
use crate::testing::server::Request;

/// When everything was made: nobody here asks.
const MADE: &str = "2026-01-01T00:00:00Z";

/// Below the address of a user, and the templates at their ends.
const OF_USER: &[(&str, &str)] = &[
    ("url", ""),
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
];

/// Below the address of a repository.
const OF_REPOSITORY: &[(&str, &str)] = &[
    ("url", ""),
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// The addresses of the server that a request went to: for people, and for programs.
pub(super) struct Site {
    web: String,
    api: String,
}

impl Site {
    pub(super) fn of(request: &Request) -> Self {
        let web = format!("http://{}", request.header("host").unwrap_or("github.example"));
        let api = format!("{web}/api/v3");
        Self { web, api }
    }

    /// A user, as other answers show it (`simple-user`).
    fn simple_user(&self, login: &str) -> Value {
        let own = json!({
            "login": login, "id": 1, "node_id": "FAKEuser1", "type": "User", "site_admin": false, "gravatar_id": "",
            "avatar_url": format!("{}/avatars/{login}", self.web), "html_url": format!("{}/{login}", self.web),
        });
        joined([own, addresses(&format!("{}/users/{login}", self.api), OF_USER)])
    }

    /// A user who asks for themselves; what is private is shown to the scope `user` alone (`public-user`, `private-user`).
    pub(super) fn user(&self, entry: &Entry) -> Value {
        let public = json!({
            "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
            "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": MADE, "updated_at": MADE,
        });
        let body = joined([self.simple_user(&entry.owner), public]);
        if entry.kind == Kind::FineGrained || !entry.may("user") {
            return body;
        }
        let private = json!({
            "private_gists": 0, "total_private_repos": 1, "owned_private_repos": 1, "disk_usage": 1, "collaborators": 0,
            "two_factor_authentication": true,
        });
        joined([body, private])
    }

    /// A repository, as one may see it who may administer it or not (`full-repository`).
    pub(super) fn repository(&self, path: &str, private: bool, admin: bool) -> Value {
        let (owner, name) = path.split_once('/').unwrap_or((path, path));
        let html = format!("{}/{path}", self.web);
        let own = json!({
            "id": 1, "node_id": "FAKErepository1", "name": name, "full_name": path, "owner": self.simple_user(owner),
            "private": private, "visibility": if private { "private" } else { "public" },
            "permissions": {"admin": admin, "maintain": admin, "push": admin, "triage": admin, "pull": true},
            "html_url": html, "clone_url": format!("{html}.git"), "svn_url": html, "mirror_url": null, "homepage": null,
            "git_url": format!("git://github.example/{path}.git"), "ssh_url": format!("git@github.example:{path}.git"),
            "description": null, "default_branch": "main", "language": null, "license": null, "fork": false, "size": 1,
            "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "open_issues": 0,
            "open_issues_count": 0, "network_count": 0, "subscribers_count": 0, "archived": false, "disabled": false,
            "has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true,
            "has_discussions": false, "pushed_at": MADE, "created_at": MADE, "updated_at": MADE,
        });
        joined([own, addresses(&format!("{}/repos/{path}", self.api), OF_REPOSITORY)])
    }

    /// What an app is told of a token that a user gave it (`authorization`).
    pub(super) fn authorization(&self, client_id: &str, entry: &Entry) -> Value {
        let scopes: Vec<&str> = entry.scopes.iter().map(crate::token::Scope::as_str).collect();
        let value = entry.token.expose();
        json!({
            "id": entry.id, "url": format!("{}/authorizations/{}", self.api, entry.id), "scopes": scopes,
            "app": {"client_id": client_id, "name": "app", "url": "https://app.example"},
            "token": value, "token_last_eight": value.get(value.len().saturating_sub(8)..),
            // How GitHub makes it is not documented.
            "hashed_token": "0".repeat(64),
            "note": null, "note_url": null, "fingerprint": null, "created_at": MADE, "updated_at": MADE,
            "expires_at": entry.expires.map(|end| end.to_string()), "user": self.simple_user(&entry.owner),
        })
    }

    /// Where an app is installed (`installation`). An account is a user in all answers here, whatever it is.
    #[cfg(feature = "github-app")]
    pub(super) fn installation(&self, slug: &str, id: u64, installed: &Installed) -> Value {
        let suspended = installed.suspended;
        json!({
            "id": id, "app_id": installed.app, "app_slug": slug, "account": self.simple_user(&installed.account),
            "target_id": 1, "target_type": "User", "permissions": installed.permissions, "events": [],
            "repository_selection": "selected", "single_file_name": null,
            "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", self.api),
            "repositories_url": format!("{}/installation/repositories", self.api),
            "html_url": format!("{}/settings/installations/{id}", self.web), "created_at": MADE, "updated_at": MADE,
            "suspended_by": suspended.then(|| self.simple_user(&installed.account)),
            "suspended_at": suspended.then_some(MADE),
        })
    }

    /// The repositories of an account, as a token of an installation there sees them (`repository`).
    #[cfg(feature = "github-app")]
    pub(super) fn repositories(&self, account: &str, names: &[String]) -> Vec<Value> {
        names.iter().map(|name| self.repository(&format!("{account}/{name}"), true, false)).collect()
    }
}

fn addresses(base: &str, members: &[(&str, &str)]) -> Value {
    members.iter().map(|(name, rest)| ((*name).to_owned(), Value::from(format!("{base}{rest}")))).collect()
}

/// The members of several objects in one.
fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let members =
        parts.into_iter().filter_map(|part| if let Value::Object(members) = part { Some(members) } else { None });
    Value::Object(members.flatten().collect::<Map<_, _>>())
}
