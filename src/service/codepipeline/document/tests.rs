//! What is written back is what was read, to the byte.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Choice, Document};
use crate::error::ErrorKind;
use crate::token::Token;

const ODD: &str = r#"{ "name" : "site","x-future":{"a":1.0,"b":1e2,"c":12345678901234567890123,"d":-0,"e":"\u00e9\/é","A":1,"a ":[ ]},
  "version":7, "stages":[{"name":"Source","actions":[
    {"name":"GitHub","actionTypeId":{"category":"Source","owner":"ThirdParty","provider":"GitHub","version":"1"},
     "configuration":{"Owner":"acme","Repo":"site","Branch":"main","OAuthToken" : "****","oauthToken":"kept","OAuthToken2":"x"},"runOrder":1.0},
    {"name":"Other","actionTypeId":{"category":"Source","owner":"ThirdParty","provider":"GitHub","version":"1"},
     "configuration":{"Owner":"acme","Repo":"lib","OAuthToken":"****"}}]},
  {"name":"Deploy","actions":[{"name":"Alexa","actionTypeId":{"category":"Deploy","owner":"ThirdParty","provider":"AlexaSkillsKit","version":"1"},
     "configuration":{"ClientSecret":"****","RefreshToken":"****"}}]}]}"#;

fn read(text: &str) -> Document {
    let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
    Document::read(&raw).unwrap()
}

fn failed(text: &str) -> ErrorKind {
    let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
    let document = match Document::read(&raw) {
        Ok(document) => document,
        Err(error) => return error.kind(),
    };
    Choice::default().of(&document).unwrap_err().kind()
}

fn chosen(stage: &str, action: &str) -> Choice {
    Choice { actions: vec![(stage.to_owned(), action.to_owned())], repository: None }
}

#[test]
fn only_the_token_of_the_chosen_action_changes_and_every_other_byte_stays() {
    let document = read(ODD);
    let choice = chosen("Source", "GitHub");
    let body = document.with_token(&choice.of(&document).unwrap(), &Token::new("ghp_FAKE\"\\new").unwrap()).unwrap();
    let expected = ODD.replacen("\"****\"", r#""ghp_FAKE\"\\new""#, 1);
    assert_eq!(String::from_utf8(body.to_vec()).unwrap(), format!("{{\"pipeline\":{expected}}}"));
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent["pipeline"]["stages"][0]["actions"][0]["configuration"]["OAuthToken"], "ghp_FAKE\"\\new");
}

#[test]
fn all_github_sources_are_meant_unless_one_is_chosen() {
    let document = read(ODD);
    let names = |choice: &Choice| choice.of(&document).unwrap().iter().map(|a| a.full_name()).collect::<Vec<_>>();
    assert_eq!(names(&Choice::default()), ["Source/GitHub", "Source/Other"]);
    let repository = Some(("ACME".to_owned(), "lib".to_owned()));
    assert_eq!(names(&Choice { repository, ..Choice::default() }), ["Source/Other"]);
    assert_eq!(document.actions[0].reads().as_deref(), Some("acme/site@main"));
    for (stage, action, kind) in [("Source", "Nope", ErrorKind::NotFound), ("Deploy", "Alexa", ErrorKind::Unsupported)]
    {
        let error = chosen(stage, action).of(&document).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("Source/GitHub (GitHub by a token), Source/Other"), "{error}");
    }
}

#[test]
fn a_name_that_stands_twice_is_refused_however_it_is_written() {
    let twice = ODD.replace("\"oauthToken\":\"kept\"", "\"OAuth\\u0054oken\":\"****\"");
    assert_eq!(failed(&twice), ErrorKind::Unsupported);
    assert_eq!(failed(&ODD.replace("\"version\":7", "\"version\":7,\"version\":8")), ErrorKind::Unsupported);
}

#[test]
fn what_cannot_be_written_without_loss_is_refused() {
    let masks = ODD.replace("\"oauthToken\":\"kept\"", "\"AppSecret\":\"****\"");
    assert_eq!(failed(&masks), ErrorKind::Unsupported, "another mask in the same action");
    assert_eq!(failed(&ODD.replacen("\"****\"", "\"clear\"", 1)), ErrorKind::Protocol, "a token in the clear");
    assert_eq!(failed(&ODD.replacen("\"OAuthToken\" : \"****\",", "", 1)), ErrorKind::Unsupported, "no token");
    assert_eq!(failed("{\"version\":1,\"stages\":{}}"), ErrorKind::Protocol);
    let long = Token::new(&"a".repeat(1001)).unwrap();
    let document = read(ODD);
    let actions = Choice::default().of(&document).unwrap();
    assert_eq!(document.with_token(&actions, &long).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(document.with_token(&actions, &Token::new(&"a".repeat(1000)).unwrap()).is_ok());
}

#[test]
fn the_label_minds_what_is_said_and_not_how() {
    let one = read(ODD);
    let spaced = ODD.replace("\"version\":7, ", "  ").replacen("{ \"name\"", "{\"version\":7,\"name\"", 1);
    assert_eq!(one.label(), read(&spaced).label());
    assert_ne!(one.label(), read(&ODD.replace("1e2", "1e3")).label());
    assert_ne!(one.label(), read(&ODD.replace("\"version\":7", "\"version\":8")).label());
    assert_ne!(one.label(), read(&ODD.replace("\"A\":1", "\"A\":\"1\"")).label());
}

#[test]
fn differences_are_told_by_where_and_never_by_what() {
    let one = read(ODD);
    let other =
        ODD.replace("\"main\"", "\"dev\"").replace("\"version\":7", "\"version\":9").replace("\"d\":-0,", "\"n/~\":0,");
    let pointers = one.differences(&read(&other));
    assert_eq!(pointers, ["/stages/0/actions/0/configuration/Branch", "/x-future/d", "/x-future/n~1~0"]);
    assert_eq!(one.differences(&read(ODD)), Vec::<String>::new());
}
