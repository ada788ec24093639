//! Changes documents: gently, so that what comes out is still one, or roughly, so that it hardly is.

use std::ops::Range;

use tokenturn::testing::fuzz::{CARRIED, Grammar, IN_THE_CLEAR};

use crate::dice::Dice;
use crate::parts::{body, is_member, wholes, words};

/// How many bytes an input may have.
const LONGEST: usize = 256 * 1024;

/// Whole parts that may stand where another begins.
fn guests(grammar: Grammar) -> &'static [&'static str] {
    match grammar {
        Grammar::Xml => &[
            "<x k='1'>&amp;é&#65;<![CDATA[<y>]]></x>",
            "<!-- <id>b</id> -->",
            "<zz/>",
            "<é/>",
            "<x a=\"&lt;é\" b='>'/>",
            "<n><secret>s</secret></n>",
            "<x é='1'/>",
            "<o><secret-redacted/></o>",
        ],
        Grammar::Json => &[
            r#""x":[1.50,{"y":"\u0041"}],"#,
            r#""OAuthToken2":"****","#,
            r#""n":1e400,"#,
            r#""d":{"d":{"d":-0.0}},"#,
            r#""e":"\u0065\\","#,
            r#""f":[[],{},null,true],"#,
            r#""z":"\ud83d\ude00","#,
            r#""m":"\u002a\u002a\u002a\u002a","#,
        ],
        Grammar::Http => &[
            "X-Other: 1\r\n",
            "Retry-After: 99999999999999999999\r\n",
            "Retry-After: -1\r\n",
            "Content-Type: text/plain\r\n",
            "X-OAuth-Scopes: repo,,\t,x\r\n",
            "GitHub-Authentication-Token-Expiration: 9999-12-31 23:59:59 -2559\r\n",
            r#""x":[1.50,{"y":"\u0041"}],"#,
        ],
        Grammar::Lines => &["# a note\n", "\r\n", "# tokenturn keys 2\n", "#\n"],
        _ => &["\0", " "],
    }
}

/// Words that mean something to a reader, wherever they stand.
const LOADED: &[&str] = &[
    "<",
    ">",
    "&",
    "&#x0;",
    "&#xD800;",
    "&#99999999999;",
    "&lt;",
    "&e;",
    "]]>",
    "<![CDATA[",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "<?pi?>",
    "--",
    "<secret-redacted/>",
    "<id>b</id>",
    "****",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "{}",
    "[]",
    "-",
    "1e999",
    "18446744073709551616",
    "-9223372036854775809",
    "\u{feff}",
    "\u{202e}",
    "é",
    "日本",
    "\0",
    "\r\n",
    CARRIED,
    IN_THE_CLEAR,
];

/// Bytes that are no UTF-8: cut off, too long, a surrogate, one that never stands anywhere.
const NO_TEXT: &[&[u8]] = &[b"\xe6\x97", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"\x80"];

/// One to four changes of a document; `others` are whole ones of which pieces may come.
pub(crate) fn mutate(seed: &[u8], others: &[Vec<u8>], grammar: Grammar, dice: &mut Dice) -> Vec<u8> {
    let mut text = seed.to_vec();
    let rough = dice.one_in(4);
    for _ in 0..=dice.below(if rough { 4 } else { 2 }) {
        if rough && dice.one_in(2) {
            roughly(&mut text, others, grammar, dice);
        } else {
            gently(&mut text, grammar, dice);
        }
        text.truncate(LONGEST);
    }
    text
}

