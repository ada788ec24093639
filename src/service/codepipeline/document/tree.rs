//! JSON as it came: every part keeps its text, so that nothing is written from what a parser made of it.

use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::service::codepipeline::request::hex;

/// A part of the document.
pub(super) enum Node<'a> {
    Object(Members<'a>),
    Array(Vec<&'a RawValue>),
    Text(String),
    /// A number, true, false or null, as it is written.
    Other(&'a str),
}

/// The members of an object, in their order, those of the same name as well.
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a RawValue)>);

/// How deep a pipeline may go. The real ones take eight levels; readers follow every level with a call of its own.
const DEEPEST: usize = 64;

/// Whether there are more levels than any pipeline has. The text is JSON.
pub(super) fn is_too_deep(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// What stands there. `None` for what is no JSON.
pub(super) fn node(raw: &RawValue) -> Option<Node<'_>> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'{' => Node::Object(serde_json::from_str(text).ok()?),
        b'[' => Node::Array(serde_json::from_str(text).ok()?),
        b'"' => Node::Text(serde_json::from_str(text).ok()?),
        _ => Node::Other(text),
    })
}

impl<'a> Members<'a> {
    /// The one member of this name; an error where there are two, for readers differ in which they take.
    pub(super) fn one(&self, name: &str) -> Result<Option<&'a RawValue>, Twice> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|(_, value)| *value)),
            _ => Err(Twice),
        }
    }

    /// The text of the one member of this name.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match node(self.one(name).ok()??)? {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A name stands twice in one object.
pub(super) struct Twice;

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(All)
    }
}

/// Where a part stands in the text that it is a part of.
pub(super) fn span(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let span = start..start.checked_add(part.len())?;
    (whole.get(span.clone())? == part).then_some(span)
}

/// A digest of what a document says, whatever its white space and the order of its members.
pub(super) fn digest(raw: &RawValue) -> Option<String> {
    let mut digest = Sha256::new();
    add(&mut digest, raw)?;
    Some(hex(&digest.finalize()[..16]))
}

fn add(digest: &mut Sha256, raw: &RawValue) -> Option<()> {
    let mut word = |kind: &[u8], text: &str| {
        digest.update(kind);
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    };
    match node(raw)? {
        Node::Text(text) => word(b"t", &text),
        Node::Other(text) => word(b"o", text),
        Node::Array(items) => {
            word(b"a", &items.len().to_string());
            items.iter().try_for_each(|item| add(digest, item))?;
        }
        Node::Object(mut members) => {
            word(b"m", &members.0.len().to_string());
            members.0.sort_by(|(one, _), (two, _)| one.cmp(two));
            for (key, value) in &members.0 {
                digest.update(key.len().to_be_bytes());
                digest.update(key);
                add(digest, value)?;
            }
        }
    }
    Some(())
}

/// Where two documents differ, as JSON pointers (RFC 6901); never what stands there.
pub(super) fn differences(one: &RawValue, two: &RawValue) -> Vec<String> {
    let mut found = Vec::new();
    compare(Some(one), Some(two), &mut String::new(), &mut found);
    found
}

fn compare(one: Option<&RawValue>, two: Option<&RawValue>, at: &mut String, found: &mut Vec<String>) {
    let (Some(one), Some(two)) = (one, two) else {
        found.push(at.clone());
        return;
    };
    if one.get() == two.get() {
        return;
    }
    match (node(one), node(two)) {
        (Some(Node::Object(ours)), Some(Node::Object(theirs))) => {
            let mut names: Vec<&str> = ours.0.iter().chain(&theirs.0).map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let mut ours = ours.0.iter().filter(|(key, _)| key == name).map(|(_, value)| *value);
                let mut theirs = theirs.0.iter().filter(|(key, _)| key == name).map(|(_, value)| *value);
                let escaped = name.replace('~', "~0").replace('/', "~1");
                below(at, &escaped, |at| compare(ours.next(), theirs.next(), at, found));
            }
        }
        (Some(Node::Array(ours)), Some(Node::Array(theirs))) => {
            for index in 0..ours.len().max(theirs.len()) {
                let (ours, theirs) = (ours.get(index).copied(), theirs.get(index).copied());
                below(at, &index.to_string(), |at| compare(ours, theirs, at, found));
            }
        }
        (Some(Node::Text(ours)), Some(Node::Text(theirs))) if ours == theirs => {}
        _ => found.push(at.clone()),
    }
}

fn below(at: &mut String, name: &str, act: impl FnOnce(&mut String)) {
    let length = at.len();
    at.push('/');
    at.extend(name.chars().map(|c| if c.is_control() { ' ' } else { c }));
    act(at);
    at.truncate(length);
}
