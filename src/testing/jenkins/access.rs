//! Who asks, and whether they may.

use super::super::server::{Reply, Request};
use super::page;
use super::state::State;

/// Who asks.
pub(super) struct Who {
    /// `anonymous` for nobody.
    pub(super) user: String,
    /// Whether by an API token, which needs no crumb.
    by_token: bool,
}

impl Who {
    pub(super) fn is_nobody(&self) -> bool {
        self.user == "anonymous"
    }
}

/// The first API token of a user: made up, and of the form that Jenkins makes.
pub(super) fn api_token(user: &str) -> String {
    let hex = user
        .bytes()
        .fold(0xfa4e_u128, |hex, byte| hex.wrapping_mul(0x0100_0193_0000_01b3_9e37).wrapping_add(byte.into()));
    format!("11{hex:032x}")
}

/// The password of a user.
pub(super) fn password(user: &str) -> String {
    format!("fake-password-of-{user}")
}

/// Who asks, if Jenkins lets the request in.
pub(super) fn enter(state: &State, request: &Request) -> Result<Who, Reply> {
    let login = request.basic().filter(|_| !state.mode.login_stripped);
    let who = match login {
        None => Who { user: "anonymous".to_owned(), by_token: false },
        Some((user, secret)) if state.users.contains_key(&user) => {
            let by_token = state.takes(&user, &secret);
            if !by_token && secret != password(&user) {
                return Err(page::unauthorized(request));
            }
            Who { user, by_token }
        }
        Some(_) => return Err(page::unauthorized(request)),
    };
    if request.method == "POST" && !who.by_token && !state.mode.without_crumbs && !has_crumb(state, request) {
        return Err(page::no_crumb(request));
    }
    Ok(who)
}

/// Whether it carries the crumb of the session whose cookie it carries.
fn has_crumb(state: &State, request: &Request) -> bool {
    let cookies = request.header("cookie").unwrap_or_default();
    let session = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("JSESSIONID.fa4e="));
    let crumb = session.and_then(|session| state.sessions.get(session));
    crumb.is_some() && crumb.map(String::as_str) == request.header("Jenkins-Crumb")
}

/// Whether they have a permission; the refusal otherwise.
pub(super) fn require(state: &State, who: &Who, permission: &str) -> Result<(), Reply> {
    if state.has(&who.user, permission) { Ok(()) } else { Err(page::forbidden(&who.user, permission)) }
}
