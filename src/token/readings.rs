//! What a text says once the ways of writing a character are resolved.

use zeroize::Zeroizing;

/// So many layers of escapes are taken off: a log line in JSON, of an error in JSON, that quotes an address.
const LAYERS: usize = 4;

/// A list of fewer numbers is no text.
const FEW: usize = 4;

/// Bytes that may hold a secret.
pub(crate) type Reading = Zeroizing<Vec<u8>>;

/// Every way to read a text: as it is, with percent escapes, entities and backslashes resolved, layer by layer, as
/// quoted-printable, as a list of numbers, and as two bytes a character.
pub(crate) fn readings(text: &str) -> Vec<Reading> {
    let mut layers: Vec<Reading> = vec![Zeroizing::new(text.as_bytes().to_vec())];
    while let Some(inner) = layers.last().map(|last| unescaped(last)).filter(|_| layers.len() <= LAYERS) {
        if layers.contains(&inner) {
            break;
        }
        layers.push(inner);
    }
    let mut readings = Vec::new();
    for layer in layers {
        readings.extend(layer.contains(&b'=').then(|| quoted_printable(&layer)));
        readings.extend(numbers(&layer, decimal));
        readings.extend(numbers(&layer, hexadecimal));
        readings.push(layer);
    }
    // Of two bytes for a character one is zero, whichever comes first.
    let wide = readings.iter().filter(|reading| reading.contains(&0));
    let wide: Vec<Reading> =
        wide.map(|reading| Zeroizing::new(reading.iter().copied().filter(|byte| *byte != 0).collect())).collect();
    readings.extend(wide);
    readings
}

/// One layer of escapes less.
fn unescaped(text: &[u8]) -> Reading {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let found = match first {
            b'%' => hex_pair(tail).map(|byte| (Some(byte.into()), 2)),
            b'&' => entity(tail),
            b'\\' => backslash(tail),
            _ => None,
        };
        let (written, length) = found.unwrap_or((Some(first.into()), 0));
        match written {
            // Above ASCII a number is a byte of UTF-8, which is all the same to whoever looks for a token.
            Some(number) if number < 0x100 => plain.extend(u8::try_from(number)),
            Some(number) => {
                plain.extend(char::from_u32(number).unwrap_or('?').encode_utf8(&mut [0; 4]).as_bytes());
            }
            None => {}
        }
        rest = &tail[length..];
    }
    plain
}

/// A character's number and how much of the text it took.
type Character = (Option<u32>, usize);

/// `&amp;`, `&#103;` and `&#x67;`, after the ampersand.
fn entity(tail: &[u8]) -> Option<Character> {
    /// The longest that is known: a number of seven digits.
    const LONGEST: usize = 10;
    let end = tail.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&tail[..end]).ok()?;
    let number = match name {
        "amp" => '&'.into(),
        "lt" => '<'.into(),
        "gt" => '>'.into(),
        "quot" => '"'.into(),
        "apos" => '\''.into(),
        _ => match name.strip_prefix('#')?.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => name[1..].parse().ok()?,
        },
    };
    Some((Some(number), end + 1))
}

/// What JSON, Rust and C write for a character, after the backslash.
fn backslash(tail: &[u8]) -> Option<Character> {
    let (kind, rest) = tail.split_first()?;
    let number = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    match kind {
        b'x' => Some((Some(hex_pair(rest)?.into()), 3)),
        b'u' if rest.first() == Some(&b'{') => {
            let end = rest.iter().take(8).position(|byte| *byte == b'}')?;
            Some((Some(number(&rest[1..end])?), end + 2))
        }
        b'u' => Some((Some(number(rest.get(..4)?)?), 5)),
        b'n' => Some((Some(b'\n'.into()), 1)),
        b'r' => Some((Some(b'\r'.into()), 1)),
        b't' => Some((Some(b'\t'.into()), 1)),
        b'0' => Some((Some(0), 1)),
        // A line that goes on is one line.
        b'\n' => Some((None, 1)),
        b'"' | b'\'' | b'\\' | b'/' => Some((Some((*kind).into()), 1)),
        _ => None,
    }
}

fn quoted_printable(text: &[u8]) -> Reading {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let softly = tail.strip_prefix(b"\r\n").or_else(|| tail.strip_prefix(b"\n"));
        rest = match (first, hex_pair(tail), softly) {
            (b'=', Some(byte), _) => {
                plain.push(byte);
                &tail[2..]
            }
            (b'=', _, Some(next)) => next,
            _ => {
                plain.push(first);
                tail
            }
        };
    }
    plain
}