fn gently(text: &mut Vec<u8>, grammar: Grammar, dice: &mut Dice) {
    let parts = wholes(text, grammar);
    if parts.is_empty() || dice.one_in(if grammar == Grammar::Lines { 9 } else { 3 }) {
        return respell(text, grammar, dice);
    }
    let part = dice.pick(&parts).clone();
    match dice.below(8) {
        0..=3 => {
            let guest = *dice.pick(guests(grammar));
            let guest = match guest.strip_suffix(',') {
                Some(member) if !is_member(&text[part.clone()]) => format!("{{{member}}},"),
                _ => guest.to_owned(),
            };
            text.splice(part.start..part.start, guest.bytes());
        }
        4 => {
            let twin = text[part.clone()].to_vec();
            text.splice(part.end..part.end, twin);
        }
        5 => drop(text.drain(part)),
        _ => {
            let moved: Vec<u8> = text[part.clone()].to_vec();
            let to = dice.pick(&parts).start;
            if !part.contains(&to) && to <= text.len() - part.len() {
                text.drain(part);
                text.splice(to..to, moved);
            }
        }
    }
}

/// Spells a word otherwise, and none of the marks.
fn respell(text: &mut Vec<u8>, grammar: Grammar, dice: &mut Dice) {
    let from = if grammar == Grammar::Http && dice.one_in(2) { body(text) } else { 0 };
    let long = words(text, grammar).into_iter().filter(|word| word.start >= from && word.len() > 1);
    // Names are left alone: another one is refused at the door.
    let named = |word: &Range<usize>| match grammar {
        Grammar::Xml => matches!(text.get(word.start.wrapping_sub(1)), Some(b'<' | b'/')),
        _ => text[word.end..].starts_with(b"\":"),
    };
    let long = long.filter(|word| !named(word));
    let long: Vec<_> = long.collect();
    if long.is_empty() {
        return;
    }
    let word = dice.pick(&long).clone();
    let at = word.start + dice.below(word.len());
    let spelled = *dice.pick(&["0", "7", "a", "Zz", "_", "é", " x", "?", CARRIED]);
    text.splice(at..=at, spelled.bytes());
}

fn roughly(text: &mut Vec<u8>, others: &[Vec<u8>], grammar: Grammar, dice: &mut Dice) {
    if text.is_empty() {
        return;
    }
    let at = dice.below(text.len());
    let end = at + 1 + dice.below((text.len() - at).min(40));
    match dice.below(9) {
        0 => text[at] ^= 1 << dice.below(8),
        1 => text.truncate(at),
        2 => drop(text.drain(at..end.min(text.len()))),
        3 => drop(text.splice(at..at, dice.pick(LOADED).bytes())),
        4 => drop(text.splice(at..at, dice.pick(NO_TEXT).iter().copied())),
        5 => {
            let words = words(text, grammar);
            let word = dice.pick(&words).clone();
            text.splice(word, dice.pick(LOADED).bytes());
        }
        6 => {
            let other = dice.pick(others);
            let from = dice.below(other.len());
            let to = from + dice.below((other.len() - from).min(200));
            text.splice(at..at, other[from..to].iter().copied());
        }
        7 => {
            let piece = text[at..end.min(text.len())].repeat(1 + dice.below(30));
            text.splice(at..at, piece);
        }
        _ => nest(text, grammar, dice),
    }
}

/// Puts a part into many of its kind, sometimes into more than any stack has room for.
fn nest(text: &mut Vec<u8>, grammar: Grammar, dice: &mut Dice) {
    let depth = *dice.pick(&[2, 60, 126, 127, 128, 129, 1000, 20_000]);
    let json = grammar != Grammar::Xml && (text.contains(&b'{') || dice.one_in(2));
    let (open, close) =
        *dice.pick(if json { &[("[", "]"), ("{\"a\":", "}")] } else { &[("<a>", "</a>"), ("<a>", "")] });
    let within = if open.starts_with('{') { "1" } else { "" };
    let whole = [&open.repeat(depth), within, &close.repeat(depth)].concat();
    let parts = wholes(text, grammar);
    let at = if parts.is_empty() { dice.below(text.len()) } else { dice.pick(&parts).start };
    let whole = if json { format!("\"deep\":{whole},") } else { whole };
    text.splice(at..at, whole.bytes());
}
