//! What a person must do at GitHub: links that are filled in as far as they go, and steps that work without.

use std::time::Duration;

use super::Addresses;
use super::personal::Kind;
use crate::guide::Guide;
use crate::provider::IssueRequest;
use crate::token::{RetiredToken, Token};

const DAY: u64 = 24 * 60 * 60;

/// What a builder was told that a guide says.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    /// As whom to sign in.
    pub(super) account: Option<String>,
    /// Which organisation's resources a fine-grained token is for.
    pub(super) organization: Option<String>,
    /// Which repositories to select for it.
    pub(super) repositories: Vec<String>,
}

/// How to make a token.
///
/// The links are not promised by GitHub: the one for classic tokens was never documented, the one for fine-grained tokens
/// is ("Managing your personal access tokens"), and the repositories cannot be filled in.
pub(super) fn issue(kind: Kind, at: &Addresses, hints: &Hints, request: &IssueRequest<'_>) -> Guide {
    let days = request.lifetime.map(|life| life.as_secs().div_ceil(DAY));
    let scopes: Vec<&str> = request.scopes.iter().map(crate::token::Scope::as_str).collect();
    let mut guide = Guide::new(format!("Make a GitHub token named {}", request.label));
    guide.link = match kind {
        Kind::Classic => at.page("settings/tokens/new", &classic_query(request, &scopes, days)),
        Kind::FineGrained => {
            at.page("settings/personal-access-tokens/new", &fine_grained_query(request, hints, &scopes, days))
        }
    };
    let guide = guide
        .with_step(
            "before",
            "GitHub shows the token once. Copy it straight into the prompt that asks for it and nowhere else, and leave the \
             page open until it was accepted.",
        )
        .with_step("sign-in", format!("Sign in to {} {}.", at.host(), as_whom(hints)));
    let guide = match kind {
        Kind::Classic => guide.with_step(
            "open",
            "Open the link. Should it not lead there: Settings, Developer settings, Personal access tokens, Tokens (classic), \
             \"Generate new token\", \"Generate new token (classic)\". Never \"Regenerate\": that ends the old token at once.",
        ),
        Kind::FineGrained => guide.with_step(
            "open",
            "Open the link. Should it not lead there: Settings, Developer settings, Personal access tokens, Fine-grained \
             tokens, \"Generate new token\". Never \"Regenerate\": that ends the old token at once.",
        ),
    };
    let guide = guide
        .with_step("code", "Confirm with the one-time code or the password, if GitHub asks.")
        .with_step("name", format!("{}: {}", if kind == Kind::Classic { "Note" } else { "Token name" }, request.label))
        .with_step("expiration", expiration(days));
    let guide = choices(guide, kind, hints, &scopes);
    let guide = guide.with_step("generate", "Press \"Generate token\", copy the token, and hand it in at the prompt.");
    match kind {
        Kind::Classic => guide.with_step(
            "sso",
            "Where the organisation uses single sign-on: press \"Configure SSO\" beside the new token, and authorise it.",
        ),
        Kind::FineGrained => guide.with_step(
            "approval",
            "Where the organisation approves such tokens: ask its owner. Until then the token sees what is public.",
        ),
    }
}

fn choices(guide: Guide, kind: Kind, hints: &Hints, scopes: &[&str]) -> Guide {
    let list = if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") };
    if kind == Kind::Classic {
        return guide.with_step(
            "scopes",
            format!("Tick these scopes and no others: {list}. What is below one is ticked with it."),
        );
    }
    let owner = hints.organization.as_deref().unwrap_or("the account itself");
    let repositories = match hints.repositories.as_slice() {
        [] => "the repositories it is for".to_owned(),
        some => some.join(", "),
    };
    guide
        .with_step("owner", format!("Resource owner: {owner}."))
        .with_step(
            "repositories",
            format!("Repository access: \"Only select repositories\", and there {repositories}."),
        )
        .with_step("scopes", format!("Permissions: {list}, and no others."))
}

fn classic_query(request: &IssueRequest<'_>, scopes: &[&str], days: Option<u64>) -> Vec<(String, String)> {
    let mut query =
        vec![("description".to_owned(), request.label.to_string()), ("scopes".to_owned(), scopes.join(","))];
    if let Some(days) = days {
        let known = matches!(days, 7 | 30 | 60 | 90);
        query.push(("default_expires_at".to_owned(), if known { days.to_string() } else { "custom".to_owned() }));
    }
    query
}

fn fine_grained_query(
    request: &IssueRequest<'_>,
    hints: &Hints,
    scopes: &[&str],
    days: Option<u64>,
) -> Vec<(String, String)> {
    let mut query = vec![("name".to_owned(), request.label.to_string())];
    if let Some(organization) = &hints.organization {
        query.push(("target_name".to_owned(), organization.clone()));
    }
    if let Some(days) = days {
        query.push(("expires_in".to_owned(), days.clamp(1, 366).to_string()));
    }
    let permissions = scopes.iter().filter_map(|scope| scope.split_once('='));
    query.extend(permissions.map(|(name, level)| (name.to_owned(), level.to_owned())));
    query
}

fn expiration(days: Option<u64>) -> String {
    match days {
        None => "Expiration: as your organisation wants it.".to_owned(),
        Some(days) => format!("Expiration: {days} days; choose \"Custom\" where that is not offered."),
    }
}

fn as_whom(hints: &Hints) -> String {
    match &hints.account {
        Some(account) => format!("as {account}"),
        None => "as the account that the old token belongs to".to_owned(),
    }
}

/// How to delete a token.
pub(super) fn delete(kind: Kind, at: &Addresses, hints: &Hints, token: &RetiredToken) -> Guide {
    let (path, list) = match kind {
        Kind::Classic => ("settings/tokens", "Tokens (classic)"),
        Kind::FineGrained => ("settings/personal-access-tokens", "Fine-grained tokens"),
    };
    let mut guide = Guide::new("Delete a GitHub token that is no longer used");
    guide.link = at.page(path, &[]);
    let row = match token.label() {
        Some(label) => format!("Find the row named {label}."),
        None => "Find the row of the token that was replaced.".to_owned(),
    };
    let not = match token.successor() {
        Some(label) => format!(" Not the row named {label}: that is the token in use now."),
        None => String::new(),
    };
    guide
        .with_step("sign-in", format!("Sign in to {} {}.", at.host(), as_whom(hints)))
        .with_step("open", format!("Open the link, or: Settings, Developer settings, Personal access tokens, {list}."))
        .with_step("row", format!("{row}{not}"))
        .with_step("delete", "Press \"Delete\" there, and confirm. Then say here that it was deleted.")
}

/// Whether GitHub can be asked for a token that lives so long.
pub(super) fn offers(kind: Kind, lifetime: Option<Duration>) -> bool {
    kind == Kind::Classic || lifetime.is_none_or(|life| life.as_secs().div_ceil(DAY) <= 366)
}

/// How to end a token that is not the app's, such as the personal one that was used before.
pub(super) fn end_foreign(token: &Token) -> Guide {
    let which = token.fingerprint();
    Guide::new("End a token that is no longer used, and that is none of this app's")
        .with_step(
            "delete",
            format!("End the token whose SHA-256 begins with {which} where it was made: its owner's settings, or its own app."),
        )
        .with_step("done", "Then say here that it was ended.")
}
