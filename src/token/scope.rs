//! Scopes, sets of them, and which scope contains which.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One scope in a provider's own words, such as `repo` or `admin:repo_hook`.
///
/// Providers add scopes, so this is text: an unknown scope is kept, never dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// A scope by its name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Scope {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

/// A set of scopes, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A set of named scopes.
    pub fn of<S: Into<Scope>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(scopes.into_iter().map(Into::into).collect())
    }

    /// Reads a list such as GitHub's `X-OAuth-Scopes`: names between commas or spaces. Whatever stands there is kept.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let names = list.split([',', ' ', '\t']).filter(|name| !name.is_empty());
        Self(names.map(|name| Scope::new(name.to_owned())).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the name itself is there. What it implies is the [`ScopeModel`]'s answer.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// What is here and not there.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (at, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// A provider's vocabulary of scopes: its name, and which scope contains which.
///
/// ```
/// use tokenturn::{ScopeModel, ScopeSet};
///
/// let granted = ScopeSet::parse("repo, write:repo_hook");
/// let required = ScopeSet::of(["repo:status", "read:repo_hook", "workflow"]);
/// let missing = ScopeModel::GITHUB_CLASSIC.missing(&required, &granted);
/// assert_eq!(missing, ScopeSet::of(["workflow"]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScopeModel {
    name: &'static str,
    contains: &'static [(&'static str, &'static [&'static str])],
    /// Levels that follow a scope's name after `=`, the lowest first: each contains those below it.
    levels: &'static [&'static str],
    changeable: bool,
}

impl ScopeModel {
    /// A vocabulary; each row names a scope and those directly below it. What a token has of it stays as it was made.
    #[must_use]
    pub const fn new(name: &'static str, contains: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self { name, contains, levels: &[], changeable: false }
    }