/// What lists of numbers say, as `Debug` writes bytes and as a dump shows them. Nothing where there is no such list.
fn numbers(text: &[u8], read: fn(&[u8]) -> Option<u8>) -> Option<Reading> {
    let mut plain = Zeroizing::new(Vec::new());
    let mut list = Zeroizing::new(Vec::new());
    let between = |byte: &u8| matches!(byte, b' ' | b',' | b';' | b':' | b'-' | b'\n' | b'\r' | b'\t');
    let around = |byte: &u8| matches!(byte, b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'"' | b'=');
    // Brackets and words end a list; what stands between numbers does not.
    for inside in text.split(around) {
        let parts = inside.split(between).filter(|part| !part.is_empty()).map(read);
        for number in parts.chain([None]) {
            if let Some(byte) = number {
                list.push(byte);
                continue;
            }
            if list.len() >= FEW {
                plain.extend_from_slice(&list);
                plain.push(b'\n');
            }
            list.clear();
        }
    }
    (!plain.is_empty()).then_some(plain)
}

fn decimal(digits: &[u8]) -> Option<u8> {
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    match digits {
        [low] => hex_pair(&[b'0', *low]),
        [_, _] => hex_pair(digits),
        _ => None,
    }
}

/// The byte that two digits at the beginning write.
fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(*text.first()?)?, digit(*text.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "ghp_FAKE?1>2";

    fn is_read(text: &str) -> bool {
        readings(text).iter().any(|reading| reading.windows(VALUE.len()).any(|part| part == VALUE.as_bytes()))
    }

    #[test]
    fn every_way_to_write_a_character_is_read() {
        let each = |format: fn(u8) -> String| VALUE.bytes().map(format).collect::<String>();
        let wide: Vec<u8> = VALUE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let written = [
            VALUE.to_owned(),
            each(|byte| format!("%{byte:02x}")),
            each(|byte| format!("&#{byte};")),
            each(|byte| format!("&#X{byte:X};")),
            VALUE.replace('>', "&gt;"),
            each(|byte| format!("\\x{byte:02x}")),
            each(|byte| format!("\\u{byte:04X}")),
            each(|byte| format!("\\u{{{byte:x}}}")),
            each(|byte| format!("={byte:02X}")),
            format!("{}=\r\n{}", &VALUE[..5], &VALUE[5..]),
            format!("key: {:?} and more", VALUE.as_bytes()),
            format!("{:#?}", VALUE.as_bytes()),
            format!("{:02x?}", VALUE.as_bytes()),
            format!("{:#04x?}", VALUE.as_bytes()),
            format!("{:X?}", VALUE.as_bytes()),
            each(|byte| format!("{byte:02x}:")),
            format!("{wide:?}"),
            format!("{wide:x?}"),
            String::from_utf8(wide).unwrap(),
        ];
        for text in written {
            assert!(is_read(&text), "{text}");
            let quoted = format!("{text:?}");
            assert!(is_read(&quoted), "{quoted}");
            assert!(is_read(&format!("{{\"error\":{quoted:?}}}")), "{quoted:?}");
        }
    }

    #[test]
    fn every_name_of_a_character_is_known() {
        let said = |text: &str| String::from_utf8(unescaped(text.as_bytes()).to_vec()).unwrap();
        assert_eq!(said("&amp;&lt;&gt;&quot;&apos;&#65;&#x42;"), "&<>\"'AB");
        assert_eq!(said(r#"\n\r\t\0\"\'\\\/\x41\u0042\u{43}"#), "\n\r\t\0\"'\\/ABC");
        assert_eq!(said("one \\\nline"), "one line");
        assert_eq!(said("%c3%a9\\u0100\\u{1F600}"), "\u{e9}\u{100}\u{1F600}");
    }

    #[test]
    fn what_only_looks_like_an_escape_stays_and_nothing_panics() {
        for text in ["", "%", "100% of it", "&", "&amp", "&#;", "&#xD800;", "\\", "\\u12", "\\u{", "=", "[1, 2", "é%zz"]
        {
            assert!(readings(text).iter().any(|reading| **reading == text.as_bytes()), "{text}");
        }
        assert_eq!(readings("plain words").len(), 1);
    }
}
