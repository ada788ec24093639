//! Inputs that once broke something, each by the name of what it showed.

use tokenturn::testing::fuzz::{CARRIED, Reached, Target};

fn fed(target: &str, input: &str) -> Reached {
    Target::named(target).unwrap().run(input.as_bytes())
}

/// A pipeline with something beside its token.
fn pipeline(beside: &str) -> String {
    let kind = r#"{"category":"Source","owner":"ThirdParty","provider":"GitHub","version":"1"}"#;
    let configuration = format!(r#"{{{beside}"OAuthToken":"****"}}"#);
    let action = format!(r#"{{"name":"a","actionTypeId":{kind},"configuration":{configuration}}}"#);
    format!(r#"{{"pipeline":{{"stages":[{{"name":"s","actions":[{action}]}}],"version":1}}}}"#)
}

/// A credential with something beside its secret.
fn credential(before: &str, beside: &str) -> String {
    let class = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl";
    format!("{before}<{class}>{beside}<id>a</id><secret><secret-redacted/></secret></{class}>")
}

#[test]
fn a_pipeline_of_a_depth_that_no_stack_has_room_for_is_refused() {
    for depth in [65, 128, 100_000] {
        let deep = format!("\"x\":{}{},", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(fed("pipeline_json", &pipeline(&deep)), Reached::Refusal, "{depth}");
    }
    let brackets = format!("\"x\":\"\\\"{}\",", "[".repeat(100));
    assert_eq!(fed("pipeline_json", &pipeline(&brackets)), Reached::Edit, "brackets in a text are no depth");
}

#[test]
fn a_mask_that_is_written_as_escapes_is_one_and_is_never_written_back() {
    let hidden = r#""AppSecret":"\u002a\u002A**","#;
    assert_eq!(fed("pipeline_json", &pipeline(hidden)), Reached::Refusal);
}

#[test]
fn what_cannot_be_written_in_ascii_where_it_stands_is_refused() {
    for beside in ["<x é='1'/>", "<x a='1' a='2'/>", "<x a='&nothing;'/>", "<x a/>"] {
        assert_eq!(fed("config_xml", &credential("", beside)), Reached::Refusal, "{beside}");
    }
    let declared = credential("<?xml version='1.1' encoding='é'?>", "");
    assert_eq!(fed("config_xml", &declared), Reached::Refusal);
    assert_eq!(fed("config_xml", &credential("<?xml version='1.1'?>", "<x a='é'>é</x>")), Reached::Edit);
}

#[test]
fn a_reference_that_no_xml_has_is_refused() {
    for reference in ["&#0;", "&#x0;", "&#x+41;", "&#+65;", "&#xD800;", "&#-1;"] {
        let named = format!("<description>{reference}</description>");
        assert_eq!(fed("config_xml", &credential("", &named)), Reached::Refusal, "{reference}");
    }
}

#[test]
fn the_name_of_an_error_and_of_an_organisation_says_no_secret_back() {
    let aws = format!("HTTP/1.1 400 Bad\r\n\r\n{{\"__type\":\"Invalid{CARRIED}\"}}");
    let _ = fed("refusal", &aws);
    let asked = format!("required; url=https://github.com/orgs/{CARRIED}/sso?authorization_request=AZSC");
    let _ = fed("refusal", &format!("HTTP/1.1 403 Forbidden\r\nX-GitHub-SSO: {asked}\r\n\r\n"));
    let stack = format!("<ErrorResponse><Error><Code>Invalid{CARRIED}</Code></Error></ErrorResponse>");
    let _ = fed("refusal", &format!("HTTP/1.1 400 Bad\r\nContent-Type: text/xml\r\n\r\n{stack}"));
}
