//! What a person must do about an API token that no program can end or find.
//!
//! Source: `ApiTokenProperty/config.jelly` (Jenkins core): the page shows names and last use, and no uuid.

use url::Url;

use crate::guide::Guide;
use crate::name::Label;

/// Why a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Its uuid is not known.
    NoId,
    /// A token of that uuid was ended, and it was not this one.
    OtherId,
    /// Jenkins says the same of a uuid that it does not know.
    Unproven,
    /// It may be the very key that we log in with.
    MayBeOurs,
    /// A request was sent and its answer lost.
    Lost,
}

/// How to delete the token of this name.
pub(super) fn delete(base: &Url, user: &str, label: Option<&Label>, successor: Option<&Label>, why: Why) -> Guide {
    let row = match label {
        Some(label) => format!("Find the row named {label} under \"API Token\"."),
        None => {
            "Find the row of the token that was replaced under \"API Token\", by its name and its last use.".to_owned()
        }
    };
    let not = match successor {
        Some(label) => format!(" Not the row named {label}: that is the token in use now."),
        None => String::new(),
    };
    let (title, reason) = match why {
        Why::NoId => ("Revoke a Jenkins API token whose uuid is not known", ""),
        Why::OtherId => (
            "Revoke a Jenkins API token whose uuid is another's",
            " Its uuid was revoked and it still works, so the uuid is not its own.",
        ),
        Why::Unproven => (
            "See that a Jenkins API token is gone",
            " It was revoked by its uuid, and Jenkins answers the same where it does not know the uuid: there should be no such \
             row any more.",
        ),
        Why::MayBeOurs => (
            "Revoke a Jenkins API token that may be our own key",
            " Nothing tells it from the key that this program logs in with, so that must hold another token first.",
        ),
        Why::Lost => (
            "Revoke a Jenkins API token whose value was lost",
            " There is such a row only if the request arrived. Nobody has its value.",
        ),
    };
    let guide = Guide::new(title);
    let guide = page(base, user).map_or(guide.clone(), |link| guide.with_link(link));
    guide
        .with_step("sign-in", format!("Sign in to Jenkins as {user}, or as an administrator."))
        .with_step("open", format!("Open the page of {user}, then \"Security\"; in older versions \"Configure\"."))
        .with_step("row", format!("{row}{not}{reason}"))
        .with_step("delete", "If it is there, revoke it, confirm, and save. Then say here that it was revoked.")
}

/// The page of the user. What is below it has moved between versions.
fn page(base: &Url, user: &str) -> Option<Url> {
    let mut page = base.clone();
    page.path_segments_mut().ok()?.pop_if_empty().extend(["user", user]);
    Some(page)
}