    /// A vocabulary of names with a level, such as `contents=write`. Each level contains those before it in the list,
    /// whatever the name; a level that is not listed contains none.
    #[must_use]
    pub const fn leveled(name: &'static str, levels: &'static [&'static str]) -> Self {
        Self { name, contains: &[], levels, changeable: false }
    }

    /// The scopes of a live token can be changed, and its value stays: a person can cure a token of which some are missing.
    #[must_use]
    pub const fn changeable(mut self) -> Self {
        self.changeable = true;
        self
    }

    /// The provider's tokens have no scopes to choose: they may do what their owner may.
    pub const NONE: Self = Self::new("none", &[]);

    /// Bitbucket Cloud's scopes: those of API tokens (`read:repository:bitbucket`), of which none contains another, and
    /// those of repository, project and workspace access tokens (`repository:write`), of which some do.
    ///
    /// Sources: "API token permissions" (Atlassian support), which says that write does not imply read; "Scopes for the
    /// Bitbucket Cloud REST API" (Atlassian developer documentation), which says what implies what, and that
    /// `repository:admin` implies neither `repository` nor `repository:write`. What neither says, as of pipelines, runners
    /// and projects, is not concluded.
    pub const BITBUCKET_CLOUD: Self = Self::new(
        "bitbucket-cloud",
        &[
            ("repository:write", &["repository"]),
            ("repository:admin", &[]),
            ("pullrequest", &["repository"]),
            ("pullrequest:write", &["pullrequest", "repository:write"]),
            ("issue:write", &["issue"]),
            ("snippet:write", &["snippet"]),
        ],
    );

    /// The permissions of Bitbucket Data Center's HTTP access tokens. A token's permission for repositories is as high as
    /// the one for projects, and a higher one contains the lower.
    ///
    /// Sources: "HTTP access tokens", its table of permissions (Bitbucket Data Center documentation); the REST description of
    /// `access-tokens`, by which `POST` to a token's number changes them.
    pub const BITBUCKET_DATA_CENTER: Self = Self::new(
        "bitbucket-data-center",
        &[
            ("PROJECT_ADMIN", &["PROJECT_WRITE", "REPO_ADMIN"]),
            ("PROJECT_WRITE", &["PROJECT_READ", "REPO_WRITE"]),
            ("PROJECT_READ", &["REPO_READ"]),
            ("REPO_ADMIN", &["REPO_WRITE"]),
            ("REPO_WRITE", &["REPO_READ"]),
        ],
    )
    .changeable();

    /// GitHub's fine-grained permissions. No answer of GitHub lists what a token has of them.
    pub const GITHUB_FINE_GRAINED: Self = Self::new("github-fine-grained", &[]);

    /// The permissions of a GitHub App's installation tokens, as `contents=write`. A name that GitHub adds is kept, and its
    /// levels are these as well.
    ///
    /// Sources: "Create an installation access token for an app", `permissions` (GitHub documentation), for names and levels;
    /// "Workflow syntax", `permissions`, which says that `write` includes `read`. That `admin` includes `write` is said of
    /// roles alone, and taken over for permissions.
    pub const GITHUB_APP: Self = Self::leveled("github-app", &["read", "write", "admin"]);

    /// GitHub's classic scopes. They can be ticked on a live token, whose value stays.
    ///
    /// Sources: "Scopes for OAuth apps" (GitHub documentation), completed by the scopes named in GitHub's `OpenAPI`
    /// descriptions. Not taken over, as nobody could confirm them: that `admin:enterprise` contains `scim:enterprise` and
    /// that `write:network_configurations` contains `read:network_configurations`. A parent is never concluded from its
    /// children: all of them together do not make it.
    pub const GITHUB_CLASSIC: Self = Self::new(
        "github-classic",
        &[
            ("repo", &["repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events"]),
            ("workflow", &[]),
            ("write:packages", &["read:packages"]),
            ("delete:packages", &[]),
            ("admin:org", &["write:org", "manage_runners:org"]),
            ("write:org", &["read:org"]),
            ("admin:public_key", &["write:public_key"]),
            ("write:public_key", &["read:public_key"]),
            ("admin:repo_hook", &["write:repo_hook"]),
            ("write:repo_hook", &["read:repo_hook"]),
            ("admin:org_hook", &[]),
            ("gist", &[]),
            ("notifications", &[]),
            ("user", &["read:user", "user:email", "user:follow"]),
            ("delete_repo", &[]),
            ("write:discussion", &["read:discussion"]),
            ("admin:enterprise", &["manage_runners:enterprise", "manage_billing:enterprise", "read:enterprise"]),
            ("manage_billing:enterprise", &["read:enterprise"]),
            ("audit_log", &["read:audit_log"]),
            ("codespace", &["codespace:secrets"]),
            ("copilot", &["manage_billing:copilot"]),
            ("write:network_configurations", &[]),
            ("project", &["read:project"]),
            ("admin:gpg_key", &["write:gpg_key"]),
            ("write:gpg_key", &["read:gpg_key"]),
            ("admin:ssh_signing_key", &["write:ssh_signing_key"]),
            ("write:ssh_signing_key", &["read:ssh_signing_key"]),
            ("site_admin", &[]),
        ],
    )
    .changeable();

    /// GitLab's scopes, of personal, project and group access tokens alike.
    ///
    /// Sources: "Access token scopes" (GitLab documentation, 19): `api` is complete access to the API, `read_api` read access
    /// to it; "Personal access tokens API": a token rotates itself with `api` or `self_rotate`. Not taken over: that `api`
    /// reaches repositories over Git, which holds for personal tokens alone, or the registries, which the documentation
    /// says and takes back; and that `write_repository` contains `read_repository`, which reads files through the API
    /// as well.
    pub const GITLAB: Self = Self::new(
        "gitlab",
        &[("api", &["read_api", "self_rotate", "create_runner", "manage_runner"]), ("read_api", &["read_user"])],
    );

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the scopes of a live token can be changed, its value staying.
    #[must_use]
    pub fn is_changeable(&self) -> bool {
        self.changeable
    }

    /// The set with everything that its scopes contain.
    #[must_use]
    pub fn closure(&self, scopes: &ScopeSet) -> ScopeSet {
        let mut whole = scopes.0.clone();
        let mut unread: Vec<Scope> = scopes.0.iter().cloned().collect();
        while let Some(scope) = unread.pop() {
            for child in self.children(&scope) {
                if whole.insert(child.clone()) {
                    unread.push(child);
                }
            }
        }
        ScopeSet(whole)
    }

    /// What of `required` is neither granted nor contained in what is.
    #[must_use]
    pub fn missing(&self, required: &ScopeSet, granted: &ScopeSet) -> ScopeSet {
        required.minus(&self.closure(granted))
    }

    /// What of `granted` goes beyond `required`.
    #[must_use]
    pub fn excess(&self, required: &ScopeSet, granted: &ScopeSet) -> ScopeSet {
        granted.minus(&self.closure(required))
    }

    /// The set without the scopes that others of it contain: what to ask a provider for.
    #[must_use]
    pub fn reduced(&self, scopes: &ScopeSet) -> ScopeSet {
        let contained = scopes.0.iter().flat_map(|scope| {
            let alone = ScopeSet(BTreeSet::from([scope.clone()]));
            self.closure(&alone).minus(&alone).0
        });
        scopes.minus(&contained.collect())
    }

    fn children(&self, scope: &Scope) -> Vec<Scope> {
        let listed = self.contains.iter().find(|(parent, _)| *parent == scope.as_str());
        let listed = listed.into_iter().flat_map(|(_, children)| children.iter().copied().map(Scope::from));
        listed.chain(self.lower(scope)).collect()
    }

    /// The same name with the level below.
    fn lower(&self, scope: &Scope) -> Option<Scope> {
        let (name, level) = scope.as_str().split_once('=')?;
        let at = self.levels.iter().position(|known| *known == level)?;
        Some(Scope::new(format!("{name}={}", self.levels.get(at.checked_sub(1)?)?)))
    }
}

impl PartialEq for ScopeModel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ScopeModel {}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: ScopeModel = ScopeModel::GITHUB_CLASSIC;

