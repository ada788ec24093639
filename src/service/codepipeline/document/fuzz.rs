//! What must hold of a pipeline, whatever stands in it.

use serde_json::Value;

use super::{Choice, Document, TOKEN};
use crate::error::{Error, ErrorKind, Result};
use crate::service::codepipeline::wire::GotPipeline;
use crate::token::Token;

/// Reads what `GetPipeline` answers, and puts the token `value` into all of its GitHub sources. Every byte outside stays.
pub(crate) fn pipeline_json(input: &[u8], token: &Token, value: &str) -> Result<()> {
    let no_pipeline = |_| Error::new(ErrorKind::Protocol, "it is not a pipeline as CodePipeline tells it");
    let got: GotPipeline<'_> = serde_json::from_slice(input).map_err(no_pipeline)?;
    let document = Document::read(got.pipeline)?;
    assert!(document.differences(&document).is_empty(), "a pipeline differs from itself");
    let chosen = Choice::default().of(&document)?;
    let sent = document.with_token(&chosen, token)?;

    let mut spans: Vec<_> = chosen.iter().filter_map(|action| action.token.clone()).collect();
    spans.sort_by_key(|span| span.start);
    let (mut rest, mut at) = (sent.strip_prefix(b"{\"pipeline\":").unwrap_or_default(), 0);
    let mut put_back = String::new();
    for span in spans {
        let (before, masked) = (&document.text[at..span.start], &document.text[span.clone()]);
        let Some(behind) = rest.strip_prefix(before.as_bytes()) else { panic!("something outside a token changed") };
        let mut strings = serde_json::Deserializer::from_slice(behind).into_iter::<String>();
        let written = strings.next().and_then(std::result::Result::ok);
        assert!(written.as_deref() == Some(value), "the token was not written as it is");
        rest = &behind[strings.byte_offset()..];
        put_back.extend([before, masked]);
        at = span.end;
    }
    assert_eq!(rest, [document.text[at..].as_bytes(), b"}"].concat(), "something behind the last token changed");
    put_back.push_str(&document.text[at..]);
    assert_eq!(put_back, got.pipeline.get(), "it cannot be put back");

    let Ok(sent) = serde_json::from_slice::<Value>(&sent) else {
        // It keeps no number that is too large for it, and no text that is half a character.
        assert!(serde_json::from_slice::<Value>(input).is_err(), "what was sent is no JSON");
        return Ok(());
    };
    assert_eq!(holders(&sent, value), chosen.len(), "the token stands elsewhere, or not where it should");
    Ok(())
}

/// How many configurations hold the token. None of them holds a mask beside it, which would be stored as it is.
fn holders(value: &Value, token: &str) -> usize {
    match value {
        Value::Object(members) => {
            let here = members.get(TOKEN).and_then(Value::as_str) == Some(token);
            let mask = |text: &str| text.len() >= 3 && text.bytes().all(|byte| byte == b'*');
            assert!(!here || !members.values().any(|value| value.as_str().is_some_and(mask)), "a mask was written");
            usize::from(here) + members.values().map(|value| holders(value, token)).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(|value| holders(value, token)).sum(),
        _ => 0,
    }
}
