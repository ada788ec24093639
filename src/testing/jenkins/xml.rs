//! Documents as the fake reads them.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One element.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    /// Its attribute `class`.
    pub(super) class: Option<String>,
    /// What stands before its first child.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// The text of a body: its charset is what `Content-Type` says and ISO-8859-1 otherwise, whatever the document claims.
pub(super) fn decoded(kind: Option<&str>, body: &[u8]) -> String {
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    if kind.contains("charset=utf-8") {
        String::from_utf8_lossy(body).into_owned()
    } else {
        body.iter().copied().map(char::from).collect()
    }
}

/// The root of a document that is well-formed. A document type is taken, as Jenkins takes it, and not looked at.
pub(super) fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut at = 0;
    loop {
        let event = reader.read_event().ok()?;
        let end = usize::try_from(reader.buffer_position()).ok()?;
        let raw = &text[at..end];
        at = end;
        let closed = match event {
            Event::Start(start) => {
                open.push(begun(&start));
                continue;
            }
            Event::Empty(start) => begun(&start),
            Event::End(_) => open.pop()?,
            Event::Text(_) => {
                say(&mut open, raw)?;
                continue;
            }
            Event::CData(_) => {
                say(&mut open, raw.strip_prefix("<![CDATA[")?.strip_suffix("]]>")?)?;
                continue;
            }
            Event::GeneralRef(_) => {
                say(&mut open, &quick_xml::escape::unescape(raw).ok()?)?;
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None if root.is_none() => root = Some(closed),
            None => return None,
        }
    }
    if open.is_empty() { root } else { None }
}

fn begun(start: &BytesStart<'_>) -> Element {
    let class = start.try_get_attribute("class").ok().flatten().map(|attribute| attribute.value.to_string());
    Element { name: start.name().as_ref().to_owned(), class, ..Element::default() }
}

fn say(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) if element.children.is_empty() => element.text.push_str(text),
        None if !text.trim().is_empty() => return None,
        _ => {}
    }
    Some(())
}
