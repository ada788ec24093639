//! What the headers of an answer say of the token that asked.

use super::api::{Permissions, Repository, sso_organization};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::http::Answer;
use crate::token::{Access, Answer as Shown, Expiry, Format, Grant, Probe, Restriction, ScopeSet, Token};

/// What `GET /user` says of the token, in its headers.
///
/// Sources: `X-OAuth-Scopes`, "Scopes for OAuth apps"; `X-GitHub-SSO`, "Authenticating to the REST API" (GitHub
/// documentation). `GitHub-Authentication-Token-Expiration` is not documented; its layouts are those that the public
/// client for Go reads.
pub(super) fn of_headers(answer: &Answer, token: &Token, owner: &str, public: bool) -> Grant {
    let access = match answer.header("x-oauth-scopes") {
        // An app's user token may do what both may, whatever stands here.
        Some(list) if token.format() != Some(Format::GitHubAppUser) => Access::Scopes(ScopeSet::parse(list)),
        // Fine-grained tokens and those of apps have none: that is no empty set.
        Some(_) | None => Access::Unknown,
    };
    let expiry = match answer.header("github-authentication-token-expiration") {
        Some(text) => expiry(text).map_or(Expiry::Unknown, Expiry::At),
        None if public && is_personal(token) => Expiry::Never,
        // An older server may not send it at all.
        None => Expiry::Unknown,
    };
    let mut grant = Grant::of(token, owner).with_access(access).with_expiry(expiry);
    if let Some(kind) = kind(answer, token) {
        grant = grant.with_kind(kind);
    }
    if let Some(organizations) = partial(answer) {
        grant = grant.with_restriction(Restriction::SingleSignOn { organizations });
    }
    grant
}

fn is_personal(token: &Token) -> bool {
    matches!(token.format(), Some(Format::GitHubClassic | Format::GitHubFineGrained))
}

fn kind(answer: &Answer, token: &Token) -> Option<&'static str> {
    Some(match token.format() {
        _ if answer.header("x-oauth-client-id").is_some() => "OAuth app token",
        Some(Format::GitHubClassic) => "personal access token (classic)",
        Some(Format::GitHubFineGrained) => "fine-grained personal access token",
        Some(Format::GitHubOAuth) => "OAuth app token",
        Some(Format::GitHubAppUser) => "GitHub App user token",
        Some(Format::GitHubInstallation) => "GitHub App installation token",
        _ => return None,
    })
}

/// Organisations that were left out of an answer that is otherwise fine: `partial-results; organizations=1,2`.
fn partial(answer: &Answer) -> Option<Vec<String>> {
    let value = answer.header("x-github-sso")?.strip_prefix("partial-results")?;
    let list = value.split(';').find_map(|part| part.trim().strip_prefix("organizations="))?;
    Some(list.split(',').filter_map(|id| answer.quotable(id)).collect())
}

/// `2021-09-03 02:34:04 UTC` and `2023-04-26 20:23:26 +0200`.
fn expiry(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let offset = text.strip_suffix(" UTC").map(|date| format!("{date} +0000"));
    let date = jiff_timestamp(offset.as_deref().unwrap_or(text))?;
    Some(Timestamp::from_unix_seconds(date))
}

fn jiff_timestamp(text: &str) -> Option<i64> {
    jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", text).ok()?.to_timestamp().ok().map(jiff::Timestamp::as_second)
}

/// What a token could do with a repository that it was tried on: nothing is concluded from a public one.
pub(super) fn readable(answer: &Answer, repository: &str) -> Result<(Probe, Option<Repository>)> {
    let probe = |shown| Probe::new(format!("read the private repository {repository}"), shown);
    if answer.status() != 200 {
        return Ok((probe(Shown::Refuted), None));
    }
    let seen: Repository = answer.json()?;
    if !seen.private {
        let text = format!("be tried on {repository}, as that is public and shows nothing (name a private repository)");
        return Ok((Probe::new(text, Shown::Unknown), None));
    }
    Ok((probe(Shown::Proven), Some(seen)))
}

/// Whether a token's owner administers a repository, and the token may do so too.
pub(super) fn administrable(repository: &str, seen: Option<&Repository>, webhooks: Option<&Answer>) -> Probe {
    let is_admin = seen.and_then(|seen| seen.permissions.as_ref()).is_some_and(|Permissions { admin }| *admin);
    let may = webhooks.is_some_and(|answer| answer.status() == 200);
    let shown = if is_admin && may { Shown::Proven } else { Shown::Refuted };
    Probe::new(format!("administer {repository} and its webhooks"), shown)
}

/// Why a token that lives does not see a repository that it should.
pub(super) fn restriction(answer: &Answer, token: &Token, owner: &str) -> Option<Restriction> {
    if let Some(organization) = sso_organization(answer) {
        let organizations = if organization.is_empty() { vec![owner.to_owned()] } else { vec![organization] };
        return Some(Restriction::SingleSignOn { organizations });
    }
    // Until an organisation approves it, a fine-grained token sees what is public, and nothing says so.
    let hidden = matches!(answer.status(), 403 | 404) && token.format() == Some(Format::GitHubFineGrained);
    hidden.then(|| Restriction::Approval { by: Some(owner.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_of_the_expiry_are_read() {
        let at = |text: &str| expiry(text).map(|at| at.to_string());
        assert_eq!(at("2021-09-03 02:34:04 UTC").as_deref(), Some("2021-09-03T02:34:04Z"));
        assert_eq!(at("2023-04-26 20:23:26 +0200").as_deref(), Some("2023-04-26T18:23:26Z"));
        assert_eq!(at("2023-04-26 20:23:26 -0130").as_deref(), Some("2023-04-26T21:53:26Z"));
        assert_eq!(at("tomorrow"), None);
    }
}
