//! Leaks on purpose, in each channel and each encoding: a search that misses one is worth nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer};
use tokenturn::{Error, ErrorKind, Event};

use crate::canary;
use crate::channels::{CHANNELS, Said};

/// A way to write a secret.
type Encoding = (&'static str, fn(&str) -> String);

fn each(secret: &str, write: fn(u8) -> String) -> String {
    secret.bytes().map(write).collect()
}

const ENCODINGS: &[Encoding] = &[
    ("as it is", str::to_owned),
    ("a part of it", |secret| secret[8..24].to_owned()),
    ("reversed", |secret| secret.chars().rev().collect()),
    ("base64", |secret| STANDARD.encode(secret)),
    ("base64, after one byte", |secret| STANDARD.encode(format!(":{secret}"))),
    ("base64, after two bytes", |secret| STANDARD.encode(format!("x:{secret}"))),
    ("base64 for addresses", |secret| URL_SAFE_NO_PAD.encode(secret)),
    ("base64 for addresses, after one byte", |secret| URL_SAFE_NO_PAD.encode(format!("~{secret}?>"))),
    ("base64 for addresses, after two bytes", |secret| URL_SAFE_NO_PAD.encode(format!("~~{secret}?>"))),
    ("hexadecimal", |secret| each(secret, |byte| format!("{byte:02x}"))),
    ("hexadecimal, capital", |secret| each(secret, |byte| format!("{byte:02X}"))),
    ("a dump", |secret| each(secret, |byte| format!("{byte:02x} "))),
    ("percent", |secret| each(secret, |byte| format!("%{byte:02X}"))),
    ("percent, small", |secret| each(secret, |byte| format!("%{byte:02x}"))),
    ("JSON escapes", |secret| each(secret, |byte| format!("\\u{byte:04x}"))),
    ("JSON escapes, escaped", |secret| each(secret, |byte| format!("\\\\u{byte:04X}"))),
    ("entities", |secret| each(secret, |byte| format!("&#{byte};"))),
    ("entities, hexadecimal", |secret| each(secret, |byte| format!("&#x{byte:X};"))),
    ("Debug of bytes", |secret| format!("{:?}", secret.as_bytes())),
    ("Debug of bytes, pretty", |secret| format!("{:#?}", secret.as_bytes())),
    ("Debug of bytes, hexadecimal", |secret| format!("{:02x?}", secret.as_bytes())),
    ("a byte string", |secret| format!("b\"{}\"", each(secret, |byte| format!("\\x{byte:02x}")))),
    ("quoted-printable", |secret| each(secret, |byte| format!("={byte:02X}"))),
    ("UTF-16", |secret| secret.chars().flat_map(|c| [c, '\0']).collect()),
    ("UTF-16, the other way round", |secret| secret.chars().flat_map(|c| ['\0', c]).collect()),
    ("UTF-16 as bytes", |secret| format!("{:?}", secret.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())),
];

/// A type that says what it holds wherever it can.
struct Chatty(String);

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chatty").field("held", &format_args!("{}", self.0)).finish()
    }
}

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it holds {}", self.0)
    }
}

impl Serialize for Chatty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Chatty", &self.0)
    }
}

impl std::error::Error for Chatty {}

/// An event as a provider could make it that puts a secret into a guide, if nobody looked.
fn event(of: &str) -> Event {
    let fact = serde_json::json!({
        "fact": "gave_up",
        "act": "issue",
        "problem": { "kind": "protocol", "effect": "none", "text": of },
    });
    let event = serde_json::json!({ "credential": "bot", "run": "run-1", "seq": 3, "at": "2030-01-01T00:00:00Z", "fact": fact });
    serde_json::from_value(event).unwrap()
}

/// Everything that this way to write a secret makes the channels say.
fn leaked(written: &str) -> Said {
    let said = Said::default();
    specimen!(said, Chatty(written.to_owned()));
    let error = Error::new(ErrorKind::Protocol, "it was not understood").with_subject(written);
    said.error(&error.with_source(Chatty(written.to_owned())));
    said.event(&event(written));
    said
}

#[test]
fn a_leak_is_found_in_every_channel_and_every_encoding() {
    let search = canary::search();
    let mut planted = 0;
    for secret in [canary::TOKEN, canary::PASSWORD] {
        for (encoding, write) in ENCODINGS {
            let found = search.among(&leaked(&write(secret)).ears);
            for channel in CHANNELS {
                assert!(
                    found.iter().any(|who| who.ends_with(channel)),
                    "{encoding} in {channel} is not found: {found:?}"
                );
                planted += 1;
            }
        }
    }
    println!("encodings {}, channels {}, planted leaks found {planted} of {planted}", ENCODINGS.len(), CHANNELS.len());
}

#[test]
fn a_secret_that_is_spread_over_two_records_is_found() {
    for (begins, ends) in [canary::TOKEN, canary::API_KEY].map(|secret| secret.split_at(secret.len() / 2)) {
        let said = Said::default();
        specimen!(said, Chatty("nothing".to_owned()));
        assert!(canary::search().among(&said.ears).is_empty());
        let listening = said.ears.listen();
        tracing::trace!("it begins with {begins}");
        tracing::trace!("{ends} is its end");
        drop(listening);
        assert!(!canary::search().among(&said.ears).is_empty());
    }
}

#[test]
fn bytes_that_are_no_text_are_found_as_bytes_are_written() {
    let search = canary::search();
    let key = canary::KEY;
    for said in
        [format!("{key:?}"), format!("{key:#?}"), format!("{key:02x?}"), STANDARD.encode(key), format!("Key({key:x?})")]
    {
        assert!(search.finds_in(&said), "{said}");
    }
}
