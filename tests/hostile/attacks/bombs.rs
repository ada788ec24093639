//! Headers and documents that cost whoever reads them, or lead them astray.

use tokenturn::testing::Forgery;

use crate::attack::Attack;
use crate::stages::elsewhere;

/// So much of each header, in bytes: all of them together are as large as the transport lets through.
const HEADER: usize = 24_000;

/// So much of a document, in bytes.
const DOCUMENT: usize = 120_000;

/// Headers that are read somewhere.
const HEADERS: [&str; 11] = [
    "Link",
    "X-OAuth-Scopes",
    "X-Accepted-OAuth-Scopes",
    "GitHub-Authentication-Token-Expiration",
    "X-GitHub-SSO",
    "WWW-Authenticate",
    "Retry-After",
    "X-RateLimit-Reset",
    "X-Next-Page",
    "X-AUSERNAME",
    "Location",
];

/// What their readers may have to try again and again.
const PATTERNS: [&str; 8] = ["<", ",", "a,", " ", "; rel=\"", "\\\"", "9", "<>;"];

fn header(pattern: &str) -> String {
    // Nothing but spaces would be no header at all.
    format!("a{}b", pattern.repeat(HEADER / pattern.len()))
}

/// True answers and refusals with such headers.
pub(crate) fn headers() -> Vec<Attack> {
    let with = |forgery: Forgery, pattern: &str| {
        HEADERS.iter().fold(forgery, |forgery, name| forgery.with_header(*name, header(pattern)))
    };
    let both = |pattern: &str| {
        [
            Attack::new(format!("headers of {pattern:?}"), with(Forgery::of_the_truth(), pattern)),
            Attack::new(format!("a refusal with headers of {pattern:?}"), with(Forgery::refusing(403), pattern)),
        ]
    };
    PATTERNS.into_iter().flat_map(both).collect()
}

/// Documents of a depth, a width and a length that nobody has room for.
pub(crate) fn documents() -> Vec<Attack> {
    let texts = [
        ("lists in lists", "[".repeat(DOCUMENT)),
        ("objects in objects", "{\"a\":".repeat(DOCUMENT / 5)),
        ("a wide list", format!("[{}0]", "0,".repeat(DOCUMENT / 2))),
        ("a long number", "9".repeat(DOCUMENT)),
        ("escapes", format!("{{\"message\":\"{}\"}}", "\\u005c".repeat(DOCUMENT / 6))),
        ("one name again and again", format!("{{{}\"a\":0}}", "\"a\":0,".repeat(DOCUMENT / 6))),
    ];
    let attack = |(at, (name, text)): (usize, (&str, String))| {
        // In turn, that each is read as an answer, and as a refusal, somewhere.
        let status = if at % 2 == 0 { 200 } else { 400 };
        Attack::new(format!("{name} in JSON, {status}"), Forgery::refusing(status).saying("application/json", text))
    };
    texts.into_iter().enumerate().map(attack).collect()
}

/// Documents of XML with entities and of a depth, where XML is expected or not.
pub(crate) fn xml() -> Vec<Attack> {
    let address = format!("http://127.0.0.1:{}/", elsewhere().port());
    let laughs = (1..12).fold("<!ENTITY l0 \"ha\">".to_owned(), |entities, at| {
        format!("{entities}<!ENTITY l{at} \"{}\">", format!("&l{};", at - 1).repeat(10))
    });
    let outside = format!("<!ENTITY l11 SYSTEM \"{address}\"><!ENTITY % p SYSTEM \"{address}\">%p;");
    let whole = |entities: &str| {
        format!("<?xml version=\"1.0\"?><!DOCTYPE c [{entities}]><c><id>&l11;</id><secret>&l11;</secret></c>")
    };
    let deep = "<a>".repeat(DOCUMENT / 3);
    let texts = [
        ("a billion laughs", whole(&laughs)),
        ("an entity from elsewhere", whole(&outside)),
        ("a deep document", deep),
    ];
    let mut attacks: Vec<_> = texts
        .into_iter()
        .map(|(name, text)| Attack::new(name, Forgery::refusing(200).saying("application/xml", text)))
        .collect();
    // In a document that is otherwise as it should be.
    let inside = Forgery::of_the_truth()
        .with_text("<description>&l11;", "<description>")
        .with_text(format!("<!DOCTYPE c [{laughs}{outside}]><scope>"), "<scope>");
    attacks.push(Attack::new("entities in the true document", inside));
    attacks
}
