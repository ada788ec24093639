//! A pipeline as CodePipeline tells it: read, judged, and changed at the tokens of chosen actions and nowhere else.

mod choice;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

pub(super) use self::choice::Choice;
use self::tree::{Members, Node, node, span};
use crate::error::{Error, ErrorKind, Result};
use crate::token::Token;

/// The property that holds the token.
const TOKEN: &str = "OAuthToken";

/// The longest value of a property, in characters. Source: `ActionConfigurationValue` of the service model.
const LONGEST: usize = 1000;

/// A pipeline. Its text is kept as it came: parts that nobody here knows go back as they are.
pub(super) struct Document {
    text: Zeroizing<String>,
    /// Counted up by CodePipeline with every update.
    pub(super) version: u64,
    pub(super) actions: Vec<Action>,
    digest: String,
}

/// One action of one stage.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) stage: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// `owner/name` of the repository, where it says so.
    pub(super) repository: Option<(String, String)>,
    pub(super) branch: Option<String>,
    /// Where the token stands in the text, quotes and all.
    token: Option<Range<usize>>,
    /// Whether what stands there is a mask.
    masked: bool,
    /// How many other values are masked.
    other_masks: usize,
}

/// What an action is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A GitHub source that logs in by a token ("version 1").
    GitHub,
    /// A source that goes through a connection, and holds no token.
    Connection,
    /// Another source.
    Source,
    /// A person agrees or refuses.
    Approval,
    /// An action of a partner, which must not be edited.
    Partner,
    Other,
}

impl Document {
    /// Reads what `GetPipeline` says of a pipeline, and refuses what cannot be written back without loss.
    pub(super) fn read(pipeline: &RawValue) -> Result<Self> {
        let text = Zeroizing::new(pipeline.get().to_owned());
        if tree::is_too_deep(&text) {
            return Err(strange());
        }
        let raw: &RawValue = serde_json::from_str(&text).map_err(|_| strange())?;
        let root = members(raw)?;
        let version = root.one("version").map_err(|_| twice())?.and_then(|raw| raw.get().parse().ok());
        let mut actions = Vec::new();
        for stage in items(root.one("stages").map_err(|_| twice())?)? {
            let stage = members(stage)?;
            let name = stage.text("name").ok_or_else(strange)?;
            for raw in items(stage.one("actions").map_err(|_| twice())?)? {
                actions.push(action(&text, &name, raw)?);
            }
        }
        let digest = tree::digest(raw).ok_or_else(strange)?;
        Ok(Self { version: version.ok_or_else(strange)?, actions, digest, text })
    }

    /// What changes when the pipeline changes: CodePipeline's number, and a digest of the whole.
    pub(super) fn label(&self) -> String {
        format!("{}-{}", self.version, self.digest)
    }

    /// What `UpdatePipeline` is sent: this pipeline, byte for byte, with the token in these actions.
    pub(super) fn with_token(&self, actions: &[&Action], token: &Token) -> Result<Zeroizing<Vec<u8>>> {
        if token.expose().len() > LONGEST {
            let text =
                "the token has more than 1000 characters, and CodePipeline takes no longer value: nothing was sent";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let mut spans: Vec<_> = actions.iter().filter_map(|action| action.token.clone()).collect();
        spans.sort_by_key(|span| span.start);
        if spans.len() != actions.len() || spans.is_empty() {
            return Err(Error::new(ErrorKind::Internal, "an action without a token was about to be given one"));
        }
        // Room for all of it, with quotes where those of the mask were: a buffer that grows leaves copies of the secret behind.
        let room = self.text.len() + spans.len() * token.expose().len() * 2 + 16;
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        body.extend_from_slice(b"{\"pipeline\":");
        let mut at = 0;
        for span in spans {
            body.extend_from_slice(&self.text.as_bytes()[at..span.start]);
            push_token(&mut body, token);
            at = span.end;
        }
        body.extend_from_slice(&self.text.as_bytes()[at..]);
        body.push(b'}');
        debug_assert!(body.len() <= room, "it grew");
        Ok(body)
    }

    /// Where the two say something else, as JSON pointers, but for the version.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let raw = |document: &'_ Self| serde_json::from_str::<Box<RawValue>>(&document.text).ok();
        let (Some(one), Some(two)) = (raw(self), raw(other)) else { return vec![String::new()] };
        tree::differences(&one, &two).into_iter().filter(|pointer| pointer != "/version").collect()
    }

