//! `CloudBees` Unify as a source of tokens.

mod api;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod guide;
mod unify;

pub use unify::{UnifyTokens, UnifyTokensBuilder};

use crate::http::Http;

/// The tokens of `CloudBees` Unify, formerly the `CloudBees` platform: where to begin.
///
/// No public interface makes, lists or deletes them; a person does all three on the user profile.
///
/// A workflow is started with such a token so, as "Trigger workflows remotely" (`CloudBees` documentation) shows it, but
/// for the token, which stays in a variable and out of the arguments that every process of the machine can read:
///
/// ```sh
/// read -rs UNIFY_TOKEN
/// printf 'header = "Authorization: Bearer %s"\n' "$UNIFY_TOKEN" |
///   curl --config - --header 'Content-Type: application/json' \
///     --data '{"branchName": "main", "workflowFileName": "deploy.yaml"}' \
///     https://api.cloudbees.io/v2/components/COMPONENT_ID/trigger
/// ```
///
/// That starts a run, so it is no way to try a token.
#[derive(Debug)]
#[non_exhaustive]
pub struct CloudBees;

impl CloudBees {
    /// Personal access tokens of `CloudBees` Unify. A person makes and deletes them, guided.
    ///
    /// Source: "Manage personal access tokens" (`CloudBees` Unify documentation).
    pub fn unify(http: &Http) -> UnifyTokensBuilder {
        UnifyTokensBuilder::new(http)
    }
}
