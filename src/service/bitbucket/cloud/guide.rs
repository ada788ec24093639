//! What a person must do at Bitbucket Cloud.
//!
//! Sources: "Create an API token", "Revoke an API token", "Create a repository access token" (Atlassian support). No page can
//! be filled in by its link.

use std::time::Duration;

use url::Url;

use super::Kind;
use crate::clock::Timestamp;
use crate::guide::Guide;
use crate::provider::IssueRequest;
use crate::token::{RetiredToken, Scope};

const DAY: u64 = 24 * 60 * 60;

/// How to make a token.
pub(super) fn issue(kind: &Kind, request: &IssueRequest<'_>, now: Timestamp) -> Guide {
    let scopes: Vec<&str> = request.scopes.iter().map(Scope::as_str).collect();
    let list = if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") };
    let guide = begin(format!("Make a Bitbucket {} named {}", kind.what(), request.label), kind)
        .with_step(
            "before",
            "Bitbucket shows the token once. Copy it straight into the prompt that asks for it and nowhere else, and leave \
             the page open until it was accepted.",
        )
        .with_step("sign-in", sign_in(kind))
        .with_step("open", format!("Open the link, or: {}.", way(kind)));
    let guide = match kind {
        Kind::Api { .. } => guide.with_step(
            "create",
            "Select \"Create API token with scopes\". One without scopes does not work with Bitbucket, and app passwords are \
             gone.",
        ),
        _ => guide.with_step("create", "Select \"Create access token\"."),
    };
    let guide = guide
        .with_step("name", format!("Name: {}", request.label))
        .with_step("expiration", expiration(kind, request.lifetime, now));
    let guide = match kind {
        Kind::Api { .. } => guide.with_step("app", "App: Bitbucket."),
        _ => guide,
    };
    guide
        .with_step("scopes", format!("Scopes: {list}. Tick these and no others: they cannot be changed later."))
        .with_step("copy", "Create the token, copy it, and hand it in at the prompt.")
        .with_step(
            "read-off",
            format!(
                "Read name and end off the list: {}, and the date above. If either is another, revoke that row and make the \
                 token again: nobody can ask Bitbucket for them later.",
                request.label
            ),
        )
}

/// How to end a token.
pub(super) fn delete(kind: &Kind, token: &RetiredToken) -> Guide {
    let row = match token.label() {
        Some(label) => format!("Find the row named {label}."),
        None => "Find the row of the token that was replaced, by its name and its end.".to_owned(),
    };
    let not = match token.successor() {
        Some(label) => format!(" Not the row named {label}: that is the token in use now."),
        None => String::new(),
    };
    begin(format!("Revoke a Bitbucket {} that is no longer used", kind.what()), kind)
        .with_step("sign-in", sign_in(kind))
        .with_step("open", format!("Open the link, or: {}.", way(kind)))
        .with_step("row", format!("{row}{not}"))
        .with_step(
            "delete",
            "Select \"Revoke\" there, and confirm. Then say here that it was revoked: both tokens are asked then, the old one \
             whether it is dead and the new one whether it is alive.",
        )
}

fn begin(title: String, kind: &Kind) -> Guide {
    let guide = Guide::new(title);
    // Where the pages of projects and workspaces are is not documented; the steps lead there.
    let page = match kind {
        Kind::Api { .. } => Url::parse("https://id.atlassian.com/manage-profile/security/api-tokens").ok(),
        Kind::Repository { repository } => {
            Url::parse(&format!("https://bitbucket.org/{repository}/admin/access-tokens")).ok()
        }
        Kind::Project { .. } | Kind::Workspace { .. } => None,
    };
    match page {
        Some(page) => guide.with_link(page),
        None => guide,
    }
}

fn sign_in(kind: &Kind) -> String {
    match kind {
        Kind::Api { email } => format!("Sign in to your Atlassian account as {email}."),
        _ => format!("Sign in to bitbucket.org as an administrator of the {}.", kind.owner()),
    }
}

fn way(kind: &Kind) -> &'static str {
    match kind {
        Kind::Api { .. } => "Account settings, Security, \"Create and manage API tokens\"",
        Kind::Repository { .. } => "Repository settings, Security, Access tokens",
        Kind::Project { .. } => "Project settings, Security, Access tokens",
        Kind::Workspace { .. } => "Workspace settings, Security, Access tokens",
    }
}

fn expiration(kind: &Kind, lifetime: Option<Duration>, now: Timestamp) -> String {
    match (lifetime, kind) {
        // At which hour of its day a token ends is not documented: the day after cannot be too early, but for the longest
        // life that there is.
        (Some(life), _) => {
            let days = life.as_secs().div_ceil(DAY);
            let spare = u64::from(!matches!(kind, Kind::Api { .. }) || days < LONGEST_DAYS);
            let end = now.plus(Duration::from_secs(days.saturating_add(spare).saturating_mul(DAY)));
            format!("Expires: {}.", end.to_string().chars().take(10).collect::<String>())
        }
        (None, Kind::Api { .. }) => "Expires: as your organisation wants it, a year from now at the latest.".to_owned(),
        (None, _) => "Expires: as your organisation wants it.".to_owned(),
    }
}

/// An API token lives a year at most.
///
/// Source: "Manage API tokens for your Atlassian account" (Atlassian support).
const LONGEST_DAYS: u64 = 365;

/// Whether Bitbucket can be asked for a token that lives so long.
pub(super) fn offers(kind: &Kind, lifetime: Option<Duration>) -> bool {
    !matches!(kind, Kind::Api { .. }) || lifetime.is_none_or(|life| life.as_secs().div_ceil(DAY) <= LONGEST_DAYS)
}
