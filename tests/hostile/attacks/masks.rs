//! Masks in the place of secrets.

use tokenturn::testing::Forgery;

use super::lies::TOKENS;
use crate::attack::Attack;

/// How the fakes mask what they show.
const SHOWN: [&str; 3] = ["<secret-redacted/>", "\"*****\"", "\"****\""];

/// How others do.
const MASKS: [(&str, &str); 7] = [
    ("****", "\"****\""),
    ("********", "\"********\""),
    ("{AQAAABAAAAAQ***}", "\"{AQAAABAAAAAQ***}\""),
    ("&#42;&#42;&#42;&#42;", "\"\\u002a\\u002a\\u002a\\u002a\""),
    ("&lt;secret-redacted/&gt;", "\"<secret-redacted/>\""),
    ("<![CDATA[****]]>", "\"[REDACTED]\""),
    ("\u{2022}\u{2022}\u{2022}\u{2022}", "\"\u{2022}\u{2022}\u{2022}\u{2022}\""),
];

/// What is read has other masks than the fakes'.
pub(crate) fn shown() -> Vec<Attack> {
    let attack = |(xml, json): (&str, &str)| {
        let forgery = SHOWN.iter().fold(Forgery::of_the_truth(), |forgery, mask| {
            forgery.with_text(if mask.starts_with('<') { xml } else { json }, *mask)
        });
        Attack::new(format!("masked as {json}"), forgery)
    };
    MASKS.into_iter().map(attack).collect()
}

/// A token that is issued comes masked.
pub(crate) fn issued() -> Vec<Attack> {
    let masks = ["****", "*", "<secret-redacted/>", "[REDACTED]", "[MASKED]", "glpat-****************", "xxxx****xxxx"];
    let attack = |mask: &str| {
        let forgery = TOKENS.iter().fold(Forgery::of_the_truth(), |forgery, name| forgery.with_each(*name, mask));
        Attack::new(format!("issued as {mask}"), forgery)
    };
    masks.into_iter().map(attack).collect()
}
