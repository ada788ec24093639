//! Which actions of a pipeline are meant.

use super::{Action, Document, Kind};
use crate::error::{Error, ErrorKind, Result};

/// Which GitHub sources are meant: all, unless something is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Choice {
    /// Stage and action.
    pub(in super::super) actions: Vec<(String, String)>,
    /// Owner and name. GitHub does not tell letters of another case apart.
    pub(in super::super) repository: Option<(String, String)>,
}

impl Choice {
    /// The actions that are meant, each of them fit to be written.
    ///
    /// # Errors
    ///
    /// Where none is meant, or one that holds no token or cannot be written without loss.
    pub(in super::super) fn of<'a>(&self, document: &'a Document) -> Result<Vec<&'a Action>> {
        let named = self.named(document)?;
        let github: Vec<&Action> = named.into_iter().filter(|action| action.kind == Kind::GitHub).collect();
        if github.is_empty() {
            return Err(none(document));
        }
        let meant: Vec<&Action> = github.into_iter().filter(|action| self.reads(action)).collect();
        if meant.is_empty() {
            let text = format!(
                "none of its GitHub sources reads that repository: check owner and name; it has {}",
                listing(document)
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        meant.iter().try_for_each(|action| fit(action))?;
        Ok(meant)
    }

    fn named<'a>(&self, document: &'a Document) -> Result<Vec<&'a Action>> {
        if self.actions.is_empty() {
            return Ok(document.actions.iter().collect());
        }
        let mut named: Vec<&Action> = Vec::new();
        for (stage, name) in &self.actions {
            let Some(action) = document.action(stage, name) else {
                let text = format!(
                    "it has no action {} in a stage {}: check both names; its sources are {}",
                    printable(name),
                    printable(stage),
                    listing(document)
                );
                return Err(Error::new(ErrorKind::NotFound, text));
            };
            match action.kind {
                Kind::GitHub if named.iter().any(|known| known.full_name() == action.full_name()) => {}
                Kind::GitHub => named.push(action),
                Kind::Connection => return Err(connection(&printable(&action.full_name()))),
                _ => {
                    let text = format!(
                        "not applicable: {} is no GitHub source and holds no token of GitHub; its sources are {}",
                        printable(&action.full_name()),
                        listing(document)
                    );
                    return Err(Error::new(ErrorKind::Unsupported, text));
                }
            }
        }
        Ok(named)
    }

    fn reads(&self, action: &Action) -> bool {
        let Some((owner, name)) = &self.repository else { return true };
        let same = |(o, n): &(String, String)| o.eq_ignore_ascii_case(owner) && n.eq_ignore_ascii_case(name);
        action.repository.as_ref().is_some_and(same)
    }
}

/// Whether the token of an action can be written without loss.
fn fit(action: &Action) -> Result<()> {
    let refuse =
        |kind: ErrorKind, text: &str| Err(Error::new(kind, format!("{}: {text}", printable(&action.full_name()))));
    if action.token.is_none() {
        return refuse(
            ErrorKind::Unsupported,
            "its configuration has no OAuthToken, so there is none to replace: look at the action in the console",
        );
    }
    if !action.masked {
        return refuse(
            ErrorKind::Protocol,
            "what stands in OAuthToken is not the mask that CodePipeline shows in place of a secret, so this may not be \
             CodePipeline: see what really answers at this address",
        );
    }
    if action.other_masks > 0 {
        return refuse(
            ErrorKind::Unsupported,
            "it has another masked value beside OAuthToken, which might be lost by writing one alone: update it by hand, with \
             both values",
        );
    }
    Ok(())
}

fn none(document: &Document) -> Error {
    let connections: Vec<&Action> = document.actions.iter().filter(|a| a.kind == Kind::Connection).collect();
    if let [first, ..] = connections.as_slice() {
        return connection(&printable(&first.full_name()));
    }
    let text = format!(
        "not applicable: it has no GitHub source that logs in by a token; its sources are {}",
        listing(document)
    );
    Error::new(ErrorKind::Unsupported, text)
}

fn connection(action: &str) -> Error {
    let text = format!(
        "not applicable: {action} goes through a connection (CodeStarSourceConnection), which holds no token of ours: leave \
         it out, there is nothing to rotate"
    );
    Error::new(ErrorKind::Unsupported, text)
}

/// The source actions of a pipeline, for people.
fn listing(document: &Document) -> String {
    let said = |action: &Action| {
        let kind = match action.kind {
            Kind::GitHub => "GitHub by a token",
            Kind::Connection => "a connection",
            Kind::Source => "another source",
            _ => return None,
        };
        Some(format!("{} ({kind})", printable(&action.full_name())))
    };
    let all: Vec<String> = document.actions.iter().filter_map(said).take(20).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// A name of the far side, as an error may show it.
fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(200).collect()
}