    #[test]
    fn a_parent_contains_its_children_and_theirs() {
        let all = MODEL.closure(&ScopeSet::of(["admin:repo_hook", "repo"]));
        for scope in ["write:repo_hook", "read:repo_hook", "repo:status", "security_events", "public_repo"] {
            assert!(all.contains(&Scope::from(scope)), "{scope}");
        }
        assert!(!all.contains(&Scope::from("workflow")));
    }

    #[test]
    fn all_children_together_do_not_make_the_parent() {
        let children =
            ScopeSet::of(["repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events"]);
        assert_eq!(MODEL.missing(&ScopeSet::of(["repo"]), &children), ScopeSet::of(["repo"]));
    }

    #[test]
    fn gitlabs_api_scope_is_no_way_to_the_repository_over_git() {
        let granted = ScopeSet::of(["api"]);
        let required = ScopeSet::of(["read_user", "self_rotate", "read_repository", "write_registry"]);
        assert_eq!(
            ScopeModel::GITLAB.missing(&required, &granted),
            ScopeSet::of(["read_repository", "write_registry"])
        );
        let pushes = ScopeSet::of(["write_repository"]);
        assert_eq!(
            ScopeModel::GITLAB.missing(&ScopeSet::of(["read_repository"]), &pushes),
            ScopeSet::of(["read_repository"])
        );
    }

    #[test]
    fn no_scope_of_bitbuckets_api_tokens_contains_another() {
        let required = ScopeSet::of(["read:repository:bitbucket", "write:repository:bitbucket"]);
        let granted = ScopeSet::of(["admin:repository:bitbucket", "write:repository:bitbucket"]);
        let missing = ScopeModel::BITBUCKET_CLOUD.missing(&required, &granted);
        assert_eq!(missing, ScopeSet::of(["read:repository:bitbucket"]));
        assert_ne!(ScopeModel::BITBUCKET_CLOUD, ScopeModel::GITLAB);
        assert_eq!(ScopeModel::GITLAB, ScopeModel::GITLAB);
        assert_eq!(ScopeModel::GITLAB.name(), "gitlab");
    }

    #[test]
    fn a_level_contains_those_below_it_whatever_the_name() {
        let model = ScopeModel::GITHUB_APP;
        let granted = ScopeSet::of(["contents=write", "quantum=admin", "issues=read", "odd=own"]);
        let required = ScopeSet::of(["contents=read", "quantum=read", "issues=write", "odd=read", "contents=admin"]);
        let missing = ScopeSet::of(["contents=admin", "issues=write", "odd=read"]);
        assert_eq!(model.missing(&required, &granted), missing);
        let both = ScopeSet::of(["contents=read", "contents=write", "metadata=read"]);
        assert_eq!(model.reduced(&both), ScopeSet::of(["contents=write", "metadata=read"]));
        assert_eq!(model.excess(&ScopeSet::of(["contents=read"]), &ScopeSet::of(["contents=write"])).len(), 1);
        assert_ne!(model, ScopeModel::GITHUB_FINE_GRAINED);
    }

    #[test]
    fn unknown_scopes_are_kept_and_count_as_excess() {
        let granted = ScopeSet::parse("repo, quantum:entangle,,  gist");
        assert_eq!(granted.len(), 3);
        assert_eq!(granted.iter().map(Scope::as_str).collect::<Vec<_>>(), ["gist", "quantum:entangle", "repo"]);
        let excess = MODEL.excess(&ScopeSet::of(["repo"]), &granted);
        assert_eq!(excess, ScopeSet::parse("gist quantum:entangle"));
        assert_eq!(excess.to_string(), "gist, quantum:entangle");
        assert_eq!(ScopeSet::parse("  ,").to_string(), "none");
    }

    #[test]
    fn what_a_parent_contains_need_not_be_asked_for() {
        let wanted = ScopeSet::of(["repo", "repo:status", "admin:repo_hook", "read:repo_hook"]);
        assert_eq!(MODEL.reduced(&wanted), ScopeSet::of(["admin:repo_hook", "repo"]));
    }
}
