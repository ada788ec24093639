//! Answers that came over no wire, so that whoever reads them can be fed anything.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use std::time::Duration;

use super::{Answer, failure};
use crate::error::Error;
use crate::token::{Redactor, Token};

impl Answer {
    /// The answer that this text would have been: a line with the status, headers, an empty line, and the body. What no
    /// transport would let through as a header is passed over. The request carried a token, and may have been a write.
    pub(crate) fn heard(text: &[u8], carried: &Token, writes: bool) -> Self {
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        let mut read = 0;
        let mut line = || {
            let line = lines.next()?;
            read += line.len();
            Some(line.trim_ascii())
        };
        let status = line().and_then(status).unwrap_or(200);
        let mut headers = HeaderMap::new();
        while let Some(line) = line().filter(|line| !line.is_empty()) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (HeaderName::from_bytes(&line[..colon]), &line[colon + 1..]);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.trim_ascii())) {
                headers.append(name, value);
            }
        }
        let mut secrets = Redactor::default();
        secrets.learn(carried);
        Self { status, headers, body: Zeroizing::new(text[read..].to_vec()), secrets, writes }
    }

    /// The error that this is as a refusal.
    pub(crate) fn refused(&self, explain: fn(&Self) -> Option<Error>) -> Error {
        failure::of_status(self, "far.example", explain(self))
    }

    /// For how long it wants to be left alone.
    pub(crate) fn pause(&self) -> Option<Duration> {
        failure::pause(self)
    }
}

/// The first number of three digits of a line such as `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let word = line.split(|byte| *byte == b' ').find(|word| word.len() == 3)?;
    let status = std::str::from_utf8(word).ok()?.parse().ok()?;
    (100..600).contains(&status).then_some(status)
}
