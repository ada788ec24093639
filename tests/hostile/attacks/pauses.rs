//! Far sides that want to be left alone for no time that there is.

use tokenturn::testing::Forgery;

use crate::attack::Attack;

const WAITS: [&str; 12] = [
    "-1",
    "1e18",
    "99999999999999999999999999",
    "18446744073709551615",
    "NaN",
    "inf",
    "",
    "0x10",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 99 Foo 2030 99:99:99 GMT",
    "1 second, or two",
];

const RESETS: [&str; 4] = ["-9223372036854775808", "9223372036854775807", "NaN", "1"];

/// With which statuses, in turn.
const STATUSES: [u16; 3] = [429, 503, 403];

pub(crate) fn all() -> Vec<Attack> {
    let wait = |(at, wait): (usize, &str)| {
        let status = STATUSES[at % STATUSES.len()];
        Attack::new(format!("{status} until {wait:?}"), Forgery::refusing(status).with_header("Retry-After", wait))
    };
    let reset = |reset: &str| {
        let forgery =
            Forgery::refusing(403).with_header("X-RateLimit-Remaining", "0").with_header("X-RateLimit-Reset", reset);
        Attack::new(format!("a limit until {reset:?}"), forgery)
    };
    let mut attacks: Vec<_> = WAITS.into_iter().enumerate().map(wait).chain(RESETS.into_iter().map(reset)).collect();
    let ten =
        (0..10).fold(Forgery::refusing(429), |forgery, at| forgery.with_header("Retry-After", format!("{at}e{at}")));
    attacks.push(Attack::new("ten waits", ten));
    attacks
}
