//! What GitHub says of a token, which it says once: when the token is made.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::calls::{Account, Installation, Seen};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Answer;
use crate::token::{Access, Expiry, Scope, ScopeSet, Token};

/// It comes with every permission for repositories, asked for or not.
const METADATA: &str = "metadata=read";

/// What matters of a new token, and nothing that could be malformed. The value is not copied out of the answer.
#[derive(Deserialize)]
struct Minted<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
}

/// All the rest of the answer: whatever stands there is no reason to lose the token.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Rest {
    expires_at: Value,
    permissions: Value,
    repository_selection: Value,
}

/// What was said of a token at its birth.
#[derive(Clone, Debug)]
pub(super) struct Birth {
    pub(super) access: Access,
    pub(super) expiry: Expiry,
}

impl Birth {
    /// Nobody has heard it, as of a token that another process asked for.
    pub(super) fn unheard() -> Self {
        Self { access: Access::Unknown, expiry: Expiry::Unknown }
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.expiry, Expiry::At(end) if end <= now)
    }
}

/// The permissions that are asked for, by name.
pub(super) fn permissions(scopes: &ScopeSet) -> Result<BTreeMap<String, String>> {
    let refuse = |text: &'static str| Err(Error::new(ErrorKind::InvalidInput, text));
    if scopes.is_empty() {
        return refuse(
            "no permission is asked for, and GitHub would give the token all that the app has: say what the consumers need with \
             `requires`",
        );
    }
    let mut permissions = BTreeMap::new();
    for scope in scopes.iter() {
        let Some((name, level)) =
            scope.as_str().split_once('=').filter(|(name, level)| !name.is_empty() && !level.is_empty())
        else {
            return refuse("a permission of a GitHub App is written like contents=write: correct `requires`");
        };
        if permissions.insert(name.to_owned(), level.to_owned()).is_some() {
            return refuse("one permission is asked for with two levels: correct `requires`");
        }
    }
    Ok(permissions)
}

/// The token in the answer, and what was said of it. `narrowed` is whether it was asked for some repositories alone.
pub(super) fn born(answer: &Answer, asked: &ScopeSet, narrowed: bool) -> Result<(Token, Birth)> {
    let minted: Minted<'_> =
        serde_json::from_slice(answer.body()).map_err(|_| answer.not_understood("there is no token in it"))?;
    let token = Token::new(&minted.token).map_err(|_| answer.not_understood("its token is none"))?;
    let rest: Rest = serde_json::from_slice(answer.body()).unwrap_or_default();
    let expiry = rest.expires_at.as_str().and_then(|end| end.parse().ok()).map_or(Expiry::Unknown, Expiry::At);
    let everywhere = narrowed && rest.repository_selection.as_str() == Some("all");
    let access = rest.permissions.as_object().map_or(Access::Unknown, |permissions| {
        let granted = permissions.iter().map(|(name, level)| match level.as_str() {
            Some(level) => Scope::new(format!("{name}={level}")),
            None => Scope::new(name.clone()),
        });
        // Nobody can ask for a token without it, so it is no excess.
        let granted = granted.filter(|scope| scope.as_str() != METADATA || asked.contains(scope));
        let wider = everywhere.then(|| Scope::from("repositories=all"));
        Access::Scopes(granted.chain(wider).collect())
    });
    Ok((token, Birth { access, expiry }))
}

/// Whose tokens an installation's are: the app as GitHub writes its bot, and the account where it is installed.
pub(super) fn owner(app: u64, installation: &Installation) -> String {
    let bot = installation.app_slug.as_ref().map_or_else(|| format!("app {app}"), |slug| format!("{slug}[bot]"));
    match installation.account.as_ref().and_then(account) {
        Some(account) => format!("{bot} of {account}"),
        None => format!("{bot} of installation {}", installation.id),
    }
}

/// The account of another installation, where the token shows that it belongs to one.
pub(super) fn stranger<'a>(installation: &Installation, seen: &'a Seen) -> Option<&'a str> {
    let ours = installation.account.as_ref().and_then(account)?;
    let theirs = seen.repositories.first().and_then(|repository| account(&repository.owner))?;
    (!theirs.eq_ignore_ascii_case(ours)).then_some(theirs)
}

fn account(account: &Account) -> Option<&str> {
    account.login.as_deref().or(account.slug.as_deref())
}
