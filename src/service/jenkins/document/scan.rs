//! Finds the spans of a document. Nothing is ever written from what a parser understood: only spans are replaced.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use super::{Field, REDACTED};
use crate::error::{Error, ErrorKind, Result};

/// What was found.
pub(super) struct Scanned {
    /// The class, as the root element names it.
    pub(super) root: String,
    pub(super) fields: Vec<Field>,
    /// For every hidden secret, the field whose direct child it is, if any.
    pub(super) redacted: Vec<Option<usize>>,
}

/// An element that is still open.
struct Open {
    name: String,
    start: usize,
    inside: usize,
}

struct Scan {
    open: Vec<Open>,
    /// What the field that is open says so far; `None` once it has an element.
    says: Option<String>,
    found: Scanned,
    rooted: bool,
}

pub(super) fn scan(text: &str) -> Result<Scanned> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let found = Scanned { root: String::new(), fields: Vec::new(), redacted: Vec::new() };
    let mut state = Scan { open: Vec::new(), says: None, found, rooted: false };
    let mut at = 0;
    loop {
        // What the parser says of it may quote it.
        let event = reader.read_event().map_err(|_| not_understood())?;
        let end = usize::try_from(reader.buffer_position()).map_err(|_| not_understood())?;
        let span = at..end;
        at = end;
        match event {
            Event::Start(element) => attributes(&element).and_then(|()| state.start(element.name().as_ref(), span)),
            Event::Empty(element) => attributes(&element).and_then(|()| state.empty(element.name().as_ref(), span)),
            Event::End(_) => state.end(span),
            Event::Text(_) => state.said(&text[span]),
            Event::CData(_) => state.said(ascii(&text[span])?.trim_start_matches("<![CDATA[").trim_end_matches("]]>")),
            Event::GeneralRef(_) => state.said(&resolved(&text[span])?),
            Event::Comment(_) => ascii(&text[span]).map(|_| ()),
            Event::Decl(_) if !state.rooted => ascii(&text[span]).map(|_| ()),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Err(not_understood()),
            Event::Eof => break,
        }?;
    }
    if !state.rooted || !state.open.is_empty() {
        return Err(not_understood());
    }
    Ok(state.found)
}

impl Scan {
    fn start(&mut self, name: &str, span: Range<usize>) -> Result<()> {
        self.enter(name)?;
        self.open.push(Open { name: name.to_owned(), start: span.start, inside: span.end });
        Ok(())
    }

    fn empty(&mut self, name: &str, span: Range<usize>) -> Result<()> {
        self.enter(name)?;
        if self.open.len() == 1 {
            self.says = None;
            let says = Some(String::new());
            self.found.fields.push(Field { name: name.to_owned(), whole: span, inside: None, says });
        }
        Ok(())
    }

    /// An element of this name begins.
    fn enter(&mut self, name: &str) -> Result<()> {
        ascii(name)?;
        match self.open.len() {
            0 if self.rooted => return Err(not_understood()),
            0 => {
                self.rooted = true;
                name.clone_into(&mut self.found.root);
            }
            1 => self.says = Some(String::new()),
            _ => self.says = None,
        }
        if name == REDACTED {
            // The field is not on the list before it ends; it will be the next one there.
            self.found.redacted.push((self.open.len() == 2).then_some(self.found.fields.len()));
        }
        Ok(())
    }

    fn end(&mut self, span: Range<usize>) -> Result<()> {
        let Open { name, start, inside } = self.open.pop().ok_or_else(not_understood)?;
        if self.open.len() == 1 {
            let says = self.says.take();
            self.found.fields.push(Field { name, whole: start..span.end, inside: Some(inside..span.start), says });
        }
        Ok(())
    }

    fn said(&mut self, words: &str) -> Result<()> {
        match (self.open.len(), &mut self.says) {
            (2, Some(says)) => says.push_str(words),
            (0 | 1, _) if !words.trim_ascii().is_empty() => return Err(not_understood()),
            _ => {}
        }
        Ok(())
    }
}

/// Checks that an element's attributes can be written as they are: a name that is not ASCII cannot.
fn attributes(element: &BytesStart<'_>) -> Result<()> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| not_understood())?;
        ascii(attribute.key.as_ref())?;
        unescape(&attribute.value).map_err(|_| not_understood())?;
    }
    Ok(())
}

/// Whether this is white space with one empty element of this name in it, and nothing else.
pub(super) fn is_marker_alone(inside: &str, name: &str) -> bool {
    let inside = inside.trim_ascii();
    let bare = |text: &str| text.trim_ascii_end() == name;
    if let Some(rest) = inside.strip_prefix('<').and_then(|rest| rest.strip_suffix("/>")) {
        return bare(rest);
    }
    let parts = inside.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).and_then(|rest| rest.split_once('>'));
    parts.is_some_and(|(start, rest)| bare(start) && rest.trim_ascii_start().strip_prefix("</").is_some_and(bare))
}

/// What a reference stands for. A document of Jenkins has no entities of its own.
fn resolved(reference: &str) -> Result<String> {
    let name = reference.trim_start_matches('&').trim_end_matches(';');
    let named = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#').ok_or_else(not_understood)?;
            let code = match number.strip_prefix('x') {
                _ if number.contains('+') => None,
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            };
            // No version of XML has a NUL.
            code.filter(|code| *code > 0).and_then(char::from_u32).ok_or_else(not_understood)?
        }
    };
    Ok(named.to_string())
}

/// What cannot be written in ASCII where it stands must be in ASCII already.
fn ascii(text: &str) -> Result<&str> {
    if text.is_ascii() { Ok(text) } else { Err(not_understood()) }
}

fn not_understood() -> Error {
    let text = "its document is not one that Jenkins prints: see what really answers at this address";
    Error::new(ErrorKind::Protocol, text)
}
