//! The way of a token to a pipeline that a template makes.

use super::APPLICATION;
use crate::consumer::Manual;
use crate::error::Result;

pub(super) fn manual(consumer: &str, pipeline: &str, stack: &str) -> Result<Manual> {
    Ok(Manual::new(consumer, APPLICATION)?
        .step(format!(
            "See where the template of the stack {stack} takes the OAuthToken of the pipeline {pipeline} from: a dynamic \
             reference to Secrets Manager, or a NoEcho parameter."
        ))
        .step(
            "Dynamic reference: put the token into the secret as a new version, and write that version's id into the reference \
             ({{resolve:secretsmanager:NAME:SecretString:KEY::VERSION-ID}}): CloudFormation reads a secret again only when the \
             reference itself changes.",
        )
        .step(
            "NoEcho parameter: update the stack with its previous template, the token as the parameter's value, and the previous \
             values of all others.",
        )
        .step(format!(
            "See that nothing of {pipeline} runs: an update of the pipeline cancels it. Then update the stack {stack}, and see \
             that the pipeline was updated."
        ))
        .step("Where the webhook of the pipeline takes its secret from the same place, see that it still delivers.")
        .step("Release a change, or wait for the next one, and see that the source action succeeds.")
        .requiring(["repo", "admin:repo_hook"]))
}
