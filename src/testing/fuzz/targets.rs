//! The table of targets. A new reader of outside text gets a row here, seeds of its name, and a file under `fuzz/`.

use super::{Grammar, Target, facts};
use crate::error::Result;
#[cfg(feature = "http")]
use crate::error::{Error, ErrorKind};
#[cfg(feature = "http")]
use crate::http::Answer;
#[cfg(feature = "http")]
use crate::service;
use crate::token::{ScopeSet, Token};

const fn target(name: &'static str, grammar: Grammar, run: fn(&[u8]) -> Result<()>) -> Target {
    Target { name, grammar, run }
}

/// Every target of what is built in.
pub const TARGETS: &[Target] = &[
    target("journal_record", Grammar::Json, facts::record),
    target("journal_run", Grammar::Lines, facts::run),
    target("paste", Grammar::Bytes, paste),
    #[cfg(feature = "seal")]
    target("sealed_value", Grammar::Bytes, crate::journal::fuzz::sealed_value),
    #[cfg(feature = "seal")]
    target("key_ring", Grammar::Lines, crate::journal::fuzz::key_ring),
    #[cfg(feature = "sqlite")]
    target("rescue_slot", Grammar::Json, crate::journal::fuzz::rescue_slot),
    #[cfg(feature = "http")]
    target("pause", Grammar::Http, |input| pause(&answer(input, false))),
    #[cfg(feature = "jenkins")]
    target("config_xml", Grammar::Xml, |input| with_token(input, service::jenkins::fuzz::config_xml)),
    #[cfg(feature = "jenkins")]
    target("form_check", Grammar::Http, |input| service::jenkins::fuzz::form(&answer(input, false))),
    #[cfg(feature = "codepipeline")]
    target("pipeline_json", Grammar::Json, |input| with_token(input, service::codepipeline::fuzz::pipeline_json)),
    #[cfg(feature = "codepipeline")]
    target("cloudformation", Grammar::Http, |input| service::codepipeline::fuzz::stack(&answer(input, false))),
    #[cfg(feature = "codefresh")]
    target("graphql_answer", Grammar::Http, |input| {
        let writes = input.len().is_multiple_of(2);
        match service::codefresh::fuzz::graphql_answer(answer(input, writes), writes) {
            // An error in its own words was understood.
            Err(error) if error.kind() != ErrorKind::Protocol => {
                super::assert_quiet(input, &error);
                Ok(())
            }
            given => given,
        }
    }),
    #[cfg(feature = "codefresh")]
    target("context", Grammar::Http, |input| {
        let answer = answer(input, false);
        with_token(input, |_, token, value| service::codefresh::fuzz::context(&answer, token, value))
    }),
    #[cfg(feature = "github")]
    target("github_headers", Grammar::Http, |input| {
        service::github::fuzz::headers(&answer(input, false), &Token::made_up(super::CARRIED))
    }),
    #[cfg(feature = "bitbucket")]
    target("bitbucket_granted", Grammar::Http, |input| service::bitbucket::fuzz::cloud::granted(&answer(input, false))),
    #[cfg(feature = "http")]
    target("new_token", Grammar::Http, |input| new_token(&answer(input, true))),
    #[cfg(feature = "http")]
    target("refusal", Grammar::Http, refusal),
];

/// An answer to a request that carried a token.
#[cfg(feature = "http")]
fn answer(input: &[u8], writes: bool) -> Answer {
    Answer::heard(input, &Token::made_up(super::CARRIED), writes)
}

/// Puts a token into a document, and tells its value, so that it can be looked for.
#[cfg(any(feature = "jenkins", feature = "codepipeline", feature = "codefresh"))]
fn with_token(input: &[u8], put: impl FnOnce(&[u8], &Token, &str) -> Result<()>) -> Result<()> {
    let value = super::token_text(input);
    put(input, &Token::new(&value)?, &value)
}

/// What a person pasted: taken without the white space around it, or refused, and never anything between.
fn paste(input: &[u8]) -> Result<()> {
    let text = super::text(input)?;
    let (token, _) = Token::from_paste(text)?;
    assert!(token.expose() == text.trim() && token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
    let _ = (token.format(), token.fingerprint());
    let scopes = ScopeSet::parse(text);
    assert!(ScopeSet::parse(&scopes.to_string()) == scopes, "scopes read otherwise again");
    Ok(())
}

/// No pause is longer than an hour, and a far side that asks for none gets none.
#[cfg(feature = "http")]
fn pause(answer: &Answer) -> Result<()> {
    let none = || Error::new(ErrorKind::NotFound, "it asks for no pause");
    let pause = answer.pause().ok_or_else(none)?;
    assert!((1..=3600).contains(&pause.as_secs()), "a pause of {pause:?}");
    Ok(())
}

/// Every reader of a token that was just made. Whatever reads it, the value is read alike.
#[cfg(feature = "http")]
fn new_token(answer: &Answer) -> Result<()> {
    let carried = &Token::made_up(super::CARRIED);
    let mut read = vec![Err(answer.not_understood("no service is built in"))];
    #[cfg(feature = "github")]
    read.push(service::github::fuzz::token(answer));
    #[cfg(feature = "gitlab")]
    read.push(service::gitlab::fuzz::token(answer, carried));
    #[cfg(feature = "bitbucket")]
    read.push(service::bitbucket::fuzz::data_center::token(answer));
    #[cfg(feature = "jenkins")]
    read.push(service::jenkins::fuzz::token(answer));
    let _ = carried;
    some(read)
}

/// Every reader of refusals, a proxy's and those of other systems too. None says a secret, and some service knows it.
#[cfg(feature = "http")]
fn refusal(input: &[u8]) -> Result<()> {
    let answer = &answer(input, input.len().is_multiple_of(2));
    let general = answer.refused(|_| None);
    #[cfg_attr(
        not(any(
            feature = "github",
            feature = "gitlab",
            feature = "bitbucket",
            feature = "cloudbees",
            feature = "jenkins",
            feature = "codefresh",
            feature = "codepipeline"
        )),
        expect(unused_mut, reason = "services add to it")
    )]
    let mut errors = vec![general];
    #[cfg(feature = "github")]
    errors.extend([service::github::fuzz::refusal(answer), service::github::fuzz::refusal_of_a_login(answer)]);
    #[cfg(feature = "gitlab")]
    errors.push(service::gitlab::fuzz::refusal(answer));
    #[cfg(feature = "bitbucket")]
    errors.extend([
        service::bitbucket::fuzz::cloud::refusal(answer),
        service::bitbucket::fuzz::data_center::refusal(answer),
    ]);
    #[cfg(feature = "cloudbees")]
    errors.push(service::cloudbees::fuzz::refusal(answer));
    #[cfg(feature = "jenkins")]
    errors.push(service::jenkins::fuzz::refusal(answer));
    #[cfg(feature = "codefresh")]
    errors.push(service::codefresh::fuzz::refusal(answer));
    #[cfg(feature = "codepipeline")]
    errors.extend([
        service::codepipeline::fuzz::refusal(answer),
        service::codepipeline::fuzz::refusal_of_a_stack(answer),
    ]);
    for error in &errors {
        super::assert_quiet(input, error);
    }
    let known = errors.iter().any(|error| error.to_string() != errors[0].to_string());
    known.then_some(()).ok_or_else(|| answer.not_understood("no service knows such a refusal"))
}

/// Nothing where one of them understood it.
#[cfg(feature = "http")]
fn some(read: Vec<Result<()>>) -> Result<()> {
    read.into_iter().reduce(Result::or).unwrap_or(Ok(()))
}
