//! Who made a pipeline: a template puts its own token back with its next deployment.

use super::api::{Connection, Reading};
use super::formation;
use crate::error::{Error, ErrorKind, Result};

/// The tag that CloudFormation gives to what it makes. That pipelines have it is nowhere promised, so that its absence
/// shows nothing. Source: "Resource tag" (CloudFormation user guide).
const STACK: &str = "aws:cloudformation:stack-name";

/// Who owns a pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This stack.
    Stack(String),
    /// Nobody says so; why.
    Unknown(&'static str),
}

/// Who owns it, by its tags, and by CloudFormation where the caller names a stack.
pub(super) async fn of(connection: &Connection, name: &str, reading: &Reading, stack: Option<&str>) -> Result<Owner> {
    if let Some(stack) = stack {
        return formation::stack_of(connection, name).await?.map(Owner::Stack).ok_or_else(|| {
            let text = format!(
                "CloudFormation knows no stack that has this pipeline, and {} was named: correct `stack` or leave it out, and \
                 check region and account",
                printable(stack)
            );
            Error::new(ErrorKind::Configuration, text)
        });
    }
    let Some(arn) = &reading.arn else {
        return Ok(Owner::Unknown("CodePipeline does not say its ARN, so its tags cannot be read"));
    };
    match connection.tags(arn).await {
        Ok(tags) => Ok(tags.into_iter().find(|tag| tag.key == STACK).map_or(
            Owner::Unknown(
                "it has no tag of CloudFormation, which does not show that no template or program manages it",
            ),
            |tag| Owner::Stack(tag.value),
        )),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(Owner::Unknown(
            "its tags cannot be read: grant codepipeline:ListTagsForResource to see whether a stack owns it",
        )),
        Err(error) if error.is_transient() || error.kind() == ErrorKind::Unauthenticated => Err(error),
        Err(_) => Ok(Owner::Unknown("its tags cannot be read there")),
    }
}

impl Owner {
    /// The warning that a person should see before the write; an error where the write would be undone and that was not
    /// accepted.
    pub(super) fn judge(&self, accept_drift: bool) -> Result<String> {
        match self {
            Self::Unknown(why) => Ok(format!(
                "unknown owner: {why}; should a template or Terraform manage it, rotate the token there too, or the next \
                 deployment puts the old one back"
            )),
            Self::Stack(stack) if accept_drift => Ok(format!(
                "the stack {} manages it: the update is drift, and the next deployment that touches the pipeline puts the old \
                 token back; rotate it where the template takes it from as well",
                printable(stack)
            )),
            Self::Stack(stack) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the stack {} manages it, and its next deployment would put the old token back: rotate the token where the \
                     template takes it from (a new secret version that the dynamic reference names, or a NoEcho parameter) and \
                     update the stack, as `CodePipeline::managed_by_template` says; or choose `accept_drift`",
                    printable(stack)
                ),
            )),
        }
    }
}

fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(200).collect()
}