    /// The action of this name in this stage.
    pub(super) fn action(&self, stage: &str, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.stage == stage && action.name == name)
    }
}

impl Action {
    /// As people name it: `Source/Backend`.
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.stage, self.name)
    }

    /// What it reads, as `acme/site@main`.
    pub(super) fn reads(&self) -> Option<String> {
        let (owner, name) = self.repository.as_ref()?;
        let branch = self.branch.as_ref().map(|branch| format!("@{branch}")).unwrap_or_default();
        Some(format!("{owner}/{name}{branch}"))
    }
}

fn action(text: &str, stage: &str, raw: &RawValue) -> Result<Action> {
    let whole = members(raw)?;
    let name = whole.text("name").ok_or_else(strange)?;
    let id = whole.one("actionTypeId").map_err(|_| twice())?.ok_or_else(strange)?;
    let id = members(id)?;
    let part = |name: &str| id.text(name).unwrap_or_default();
    let kind = match [part("category"), part("owner"), part("provider"), part("version")].each_ref().map(String::as_str)
    {
        ["Source", "ThirdParty", "GitHub", "1"] => Kind::GitHub,
        ["Source", "AWS", "CodeStarSourceConnection", _] => Kind::Connection,
        ["Approval", ..] => Kind::Approval,
        [_, "ThirdParty", ..] => Kind::Partner,
        ["Source", ..] => Kind::Source,
        _ => Kind::Other,
    };
    let mut action = Action {
        stage: stage.to_owned(),
        name,
        kind,
        repository: None,
        branch: None,
        token: None,
        masked: false,
        other_masks: 0,
    };
    let Some(configuration) = whole.one("configuration").map_err(|_| twice())?.filter(|raw| raw.get() != "null") else {
        return Ok(action);
    };
    let configuration = members(configuration)?;
    let token = configuration.one(TOKEN).map_err(|_| twice())?;
    if let Some(token) = token {
        action.token = Some(span(text, token.get()).ok_or_else(strange)?);
        action.masked = is_mask(token);
    }
    action.other_masks = configuration.0.iter().filter(|(key, raw)| key != TOKEN && is_mask(raw)).count();
    action.repository = configuration.text("Owner").zip(configuration.text("Repo"));
    action.branch = configuration.text("Branch");
    Ok(action)
}

/// Whether this is what CodePipeline shows in place of a secret: four asterisks, as the user guide says. The service model
/// speaks of five, so any few count.
fn is_mask(raw: &RawValue) -> bool {
    // As it is meant: an asterisk may be written as an escape.
    matches!(node(raw), Some(Node::Text(text)) if text.len() >= 3 && text.bytes().all(|byte| byte == b'*'))
}

/// Appends the token as a JSON string holds it. It is printable ASCII.
fn push_token(body: &mut Vec<u8>, token: &Token) {
    body.push(b'"');
    for byte in token.expose().bytes() {
        if matches!(byte, b'"' | b'\\') {
            body.push(b'\\');
        }
        body.push(byte);
    }
    body.push(b'"');
}

fn members(raw: &RawValue) -> Result<Members<'_>> {
    match node(raw) {
        Some(Node::Object(members)) => Ok(members),
        _ => Err(strange()),
    }
}

fn items(raw: Option<&RawValue>) -> Result<Vec<&RawValue>> {
    match raw.and_then(node) {
        Some(Node::Array(items)) => Ok(items),
        _ => Err(strange()),
    }
}

fn strange() -> Error {
    let text = "the answer is not a pipeline as CodePipeline tells it: see what really answers at this address";
    Error::new(ErrorKind::Protocol, text)
}

fn twice() -> Error {
    let text = "a name stands twice in one place of the pipeline, and which of the two counts is not certain: update it by hand";
    Error::new(ErrorKind::Unsupported, text)
}
