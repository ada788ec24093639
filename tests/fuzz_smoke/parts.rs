//! Where the parts of a document stand, as far as changing it piece by piece needs.

use std::ops::Range;

use serde::de::IgnoredAny;
use tokenturn::testing::fuzz::Grammar;

/// Documents are changed as wholes up to this length, in bytes; larger ones only byte by byte.
const LARGE: usize = 8 * 1024;

/// What separates the words of a grammar.
fn is_mark(grammar: Grammar, byte: u8) -> bool {
    match grammar {
        Grammar::Xml => b"<>/&;=\"' \n\t![]-".contains(&byte),
        Grammar::Json => b"{}[]:,\" \n\t\\".contains(&byte),
        Grammar::Http => b"{}[]:,\"<>&;=/ \r\n".contains(&byte),
        Grammar::Lines => b"{}[]:,\" \r\n#".contains(&byte),
        _ => true,
    }
}

/// The words and the marks between them.
pub(crate) fn words(text: &[u8], grammar: Grammar) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        match words.last_mut() {
            Some(word) if !is_mark(grammar, *byte) && !is_mark(grammar, text[word.start]) => word.end = at + 1,
            _ => words.push(at..at + 1),
        }
    }
    words
}

/// Whole parts that may stand twice, or not at all: elements, members and items, headers, lines.
pub(crate) fn wholes(text: &[u8], grammar: Grammar) -> Vec<Range<usize>> {
    match grammar {
        // To look for a whole at each place takes the square of the length.
        _ if text.len() > LARGE => Vec::new(),
        Grammar::Xml => elements(text, 0),
        Grammar::Json => members(text, 0),
        Grammar::Lines => lines(text, 0..text.len()).into_iter().chain(members(text, 0)).collect(),
        Grammar::Http => {
            let body = body(text);
            let headers = lines(text, 0..body).into_iter().skip(1);
            headers.chain(elements(text, body)).chain(members(text, body)).collect()
        }
        _ => (0..text.len() / 8).map(|at| at * 8..at * 8 + 8).collect(),
    }
}

/// Where the body of an answer begins.
pub(crate) fn body(text: &[u8]) -> usize {
    text.windows(4).position(|four| four == b"\r\n\r\n").map_or(text.len(), |at| at + 4)
}

fn lines(text: &[u8], within: Range<usize>) -> Vec<Range<usize>> {
    let mut start = within.start;
    let ends = within.filter(|at| text[*at] == b'\n').map(|at| at + 1);
    ends.map(|end| std::mem::replace(&mut start, end)..end).collect()
}

/// Each element with what is in it, but for the outermost.
fn elements(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let starts = (from..text.len()).filter(|at| text[*at] == b'<').skip(1);
    let whole = |start: usize| {
        let rest = &text[start + 1..];
        let name = &rest[..rest.iter().position(|byte| b" />\n\t".contains(byte))?];
        let closing = [b"</", name, b">"].concat();
        let at = find(rest, &closing).filter(|_| !name.is_empty())?;
        Some(start..start + 1 + at + closing.len())
    };
    starts.filter_map(whole).collect()
}

/// Each member of an object and each item of a list, with the comma behind it.
fn members(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let starts = (from + 1..text.len()).filter(|at| b"{[,".contains(&text[at - 1]));
    let whole = |start: usize| {
        let end = start + value(&text[start..])?;
        let end = match text.get(end) {
            Some(b':') => end + 1 + value(&text[end + 1..])?,
            _ => end,
        };
        // The last one has no comma, and stays where it is.
        (text.get(end) == Some(&b',')).then_some(start..end + 1)
    };
    starts.filter_map(whole).collect()
}

/// Whether a part is a member with a name, and no item of a list.
pub(crate) fn is_member(part: &[u8]) -> bool {
    part.first() == Some(&b'"') && value(part).is_some_and(|end| part.get(end) == Some(&b':'))
}

/// How long the JSON at the beginning is.
fn value(text: &[u8]) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
