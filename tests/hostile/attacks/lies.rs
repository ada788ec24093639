//! Answers that are well formed, and wrong.

use serde_json::{Value, json};
use tokenturn::testing::Forgery;

use crate::attack::Attack;

/// What the members of answers are called that hold a token which was just made.
pub(crate) const TOKENS: [&str; 3] = ["token", "access_token", "tokenValue"];

/// What a forged token has in it: no error says it.
pub(crate) const FORGED: &str = "FAKEforged0123456789abcdef";

/// Tokens that no header can carry.
pub(crate) fn tokens() -> Vec<Attack> {
    let half = FORGED;
    let texts = [
        ("a carriage return", format!("{half}\r{half}")),
        ("a line feed", format!("{half}\n{half}")),
        ("another header", format!("{half}\r\nX-Injected: {half}")),
        ("a NUL", format!("{half}\0{half}")),
        ("a space", format!("{half} {half}")),
        ("a line feed at the end", format!("{half}\n")),
        ("a letter outside ASCII", format!("{half}\u{e9}")),
        ("64 KiB", half.repeat(64 * 1024 / half.len())),
        ("nothing at all", String::new()),
    ];
    let attack = |(name, text): (&str, String)| {
        let forgery =
            TOKENS.iter().fold(Forgery::of_the_truth(), |forgery, member| forgery.with_each(*member, text.as_str()));
        Attack::new(format!("a token with {name}"), forgery)
    };
    texts.into_iter().map(attack).collect()
}

/// Ids, names and descriptions that break out of where they are put.
pub(crate) fn ids() -> Vec<Attack> {
    let texts = [
        "../../admin",
        "1/../2?x=y#z",
        "%2e%2e%2f1",
        "a\r\nX-Injected: b",
        "]]><x>&y;",
        "\"},{\"id\":1",
        "\0",
        "1;drop",
    ];
    let members = ["id", "name", "uuid", "tokenUuid", "tokenName", "description", "login", "user_code", "label"];
    let attack = |text: &str| {
        let forgery = members.iter().fold(Forgery::of_the_truth(), |forgery, member| forgery.with_each(*member, text));
        Attack::new(format!("names such as {text:?}"), forgery)
    };
    let mut attacks: Vec<_> = texts.into_iter().map(attack).collect();
    let number = Forgery::of_the_truth().with_each("id", json!(-1)).with_each("user_id", json!(1.5e300));
    attacks.push(Attack::new("numbers that none has", number));
    attacks
}

pub(crate) const NO_SCOPES: &str = "no scopes";
pub(crate) const MORE_SCOPES: &str = "more scopes";
pub(crate) const OVER: &str = "an end that is over";

/// What a look says of a token that is not the one that was asked for: what is wrong, and how the answer says so.
pub(crate) fn grants() -> Vec<Attack> {
    let each = |name: &str, members: &[(&str, Value)], headers: &[(&str, &str)]| {
        let forgery = members
            .iter()
            .fold(Forgery::of_the_truth(), |forgery, (member, value)| forgery.with_each(*member, value.clone()));
        let forgery = headers.iter().fold(forgery, |forgery, (header, value)| forgery.with_header(*header, *value));
        Attack::new(name, forgery)
    };
    vec![
        each(
            "another owner",
            &[
                ("login", json!("mallory")),
                ("user_id", json!(999_999)),
                ("username", json!("mallory")),
                ("name", json!("mallory")),
            ],
            &[("X-AUSERNAME", "mallory")],
        ),
        each(NO_SCOPES, &[("scopes", json!([])), ("permissions", json!({}))], &[("X-OAuth-Scopes", "")]),
        each(
            MORE_SCOPES,
            &[
                ("scopes", json!(["repo", "admin:org", "api", "sudo"])),
                ("permissions", json!(["REPO_ADMIN", "PROJECT_ADMIN"])),
            ],
            &[("X-OAuth-Scopes", "repo, admin:repo_hook, admin:org, delete_repo")],
        ),
        each(OVER, &[("expires_at", json!("2001-01-01T00:00:00Z"))], &[]),
        each(
            OVER,
            &[("expires_at", json!("2001-01-01")), ("expiryDate", json!(1_000_000_000_000_u64))],
            &[("GitHub-Authentication-Token-Expiration", "2001-01-01 00:00:00 UTC")],
        ),
    ]
}
