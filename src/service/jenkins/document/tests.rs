use proptest::prelude::*;

use super::*;

const TOKEN: &str = "ghp_FAKE&<tok>'\"en";

fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

fn known(id: &str) -> Known<'_> {
    Known { id, ..Known::default() }
}

fn text(fields: &str) -> String {
    let class = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl";
    format!("<{class} plugin=\"plain-credentials@182\">\n{fields}\n</{class}>")
}

fn sent(document: &str, known: &Known<'_>) -> String {
    let document = Document::read(document.to_owned(), true).unwrap();
    String::from_utf8(document.with_secret(&token(), known).unwrap().to_vec()).unwrap()
}

fn refused(document: &str) -> Error {
    Document::read(document.to_owned(), true).and_then(|document| document.check(&known("a"))).unwrap_err()
}

#[test]
fn the_secret_is_written_without_white_space_and_nothing_else_changes() {
    let before = text("  <id>a</id>\n  <zzz k='1'><b/></zzz>\n  <secret>\n    <secret-redacted/>\n  </secret>");
    let after = before.replace("\n    <secret-redacted/>\n  ", "ghp_FAKE&amp;&lt;tok&gt;'\"en");
    assert_eq!(sent(&before, &known("a")), after);
}

#[test]
fn there_is_room_for_a_secret_of_which_every_character_is_escaped() {
    let document = Document::read(text("<id>a</id><secret><secret-redacted/></secret>"), false).unwrap();
    let long = Token::new(&"&".repeat(8192)).unwrap();
    assert!(document.with_secret(&long, &known("a")).unwrap().len() > 8192 * "&amp;".len());
}

#[test]
fn a_document_with_two_secrets_or_none_or_one_in_an_odd_place_is_refused() {
    let hidden = "<secret><secret-redacted/></secret>";
    for fields in [
        "<id>a</id>".to_owned(),
        format!("<id>a</id>{hidden}{hidden}"),
        format!("<id>a</id>{hidden}<other><deep><secret-redacted/></deep></other>"),
        "<id>a</id><other><secret-redacted/></other>".to_owned(),
        "<id>a</id><secret><x><secret-redacted/></x></secret>".to_owned(),
        "<id>a</id><secret>tail<secret-redacted/></secret>".to_owned(),
        "<id>a</id><secret><secret-redacted>tail</secret-redacted></secret>".to_owned(),
        "<id>a</id><secret-redacted/>".to_owned(),
        format!("<id>b</id>{hidden}"),
        format!("<id>a</id><id>a</id>{hidden}"),
        format!("<id>a</id><zzz>what?</zzz>{hidden}"),
    ] {
        assert_eq!(refused(&text(&fields)).kind(), ErrorKind::Unsupported, "{fields}");
    }
}

#[test]
fn what_jenkins_does_not_print_is_not_understood() {
    let good = text("<id>a</id><secret><secret-redacted/></secret>");
    for bad in [
        String::new(),
        "<html><body>Sign in</body></html".to_owned(),
        format!("<!DOCTYPE x [<!ENTITY e \"v\">]>{good}"),
        format!("<?pi x?>{good}"),
        good[..good.len() - 3].to_owned(),
        format!("{good}{good}"),
        good.replace("<id>a", "<id>&e;a"),
        good.replace("<id>", "<![CDATA[日]]><id>"),
        good.replace("<id>", "<?xml version='1.0'?><id>"),
        good.replace("<id>", "words<id>"),
        format!("{good}words"),
        good.replace("<id>", "<zzz \u{e9}='1'/><id>"),
        good.replace("<id>", "<zzz k='&e;'/><id>"),
        good.replace("<id>", "<zzz k='1' k='2'></zzz><id>"),
        format!("<?xml version='1.0' encoding='日'?>{good}"),
    ] {
        assert_eq!(refused(&bad).kind(), ErrorKind::Protocol, "{bad}");
    }
}

#[test]
fn what_says_how_a_document_is_written_may_stand_before_it() {
    let whole = text("<id>a</id><secret><secret-redacted/></secret>");
    let declared = format!("<?xml version='1.1' encoding='UTF-8'?>\n{whole}");
    assert_eq!(sent(&declared, &known("a")), declared.replace("<secret-redacted/>", "ghp_FAKE&amp;&lt;tok&gt;'\"en"));
}

