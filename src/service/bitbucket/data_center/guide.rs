//! What a person must do where a token's number is not known.
//!
//! Source: "Managing HTTP access tokens" (Bitbucket Data Center documentation).

use url::Url;

use super::Target;
use crate::guide::Guide;
use crate::token::RetiredToken;

/// How to revoke a token.
pub(super) fn delete(target: &Target, server: &Url, token: &RetiredToken) -> Guide {
    let row = match token.label() {
        Some(label) => format!("Find the row named {label}."),
        None => "Find the row of the token that was replaced, by its name and its end.".to_owned(),
    };
    let not = match token.successor() {
        Some(label) => format!(" Not the row named {label}: that is the token in use now."),
        None => String::new(),
    };
    let (whom, way) = match target {
        Target::User { slug } => (slug.clone(), "Profile picture, Manage account, HTTP access tokens"),
        Target::Project { .. } => {
            (format!("an administrator of {}", target.name()), "Project settings, HTTP access tokens")
        }
        Target::Repository(_) => {
            (format!("an administrator of {}", target.name()), "Repository settings, HTTP access tokens")
        }
    };
    Guide::new("Revoke a Bitbucket token whose number is not known")
        .with_link(server.clone())
        .with_step("sign-in", format!("Sign in as {whom}."))
        .with_step("open", format!("Open {way}."))
        .with_step("row", format!("{row}{not}"))
        .with_step("delete", "Select \"Revoke\" there, and confirm. Then say here that it was revoked.")
}
