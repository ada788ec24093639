//! What must hold of a document of Jenkins, whatever stands in it.

use quick_xml::Reader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};

use super::{Document, Known, REDACTED, scan};
use crate::error::{Error, ErrorKind, Result};
use crate::token::Token;

/// Reads a document and puts the token `value` into it. Everything else must mean what it meant, to the letter.
pub(crate) fn config_xml(input: &[u8], token: &Token, value: &str) -> Result<()> {
    let (text, lossy) = match std::str::from_utf8(input) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (input.iter().copied().map(char::from).collect(), true),
    };
    let document = Document::read(text.clone(), lossy)?;
    let (id, username) = (document.says("id").unwrap_or_default(), document.says("username"));
    let known = Known { id, description: document.says("description"), username };
    let sent = document.with_secret(token, &known)?;
    let sent = std::str::from_utf8(&sent).ok().filter(|sent| sent.is_ascii());
    let Some(sent) = sent else { panic!("what is sent is not ASCII") };

    let before = ascii(&text[..document.secret.start]);
    let after = ascii(&text[document.secret.end..]);
    let written = sent.strip_prefix(before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str()));
    let Some(written) = written else { panic!("something outside the secret changed") };
    assert!(!written.contains('<'), "the token became an element");
    assert_eq!([before, ascii(&text[document.secret.clone()]), after].concat(), ascii(&text), "it cannot be put back");

    let (mut one, two) = (meaning(&text), meaning(sent));
    let hidden = one.iter().position(|part| *part == Part::Start(REDACTED.to_owned(), Vec::new()));
    let Some(at) = hidden else { panic!("a document without a hidden secret was written") };
    // The marker, and the white space around it, gave way to the token.
    let start = at - usize::from(matches!(one[at - 1], Part::Text(_)));
    let end = at + 2 + usize::from(matches!(one[at + 2], Part::Text(_)));
    one.splice(start..end, [Part::Text(value.to_owned())]);
    assert_eq!(two, one, "what was sent means something else");
    assert!(document.differences(&document).is_empty(), "a document differs from itself");
    scan::scan(sent).map(drop).map_err(|_| Error::new(ErrorKind::Internal, "what was sent cannot be read again"))
}

/// A part of what a document says, whatever way it is written.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Start(String, Vec<(String, String)>),
    End(String),
    Text(String),
    Comment(String),
    Declaration(String),
}

/// What a reader of XML makes of it, which knows nothing of spans.
fn meaning(text: &str) -> Vec<Part> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut parts = Vec::new();
    loop {
        let Ok(event) = reader.read_event() else { panic!("it is no XML") };
        match event {
            Event::Start(element) | Event::Empty(element) => {
                parts.push(Part::Start(element.name().as_ref().to_owned(), attributes(&element)));
            }
            Event::End(element) => parts.push(Part::End(element.name().as_ref().to_owned())),
            Event::Text(text) => said(&mut parts, &text),
            Event::CData(text) => said(&mut parts, &text),
            Event::GeneralRef(reference) => {
                let reference = format!("&{};", &*reference);
                said(&mut parts, &unescaped(&reference));
            }
            Event::Comment(text) => parts.push(Part::Comment(text.to_string())),
            Event::Decl(text) => parts.push(Part::Declaration(text.to_string())),
            Event::PI(_) | Event::DocType(_) => panic!("it has what no document of Jenkins has"),
            Event::Eof => return parts,
        }
    }
}

fn said(parts: &mut Vec<Part>, words: &str) {
    match parts.last_mut() {
        _ if words.is_empty() => {}
        Some(Part::Text(text)) => text.push_str(words),
        _ => parts.push(Part::Text(words.to_owned())),
    }
}

fn attributes(element: &BytesStart<'_>) -> Vec<(String, String)> {
    let read = |attribute: Attribute<'_>| (attribute.key.as_ref().to_owned(), unescaped(&attribute.value));
    let attributes: std::result::Result<Vec<_>, _> = element.attributes().collect();
    let Ok(attributes) = attributes else { panic!("an element has no attributes that could be read") };
    attributes.into_iter().map(read).collect()
}

fn unescaped(text: &str) -> String {
    let Ok(text) = quick_xml::escape::unescape(text) else { panic!("a reference leads nowhere") };
    text.into_owned()
}

/// What was printed, with a reference for each character that is not ASCII.
fn ascii(text: &str) -> String {
    let plain = |c: char| if c.is_ascii() { c.to_string() } else { format!("&#{};", u32::from(c)) };
    text.chars().map(plain).collect()
}