#[test]
fn characters_that_the_print_lost_come_from_what_is_known() {
    let fields = "<id>a</id><description>\u{e9} ?? ?</description><secret><secret-redacted/></secret>";
    let known = Known { description: Some("é 日本 😀"), ..known("a") };
    assert!(sent(&text(fields), &known).contains("<description>&#233; &#26085;&#26412; &#128512;</description>"));
    let changed = Known { description: Some("é 日 😀"), ..known };
    let error = Document::read(text(fields), true).unwrap().check(&changed).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn a_character_is_printed_as_one_question_mark_and_one_beyond_the_first_plane_as_one_or_two() {
    for (known, printed) in [("\u{e9}", "\u{e9}"), ("\u{ff}", "\u{ff}"), ("\u{100}", "?"), ("\u{ffff}", "?")] {
        assert!(prints_as(known, printed) && !prints_as(known, "??"), "{known}");
    }
    assert!(prints_as("\u{10000}", "?") && prints_as("\u{10000}", "??") && !prints_as("\u{10000}", "\u{10000}"));
}

#[test]
fn what_another_credential_says_is_named() {
    let fields = "<id>a</id><username>bot</username><secret><secret-redacted/></secret>";
    let document = Document::read(text(fields), false).unwrap();
    let said = |known| document.check(&known).unwrap_err();
    let id = said(Known { username: Some("bot"), ..known("b") });
    assert!(id.kind() == ErrorKind::Unsupported && id.to_string().contains("another id"), "{id}");
    let username = said(Known { username: Some("eve"), ..known("a") });
    assert!(
        username.kind() == ErrorKind::Unsupported && username.to_string().contains("another username"),
        "{username}"
    );
    document.check(&Known { username: Some("bot"), ..known("a") }).unwrap();
}

#[test]
fn references_are_read_as_what_they_stand_for() {
    let says = |words: &str| {
        let fields = format!("<id>a</id><description>{words}</description><secret><secret-redacted/></secret>");
        Document::read(text(&fields), false).map(|document| document.says("description").map(str::to_owned))
    };
    assert_eq!(says("&quot;&apos;&amp;&lt;&gt;&#65;&#x42;<![CDATA[&]]>").unwrap().as_deref(), Some("\"'&<>AB&"));
    for none in ["&nbsp;", "&#0;", "&#x110000;", "&#+65;", "&#x+41;", "&#;"] {
        assert_eq!(says(none).unwrap_err().kind(), ErrorKind::Protocol, "{none}");
    }
}

#[test]
fn a_question_mark_is_one_where_jenkins_prints_everything() {
    let fields = "<id>a</id><zzz>what?</zzz><secret><secret-redacted/></secret>";
    Document::read(text(fields), false).unwrap().check(&known("a")).unwrap();
}

#[test]
fn both_classes_are_read_by_the_element_that_keeps_their_secret() {
    let class = "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl";
    let hidden = |name: &str| format!("<{class}><id>a</id><{name}><secret-redacted/></{name}></{class}>");
    let document = Document::read(hidden("password"), false).unwrap();
    assert_eq!((document.kind(), document.text()), (Kind::UsernamePassword, hidden("password").as_str()));
    assert_eq!(refused(&hidden("secret")).kind(), ErrorKind::Unsupported);
    let text = text("<id>a</id><secret><secret-redacted/></secret>");
    assert_eq!(Document::read(text, false).unwrap().kind(), Kind::SecretText);
    let other = hidden("password").replace(class, "com.example.Other");
    assert!(refused(&other).to_string().contains("the class com.example.Other:"));
}

#[test]
fn what_hides_a_secret_is_never_sent_wherever_it_stands() {
    let text = text("<id>a</id><zzz><![CDATA[<secret-redacted/>]]></zzz><secret><secret-redacted/></secret>");
    let error = Document::read(text, false).unwrap().with_secret(&token(), &known("a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn what_changed_is_named_and_not_quoted() {
    let one = Document::read(text("<id>a</id><x>1</x><secret><secret-redacted/></secret>"), true).unwrap();
    let two = Document::read(text("<id>a</id><x>2</x><y/><secret><secret-redacted/></secret>"), true).unwrap();
    assert_eq!(one.differences(&two), ["x", "y"]);
    assert!(one.differences(&one).is_empty());
}

/// Text as it may stand in a document, with every kind of reference.
fn words() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9 .,;'\"=/\n\t]{0,12}",
        Just("&amp;".to_owned()),
        Just("&lt;secret-redacted/&gt;".to_owned()),
        Just("&#xe9;&#26085;".to_owned()),
        Just("\u{e9}\u{fc}\u{97}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// A sibling of the secret: any name, attributes, elements, comments, CDATA.
fn sibling() -> impl Strategy<Value = String> {
    let inside = prop_oneof![
        words(),
        "[a-z ]{0,9}".prop_map(|text| format!("<!--{text}-->")),
        "[a-z<&> ]{0,9}".prop_map(|text| format!("<![CDATA[{text}]]>")),
        (words(), words()).prop_map(|(one, two)| format!("{one}<secret><deep>{two}</deep></secret><e/>")),
    ];
    let attributes = prop_oneof![Just(String::new()), "[a-z.$é>]{0,9}".prop_map(|value| format!(" class=\"{value}\""))];
    ("f[a-zA-Z_.-]{0,9}", attributes, inside, any::<bool>()).prop_map(|(name, attributes, inside, empty)| {
        if empty { format!("<{name}{attributes}/>") } else { format!("<{name}{attributes}>{inside}</{name}>") }
    })
}

proptest! {
    #[test]
    fn outside_of_the_secret_every_document_stays_as_it_was(
        before in proptest::collection::vec(sibling(), 0..5),
        after in proptest::collection::vec(sibling(), 0..5),
        space in "[ \n\t]{0,6}",
        long in any::<bool>(),
        secret in "[!-~]{1,80}".prop_filter("a mask is no token", |text| Token::new(text).is_ok()),
    ) {
        let marker = if long { "<secret-redacted></secret-redacted>" } else { "<secret-redacted/>" };
        let (before, after) = (before.join("\n  "), after.join(&space));
        let whole = |inside: &str| text(&format!("{before}<id>a</id>{space}<secret>{inside}</secret>{after}"));
        let document = Document::read(whole(&format!("{space}{marker}{space}")), false).unwrap();
        let sent = document.with_secret(&Token::new(&secret).unwrap(), &known("a")).unwrap();
        let escaped = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut expected = Vec::new();
        push_ascii(&mut expected, &whole(&escaped));
        prop_assert_eq!(sent.as_slice(), expected.as_slice());
        prop_assert!(sent.is_ascii());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(<|>|/|&|;|#|secret-redacted|id|[a-z]|!|-|\\[|\\]|\"|=| |é){0,60}") {
        let _ = Document::read(text, true);
    }
}
