//! What is written back is what was read, to the byte.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Choice, Document, Kind};
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
fn what_an_action_is_stands_in_its_type() {
    for (category, owner, provider, version, kind) in [
        ("Source", "ThirdParty", "GitHub", "1", Kind::GitHub),
        ("Source", "ThirdParty", "GitHub", "2", Kind::Partner),
        ("Source", "AWS", "CodeStarSourceConnection", "1", Kind::Connection),
        ("Source", "AWS", "S3", "1", Kind::Source),
        ("Approval", "AWS", "Manual", "1", Kind::Approval),
        ("Deploy", "ThirdParty", "AlexaSkillsKit", "1", Kind::Partner),
        ("Build", "AWS", "CodeBuild", "1", Kind::Other),
    ] {
        let id =
            format!(r#"{{"category":"{category}","owner":"{owner}","provider":"{provider}","version":"{version}"}}"#);
        let action = format!(r#"{{"name":"A","actionTypeId":{id},"configuration":null}}"#);
        let document = read(&format!(r#"{{"version":1,"stages":[{{"name":"S","actions":[{action}]}}]}}"#));
        assert_eq!(document.actions[0].kind, kind, "{id}");
    }
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
fn what_is_chosen_twice_is_meant_once_and_a_connection_is_told_from_what_else_has_no_token() {
    let document = read(
        &ODD.replace(
            r#""owner":"ThirdParty","provider":"AlexaSkillsKit""#,
            r#""owner":"AWS","provider":"CodeStarSourceConnection""#,
        )
        .replace(r#""category":"Deploy""#, r#""category":"Source""#),
    );
    let named = |name: &str| ("Source".to_owned(), name.to_owned());
    let choice = Choice { actions: ["GitHub", "Other", "GitHub"].map(named).to_vec(), repository: None };
    let meant: Vec<_> = choice.of(&document).unwrap().iter().map(|action| action.full_name()).collect();
    assert_eq!(meant, ["Source/GitHub", "Source/Other"]);
    let error = chosen("Deploy", "Alexa").of(&document).unwrap_err();
    assert!(error.to_string().contains("Deploy/Alexa goes through a connection"), "{error}");
}

#[test]
fn a_pipeline_without_a_token_says_what_it_has_instead() {
    let of = |sources: &[(&str, &str)]| {
        let action = |(at, (owner, provider)): (usize, &(&str, &str))| {
            let id = format!(r#"{{"category":"Source","owner":"{owner}","provider":"{provider}","version":"1"}}"#);
            format!(r#"{{"name":"A{at}","actionTypeId":{id}}}"#)
        };
        let actions = sources.iter().enumerate().map(action).collect::<Vec<_>>().join(",");
        let document = read(&format!(r#"{{"version":1,"stages":[{{"name":"S","actions":[{actions}]}}]}}"#));
        (
            Choice::default().of(&document).unwrap_err().to_string(),
            chosen("S", "B").of(&document).unwrap_err().to_string(),
        )
    };
    let (none, missing) = of(&[("AWS", "S3"), ("AWS", "CodeStarSourceConnection")]);
    assert!(none.contains("S/A1 goes through a connection"), "{none}");
    assert!(missing.contains("S/A0 (another source), S/A1 (a connection)"), "{missing}");
    let (none, missing) = of(&[("AWS", "S3")]);
    assert!(none.contains("no GitHub source that logs in by a token; its sources are S/A0"), "{none}");
    assert!(missing.contains("no action B in a stage S"), "{missing}");
    assert!(of(&[]).0.contains("its sources are none"));
}

#[test]
fn levels_are_counted_where_they_are_levels() {
    use super::tree::is_too_deep;
    let nested = |levels: usize, inside: &str| format!("{}{inside}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(!is_too_deep(&nested(64, "")) && is_too_deep(&nested(65, "")));
    assert!(!is_too_deep(&nested(64, "1").replace('[', "{\"a\":").replace(']', "}")));
    assert!(is_too_deep(&nested(65, "1").replace('[', "{\"a\":").replace(']', "}")));
    assert!(!is_too_deep(&nested(1, &"[],{},".repeat(100))), "side by side");
    for (words, deepest) in [("\"[{[{\"", 64), ("\"]}]}\"", 64), (r#""\"[{""#, 64), (r#""\\""#, 64), ("\"a\"", 64)] {
        let whole = |levels| nested(levels, &format!("{words},{}", nested(1, "")));
        assert!(!is_too_deep(&whole(deepest - 1)) && is_too_deep(&whole(deepest)), "{words}");
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
    let document = read(ODD);
    for actions in [Vec::new(), vec![document.action("Deploy", "Alexa").unwrap()]] {
        let error = document.with_token(&actions, &Token::new("ghp_FAKE").unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "no token has no place there");
    }
    // Every character of it may need a backslash before it.
    let odd = Token::new(&"\"".repeat(999)).unwrap();
    let all = Choice::default().of(&document).unwrap();
    assert!(document.with_token(&all, &odd).unwrap().len() > 4 * 999);
    let long = Token::new(&"a".repeat(1001)).unwrap();
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
    let escaped = ODD.replace("\"main\"", "\"m\\u0061in\"");
    assert!(escaped != ODD && one.differences(&read(&escaped)).is_empty(), "it says the same");
}
